//! The answers and logs when the module traps, under each of Envoy's failure policies.
//!
//! No input is known that makes the shipped module trap. These tests load the
//! shipped bytes with one function broken ([`module`]): the one that Envoy
//! calls for request trailers. A request with trailers ends the VM of its
//! worker, and every other one is judged as always.

mod module;

use mcp_rig::client::http1::{self, Connection};
use mcp_rig::client::{Request, Response};
use mcp_rig::gateway::{Builder, Gateway, Push};
use mcp_rig::upstream::Upstream;
use mcp_rig::wait::until;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::seen;
use crate::support::{
    Holding, a_day, assert_denied, body, code, counted, danger, in_time, manager, only_safe,
    passed, safe, spread,
};

const CLOSED: &str = "FAIL_CLOSED";
const OPEN: &str = "FAIL_OPEN";
const RELOAD: &str = "FAIL_RELOAD";

const EVALUATIONS: &str = "evaluations";
const RELOADED: &str = "wasm.mcp-policy.vm_reload_success";

#[tokio::test]
async fn fail_closed_answers_503_until_a_policy_is_pushed() {
    let upstream = Upstream::start().await;
    let gateway = trapping(CLOSED, Holding::Everything, only_safe(), &upstream);
    let gateway = gateway.dynamic().start().await;
    assert_unavailable(&http1::send(gateway.addr(), &trap()).await);
    for _ in 0..3 {
        for request in [safe(), danger(), Request::new("GET", "/mcp")] {
            assert_unavailable(&http1::send(gateway.addr(), &request).await);
        }
    }
    assert!(upstream.connections().is_empty());
    for line in gateway.access_log_of(10).await {
        assert!(line.ends_with("/mcp 503 wasm_fail_stream -"), "{line}");
    }
    assert!(gateway.log().contains("proxy_on_request_trailers failed: Uncaught RuntimeError"));

    push(&gateway).await;
    assert_judges(&gateway).await;
}

#[tokio::test]
async fn fail_open_lets_every_call_pass_until_a_policy_is_pushed() {
    let upstream = Upstream::start().await;
    let gateway = trapping(OPEN, Holding::Everything, only_safe(), &upstream);
    let gateway = gateway.dynamic().start().await;
    assert_judges(&gateway).await;
    let judged = gateway.count(EVALUATIONS).await;
    assert!(judged.is_some());

    // The one that traps does not pass: the next one does.
    assert_unavailable(&http1::send(gateway.addr(), &trap()).await);
    assert!(!upstream.received("for nobody"));
    assert!(passed(&http1::send(gateway.addr(), &danger()).await));
    assert!(upstream.received("for nobody"));
    assert_eq!(gateway.count(EVALUATIONS).await, judged);

    push(&gateway).await;
    assert_judges(&gateway).await;
}

#[tokio::test]
async fn fail_reload_answers_503_until_a_new_vm_judges_and_counts_go_on() {
    let upstream = Upstream::start().await;
    let policy = a_day(1);
    let gateway = trapping(RELOAD, Holding::Everything, policy, &upstream).start().await;
    assert!(passed(&http1::send(gateway.addr(), &counted()).await));

    assert_unavailable(&http1::send(gateway.addr(), &trap()).await);
    let judged = until("a new VM", async || {
        for request in [danger(), counted()] {
            let response = http1::send(gateway.addr(), &request).await;
            match response.status {
                503 => assert_unavailable(&response),
                _ => return Some(response),
            }
        }
        None
    });
    assert!([403, 429].map(Value::from).contains(&code(&judged.await)));
    assert_eq!(gateway.admin().stat(RELOADED).await, Some(1));
    assert_denied(&http1::send(gateway.addr(), &danger()).await);
    assert_eq!(code(&http1::send(gateway.addr(), &counted()).await), 429);
    assert_eq!(seen::whole_bodies(&upstream).await.len(), 1);
}

#[tokio::test]
async fn one_workers_trap_leaves_the_others_judging() {
    let upstream = Upstream::start().await;
    let gateway = trapping(CLOSED, Holding::Everything, only_safe(), &upstream);
    let gateway = gateway.concurrency(2).edit_listener(spread).start().await;
    // Both open at once, so that each worker has one.
    let mut dying = Connection::open(gateway.addr()).await;
    let mut living = Connection::open(gateway.addr()).await;
    for connection in [&mut dying, &mut living] {
        assert_denied(&connection.send(&danger()).await);
    }
    assert_unavailable(&dying.send(&trap()).await);
    assert_unavailable(&dying.send(&safe()).await);
    assert_denied(&living.send(&danger()).await);
    assert!(passed(&living.send(&safe()).await));
}

/// A request that a VM held when it died hears nothing by itself.
#[tokio::test]
async fn held_requests_end_with_503_when_more_of_them_comes_or_at_the_timeout() {
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"safe"}}"#;
    let (start, end) = call.split_at(20);
    for policy in [CLOSED, OPEN, RELOAD] {
        for &holding in Holding::each() {
            let upstream = Upstream::start().await;
            let gateway = trapping(policy, holding, only_safe(), &upstream)
                .edit_listener(|listener| manager(listener)["request_timeout"] = "1s".into())
                .access_log_format("%REQ(X-NAME)% %RESPONSE_CODE_DETAILS% %DURATION%")
                .start()
                .await;
            let mut held = Vec::new();
            for name in ["silent", "finished"] {
                let mut connection = Connection::open(gateway.addr()).await;
                let head = format!(
                    "POST /mcp HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\nx-name: {name}\r\n\
                     content-type: application/json\r\naccept: application/json\r\n\r\n{start}",
                    call.len()
                );
                connection.send_raw(head).await.expect("sent");
                held.push(connection);
            }
            let active = "http.mcp.downstream_rq_active";
            until("both held", async || gateway.admin().stat(active).await.filter(|n| *n == 2))
                .await;
            assert_unavailable(&http1::send(gateway.addr(), &trap()).await);

            held[1].send_raw(end).await.expect("sent");
            for connection in &mut held {
                assert_unavailable(&connection.response().await.expect("a response"));
            }
            let lines = gateway.access_log_of(3).await;
            let of = |name: &str| lines.iter().find(|line| line.starts_with(name));
            let silent = of("silent").and_then(|line| line.rsplit_once(' ')).expect("its line");
            assert_eq!(silent.0, "silent wasm_fail_stream", "{policy} {holding:?}");
            // Envoy's clock for this is coarse.
            assert!(silent.1.parse::<u64>().expect("milliseconds") >= 900, "{}", silent.1);
            let finished = of("finished").expect("its line");
            assert!(finished.starts_with("finished wasm_fail_stream "), "{finished}");
            // Not even FAIL_OPEN lets a call go on that a dead VM held.
            assert!(seen::whole_bodies(&upstream).await.is_empty(), "{policy} {holding:?}");
            if holding == Holding::Everything {
                assert!(upstream.connections().is_empty(), "{policy}");
            }
        }
    }
}

/// The answers to what a VM had let through are lost with it.
#[tokio::test]
async fn calls_that_run_lose_their_answer_and_streams_break_off() {
    for policy in [CLOSED, OPEN, RELOAD] {
        let listener = in_time(TcpListener::bind("127.0.0.1:0")).await.expect("a free port");
        let upstream = listener.local_addr().expect("a port");
        let gateway = Holding::Everything.gateway(only_safe(), upstream);
        let gateway = broken(gateway, policy).start().await;

        let mut call = Connection::open(gateway.addr()).await;
        send_whole(&mut call, &safe()).await;
        let mut runs = arrived(&listener, "for the server").await;
        let mut stream = Connection::open(gateway.addr()).await;
        stream.send_raw("GET /mcp HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        let mut streams = arrived(&listener, "\r\n\r\n").await;
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n";
        streams.write_all(head.as_bytes()).await.expect("sent");
        assert_eq!(stream.head().await.expect("a head").status().expect("a status"), 200);
        assert_eq!(stream.chunk().await.expect("a chunk").as_deref(), Some(b"one".as_slice()));

        assert_unavailable(&http1::send(gateway.addr(), &trap()).await);

        runs.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.expect("sent");
        assert_unavailable(&call.response().await.expect("a response"));
        streams.write_all(b"3\r\ntwo\r\n").await.expect("sent");
        assert!(stream.chunk().await.is_err(), "{policy}");
    }
}

#[tokio::test]
async fn a_module_that_traps_while_it_is_configured_stops_envoy_at_start() {
    let module = module::trapping_in("proxy_on_configure");
    for policy in [CLOSED, OPEN, RELOAD] {
        let builder = Gateway::builder().policy(only_safe().to_string());
        let builder = builder.module(&module).failure_policy(policy);
        let exit = builder.start_expecting_failure().await;
        assert!(!exit.status.success(), "{policy}: {}", exit.log);
        assert!(exit.log.contains("proxy_on_configure failed"), "{policy}: {}", exit.log);
    }
}

/// A gateway whose module traps on request trailers.
fn trapping(policy: &str, holding: Holding, rules: Value, upstream: &Upstream) -> Builder {
    broken(holding.gateway(rules, upstream.addr()), policy)
}

fn broken(gateway: Builder, policy: &str) -> Builder {
    let module = module::trapping_in("proxy_on_request_trailers");
    gateway.module(module).failure_policy(policy)
}

/// A denied call that makes the broken module trap before it is judged.
fn trap() -> Request {
    danger().trailer("x-sum", "1")
}

/// Checks the answer of a dead VM: nothing that the filter has written.
#[track_caller]
fn assert_unavailable(response: &Response) {
    assert_eq!(response.status, 503, "{response:?}");
    assert!(response.body.is_empty(), "{response:?}");
}

async fn assert_judges(gateway: &Gateway) {
    assert_denied(&http1::send(gateway.addr(), &danger()).await);
    assert!(passed(&http1::send(gateway.addr(), &safe()).await));
}

/// Pushes the same rules under another text, which makes new VMs.
async fn push(gateway: &Gateway) {
    let mut policy = only_safe();
    policy["settings"]["hold_request_headers"] = true.into();
    policy["description"] = "another text".into();
    assert_eq!(gateway.push_policy(&policy.to_string()).await, Push::Accepted);
}

async fn send_whole(connection: &mut Connection, request: &Request) {
    let body = body(request);
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\
         content-type: application/json\r\naccept: application/json\r\n\r\n",
        body.len()
    );
    connection.send_raw([head.as_bytes(), &body].concat()).await.expect("sent");
}

/// The next connection to a server, once `text` has come on it.
async fn arrived(listener: &TcpListener, text: &str) -> TcpStream {
    let (mut stream, _) = in_time(listener.accept()).await.expect("a connection");
    let mut bytes = Vec::new();
    while !String::from_utf8_lossy(&bytes).contains(text) {
        let read = in_time(stream.read_buf(&mut bytes)).await.expect("bytes");
        assert_ne!(read, 0, "closed after {}", String::from_utf8_lossy(&bytes));
    }
    stream
}
