//! Warnings: rules that are allowed, but probably not meant.

use super::{all_rules, limits};
use crate::policy::document::{Action, Document, Findings, Rules, Source, Warning, quote};

/// Steps of the search for overlaps in a whole policy: more than one that a
/// person writes takes. Patterns are compared pair by pair, and each pair
/// character by character.
const MAX_STEPS: usize = 20_000_000;
/// The longest window without a warning: counters end with the Envoy process.
const LONG_WINDOW_SECONDS: u32 = 3_600;

/// The warning where `paths` is not set: some servers offer a tool as a path
/// too.
const ANY_PATH: &str = "is not set, so requests to any path can reach the server, and run tools \
                        where it has paths for them; list the MCP endpoint, as in `[\"/mcp\"]`";

/// The warning where no client is told of the metadata.
const UNNAMED: &str = "no answer names it, since `identity` has neither a `jwt` nor a `bearer` \
                       source; add one, or ask for tokens in front of the filter";

/// The warnings about a policy, kind by kind.
pub(in crate::policy) fn warnings(document: &Document) -> Findings {
    let mut findings = Findings::default();
    if document.settings.paths.is_none() {
        findings.warning(Warning::AnyPath, &|| ("/settings/paths".into(), ANY_PATH.into()));
    }
    if document.settings.protected_resource.is_some()
        && !document.identity.iter().any(Source::is_token)
    {
        let path = || ("/settings/protected_resource".into(), UNNAMED.into());
        findings.warning(Warning::UnnamedResource, &path);
    }
    let all_rules = all_rules(document);
    for warn in [windows, reasons, unasked] {
        all_rules.iter().for_each(|rules| warn(rules, &mut findings));
    }
    let mut steps = MAX_STEPS;
    for rules in all_rules {
        overlaps(rules, &mut steps, &mut findings);
    }
    if steps == 0 {
        let message = "there are too many patterns to compare all of them";
        findings.warning(Warning::NotCompared, &|| (String::new(), message.into()));
    }
    findings
}

fn windows(rules: &Rules, findings: &mut Findings) {
    for limit in limits(rules) {
        if limit.window.seconds() > LONG_WINDOW_SECONDS {
            findings.warning(Warning::LongWindow, &|| {
                let message = format!(
                    "a window of {} is counted by each Envoy process alone and starts afresh with \
                     it",
                    match limit.window.to_string() {
                        name if name.contains(' ') => name,
                        name => format!("one {name}"),
                    }
                );
                (limit.path.clone(), message)
            });
        }
    }
}

fn reasons(rules: &Rules, findings: &mut Findings) {
    for (_, rule) in &rules.tools {
        if rule.reason.is_some() && rule.action == Action::Allow {
            findings.warning(Warning::UnseenReason, &|| {
                let message = "is shown only with `\"action\": \"deny\"`";
                (format!("{}/reason", rule.pointer), message.into())
            });
        }
    }
}

fn unasked(rules: &Rules, findings: &mut Findings) {
    for (_, rule) in &rules.tools {
        let asks = rule.args.is_some()
            || !(rule.require.is_empty() && rule.deny_if.is_empty() && rule.limits.is_empty());
        if asks && rule.action == Action::Deny {
            findings.warning(Warning::NeverAsked, &|| {
                let message = "denies every call, so its checks and limits are never asked";
                (rule.pointer.clone(), message.into())
            });
        }
    }
}

fn overlaps(rules: &Rules, steps: &mut usize, findings: &mut Findings) {
    let patterns: Vec<_> = rules.tools.iter().filter(|(pattern, _)| !pattern.is_exact()).collect();
    let mut rest = &*patterns;
    while let [(a, first), others @ ..] = rest {
        for (b, second) in others {
            let pair = a.as_str().len().saturating_mul(b.as_str().len());
            *steps = steps.saturating_sub(pair.saturating_add(1));
            if *steps == 0 {
                return;
            }
            let differ = first.action != second.action;
            if differ && !a.is_within(b) && !b.is_within(a) && a.overlaps(b) {
                findings.warning(Warning::Overlap, &|| {
                    let message = format!(
                        "overlaps with {}, which has another action; a denial decides",
                        quote(&second.name)
                    );
                    (first.pointer.clone(), message)
                });
            }
        }
        rest = others;
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;
    use std::fmt::Write;

    const ANY_PATH: &str = "/settings/paths: is not set, so requests to any path can reach the server, and run tools \
         where it has paths for them; list the MCP endpoint, as in `[\"/mcp\"]`";

    fn warnings(policy: &str) -> Vec<String> {
        Policy::parse(policy.as_bytes(), "").unwrap().warnings.lines().collect()
    }

    #[test]
    fn metadata_that_no_answer_names_is_told() {
        let with = |source: &str| {
            warnings(&format!(
                r#"{{"version": "1", "default": "deny", "identity": [{source}], "settings": {{
                    "paths": ["/mcp"], "protected_resource": {{"resource": "https://a.example/mcp",
                    "authorization_servers": ["https://b.example"]}}}}}}"#
            ))
        };
        assert!(with(r#"{"jwt": {"claim": "sub"}}"#).is_empty());
        assert!(with(r#"{"mtls": "uri_san"}, {"jwt": {"claim": "sub"}}"#).is_empty());
        assert_eq!(
            with(r#"{"header": "x-id"}"#),
            ["/settings/protected_resource: no answer names it, since `identity` has neither a \
              `jwt` nor a `bearer` source; add one, or ask for tokens in front of the filter"]
        );
    }

    #[test]
    fn a_kind_of_warning_has_few_lines() {
        let mut tools = String::new();
        for number in 0..50 {
            let limits = r#"{"counter":"d","window":"day","max":1},
                {"counter":"h","window":7200,"max":1},{"counter":"m","window":"minute","max":1}"#;
            write!(tools, r#""t{number}":{{"limits":[{limits}],"reason":"r"}},"#).unwrap();
            write!(tools, r#""d{number}":{{"args":["a"],"action":"deny"}},"#).unwrap();
        }
        // Four pairs: the two that are allowed with the two that are denied.
        let patterns = r#""a*":{},"*b":{"action":"deny"},"*c":{"action":"deny"},"c*":{}"#;
        let body = format!(r#""default":"deny","tools":{{{tools}{patterns}}}"#);
        let identity = r#""identity":[{"header":"x-id"}]"#;
        let grants = format!(r#""grants":{{"g":{{{body}}}}}"#);
        let policy = format!(r#"{{"version":"1",{body},{identity},{grants}}}"#);
        assert_eq!(
            warnings(&policy),
            [
                ANY_PATH,
                "/tools/t0/limits/0: a window of one day is counted by each Envoy process alone \
                 and starts afresh with it (and 199 more of this kind)",
                "/tools/t0/reason: is shown only with `\"action\": \"deny\"` (and 99 more of this \
                 kind)",
                "/tools/d0: denies every call, so its checks and limits are never asked (and 99 \
                 more of this kind)",
                "/tools/a*: overlaps with `*b`, which has another action; a denial decides",
                "/tools/a*: overlaps with `*c`, which has another action; a denial decides",
                "/tools/*b: overlaps with `c*`, which has another action; a denial decides",
                "/tools/*c: overlaps with `c*`, which has another action; a denial decides",
                "/grants/g/tools/a*: overlaps with `*b`, which has another action; a denial \
                 decides (and 3 more of this kind)",
            ]
        );
    }

    #[test]
    fn one_of_a_kind_is_only_that() {
        let policy = r#"{"version":"1","default":"deny","tools":{
            "t":{"rate_limit":"5/day"},"a*":{},"*b":{"action":"deny"}}}"#;
        assert_eq!(
            warnings(policy),
            [
                ANY_PATH,
                "/tools/t/rate_limit: a window of one day is counted by each Envoy process alone \
                 and starts afresh with it",
                "/tools/a*: overlaps with `*b`, which has another action; a denial decides",
            ]
        );
    }
}
