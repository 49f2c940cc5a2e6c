//! The rig by itself: Envoy without the module, so that a failure here is a
//! failure of the rig.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_rig::client::mcp::{CallError, McpClient};
use mcp_rig::client::{Request, http1, http2};
use mcp_rig::gateway::{Builder, Gateway, Push};
use mcp_rig::server::{McpServer, Mode, TOOLS};
use mcp_rig::upstream::{Answer, RESULT, Upstream};
use mcp_rig::wait;
use serde_json::{Value, json};

fn plain() -> Builder {
    Gateway::builder().without_filter()
}

#[tokio::test]
async fn the_official_client_works_through_the_gateway_in_every_mode() {
    for mode in [Mode::Sessions, Mode::Stateless] {
        let server = McpServer::start("127.0.0.1:0", mode).await;
        let gateway = plain().upstream(server.addr()).start().await;
        let clients =
            [McpClient::connect(gateway.addr()).await, McpClient::discover(gateway.addr()).await];
        for client in clients {
            let names: Vec<_> = TOOLS.iter().map(|tool| tool.name).collect();
            assert_eq!(client.list_tools().await.expect("a list"), names);

            let said =
                client.call_text("session_send", json!({"sessionId": "s1", "message": "hi"})).await;
            assert_eq!(
                said.expect("a result"),
                r#"session_send {"message":"hi","sessionId":"s1"}"#
            );

            let refused = client.call("session_send", json!({"sessionId": "s1"})).await;
            assert!(matches!(refused, Err(CallError::JsonRpc { code: -32602, .. })), "{refused:?}");
            client.close().await;
        }
        assert_eq!(server.count("session_send"), 2, "{mode:?}");
        assert_eq!(server.calls().len(), 2);
    }
}

#[tokio::test]
async fn a_call_without_initialize_runs_over_both_http_versions() {
    let server = McpServer::start("127.0.0.1:0", Mode::Stateless).await;
    let gateway = plain().upstream(server.addr()).upstream_http2().concurrency(2).start().await;
    let call = Request::tool_call(7, "session_kill", r#"{"sessionId":"s1"}"#);

    let replies = [
        http1::send(gateway.addr(), &call).await,
        http1::send(gateway.addr(), &call.clone().cut(5)).await,
        http2::send(gateway.addr(), &call).await,
        http2::send(gateway.addr(), &call.clone().cut(5).trailer("x-sum", "1")).await,
    ];

    for reply in replies {
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.json()["id"], 7);
        assert_eq!(
            reply.json()["result"]["content"][0]["text"],
            r#"session_kill {"sessionId":"s1"}"#
        );
    }
    assert_eq!(server.count("session_kill"), 4);
    let lines = gateway.access_log_of(4).await;
    assert_eq!(lines, ["POST /mcp 200 via_upstream -"; 4]);
}

#[tokio::test]
async fn chunks_and_trailers_arrive_as_they_were_sent() {
    let upstream = Upstream::start().await;
    let gateway = plain().upstream(upstream.addr()).http1_trailers().start().await;
    let request = Request::mcp("0123456789").cut(4).trailer("x-sum", "ten");

    let mut connection = http1::Connection::open(gateway.addr()).await;
    for _ in 0..2 {
        assert_eq!(connection.send(&request).await.text(), RESULT);
    }
    assert_eq!(http2::send(gateway.addr(), &request).await.text(), RESULT);

    let transcript = upstream.transcript();
    assert_eq!(transcript.matches("\r\nx-sum: ten\r\n").count(), 3, "{transcript}");
    assert!(upstream.received("0\r\nx-sum: ten\r\n\r\n"));
    assert!(!upstream.received("eleven"));
}

#[tokio::test]
async fn half_a_request_is_seen_by_the_recording_upstream() {
    let upstream = Upstream::start().await;
    let gateway = plain().upstream(upstream.addr()).start().await;
    let mut connection = http1::Connection::open(gateway.addr()).await;
    connection
        .send_raw("POST /mcp HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf")
        .await
        .expect("sent");
    wait::until("half a body upstream", async || upstream.received("half").then_some(())).await;
}

#[tokio::test]
async fn a_stream_can_be_followed_event_by_event() {
    let answer = Answer::events(["data: 1\n\n"]);
    let slow = Answer::new()
        .then("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n")
        .after(Duration::from_millis(50), "data: 2\n\n")
        .then_close();
    for (answer, events) in [(answer, 1), (slow, 2)] {
        let upstream = Upstream::start_answering(answer).await;
        let gateway = plain().upstream(upstream.addr()).start().await;
        let mut connection = http1::Connection::open(gateway.addr()).await;
        connection.send_raw("GET /mcp HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        assert_eq!(connection.head().await.expect("a head").status().expect("a status"), 200);
        for event in 1..=events {
            let chunk = connection.chunk().await.expect("a chunk").expect("an event");
            assert_eq!(chunk, format!("data: {event}\n\n").as_bytes());
        }
        assert_eq!(connection.chunk().await.expect("the last chunk"), None);
    }
}

#[tokio::test]
async fn a_push_takes_effect_or_changes_nothing() {
    let server = McpServer::start("127.0.0.1:0", Mode::Stateless).await;
    // Stands in for the policy, which is not there without the module.
    let route = Arc::new(Mutex::new(Value::Null));
    let edit = {
        let route = route.clone();
        move |listener: &mut Value| {
            let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
            let action = route.lock().expect("no panic").clone();
            if action != Value::Null {
                manager["route_config"]["virtual_hosts"][0]["routes"][0]["route"] = action;
            }
        }
    };
    let gateway = plain().upstream(server.addr()).dynamic().edit_listener(edit).start().await;
    let status = async || http1::send(gateway.addr(), &Request::tools_list(1)).await.status;
    assert_eq!(status().await, 200);

    let elsewhere = json!({ "cluster_header": "x-cluster" });
    let unknown = json!({ "cluster": "nowhere" });
    let malformed = json!({ "cluster": 5 });
    let before = json!({ "cluster": "mcp_server" });
    let pushes = [
        (&elsewhere, true, 503),
        (&unknown, false, 503),
        (&before, true, 200),
        (&malformed, false, 200),
        (&before, true, 200),
        (&elsewhere, true, 503),
    ];
    for (action, accepted, expected) in pushes {
        *route.lock().expect("no panic") = action.clone();
        match gateway.push_policy("").await {
            Push::Accepted => assert!(accepted, "{action}"),
            Push::Rejected(log) => assert!(!accepted && log.contains("cluster"), "{action}: {log}"),
        }
        assert_eq!(status().await, expected, "{action}");
    }
}

#[tokio::test]
async fn a_module_may_refuse_its_policy() {
    let module = std::env::temp_dir().join(format!("rig-even-{}.wasm", std::process::id()));
    std::fs::write(&module, EVEN).expect("a temporary file");
    let server = McpServer::start("127.0.0.1:0", Mode::Stateless).await;
    let with = |policy: &str| {
        let builder = Gateway::builder().module(&module).policy(policy);
        builder.upstream(server.addr()).hold_request_headers(true).concurrency(2)
    };

    for exit in [with("odd").start_expecting_failure().await, with("odd").validate().await] {
        assert!(!exit.status.success() && exit.log.contains("wasm"), "{}", exit.log);
    }
    assert!(with("even").validate().await.status.success());

    // Four bytes that YAML or JSON by hand would not have carried unharmed.
    let gateway = with("\"\n\u{fc}").dynamic().start().await;
    for (policy, accepted) in [("even", true), ("odd", false), ("seven", false), ("", true)] {
        let push = gateway.push_policy(policy).await;
        assert_eq!(push == Push::Accepted, accepted, "{policy}: {push:?}");
        let reply = http1::send(gateway.addr(), &Request::tools_list(1)).await;
        assert_eq!(reply.status, 200);
    }
    let _ = std::fs::remove_file(module);
}

/// The smallest module that can refuse a policy: one of an odd length.
///
/// ```wat
/// (module
///   (memory (export "memory") 1)
///   (func (export "proxy_abi_version_0_2_1"))
///   (func (export "malloc") (param i32) (result i32) i32.const 0)
///   (func (export "proxy_on_configure") (param i32 i32) (result i32)
///     local.get 1 i32.const 1 i32.and i32.eqz))
/// ```
const EVEN: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x0f\x03`\0\0`\x01\x7f\x01\x7f`\x02\x7f\x7f\x01\x7f\
    \x03\x04\x03\0\x01\x02\
    \x05\x03\x01\0\x01\
    \x07B\x04\x06memory\x02\0\x17proxy_abi_version_0_2_1\0\0\x06malloc\0\x01\x12proxy_on_configure\0\x02\
    \x0a\x12\x03\x02\0\x0b\x04\0A\0\x0b\x08\0\x20\x01A\x01qE\x0b";

#[tokio::test]
async fn an_envoy_that_should_fail_is_reported_with_its_log() {
    let broken = plain().edit_listener(|listener| listener["adress"] = json!("?"));
    for exit in [broken.clone().start_expecting_failure().await, broken.validate().await] {
        assert!(!exit.status.success());
        assert!(exit.log.contains("adress"), "{}", exit.log);
    }
    assert!(plain().validate().await.status.success());
}

#[tokio::test]
async fn envoy_ends_with_its_gateway() {
    let gateway = plain().start().await;
    let pid = gateway.pid();
    let alive = || {
        let probe = Command::new("sh").args(["-c", &format!("kill -0 {pid} 2>&1")]).output();
        probe.expect("a shell").status.success()
    };
    assert!(alive());
    assert!(gateway.log_with("starting main dispatch loop").await.contains("starting"));
    assert_eq!(gateway.admin().stat("server.live").await, Some(1));
    drop(gateway);
    assert!(!alive());
}
