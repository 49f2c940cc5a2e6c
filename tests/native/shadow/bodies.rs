//! Rules in shadow of a body and of the top level that it extends.

use super::{ENTRIES, Random, Reason, decide, gateway};
use mcp_policy_filter::limits::window::Nanos;

/// Patterns of which the second and the third do not nest.
const PATTERNS: [&str; 3] = ["a_b", "a_*", "*b"];

type Entries<'e> = Vec<(&'e str, (bool, &'e str))>;

/// A body for everybody, which extends the top level.
fn policy(default: &str, top: &str, own: &str) -> String {
    format!(
        r#"{{"version": "1", "default": "{default}", {top}, "groups": [{{"name": "g",
        "when": [{{"path": "grant", "op": "eq", "value": "anonymous"}}], "extends": "top", {own}}}]}}"#
    )
}

/// The entries that decide, or those in shadow as if they did.
fn tools(entries: &Entries<'_>, with: impl Fn(bool) -> bool, as_enforced: bool) -> String {
    let entries = entries.iter().filter(|(_, (shadow, _))| with(*shadow));
    let entries: Vec<String> =
        entries.map(|(pattern, (_, entry))| format!(r#""{pattern}": {entry}"#)).collect();
    let tools = format!(r#""tools": {{{}}}"#, entries.join(","));
    if as_enforced { tools.replace(r#""mode": "shadow""#, r#""args": ["x"]"#) } else { tools }
}

#[test]
fn an_entry_in_shadow_takes_the_place_of_none_in_either_body() {
    let mut random = Random::new(5);
    let [mut denied, mut reopened, mut from_both] = [0; 3];
    for _ in 0..3_000 {
        let mut entries = || -> Entries<'_> {
            let all = PATTERNS.iter();
            all.filter_map(|pattern| Some((*pattern, random.of(ENTRIES)?))).collect()
        };
        let (top, own) = (entries(), entries());
        let default = random.of(["allow", "deny"]);
        let decided = |default: &str, with: fn(bool) -> bool, as_enforced| {
            let [top, own] = [&top, &own].map(|all| tools(all, with, as_enforced));
            decide(&gateway(&policy(default, &top, &own)), "a_b", "{}")
        };
        let found = decided(default, |_| true, false);
        let plain = decided(default, |shadow| !shadow, false).decision;
        let beside = decided("allow", |shadow| shadow, true).decision;
        let rule = plain.as_ref().unwrap_or_else(|(rule, _)| rule);
        let in_shadow = |all: &Entries<'_>| all.iter().any(|(_, (shadow, _))| *shadow);
        if rule.starts_with('(') && (in_shadow(&top) || in_shadow(&own)) {
            reopened += 1;
            let by = beside.as_ref().unwrap_or_else(|(rule, _)| rule);
            let by = by.trim_end_matches("/action").to_owned();
            assert_eq!(found.decision, Ok(by), "{default} {top:?} {own:?}");
        } else {
            denied += usize::from(plain.is_err());
            assert_eq!(found.decision, plain, "{default} {top:?} {own:?}");
        }
        from_both +=
            usize::from(beside.as_ref().is_err_and(|(rule, _)| rule.starts_with("/groups")));
        let beside: Vec<_> = beside.err().into_iter().collect();
        assert_eq!(found.shadow, beside, "{default} {top:?} {own:?}");
    }
    assert!(denied > 500 && reopened > 100 && from_both > 100, "{denied} {reopened} {from_both}");
}

fn found(shadow: &[(&str, Reason)]) -> Vec<(String, Reason)> {
    shadow.iter().map(|(rule, reason)| ((*rule).to_owned(), *reason)).collect()
}

#[test]
fn what_both_bodies_have_in_shadow_is_asked_and_charged() {
    let limit = |name: &str, per: &str| {
        format!(r#"{{"counter": "{name}", "window": "day", "max": 1, "mode": "shadow"{per}}}"#)
    };
    let check = |name: &str| {
        format!(
            r#"[{{"name": "{name}", "mode": "shadow", "conditions": [
            {{"path": "args.x", "op": "eq", "value": 1}}]}}]"#
        )
    };
    let part = |name: &str, per: &str| {
        format!(
            r#""all_tools": {{"deny_if": {}, "limits": [{}]}}"#,
            check(&format!("{name}_check")),
            limit(&format!("{name}_limit"), per)
        )
    };
    let tool = format!(r#""tools": {{"t": {{"deny_if": {}}}}}"#, check("tool_check"));
    let top = format!("{}, {tool}", part("top", r#", "per": ["args.x"]"#));
    let own = format!(
        r#"{}, "tools": {{"*": {{"mode": "shadow", "args": ["x"], "limits": [{}]}}}}"#,
        part("own", ""),
        limit("entry", "")
    );
    let gateway = gateway(&policy("deny", &top, &own));
    let call = |arguments: &str| {
        let decided = decide(&gateway, "t", arguments);
        assert_eq!(decided.decision, Ok("/tools/t".into()));
        decided.shadow
    };
    use Reason::{DenyIf, RateLimited, Require, Undecidable};
    assert_eq!(
        call(r#"{"x": 1, "y": 1}"#),
        found(&[
            ("/tools/t/deny_if/tool_check", DenyIf),
            ("/groups/g/all_tools/deny_if/own_check", DenyIf),
            ("/all_tools/deny_if/top_check", DenyIf),
            ("/groups/g/tools/*/args", Require),
        ])
    );
    // The entry was not charged, and each of the others once.
    let own_limit = ("/groups/g/all_tools/limits/own_limit", RateLimited);
    assert_eq!(call(r#"{"x": 2}"#), found(&[own_limit]));
    let top_limit = ("/all_tools/limits/top_limit", RateLimited);
    let entry = ("/groups/g/tools/*/limits/entry", RateLimited);
    assert_eq!(call(r#"{"x": 2}"#), found(&[own_limit, top_limit, entry]));
    let unread = ("/all_tools/limits/top_limit", Undecidable);
    assert_eq!(call("{}"), found(&[unread, own_limit, entry]));
}

#[test]
fn limits_in_shadow_of_the_top_keep_their_counters_in_a_body() {
    let limit = r#""all_tools": {"limits": [{"counter": "c", "window": "day", "max": 1, "mode": "shadow"}]}"#;
    let tools = r#""tools": {"t": {}}"#;
    let plain = format!(r#"{{"version": "1", "default": "deny", {tools}, {limit}}}"#);
    let plain = gateway(&plain);
    assert_eq!(decide(&plain, "t", "{}").shadow, []);
    let mut extending = gateway(&policy("deny", &format!("{tools}, {limit}"), r#""hide": []"#));
    extending.store = plain.store;
    let expected = found(&[("/all_tools/limits/c", Reason::RateLimited)]);
    assert_eq!(decide(&extending, "t", "{}").shadow, expected);
}

#[test]
fn an_entry_in_shadow_denies_outside_its_time_and_is_asked_nothing_else() {
    let entry = r#""tools": {"t": {"mode": "shadow", "valid_from": "2024-10-04T00:00:10Z",
        "valid_until": "2024-10-04T00:00:20Z", "deny_if": [{"conditions": []}],
        "rate_limit": "1/day"}}"#;
    for (top, own, place) in [(entry, r#""hide": []"#, ""), (r#""hide": []"#, entry, "/groups/g")] {
        let mut gateway = gateway(&policy("deny", top, own));
        for (second, rule, reason) in [
            (9, "valid_from", Reason::Denied),
            (10, "deny_if/0", Reason::DenyIf),
            (19, "deny_if/0", Reason::DenyIf),
            (20, "valid_until", Reason::Denied),
        ] {
            gateway.now = Nanos((super::MIDNIGHT + second) * 1_000_000_000);
            let decided = decide(&gateway, "t", "{}");
            assert_eq!(decided.decision, Ok(format!("{place}/tools/t")));
            let rule = format!("{place}/tools/t/{rule}");
            assert_eq!(decided.shadow, found(&[(&rule, reason)]), "{second}");
        }
    }
}

#[test]
fn values_are_recorded_by_the_entries_of_both_kinds_and_bodies() {
    let record = |key: &str| format!(r#""record": ["args.{key}"]"#);
    let top = format!(r#""tools": {{"t": {{{}}}}}"#, record("top"));
    let own = format!(r#""tools": {{"*": {{"mode": "shadow", {}}}}}"#, record("own"));
    for (top, own) in [(&top, &own), (&own, &top)] {
        let gateway = gateway(&policy("deny", top, own));
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t",
            "arguments":{"top":1,"own":2,"none":3}}}"#;
        let mcp_policy_filter::simulate::Outcome::WentOn(records) =
            gateway.post(body).unwrap().outcome
        else {
            panic!("it was refused");
        };
        let values = r#""values":{"args.top":"1","args.own":"2"}"#;
        assert!(records[0].line.contains(values), "{}", records[0].line);
    }
}
