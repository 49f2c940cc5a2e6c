//! The errors and warnings of a policy, each at its place in the text.

use core::ops::Range;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::policy::document::{Findings, Severity};
use mcp_policy_filter::simulate::tree::{self, Node, Tree as _};
use mcp_policy_filter::text::{position, shown};
use serde_json::{Value, json};

/// The largest policy, in bytes.
pub const MAX_POLICY: usize = 1 << 20;

/// The most findings that are shown.
const MAX_SHOWN: usize = 100;

/// The findings about a policy: a list of objects with `from`, `to`, `line`, `severity`,
/// `code`, `path` and `message`.
pub fn check(policy: &str) -> Value {
    if policy.trim().is_empty() {
        return [finding(policy, 0..0, "", "the text is empty; give it a policy")].into();
    }
    if policy.len() > MAX_POLICY {
        let message =
            format!("the policy is {} bytes; at most {MAX_POLICY} are read here", policy.len());
        return [finding(policy, 0..0, "", &message)].into();
    }
    let tree = match tree::read(policy) {
        Ok(tree) => tree,
        Err(fault) => {
            // Of a text that begins as JSON the core knows better what is wrong with it.
            let is_json = policy.trim_start().starts_with('{');
            let told = is_json.then(|| Policy::parse(policy.as_bytes(), "").err()).flatten();
            let told = told.and_then(|all| all.iter().next().map(|one| one.message.clone()));
            let message = told.unwrap_or_else(|| fault.kind.to_string());
            return [finding(policy, fault.at..fault.at, "", &message)].into();
        }
    };
    match Policy::parse(policy.as_bytes(), "") {
        Ok(read) => located(policy, &tree, &read.warnings),
        Err(errors) => located(policy, &tree, &errors),
    }
}

fn located(text: &str, tree: &Node, findings: &Findings) -> Value {
    let findings = findings.iter().take(MAX_SHOWN).map(|one| {
        let (place, _) = tree.of_finding(one);
        let pointer = if one.path.starts_with('/') { &*one.path } else { "" };
        let mut value = finding(text, place, pointer, &one.message);
        if let (Severity::Warning(kind), Value::Object(members)) = (one.severity, &mut value) {
            members.insert("severity".into(), "warning".into());
            members.insert("code".into(), kind.as_str().into());
        }
        value
    });
    findings.collect()
}

fn finding(text: &str, place: Range<usize>, path: &str, message: &str) -> Value {
    json!({
        "from": units(text, place.start),
        "to": units(text, place.end.max(place.start)),
        "line": position(text, place.start).0,
        "severity": "error",
        "code": "invalid-policy",
        "path": shown(path),
        "message": shown(message),
    })
}

/// The units of UTF-16 before a byte of a text.
pub fn units(text: &str, at: usize) -> usize {
    let before = text.get(..at.min(text.len())).unwrap_or_default();
    before.encode_utf16().count()
}
