//! One server: what it runs when asked directly, and what through the filter.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use mcp_rig::gateway::Gateway;
use serde_json::{Value, json};

use crate::budget::Budget;
use crate::case::{Case, Kind};
use crate::lanes::Answers;
use crate::server::{Run, Server};
use crate::{honest, hostile, kept};

/// The number of cases that are sent before the server is asked for its runs.
const SLICE: usize = 200;

/// A case, and what was answered to it.
type Failed = (Case, String);

/// Runs all cases at `server`, directly and through the filter.
pub async fn run(name: &str, mut server: Server) {
    let start = Instant::now();
    let budget = Budget::from_env();
    let hostile = all(Kind::Hostile, (0..budget.hostile).map(|i| hostile::case(budget.seed, i)));
    let honest = (0..budget.honest).map(|i| honest::case(budget.seed, i));
    let (batches, honest): (Vec<_>, Vec<_>) = honest.partition(|case| case.kind == Kind::Batch);
    let (batches, honest) = (all(Kind::Batch, batches), all(Kind::Honest, honest));

    let direct = server.addr();
    let dangers = dangers(&mut server, direct, &hostile).await;
    let honest = runs_once(&mut server, direct, honest).await.0;
    let batches = runs_once(&mut server, direct, batches).await.0;
    let wild: usize = dangers.values().sum();

    let mut failures = Vec::new();
    for policy in policies() {
        let gateway = gateway(&policy, direct).await;
        let addr = gateway.addr();
        for (case, answer) in slips(&mut server, addr, &hostile).await {
            failures.push(failure("danger ran", &policy, &case, &answer));
        }
        let batches = if policy["settings"]["batches"] == "judge" { &batches[..] } else { &[] };
        let wanted = [&honest[..], batches].concat();
        for (case, answer) in runs_once(&mut server, addr, wanted).await.1 {
            failures.push(failure("safe did not run once", &policy, &case, &answer));
        }
        let log = gateway.log();
        assert!(!log.contains("[critical]"), "{log}");
    }

    let told = format!(
        "differential {name}: seed {}; of {} hostile requests {wild} ran danger directly, and {} \
         got through the filter; of {} honest ones, {} were not run once through it; {:.1} s",
        budget.seed,
        hostile.len(),
        failures.iter().filter(|failure| failure.starts_with("danger")).count(),
        honest.len() + batches.len(),
        failures.iter().filter(|failure| failure.starts_with("safe")).count(),
        start.elapsed().as_secs_f32(),
    );
    // Past the capture of what tests print.
    let _ = writeln!(std::io::stderr(), "{told}");
    report(name, &told, &hostile, &dangers);
    assert!(failures.is_empty(), "{told}\n{}", failures.join("\n"));
    // Cases that no server runs would prove nothing.
    assert!(wild * 20 >= hostile.len(), "too few hostile requests run danger directly: {told}");
    let enough = (honest.len() + batches.len()) * 2 >= budget.honest;
    assert!(enough, "too few honest requests run safe directly: {told}");
}

/// The kept cases, then these; each once, since its runs are counted.
fn all(kind: Kind, generated: impl IntoIterator<Item = Case>) -> Vec<Case> {
    let mut cases = kept::cases(kind);
    let kept: BTreeSet<_> = cases.iter().map(|case| case.name.clone()).collect();
    cases.extend(generated.into_iter().filter(|case| !kept.contains(&case.name)));
    cases
}

fn policies() -> [Value; 3] {
    let denied = json!({ "danger": { "action": "deny" } });
    [
        json!({ "version": "1", "default": "allow", "tools": denied }),
        json!({
            "version": "1", "default": "deny", "tools": { "safe": {} },
            "settings": { "hold_request_headers": true },
        }),
        json!({
            "version": "1", "default": "allow", "tools": denied,
            "settings": { "batches": "judge" },
        }),
    ]
}

async fn gateway(policy: &Value, upstream: SocketAddr) -> Gateway {
    let held = policy["settings"]["hold_request_headers"] == true;
    Gateway::builder()
        .policy(policy.to_string())
        .upstream(upstream)
        .hold_request_headers(held)
        .http1_trailers()
        .start()
        .await
}

/// The number of times that each hostile case ran `danger`, by its name; or by the words in
/// the place of one that was lost.
async fn dangers(server: &mut Server, addr: SocketAddr, cases: &[Case]) -> BTreeMap<String, usize> {
    let mut dangers = BTreeMap::new();
    for slice in cases.chunks(SLICE) {
        server.send(addr, slice).await;
        for run in server.ran().await.into_iter().filter(is_danger) {
            *dangers.entry(run.name).or_default() += 1;
        }
    }
    dangers
}

/// The hostile cases that run `danger`.
async fn slips(server: &mut Server, addr: SocketAddr, cases: &[Case]) -> Vec<Failed> {
    let mut slips = Vec::new();
    for slice in cases.chunks(SLICE) {
        server.send(addr, slice).await;
        if !server.ran().await.iter().any(is_danger) {
            continue;
        }
        // One by one, since a disguise may cost a case its name.
        let before = slips.len();
        for case in slice {
            let answers = server.send(addr, std::slice::from_ref(case)).await;
            if server.ran().await.iter().any(is_danger) {
                slips.push((case.clone(), answers[&case.name].clone()));
            }
        }
        assert!(slips.len() > before, "danger ran, among {:?} and those after it", slice[0].name);
    }
    slips
}

/// The cases that run `safe` exactly once, and those that do not.
async fn runs_once(
    server: &mut Server,
    addr: SocketAddr,
    cases: Vec<Case>,
) -> (Vec<Case>, Vec<Failed>) {
    let (mut once, mut answers) = (BTreeSet::new(), Answers::new());
    for slice in cases.chunks(SLICE) {
        answers.append(&mut server.send(addr, slice).await);
        let runs = server.ran().await;
        let count = |case: &Case| runs.iter().filter(|run| run.name == case.name).count();
        once.extend(slice.iter().filter(|case| count(case) == 1).map(|case| case.name.clone()));
    }
    let (good, bad): (Vec<_>, Vec<_>) =
        cases.into_iter().partition(|case| once.contains(&case.name));
    let bad = bad.into_iter().map(|case| (answers[&case.name].clone(), case));
    (good, bad.map(|(answer, case)| (case, answer)).collect())
}

fn is_danger(run: &Run) -> bool {
    run.tool == "danger"
}

fn failure(what: &str, policy: &Value, case: &Case, answer: &str) -> String {
    let answer: String = answer.chars().take(300).collect();
    format!("{what} under {policy}: {} {:?}: {answer}", kept::keep(case).display(), case.about)
}

/// Writes the disguises that the server falls for by itself to a file under target/.
fn report(name: &str, told: &str, cases: &[Case], dangers: &BTreeMap<String, usize>) {
    let mut rows: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for case in cases {
        let kept = case.about.is_empty().then_some(case.name.as_str());
        for what in case.about.iter().copied().chain(kept) {
            let row = rows.entry(what).or_default();
            row.0 += 1;
            row.1 += usize::from(dangers.contains_key(&case.name));
        }
    }
    let mut text = format!(
        "{told}\n\ndisguise: requests that had it, those of them that ran danger directly\n"
    );
    for (what, (sent, ran)) in rows {
        let _ = writeln!(text, "{what}: {sent}, {ran}");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/differential");
    std::fs::create_dir_all(&folder).expect("a folder under target/");
    std::fs::write(folder.join(format!("{name}.txt")), text).expect("writing under target/");
}
