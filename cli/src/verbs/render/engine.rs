//! The files of the engines that count limits across replicas.
//!
//! Limitador has no limit but those of its file, and nothing tells it the policy's. So a
//! file that is written by hand differs one day, and then every call is refused.
//! envoyproxy/ratelimit is told each limit with the question, and knows domains alone.

use super::Asked;
use super::options::Place;
use crate::document::Node;
use crate::document::print::yaml_text;
use crate::failure::Failure;
use crate::output::shown;
use core::fmt::Write as _;
use mcp_policy_filter::limit_service::{CALLER, COUNTER, Engine};
use mcp_policy_filter::limits::window::Scope;
use mcp_policy_filter::policy::document::{AcrossReplicas, Document};
use mcp_policy_filter::text::disturbs;

/// The file of an engine.
///
/// # Errors
/// The policy asks no engine, or another one.
pub(super) fn render(place: Place, policy: &Asked<'_>) -> Result<String, Failure> {
    let engine = match place {
        Place::Ratelimit => Engine::Ratelimit,
        _ => Engine::Limitador,
    };
    let (Some(document), _) = Document::parse(policy.json.as_bytes()) else {
        return Err(Failure::new("the policy cannot be read a second time"));
    };
    let all = document.across_replicas();
    let Some(service) = document.settings.limit_service.as_ref().filter(|_| !all.is_empty()) else {
        return Err(Failure::new(format!(
            "--for {}: no limit of the policy has `\"across\": \"replicas\"`, so nobody is asked",
            engine.as_str()
        )));
    };
    if service.engine != engine {
        return Err(Failure::new(format!(
            "--for {}: `settings.limit_service.engine` of the policy is `{asked}`; render it `--for \
             {asked}`",
            engine.as_str(),
            asked = service.engine.as_str()
        )));
    }
    Ok(match engine {
        Engine::Ratelimit => ratelimit(&service.domain),
        Engine::Limitador => limitador(&service.domain, &all),
    })
}

/// The file of envoyproxy/ratelimit: a domain that is known.
fn ratelimit(domain: &str) -> String {
    let mut file = String::from(
        "\
# The domain of a policy, for envoyproxy/ratelimit: written by `mcp-policy render --for
# ratelimit`. The filter sends each limit with the question, so this file has none, and a
# new limit needs no change here.
domain: ",
    );
    yaml_text(&mut file, domain);
    file.push('\n');
    file
}

/// The file of Limitador, with a limit for each counter.
fn limitador(namespace: &str, all: &[AcrossReplicas<'_>]) -> String {
    let mut file = String::from(
        "\
# The limits of a policy across replicas, for Kuadrant's Limitador: written by `mcp-policy
# render --for limitador`. It has to run with these headers, which prove what it applied:
#
#   limitador-server --rate-limit-headers DRAFT_VERSION_03 FILE redis redis://HOST:6379
#
# Write it anew with each change of such a limit: Limitador watches the file.
",
    );
    let mut names: Vec<&str> = Vec::new();
    for AcrossReplicas { limit, name, .. } in all {
        // Sharers of a counter have one limit there, since only their rules differ.
        if names.contains(&&**name) {
            continue;
        }
        names.push(name);
        let unit = match unit(limit.unit) {
            Some(unit) => format!(", in units of {unit}"),
            None => String::new(),
        };
        _ = write!(file, "\n# {}{unit}\n", shown(&limit.pointer));
        let condition = format!("descriptors[0]['{COUNTER}'] == {}", cel(name));
        let caller = format!("descriptors[0]['{CALLER}']");
        let caller = (limit.scope != Scope::Global).then(|| Node::of_text(caller));
        let entry = Node::of_members([
            ("namespace", Some(Node::of_text(namespace))),
            ("max_value", Some(Node::of_number(limit.max_in_units()))),
            ("seconds", Some(Node::of_number(limit.window.seconds()))),
            ("name", Some(Node::of_text(name))),
            ("conditions", Some(Node::of_list(vec![Node::of_text(condition)]))),
            ("variables", Some(Node::of_list(caller.into_iter().collect()))),
        ]);
        file.push_str(&Node::of_list(vec![entry]).to_yaml(0));
    }
    file
}

/// The amount that is one unit, as a decimal; `None` for 1. It is a power of ten, in
/// millionths.
fn unit(millionths: u64) -> Option<String> {
    let places = 6_u32.saturating_sub(millionths.checked_ilog10().unwrap_or(6));
    let zeros = usize::try_from(places.checked_sub(1)?).ok()?;
    Some(format!("0.{}1", "0".repeat(zeros)))
}

/// A text as a literal of CEL.
fn cel(text: &str) -> String {
    let mut literal = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => literal.extend(['\\', c]),
            c if disturbs(c) => _ = write!(literal, "\\U{:08x}", u32::from(c)),
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}
