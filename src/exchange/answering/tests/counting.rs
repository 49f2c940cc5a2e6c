//! Calls that a service counts for all replicas.

use super::{Gateway, call, question, refused};
use crate::exchange::Step;
use crate::exchange::question::{Answer, Failure};
use crate::policy::Reason;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A policy with these tools, whose service is an engine of this kind, and lets what it
/// cannot count go on.
fn policy(tools: &str, engine: &str) -> String {
    format!(
        r#"{{"version": "1", "default": "deny", "tools": {{{tools}}}, "settings": {{
            "paths": ["/mcp"], "batches": "judge", "limit_service": {{"cluster": "c",
            "engine": "{engine}", "domain": "mcp", "on_failure": "allow"}}}}}}"#
    )
}

/// A tool with a limit of its own.
fn tool(name: &str) -> String {
    format!(
        r#""{name}": {{"limits": [{{"counter": "{name}", "window": "day", "max": 1,
            "across": "replicas"}}]}}"#
    )
}

#[test]
fn a_crowd_turns_no_limit_off() {
    let mut gateway = Gateway::new(&policy(&tool("t"), "ratelimit"));
    for (failure, goes_on) in [(Failure::Crowded, false), (Failure::Dispatch, true)] {
        let (mut exchange, step) = gateway.call("t");
        question(step);
        let step = gateway.answer(&mut exchange, Answer::Failed(failure));
        match step {
            Step::Go(_) => assert!(goes_on, "{failure:?}"),
            step => {
                assert!(!goes_on, "{failure:?}: {step:?}");
                assert_eq!(refused(step).0, Reason::LimitService);
            }
        }
    }
}

#[test]
fn a_batch_of_too_many_questions_is_refused_before_the_first() {
    let tools: Vec<String> = (0..65).map(|n| tool(&format!("t{n}"))).collect();
    let mut gateway = Gateway::new(&policy(&tools.join(","), "limitador"));
    let batch = |calls: u8| {
        let calls: Vec<String> = (0..calls).map(|n| call(n, &format!("t{n}"))).collect();
        format!("[{}]", calls.join(","))
    };
    let (_, step) = gateway.send(&batch(65));
    let Step::Refuse(_) = step else { panic!("{step:?}") };
    // Nothing was charged, and 64 are not too many.
    let (_, step) = gateway.send(&batch(64));
    question(step);
}
