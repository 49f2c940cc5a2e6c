//! Warnings: rules that are allowed, but probably not meant. Policies can be
//! long, and every worker logs the warnings, so a kind has few lines.

use super::{all_rules, limits};
use crate::policy::document::{Action, Document, Rules, Source, pointer, quote};

/// Steps of the search for overlaps in a whole policy: more than one that a
/// person writes takes. Patterns are compared pair by pair, and each pair
/// character by character.
const MAX_STEPS: usize = 20_000_000;
/// Overlaps that are shown one by one.
const MAX_OVERLAPS: usize = 5;
/// The longest window without a warning: counters end with the Envoy process.
const LONG_WINDOW_SECONDS: u32 = 3_600;

/// The warning where `paths` is not set: some servers offer a tool as a path
/// too.
const ANY_PATH: &str = "/settings/paths: is not set, so requests to any path can reach the server, \
                        and run tools where it has paths for them; list the MCP endpoint, as in \
                        `[\"/mcp\"]`";

/// The warning where no client is told of the metadata.
const UNNAMED: &str = "/settings/protected_resource: no answer names it, since `identity` has \
                       neither a `jwt` nor a `bearer` source; add one, or ask for tokens in front \
                       of the filter";

/// The warnings about a policy, with the first path of each kind.
pub(in crate::policy) fn warnings(document: &Document) -> Vec<String> {
    let [mut long, mut unseen, mut unasked] = [const { Kind::shown(1) }; 3];
    // Each of these may be a denial that its author does not know of.
    let mut overlapping = Kind::shown(MAX_OVERLAPS);
    let mut steps = MAX_STEPS;
    for rules in all_rules(document) {
        windows(rules, &mut long);
        reasons(rules, &mut unseen, &mut unasked);
        overlaps(rules, &mut steps, &mut overlapping);
    }
    let stopped = steps == 0;
    let mut lines = Vec::new();
    if document.settings.paths.is_none() {
        lines.push(ANY_PATH.into());
    }
    if document.settings.protected_resource.is_some()
        && !document.identity.iter().any(Source::is_token)
    {
        lines.push(UNNAMED.into());
    }
    for kind in [long, unseen, unasked, overlapping] {
        kind.tell(&mut lines);
    }
    if stopped {
        lines.push("(top level): there are too many patterns to compare all of them".into());
    }
    lines
}

/// A kind of warning: its first lines, and the number of further ones.
struct Kind {
    first: Vec<String>,
    shown: usize,
    more: usize,
}

impl Kind {
    const fn shown(shown: usize) -> Self {
        Self { first: Vec::new(), shown, more: 0 }
    }

    fn add(&mut self, line: &dyn Fn() -> String) {
        if self.first.len() < self.shown {
            self.first.push(line());
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    fn tell(mut self, lines: &mut Vec<String>) {
        if let (Some(last), more @ 1..) = (self.first.last_mut(), self.more) {
            *last = format!("{last} (and {more} more of this kind)");
        }
        lines.append(&mut self.first);
    }
}

fn windows(rules: &Rules, long: &mut Kind) {
    for limit in limits(rules) {
        if limit.window.seconds() > LONG_WINDOW_SECONDS {
            long.add(&|| {
                format!(
                    "{}: a window of {} is counted by each Envoy process alone and starts afresh \
                     with it",
                    pointer(&limit.path),
                    match limit.window.to_string() {
                        name if name.contains(' ') => name,
                        name => format!("one {name}"),
                    }
                )
            });
        }
    }
}

fn reasons(rules: &Rules, unseen: &mut Kind, unasked: &mut Kind) {
    for (_, rule) in &rules.tools {
        if rule.reason.is_some() && rule.action == Action::Allow {
            unseen.add(&|| {
                let pointer = pointer(&rule.pointer);
                format!("{pointer}/reason: is shown only with `\"action\": \"deny\"`")
            });
        }
        let asks = rule.args.is_some()
            || !(rule.require.is_empty() && rule.deny_if.is_empty() && rule.limits.is_empty());
        if asks && rule.action == Action::Deny {
            unasked.add(&|| {
                format!(
                    "{}: denies every call, so its checks and limits are never asked",
                    pointer(&rule.pointer)
                )
            });
        }
    }
}

fn overlaps(rules: &Rules, steps: &mut usize, overlapping: &mut Kind) {
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
                overlapping.add(&|| {
                    format!(
                        "{}: overlaps with {}, which has another action; a denial decides",
                        pointer(&first.pointer),
                        quote(&second.name)
                    )
                });
            }
        }
        rest = others;
    }
}

#[cfg(test)]
mod tests {
    use super::ANY_PATH;
    use crate::policy::Policy;
    use std::fmt::Write;

    fn warnings(policy: &str) -> Vec<String> {
        Policy::parse(policy.as_bytes(), "").unwrap().warnings
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
