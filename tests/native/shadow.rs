//! Single rules in shadow against a plain model: the policy without them. What they
//! record is compared with what they would decide alone.

mod bodies;

use crate::core::MIDNIGHT;
use crate::random::Random;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::limits::{MemoryStore, Store, StoreError};
use mcp_policy_filter::policy::Reason;
use mcp_policy_filter::simulate::{Gateway, Outcome};
use std::cell::Cell;

/// The outcome of a call: the rule and the reason of its denial, or the rule that let it go
/// on; and the rules in shadow that it did not pass.
#[derive(Debug, PartialEq)]
struct Decided {
    decision: Result<String, (String, Reason)>,
    shadow: Vec<(String, Reason)>,
}

fn gateway(policy: &str) -> Gateway {
    let mut gateway = Gateway::new(policy).unwrap_or_else(|errors| panic!("{policy}: {errors:?}"));
    gateway.now = Nanos(MIDNIGHT * 1_000_000_000);
    gateway
}

fn decide<S: Store>(gateway: &Gateway<S>, tool: &str, arguments: &str) -> Decided {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
    );
    match gateway.post(&body).unwrap().outcome {
        Outcome::WentOn(mut records) => {
            let record = records.remove(0);
            assert_eq!(record.reason, None);
            Decided { decision: Ok(record.rule), shadow: record.shadow }
        }
        Outcome::Refused(refusal) => {
            let decision = Err((refusal.record.rule.clone(), refusal.reason));
            Decided { decision, shadow: refusal.record.shadow }
        }
        Outcome::Served(_) => panic!("it was served"),
    }
}

/// The patterns of a tool's entries, from the narrowest on.
const PATTERNS: [&str; 5] = ["a_b", "a_*", "*_b", "*b", "*"];
/// An entry: none, one that decides, and one in shadow, each that lets a call go on
/// or denies it.
const ENTRIES: [Option<(bool, &str)>; 5] = [
    None,
    Some((false, r#"{}"#)),
    Some((false, r#"{"action": "deny"}"#)),
    Some((true, r#"{"mode": "shadow"}"#)),
    Some((true, r#"{"action": "deny", "mode": "shadow"}"#)),
];

fn policy(default: &str, entries: &[(&str, &str)]) -> String {
    let entries: Vec<String> =
        entries.iter().map(|(pattern, entry)| format!(r#""{pattern}": {entry}"#)).collect();
    format!(r#"{{"version": "1", "default": "{default}", "tools": {{{}}}}}"#, entries.join(","))
}

#[test]
fn an_entry_in_shadow_never_takes_the_place_of_another() {
    let (mut denied, mut reopened) = (0, 0);
    for number in 0..ENTRIES.len().pow(PATTERNS.len() as u32) {
        let digit = |at: usize| number / ENTRIES.len().pow(at as u32) % ENTRIES.len();
        let all = PATTERNS.iter().enumerate();
        let all = all.filter_map(|(at, pattern)| Some((*pattern, ENTRIES[digit(at)]?)));
        let all: Vec<(&str, (bool, &str))> = all.collect();
        let of = |shadow: bool| -> Vec<(&str, &str)> {
            let kind = all.iter().filter(|(_, (other, _))| *other == shadow);
            kind.map(|(pattern, (_, entry))| (*pattern, *entry)).collect()
        };
        let every: Vec<(&str, &str)> =
            all.iter().map(|(pattern, (_, entry))| (*pattern, *entry)).collect();
        for default in ["allow", "deny"] {
            let found = decide(&gateway(&policy(default, &every)), "a_b", "{}");
            let plain = decide(&gateway(&policy(default, &of(false))), "a_b", "{}").decision;
            let beside =
                policy("allow", &of(true)).replace(r#""mode": "shadow""#, r#""args": ["x"]"#);
            let beside = decide(&gateway(&beside), "a_b", "{}").decision;
            let shadow: Vec<_> = beside.clone().err().into_iter().collect();
            assert_eq!(found.shadow, shadow, "{default} {every:?}");
            let is_default = matches!(&plain, Err((_, Reason::DefaultDeny)))
                || plain == Ok("(default allow)".into());
            if is_default && !of(true).is_empty() {
                reopened += 1;
                let rule = found.decision.unwrap();
                assert!(rule.starts_with("/tools/"), "{default} {every:?}: {rule}");
            } else {
                denied += usize::from(plain.is_err());
                assert_eq!(found.decision, plain, "{default} {every:?}");
            }
        }
    }
    assert!(denied > 1_000 && reopened > 100, "{denied} {reopened}");
}

/// Checks that a call passes, does not pass, and on which nothing can be decided.
const CHECKS: [&str; 3] = ["args.two", "args.one", "args.text"];

#[test]
fn a_check_in_shadow_never_takes_the_place_of_another() {
    let mut random = Random::new(7);
    let [mut denied, mut recorded] = [0; 2];
    for _ in 0..3_000 {
        let mut lists = [const { Vec::new() }; 4];
        for _ in 0..1 + random.below(5) {
            let path = random.of(CHECKS);
            let shadow = random.of([true, false]);
            lists[random.below(4) as usize].push((path, shadow));
        }
        let write = |with: fn(bool) -> bool| {
            let list = |at: usize, key: &str, op: &str| {
                let checks: Vec<String> = lists[at]
                    .iter()
                    .enumerate()
                    .filter(|(_, (_, shadow))| with(*shadow))
                    .map(|(number, (path, shadow))| {
                        let mode = if *shadow { "shadow" } else { "enforce" };
                        format!(
                            r#"{{"name": "n{number}", "mode": "{mode}", "conditions": [
                                {{"path": "{path}", "op": "{op}", "value": 1}}]}}"#
                        )
                    })
                    .collect();
                format!(r#""{key}": [{}]"#, checks.join(","))
            };
            let own = [list(0, "require", "gt"), list(1, "deny_if", "lte")].join(",");
            let all = [list(2, "require", "gt"), list(3, "deny_if", "lte")].join(",");
            format!(
                r#"{{"version": "1", "default": "deny", "tools": {{"t": {{{own}}}}}, "all_tools": {{{all}}}}}"#
            )
        };
        let call =
            |policy: &str| decide(&gateway(policy), "t", r#"{"one": 1, "two": 2, "text": "1"}"#);
        let (both, plain) = (write(|_| true), write(|shadow| !shadow));
        let (found, plain) = (call(&both), call(&plain));
        assert_eq!(found.decision, plain.decision, "{both}");
        assert!(plain.shadow.is_empty());
        denied += usize::from(plain.decision.is_err());
        recorded += found.shadow.len();
        let not_passed = lists.iter().flatten();
        let not_passed = not_passed.filter(|(path, shadow)| *shadow && *path != CHECKS[0]).count();
        assert_eq!(found.shadow.len(), not_passed, "{both}");
    }
    assert!(denied > 500 && recorded > 500, "{denied} {recorded}");
}

#[test]
fn a_limit_in_shadow_holds_up_no_other() {
    let mut random = Random::new(11);
    let mut recorded = 0;
    for _ in 0..300 {
        let limit = |random: &mut Random, name: String| {
            let mode = random.of(["enforce", "shadow"]);
            let max = 1 + random.below(6);
            let per = random.of(["", r#", "per": ["args.x"]"#]);
            (
                mode,
                format!(
                    r#"{{"counter": "{name}", "window": "day", "max": {max}, "mode": "{mode}"{per}}}"#
                ),
            )
        };
        let limits: Vec<_> =
            (0..4).map(|number| limit(&mut random, format!("c{number}"))).collect();
        let write = |with: fn(&str) -> bool| {
            let list = |at: usize| {
                let limits = limits[at..at + 2].iter().filter(|(mode, _)| with(mode));
                limits.map(|(_, limit)| &**limit).collect::<Vec<_>>().join(",")
            };
            format!(
                r#"{{"version": "1", "default": "deny", "tools": {{"t": {{"limits": [{}]}}}},
                    "all_tools": {{"limits": [{}]}},
                    "settings": {{"counters": {{"max_entries": 6}}}}}}"#,
                list(0),
                list(2)
            )
        };
        let (both, plain) = (write(|_| true), write(|mode| mode == "enforce"));
        let (both, plain) = (gateway(&both), gateway(&plain));
        for _ in 0..12 {
            let arguments = format!(r#"{{"x": {}}}"#, random.below(3));
            let (found, plain) = (decide(&both, "t", &arguments), decide(&plain, "t", &arguments));
            assert_eq!(found.decision, plain.decision, "{limits:?}");
            recorded += found.shadow.len();
        }
    }
    assert!(recorded > 500, "{recorded}");
}

const IN_SHADOW: &str = r#"{"version": "1", "default": "deny", "tools": {"t": {"limits": [
    {"counter": "s", "window": "day", "max": 1, "mode": "shadow"}]}}}"#;

fn shadow(reason: Reason) -> Vec<(String, Reason)> {
    vec![("/tools/t/limits/s".into(), reason)]
}

#[test]
fn a_limit_in_shadow_that_cannot_count_lets_go_on() {
    let gateway = gateway(IN_SHADOW);
    assert_eq!(decide(&gateway, "t", "{}").shadow, []);
    let full = decide(&gateway, "t", "{}");
    assert_eq!((full.decision, full.shadow), (Ok("/tools/t".into()), shadow(Reason::RateLimited)));
    gateway.store.damage(b"damage");
    let damaged = decide(&gateway, "t", "{}");
    assert_eq!(damaged.decision, Ok("/tools/t".into()));
    assert_eq!(damaged.shadow, shadow(Reason::CounterDamaged));
}

/// A store whose writes are lost from some moment on.
#[derive(Default)]
struct Contended {
    store: MemoryStore,
    is_contended: Cell<bool>,
}

impl Store for Contended {
    fn update<T>(
        &self,
        key: &[u8],
        mut step: impl FnMut(Option<&[u8]>) -> (Option<Vec<u8>>, T),
    ) -> Result<T, StoreError> {
        if self.is_contended.get() {
            let (new, result) = self.store.update(key, |stored| (None, step(stored)))?;
            return if new.is_some() { Err(StoreError::Contended) } else { Ok(result) };
        }
        self.store.update(key, step)
    }
}

#[test]
fn a_limit_in_shadow_that_loses_every_race_lets_go_on() {
    let gateway = Gateway::<Contended>::new(IN_SHADOW).unwrap();
    gateway.store.is_contended.set(true);
    let contended = decide(&gateway, "t", "{}");
    assert_eq!(contended.decision, Ok("/tools/t".into()));
    assert_eq!(contended.shadow, shadow(Reason::CounterContended));
    gateway.store.is_contended.set(false);
    assert_eq!(decide(&gateway, "t", "{}").shadow, []);
}

#[test]
fn what_a_limit_in_shadow_took_is_given_back_with_the_rest() {
    let gateway = gateway(IN_SHADOW);
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#;
    let mut sent = gateway.post(body).unwrap();
    // Envoy's flag of a cluster without a healthy host.
    gateway.host().end(&mut sent, Some(0x2));
    assert_eq!(decide(&gateway, "t", "{}").shadow, []);
    assert_eq!(decide(&gateway, "t", "{}").shadow, shadow(Reason::RateLimited));
}

#[test]
fn calls_of_a_batch_are_charged_to_limits_in_shadow_one_by_one() {
    let policy = IN_SHADOW.replace(r#""tools""#, r#""settings": {"batches": "judge"}, "tools""#);
    let gateway = gateway(&policy);
    let call = |id| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"t"}}}}"#)
    };
    let body = format!("[{},{}]", call(1), call(2));
    let Outcome::WentOn(records) = gateway.post(&body).unwrap().outcome else {
        panic!("it was refused");
    };
    assert_eq!(records[0].shadow, []);
    assert_eq!(records[1].shadow, shadow(Reason::RateLimited));
}

#[test]
fn the_work_of_rules_in_shadow_is_not_that_of_the_others() {
    // Each runs for a good part of the budget of a call.
    let check = |number: u32, mode: &str| {
        let conditions = r#"{"path": "args.text", "op": "regex", "value": "x$"}"#;
        format!(r#"{{"name": "n{number}", "mode": "{mode}", "conditions": [{conditions}]}}"#)
    };
    let policy = |shadow: u32| {
        let mut checks: Vec<String> = (0..shadow).map(|number| check(number, "shadow")).collect();
        checks.push(check(99, "enforce"));
        format!(
            r#"{{"version": "1", "default": "deny", "tools": {{"t": {{"deny_if": [{}]}}}}}}"#,
            checks.join(",")
        )
    };
    let text = format!(r#"{{"text": "{}"}}"#, "c".repeat(20_000));
    let found = decide(&gateway(&policy(60)), "t", &text);
    assert_eq!(found.decision, Ok("/tools/t".into()));
    let undecided = found.shadow.iter().filter(|(_, reason)| *reason == Reason::Undecidable);
    assert!(undecided.count() > 0, "their own budget is spent");
}
