use crate::limit_service::Charge;
use crate::limits::window::ONE_CALL;
use crate::policy::document::{LimitService, OnFailure};
use crate::policy::{Caller, Holders, Policy, Rules};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const LIMITS: &str = r#""tools": {"a": {"limits": [
    {"counter": "calls", "window": "hour", "max": 20, "across": "replicas"},
    {"counter": "money", "window": 86400, "max": 100.5, "increment_from": "args.n",
     "unit": 0.01, "across": "replicas"},
    {"counter": "all", "window": "day", "max": 7, "weight": 3, "scope": "global",
     "across": "replicas"},
    {"counter": "own", "window": "minute", "max": 5}]}}"#;

fn policy(members: &str) -> Policy {
    let text = format!(
        r#"{{"version": "1", "default": "deny", {members}, "settings": {{"paths": ["/mcp"],
            "limit_service": {{"cluster": "rl", "engine": "ratelimit", "domain": "mcp"}}}}}}"#
    );
    Policy::parse(text.as_bytes(), "").unwrap()
}

/// The charges to the service for a call of `ci`, each of this weight to its limit.
fn charges(rules: &Rules, weight: u64) -> Vec<String> {
    let caller = Caller::new("ci".to_owned());
    let policy = policy(LIMITS);
    let holders = Holders::new(&policy.table, &caller, None);
    let limits = rules.tools.get("a").and_then(|rule| rule.conditions());
    let limits = limits.map(|conditions| &*conditions.limits).unwrap_or_default();
    let charges = limits.iter().map(|limit| {
        let charge = limit.plain(&holders);
        let charge = crate::limits::Charge { weight, ..charge };
        let Some(asked) = limit.in_service("ci", &charge) else { return "own".to_owned() };
        let Charge { counter, caller, max, window, units } = asked;
        format!("{counter} {caller:?} {max} {window} {units}")
    });
    charges.collect()
}

#[test]
fn weights_are_rounded_up_to_whole_units() {
    let policy = policy(LIMITS);
    assert_eq!(
        charges(&policy.top, 3 * ONE_CALL),
        [
            r#"calls Some("ci") 20 3600 3"#,
            r#"money Some("ci") 10050 86400 300"#,
            "all None 7 86400 3",
            "own",
        ]
    );
    let units = |weight| charges(&policy.top, weight).swap_remove(1);
    assert!(units(0).ends_with(" 0"));
    assert!(units(1).ends_with(" 1"));
    assert!(units(10_000).ends_with(" 1"));
    assert!(units(10_001).ends_with(" 2"));
    assert!(units(100_500_000).ends_with(" 10050"));
}

#[test]
fn counters_of_grants_and_groups_have_names_of_their_own() {
    let body = format!(r#"{{"default": "deny", {LIMITS}}}"#);
    let members = format!(
        r#"{LIMITS}, "identity": [{{"header": "x-id"}}], "grants": {{"op|s*": {body}}},
            "groups": [{{"name": "new", "when": [{{"path": "grant", "op": "eq",
            "value": "n"}}], {}"#,
        body.trim_start_matches('{')
    );
    let policy = policy(&format!("{members}]"));
    let names = |rules| {
        let name = |line: String| line.split(' ').next().unwrap_or_default().to_owned();
        charges(rules, ONE_CALL).into_iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(names(&policy.top), ["calls", "money", "all", "own"]);
    let grant = policy.grants.get("op|ss").unwrap();
    assert_eq!(names(grant), ["op|s*|calls", "op|s*|money", "all", "own"]);
    let group = &policy.groups[0].rules;
    assert_eq!(names(group), ["group:new|calls", "group:new|money", "all", "own"]);
}

#[test]
fn a_policy_says_what_it_warns_of() {
    let warnings = |members: &str, service: &str| {
        let text = format!(
            r#"{{"version": "1", "default": "deny", {members}, "settings": {{"paths": ["/mcp"],
                "limit_service": {{"cluster": "rl", "engine": "ratelimit", "domain": "mcp",
                {service}}}}}}}"#
        );
        let policy = Policy::parse(text.as_bytes(), "").unwrap();
        let LimitService { cluster, authority, engine, domain, timeout_ms, on_failure } =
            policy.settings.limit_service.unwrap();
        assert_eq!(authority, None);
        let names = (&*cluster, engine.as_str(), &*domain);
        assert_eq!((names, timeout_ms), (("rl", "ratelimit", "mcp"), 5_000));
        (policy.warnings.lines().collect::<Vec<_>>(), on_failure)
    };
    // A window of a day survives the process.
    let (found, on_failure) = warnings(LIMITS, r#""timeout_ms": 5000"#);
    assert_eq!((found, on_failure), (vec![], OnFailure::Deny));
    let (found, on_failure) = warnings(LIMITS, r#""timeout_ms": 5000, "on_failure": "allow""#);
    let uncounted = "/settings/limit_service/on_failure: while the service cannot be asked, \
                     limits across replicas bound nobody; with `local` each process bounds its \
                     own calls";
    assert_eq!((found, on_failure), (vec![uncounted.to_owned()], OnFailure::Allow));
    let (found, on_failure) =
        warnings(r#""tools": {}"#, r#""timeout_ms": 5000, "on_failure": "local""#);
    let unasked = "/settings/limit_service: is never asked, since no limit has `\"across\": \
                   \"replicas\"`";
    assert_eq!((found, on_failure), (vec![unasked.to_owned()], OnFailure::Local));
}
