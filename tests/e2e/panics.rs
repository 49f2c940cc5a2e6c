//! The answers and logs when a hook of the native module panics.
//!
//! No input is known that makes the shipped module panic. These tests load a build with
//! the feature `test-panics`, in which a filter that is named `panic:HOOK` panics in
//! that hook. Envoy has no sandbox around it, so each panic must end in its hook.

use std::env;
use std::path::PathBuf;

use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::{Builder, Gateway, Push};
use mcp_rig::upstream::{Answer, Upstream};

use crate::seen;
use crate::support::{Wire, assert_denied, danger, manager, only_safe, passed, safe};

/// An Envoy whose module panics in this hook.
fn panicking(hook: &str, upstream: &Upstream) -> Builder {
    let module =
        env::var_os("NATIVE_PANICS").expect("NATIVE_PANICS, which scripts/test-shells sets");
    let module = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(module);
    Gateway::builder()
        .module(module)
        .plugin(&format!("panic:{hook}"), "")
        .policy(only_safe().to_string())
        .upstream(upstream.addr())
        .http1_trailers()
        .access_log_format("%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%")
}

/// A call that comes to every hook of a request.
fn whole() -> Request {
    safe().trailer("x-sum", "1")
}

fn logged(hook: &str) -> String {
    format!("on purpose, in {hook}")
}

#[tokio::test]
async fn a_panic_while_a_request_comes_in_is_a_500_and_nothing_goes_on() {
    for hook in ["request_headers", "request_body", "request_trailers"] {
        let upstream = Upstream::start().await;
        let gateway = panicking(hook, &upstream).concurrency(1).start().await;
        for wire in Wire::BOTH {
            let response = wire.send(gateway.addr(), &whole()).await;
            assert_eq!(response.status, 500, "{hook} {wire:?} {response:?}");
            assert!(response.body.is_empty(), "{hook} {wire:?} {response:?}");
        }
        assert!(upstream.connections().is_empty(), "{hook}");
        for line in gateway.access_log_of(2).await {
            assert_eq!(line, "500 mcp_policy_filter:panic", "{hook}");
        }
        assert!(gateway.log().contains(&logged(hook)), "{hook}");
        // Envoy and its one worker live, and what does not come to the hook is judged.
        if hook == "request_trailers" {
            assert_denied(&http1::send(gateway.addr(), &danger()).await);
            assert!(passed(&http1::send(gateway.addr(), &safe()).await));
        }
    }
}

#[tokio::test]
async fn a_panic_before_the_answers_head_has_gone_is_a_500() {
    let upstream = Upstream::start().await;
    let gateway = panicking("response_headers:passes", &upstream).start().await;
    for wire in Wire::BOTH {
        let response = wire.send(gateway.addr(), &safe()).await;
        assert_eq!(response.status, 500, "{wire:?} {response:?}");
        assert!(response.body.is_empty(), "{wire:?} {response:?}");
        // An answer of the filter itself does not come to that hook.
        assert_denied(&wire.send(gateway.addr(), &danger()).await);
    }
    // The server ran the calls that were allowed, and no other.
    assert_eq!(seen::whole_bodies(&upstream).await.len(), 2);
    assert!(gateway.log().contains(&logged("response_headers:passes")));
}

#[tokio::test]
async fn a_panic_behind_the_answers_head_breaks_the_answer_off() {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let answer = Answer::new().then(head).then("2\r\n{}\r\n0\r\nx-sum: 1\r\n\r\n");
    for hook in ["response_body:passes", "response_trailers:passes"] {
        let upstream = Upstream::start_answering(answer.clone()).await;
        let gateway = panicking(hook, &upstream).start().await;
        for _ in 0..2 {
            assert!(http1::try_send(gateway.addr(), &safe()).await.is_err(), "{hook}");
            assert_denied(&http1::send(gateway.addr(), &danger()).await);
        }
        assert!(gateway.log().contains(&logged(hook)), "{hook}");
    }
}

/// An answer from there would end Envoy.
#[tokio::test]
async fn a_panic_at_the_end_of_a_stream_is_logged_and_changes_nothing() {
    let upstream = Upstream::start().await;
    let gateway = panicking("stream_complete", &upstream).start().await;
    for wire in Wire::BOTH {
        for _ in 0..2 {
            assert!(passed(&wire.send(gateway.addr(), &safe()).await));
            assert_denied(&wire.send(gateway.addr(), &danger()).await);
        }
    }
    gateway.log_with(&logged("stream_complete")).await;
    assert_eq!(seen::whole_bodies(&upstream).await.len(), 4);
}

#[tokio::test]
async fn a_filter_that_cannot_be_made_is_a_500() {
    let upstream = Upstream::start().await;
    let gateway = panicking("filter_new", &upstream).start().await;
    for wire in Wire::BOTH {
        for request in [safe(), danger(), Request::new("GET", "/mcp")] {
            assert_eq!(wire.send(gateway.addr(), &request).await.status, 500);
        }
    }
    assert!(upstream.connections().is_empty());
    assert!(gateway.log().contains(&logged("filter_new")));
}

#[tokio::test]
async fn a_configuration_that_panics_stops_envoy_at_start_and_is_rejected_in_a_push() {
    let upstream = Upstream::start().await;
    let exit = panicking("config_new", &upstream).start_expecting_failure().await;
    assert!(!exit.status.success(), "{}", exit.log);
    assert!(exit.log.contains(&logged("config_new")), "{}", exit.log);

    // A policy of this name makes the filter's name one that panics.
    let gateway = panicking("nothing", &upstream).dynamic().edit_listener(|listener| {
        let filter = &mut manager(listener)["http_filters"][0]["typed_config"];
        let policy = filter["filter_config"]["value"].as_str().expect("a policy");
        if policy.contains("panic") {
            filter["filter_name"] = "panic:config_new".into();
        }
    });
    let gateway = gateway.start().await;
    let mut policy = only_safe();
    policy["description"] = "panic".into();
    let Push::Rejected(log) = gateway.push_policy(&policy.to_string()).await else {
        panic!("{policy} is in force");
    };
    assert!(log.contains(&logged("config_new")), "{log}");
    assert_denied(&http1::send(gateway.addr(), &danger()).await);
    assert!(passed(&http1::send(gateway.addr(), &safe()).await));
}
