//! Notices: made by workers, sent by the main thread, on an Envoy whose calls fail or end
//! in any order.

use crate::abi::{self, Pair, lend};
use crate::call;
use crate::configuration::ConfigCall;
use crate::corpus::{Outcome, Request};
use crate::exchange::{Envoy, PLAIN, log};
use std::ptr::null;
use std::thread;

const POLICY: &str = r#"{
  "version": "1", "default": "deny", "identity": [ { "header": "x-id" } ],
  "tools": { "a": { "action": "require_approval" } },
  "settings": { "approvals": { "path": "/approvals", "approvers": ["boss"], "requests": "100/hour", "wait": 60,
    "notify": { "cluster": "relay", "authority": "relay.internal", "path": "/hook", "key": "0123456789abcdef" } } }
}"#;

const FAILED: &str = "mcp_policy_approvals_notices_failed_total";

fn ask(envoy: &Envoy, n: usize) {
    let mut request: Request = call("a");
    request.headers.push(("x-id".into(), "agent".into()));
    request.body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a","arguments":{{"n":{n}}}}}}}"#
    )
    .into_bytes();
    let Outcome::Replied { body, .. } = envoy.send(&request) else { panic!("it went on") };
    assert!(String::from_utf8(body).unwrap().contains("approval_required"));
}

fn end(envoy: &Envoy, call: u64, result: u32, headers: &[(&str, &str)]) {
    let pair = |(name, value): &(&str, &str)| Pair {
        name: lend(name.as_bytes()),
        value: lend(value.as_bytes()),
    };
    let pairs: Vec<Pair> = headers.iter().map(pair).collect();
    let lines = if pairs.is_empty() { null() } else { pairs.as_ptr() };
    envoy.with_config(|side, module| unsafe {
        abi::config_callout_done(side, module, call, result, lines, pairs.len(), null(), 0);
    });
}

/// Runs what workers have scheduled, on this thread.
fn run_scheduled(envoy: &Envoy) {
    let events = envoy.side(|side| std::mem::take(&mut side.scheduled));
    for _ in 0..events {
        envoy.with_config(|side, module| unsafe { abi::config_scheduled(side, module, 0) });
    }
}

fn calls(envoy: &Envoy) -> Vec<ConfigCall> {
    envoy.side(|side| side.calls.clone())
}

#[test]
fn the_main_thread_calls_what_workers_put_in_line() {
    let envoy = Envoy::configure("notices", POLICY, PLAIN).unwrap();
    thread::scope(|scope| {
        for worker in 0..3 {
            scope.spawn({
                let envoy = &envoy;
                move || ask(envoy, worker)
            });
        }
    });
    assert!(calls(&envoy).is_empty(), "a worker called");
    run_scheduled(&envoy);
    let all = calls(&envoy);
    assert_eq!(all.len(), 3);
    assert_eq!(all[0].cluster, "relay");
    assert_eq!(all[0].headers[1], (":authority".into(), "relay.internal".into()));
    assert!(all[0].body.starts_with(r#"{"event":"approval_requested","id":"apr_"#));
    for call in [2, 0, 1] {
        end(&envoy, call, 0, &[("x", "y"), (":status", "200")]);
    }
    // One that is not known changes nothing.
    end(&envoy, 7, 0, &[(":status", "500")]);
    assert_eq!(envoy.metric(FAILED, &[]), 0);
}

#[test]
fn whatever_becomes_of_a_call_it_is_counted_and_there_is_room_again() {
    let envoy = Envoy::configure("failing notices", POLICY, PLAIN).unwrap();
    envoy.side(|side| side.refuses_calls = true);
    ask(&envoy, 0);
    run_scheduled(&envoy);
    assert_eq!(envoy.metric(FAILED, &[]), 1);
    envoy.side(|side| side.refuses_calls = false);
    let ends: [(u32, &[(&str, &str)]); 5] = [
        (1, &[]),
        (2, &[(":status", "200")]),
        (0, &[(":status", "500")]),
        (0, &[]),
        (0, &[(":status", "\u{fffd}")]),
    ];
    for (n, (result, headers)) in ends.into_iter().enumerate() {
        ask(&envoy, 1 + n);
        run_scheduled(&envoy);
        end(&envoy, n as u64, result, headers);
        assert_eq!(envoy.metric(FAILED, &[]), 2 + n as u64);
    }
    for n in 10..30 {
        ask(&envoy, n);
    }
    assert_eq!(envoy.metric(FAILED, &[]), 6 + 4, "{:?}", log());
    run_scheduled(&envoy);
    assert_eq!(calls(&envoy).len(), 5 + 16);
    ask(&envoy, 30);
    assert_eq!(envoy.metric(FAILED, &[]), 6 + 5);
    end(&envoy, 5, 0, &[(":status", "204")]);
    ask(&envoy, 31);
    run_scheduled(&envoy);
    assert_eq!(calls(&envoy).len(), 5 + 17);
}

#[test]
fn a_policy_that_tells_nobody_schedules_nothing() {
    let policy = r#"{"version":"1","default":"deny"}"#;
    let envoy = Envoy::configure("no notices", policy, PLAIN).unwrap();
    // Envoy calls these hooks for modules that ask for it.
    envoy.with_config(|side, module| unsafe { abi::config_scheduled(side, module, 3) });
    end(&envoy, 3, 0, &[(":status", "200")]);
    assert_eq!(envoy.side(|side| side.schedulers), 0);
}

/// As Envoy ends: with notices in line and calls on the way.
#[test]
fn a_configuration_may_go_at_any_time() {
    for scheduled in [false, true] {
        let envoy = Envoy::configure("going", POLICY, PLAIN).unwrap();
        ask(&envoy, usize::from(scheduled));
        if scheduled {
            run_scheduled(&envoy);
        }
        assert_eq!(envoy.side(|side| side.schedulers), 1);
    }
}

/// Nobody can be answered there; the workers go on.
#[cfg(feature = "test-panics")]
#[test]
fn a_panic_on_the_main_thread_ends_in_its_hook() {
    for (hook, sent) in [("config_scheduled", 0), ("config_callout_done", 1)] {
        let envoy = Envoy::configure(&format!("panic:{hook}"), POLICY, PLAIN).unwrap();
        ask(&envoy, 0);
        run_scheduled(&envoy);
        assert_eq!(calls(&envoy).len(), sent, "{hook}");
        if sent > 0 {
            end(&envoy, 0, 0, &[(":status", "200")]);
        }
        let logged = log();
        assert!(logged.iter().any(|line| line.contains("on purpose")), "{hook}: {logged:?}");
        ask(&envoy, 1);
    }
}
