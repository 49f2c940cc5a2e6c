//! The file that `mcp-policy render --for limitador` writes, in Limitador: the limits of
//! the policy, and no others.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use limitador::limit::Limit as Rule;
use mcp_engine::Engine;
use mcp_engine::limitador::{Limitador, file};
use mcp_engine::rls::RateLimitRequest;
use mcp_policy_filter::limit_service::{self, Charge, Failure, Plan, Verdict};
use mcp_policy_filter::limits::window::Scope;
use mcp_policy_filter::policy::document::Document;
use prost::Message;

/// A case of the command's tests, which hold the file to what is written for the policy.
fn case(name: &str) -> String {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cli/tests/render/cases");
    fs::read_to_string(cases.join(name)).unwrap()
}

fn rules() -> Vec<Rule> {
    file(&case("limitador.stdout"))
}

async fn engine(rules: Vec<Rule>) -> Engine {
    Engine::Limitador(Limitador::with(rules, None, true).await)
}

async fn ask(engine: &Engine, charge: Charge<'_>) -> Verdict {
    let kind = limit_service::Engine::Limitador;
    let mut plan = Plan::new(kind, "mcp", &[charge]).expect("a charge that fits");
    let question = RateLimitRequest::decode(&*plan.question().unwrap().bytes).unwrap();
    let answer = engine.answer(&question).await.unwrap();
    plan.answered(&answer.encode_to_vec())
}

fn is_over(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Over { .. })
}

#[tokio::test]
async fn each_limit_of_the_policy_counts_by_the_file() {
    let policy: serde_json::Value = yaml_serde::from_str(&case("replicas.yaml")).unwrap();
    let (document, errors) = Document::parse(policy.to_string().as_bytes());
    assert_eq!(errors.lines().collect::<Vec<_>>(), [""; 0]);
    let document = document.unwrap();
    let engine = engine(rules()).await;
    let mut counters = BTreeSet::new();
    for one in document.across_replicas() {
        let (max, window) = (one.limit.max_in_units(), one.limit.window.seconds());
        let is_global = one.limit.scope == Scope::Global;
        let charge = |caller, units| Charge {
            counter: &one.name,
            caller: (!is_global).then_some(caller),
            max,
            window,
            units,
        };
        if counters.insert(one.name.clone()) {
            let whole = ask(&engine, charge("ann", max.into())).await;
            assert!(matches!(whole, Verdict::Ok(_)), "{one:?} {whole:?}");
            let other = ask(&engine, charge("bob", 1)).await;
            assert_eq!(is_over(&other), is_global, "{one:?} {other:?}");
        }
        // Sharers of a count find it used up.
        assert!(is_over(&ask(&engine, charge("ann", 1)).await), "{one:?}");
    }
    assert_eq!(counters.len(), 5);
    assert_eq!(rules().len(), 5, "the file has a limit that the policy has not");
}

/// A file of yesterday is found out, and not taken for the policy.
#[tokio::test]
async fn a_file_of_another_policy_proves_nothing() {
    let charge =
        Charge { counter: "refunds", caller: Some("ann"), max: 20, window: 3_600, units: 1 };
    assert!(matches!(ask(&engine(rules()).await, charge).await, Verdict::Ok(_)));
    let mut others = rules();
    others.iter_mut().for_each(|rule| rule.set_max_value(rule.max_value() + 1));
    let without: Vec<Rule> =
        rules().into_iter().filter(|rule| rule.name() != Some("refunds")).collect();
    assert_eq!(without.len(), 4);
    for rules in [others, without] {
        let verdict = ask(&engine(rules).await, charge).await;
        assert_eq!(verdict, Verdict::Failed(Failure::Unproven));
    }
}
