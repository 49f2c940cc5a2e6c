//! Warnings: rules that are allowed, but probably not meant.

use super::limits::unbounded;
use super::pairs::Pairs;
use super::{all_rules, conditions, limits};
use crate::policy::document::{
    Action, DefaultAction, Document, Findings, JsonTexts, Limit, Per, Rules, Source, Warning,
    dot_star, escape, quote, shorten,
};

/// The longest window without a warning: counters end with the Envoy process.
const LONG_WINDOW_SECONDS: u32 = 3_600;

/// The warning where `paths` is not set: some servers offer a tool as a path
/// too.
const ANY_PATH: &str = "is not set, so requests to any path can reach the server, and run tools \
                        where it has paths for them; list the MCP endpoint, as in `[\"/mcp\"]`";

/// The warning where no client is told of the metadata.
const UNNAMED: &str = "no answer names it, since `identity` has neither a `jwt` nor a `bearer` \
                       source; add one, or ask for tokens in front of the filter";

/// The warning where no client is told to sign in.
const NO_SIGN_IN: &str = "a request without a token is not answered with HTTP 401, so no client \
                          begins to sign in; leave it out where people have tokens";

/// The warning where no argument of any tool is read as JSON.
const ALL_TEXTS: &str = "holds for every tool, and a server that reads a text as JSON gets past the \
                         conditions on it; prefer `\"literal\": true` on the conditions that need it";

/// The warnings about a policy, kind by kind.
pub(in crate::policy) fn warnings(document: &Document) -> Findings {
    let mut findings = Findings::default();
    if document.settings.paths.is_none() {
        findings.warn(Warning::AnyPath, &["/settings/paths"], ANY_PATH);
    }
    if document.settings.protected_resource.is_some()
        && !document.identity.iter().any(Source::is_token)
    {
        let path = || ("/settings/protected_resource".into(), UNNAMED.into());
        findings.warning(Warning::UnnamedResource, &path);
    }
    if document.settings.admits_anonymous && document.identity.iter().any(Source::is_token) {
        findings.warn(Warning::NoSignIn, &["/settings/anonymous"], NO_SIGN_IN);
    }
    if document.settings.json_texts == JsonTexts::Text {
        findings.warn(Warning::AllTexts, &["/settings/json_texts"], ALL_TEXTS);
    }
    let all_rules = all_rules(document);
    let counters = &document.settings.counters;
    let room = counters.capacity.min(counters.max_entries);
    if counters.values > room / 4
        && all_rules.iter().any(|rules| limits(rules).iter().any(|limit| !limit.per.is_empty()))
    {
        findings.warning(Warning::ManyValues, &|| {
            let message = format!(
                "lets one caller take {} of the {room} entries of a counter; raise `capacity` and \
                 `max_entries`, or have fewer `values`",
                counters.values.min(room)
            );
            ("/settings/counters".into(), message)
        });
    }
    super::results::warnings(document, &all_rules, &mut findings);
    super::replicas::warnings(document, &mut findings);
    let mut pairs = Pairs::new();
    all_rules.iter().for_each(|rules| windows(rules, &mut findings));
    for rules in &all_rules {
        let base = super::base(document, rules);
        values(rules, base, &mut findings);
        opening(rules, base, &mut pairs, &mut findings);
    }
    for warn in [reasons, unasked] {
        all_rules.iter().for_each(|rules| warn(rules, &mut findings));
    }
    if !document.settings.unusual_tool_names {
        all_rules.iter().for_each(|rules| dots(rules, &mut findings));
    }
    placeholders(document, &mut findings);
    super::stars::warnings(document, &mut findings);
    for check in document.checks.iter().filter(|check| !check.is_used) {
        let message = "no rule has a `use` of it, so it is never asked";
        findings.warn(Warning::UnusedCheck, &[&check.path], message);
    }
    super::negated::warnings(document, &all_rules, &mut findings);
    super::names::warnings(document, &mut findings);
    super::prefixes::warnings(document, &mut findings);
    grants_by_claim(document, &mut findings);
    super::ids::warnings(document, &mut findings);
    super::bodies::warnings(document, &mut pairs, &mut findings);
    super::futile::warnings(document, &mut pairs, &mut findings);
    for rules in &all_rules {
        super::overlaps::of_tools(rules, &mut pairs, &mut findings);
    }
    super::offers::warnings(document, &mut pairs, &mut findings);
    super::misread::warnings(document, &mut findings);
    super::approvals::warnings(document, &all_rules, &mut findings);
    super::locked::warnings(document, &all_rules, &mut findings);
    if pairs.is_spent() {
        let message = "there are too many patterns to compare all of them";
        findings.warning(Warning::NotCompared, &|| (String::new(), message.into()));
    }
    findings
}

fn windows(rules: &Rules, findings: &mut Findings) {
    for limit in limits(rules) {
        if limit.window.seconds() > LONG_WINDOW_SECONDS && !limit.is_across_replicas() {
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

/// Limits by values that a client makes up, without another limit on the same calls.
fn values(rules: &Rules, base: Option<&Rules>, findings: &mut Findings) {
    let is_meant = |limit: &Limit| limit.per.iter().any(Per::is_of_client);
    unbounded(rules, base, is_meant, &mut |limit| {
        let message = "a client can send any number of values, each with a count of its own; \
                       give the same calls a limit without `per`, `increment_from` or shadow mode too";
        findings.warn(Warning::UnboundedValues, &[&limit.path, "/per"], message);
    });
}

fn reasons(rules: &Rules, findings: &mut Findings) {
    for (_, rule) in &rules.tools {
        if rule.reason.is_some() && rule.action == Action::Allow {
            let message = "is shown only with the actions `deny` and `require_approval`";
            findings.warn(Warning::UnseenReason, &[&rule.path, "/reason"], message);
        }
    }
}

fn unasked(rules: &Rules, findings: &mut Findings) {
    for (_, rule) in &rules.tools {
        if rule.asks() && rule.action == Action::Deny {
            let message = "denies every call, so its checks and limits are never asked";
            findings.warn(Warning::NeverAsked, &[&rule.path], message);
        }
    }
}

/// Entries in shadow that may deny. Where no other entry matches their calls, these go on,
/// although the default denies them.
fn opening(rules: &Rules, base: Option<&Rules>, pairs: &mut Pairs, findings: &mut Findings) {
    let default = rules.default.or(base.and_then(|base| base.default));
    if default != Some(DefaultAction::Deny) {
        return;
    }
    // Those of the top level are told there, unless its own default allows.
    let base = base.into_iter();
    let open = base.clone().filter(|base| base.default == Some(DefaultAction::Allow));
    let denials = rules.tools.iter().chain(open.flat_map(|base| &base.tools));
    for (pattern, rule) in denials.filter(|(_, rule)| rule.shadow && rule.may_deny()) {
        let mut all = rules.tools.iter().chain(base.clone().flat_map(|base| &base.tools));
        let mut hidden = rules.hide.iter().chain(base.clone().flat_map(|base| &base.hide));
        let is_decided = all.any(|(other, rule)| match rule.shadow {
            true => !pairs.take(1),
            false => pairs.within(pattern, other),
        });
        if !is_decided && !hidden.any(|hidden| pairs.within(pattern, hidden)) {
            let message = "lets calls go on that no other entry matches, although `default` \
                           denies them; leave it out, or have an entry for them that allows";
            findings.warn(Warning::ShadowOpens, &[&rule.path], message);
        }
    }
}

/// The warning about a pattern with `.*` behind its start.
pub(super) fn dotted(text: &str, start: &str) -> String {
    let (text, start) = (quote(text), shorten(start));
    format!(
        "{text} matches only names with a dot after `{start}`; to match all that begin so, write \
         `{start}*`"
    )
}

/// Patterns that are probably meant as regular expressions, and match the names
/// of other tools than those would.
fn dots(rules: &Rules, findings: &mut Findings) {
    let tools = rules.tools.iter().map(|(_, rule)| ("tools", &*rule.name));
    let hidden = rules.hide.iter().map(|pattern| ("hide", pattern.as_str()));
    for (key, text) in tools.chain(hidden) {
        if let Some(start) = dot_star(text) {
            let place = || (format!("{}/{key}", rules.path), dotted(text, start));
            findings.warning(Warning::DotStar, &place);
        }
    }
}

/// Values with something that other programs would fill in.
fn placeholders(document: &Document, findings: &mut Findings) {
    for placed in conditions(document) {
        if placed.condition.test.mentions("${") {
            findings.warning(Warning::Placeholder, &|| {
                let message =
                    "holds `${`, and is compared as it is written: nothing is put in its place";
                (format!("{}/value", placed.path()), message.into())
            });
        }
    }
}

/// Grants that are probably meant for a claim, and match the callers' ids.
fn grants_by_claim(document: &Document, findings: &mut Findings) {
    for (_, grant) in &document.grants {
        if let Some(claim) = grant.name.strip_prefix("claims")
            && claim.starts_with(['.', '['])
        {
            let message = "is compared with the caller's id, which `identity` makes, and with \
                           no claim; name callers by their ids";
            findings.warn(Warning::GrantByClaim, &["/grants/", &escape(&grant.name)], message);
        }
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
    fn a_denial_in_shadow_that_opens_what_the_default_denies_is_told() {
        let with = |default: &str, others: &str| {
            warnings(&format!(
                r#"{{"version": "1", "default": "{default}", "settings": {{"paths": ["/mcp"]}},
                    "tools": {{{others} "drop_*": {{"action": "deny", "mode": "shadow"}}}}}}"#
            ))
        };
        assert_eq!(
            with("deny", r#""drop_a": {},"#),
            ["/tools/drop_*: lets calls go on that no other entry matches, although `default` \
              denies them; leave it out, or have an entry for them that allows"]
        );
        assert!(with("deny", r#""d*": {},"#).is_empty());
        let only = |entry: &str| {
            warnings(&format!(
                r#"{{"version": "1", "default": "deny", "settings": {{"paths": ["/mcp"]}},
                    "tools": {{"a": {{"mode": "shadow"{entry}}}}}}}"#
            ))
        };
        let check = r#"[{"conditions": [{"path": "args.x", "op": "eq", "value": 1}]}]"#;
        for entry in [
            format!(r#", "require": {check}"#),
            format!(r#", "deny_if": {check}"#),
            r#", "args": ["x"]"#.to_owned(),
            r#", "schema": {"required": ["x"]}"#.to_owned(),
            r#", "valid_until": "2020-01-01T00:00:00Z""#.to_owned(),
            r#", "rate_limit": "1/minute""#.to_owned(),
            r#", "max_result_bytes": 5"#.to_owned(),
        ] {
            let opens = |line: &String| line.starts_with("/tools/a: lets calls go on");
            assert!(only(&entry).iter().any(opens), "{entry}: {:?}", only(&entry));
        }
        assert!(only("").is_empty());
        let hidden = warnings(
            r#"{"version": "1", "default": "deny", "settings": {"paths": ["/mcp"]}, "hide": ["a*"],
                "tools": {"a": {"mode": "shadow", "rate_limit": "1/minute"}}}"#,
        );
        assert_eq!(hidden, ["/tools/a: `hide` denies these calls before this entry is looked at"]);
        let inherited = |default: &str| {
            warnings(&format!(
                r#"{{"version": "1", "default": "allow", "settings": {{"paths": ["/mcp"]}},
                    "identity": [{{"header": "x-id"}}], "tools": {{"drop_*": {{"action": "deny",
                    "mode": "shadow"}}}}, "grants": {{"a": {{"extends": "top"{default}}}}}}}"#
            ))
        };
        assert!(inherited("").is_empty());
        assert_eq!(inherited(r#", "default": "deny""#).len(), 1);
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
                "/tools/t0/reason: is shown only with the actions `deny` and `require_approval` (and \
                 99 more of this kind)",
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
    fn keys_and_values_of_other_languages_are_told() {
        let policy = r#"{"version":"1","default":"deny","hide":["x.*"],
            "tools":{"github.*":{},"read":{"require":[{"conditions":[
                {"path":"args.a","op":"eq","value":"a"},
                {"path":"args.a","op":"in","value":["${args.b}"]},
                {"path":"args.a","op":"starts_with","value":"srv/${claims.sub}/"}]}]}},
            "identity":[{"header":"x-id"}],
            "grants":{"claims.team:ops":{"default":"deny","hide":["y1.*"]},"claimsman":{"default":"deny"}},
            "settings":{"paths":["/mcp"],"json_texts":"text"}}"#;
        assert_eq!(
            warnings(policy),
            [
                "/settings/json_texts: holds for every tool, and a server that reads a text as \
                 JSON gets past the conditions on it; prefer `\"literal\": true` on the \
                 conditions that need it",
                "/tools: `github.*` matches only names with a dot after `github`; to match all \
                 that begin so, write `github*` (and 2 more of this kind)",
                "/tools/read/require/0/conditions/1/value: holds `${`, and is compared as it is \
                 written: nothing is put in its place (and 1 more of this kind)",
                "/grants/claims.team:ops: is compared with the caller's id, which `identity` \
                 makes, and with no claim; name callers by their ids",
            ]
        );
        let admitted = r#"{"version":"1","default":"deny","tools":{"github.*":{}},
            "settings":{"paths":["/mcp"],"unusual_tool_names":true}}"#;
        assert!(warnings(admitted).is_empty());
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
