//! A call's charge is given back if Envoy sent nothing of it to any server, and kept at every
//! other end.
//!
//! All routes lead through one filter and so to one count: what one of them
//! gave back, another can spend.

use std::net::SocketAddr;

use mcp_rig::client::{Request, Response, http1, http2};
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::{Answer, NOWHERE, Upstream};
use mcp_rig::wait::until;
use serde_json::{Value, json};

use crate::support::{Holding, a_day, body, code, counted, manager, passed};

/// The access log's format under which a line is how a request ended.
const ENDS: &str = "%RESPONSE_CODE% %RESPONSE_FLAGS%";

/// The cluster `other`, with this server or with none.
fn other(server: Option<SocketAddr>) -> Value {
    let endpoints = server.map(|server| {
        json!({ "endpoint": { "address": { "socket_address": {
            "address": server.ip().to_string(), "port_value": server.port(),
        } } } })
    });
    json!({
        "name": "other",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": "other",
            "endpoints": [{ "lb_endpoints": Vec::from_iter(endpoints) }],
        },
    })
}

/// The same, to which Envoy lets no request through.
fn choked(server: SocketAddr) -> Value {
    let mut cluster = other(Some(server));
    cluster["circuit_breakers"] = json!({ "thresholds": [{ "max_pending_requests": 0 }] });
    cluster
}

/// A gateway with a way to the `live` server under `/mcp`, and, if a cluster
/// is named for it, one under `/other`.
async fn gateway(
    holding: Holding,
    live: &Upstream,
    route: Option<&'static str>,
    other: Value,
) -> Gateway {
    let edit = move |listener: &mut Value| {
        let routes = &mut manager(listener)["route_config"]["virtual_hosts"][0]["routes"];
        routes[0]["match"] = json!({ "path": "/mcp" });
        // A cluster that does not exist is an error at start otherwise.
        if let (Some(cluster), Some(routes)) = (route, routes.as_array_mut()) {
            routes.push(json!({
                "match": { "path": "/other" },
                "route": { "cluster": cluster, "timeout": "0s" },
            }));
        }
        manager(listener)["route_config"]["validate_clusters"] = false.into();
    };
    let builder = holding.gateway(a_day(1), live.addr()).cluster(other);
    builder.edit_listener(edit).access_log_format(ENDS).start().await
}

fn to_other() -> Request {
    counted().path("/other")
}

async fn send(gateway: &Gateway, request: &Request) -> Response {
    http1::send(gateway.addr(), request).await
}

/// Asserts that the only call of the day is still to be had.
async fn assert_given_back(gateway: &Gateway, what: &str) {
    // The charge is given back when Envoy logs the end.
    until(&format!("{what}: the charge back"), async || {
        passed(&send(gateway, &counted()).await).then_some(())
    })
    .await;
    assert_eq!(code(&send(gateway, &counted()).await), 429, "{what}: given back twice");
}

/// Waits until the call is with the server.
async fn arrived(server: &Upstream) {
    until("the call at the server", async || server.received("tools/call").then_some(())).await;
}

async fn assert_kept(gateway: &Gateway, what: &str) {
    assert_eq!(code(&send(gateway, &counted()).await), 429, "{what}");
}

#[tokio::test]
async fn a_call_that_no_server_was_sent_costs_nothing() {
    let never = Upstream::start().await;
    for (what, route, other, end) in [
        ("no connection", Some("other"), other(Some(NOWHERE)), "503 UF"),
        ("no host", Some("other"), other(None), "503 UH"),
        ("no route", None, other(None), "404 NR"),
        ("no cluster", Some("missing"), other(None), "503 NC"),
        ("too many requests", Some("other"), choked(never.addr()), "503 UO"),
    ] {
        let live = Upstream::start().await;
        // With the body alone held, the end comes before the body is judged,
        // and nothing is charged in the first place.
        let gateway = gateway(Holding::Everything, &live, route, other).await;
        for _ in 0..3 {
            let failed = send(&gateway, &to_other()).await;
            assert!(failed.status >= 400, "{what}: {failed:?}");
        }
        let log = gateway.access_log_of(3).await;
        let refused = log.iter().filter(|line| !line.starts_with(end)).count();
        assert_eq!(refused, 0, "{what}: {log:?}");
        assert_given_back(&gateway, what).await;
    }
    assert!(never.connections().is_empty());
}

#[tokio::test]
async fn a_call_that_no_server_was_sent_costs_nothing_with_the_body_alone_held() {
    for (route, other) in
        [(Some("other"), other(Some(NOWHERE))), (Some("other"), other(None)), (None, other(None))]
    {
        let live = Upstream::start().await;
        let gateway = gateway(Holding::Body, &live, route, other).await;
        for _ in 0..3 {
            assert!(send(&gateway, &to_other()).await.status >= 400);
        }
        gateway.access_log_of(3).await;
        assert_given_back(&gateway, "the body held").await;
    }
}

#[tokio::test]
async fn a_call_that_a_server_was_sent_is_charged_whatever_it_answers() {
    let error = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";
    let unavailable = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    for (what, answer, end) in [
        ("500", Answer::new().then(error), "500 -"),
        ("503", Answer::new().then(unavailable), "503 -"),
        ("half an answer", Answer::new().then(half).then_close(), "200 UPE"),
        ("a reset", Answer::new().then_close(), "503 UC"),
        ("no HTTP", Answer::new().then("what?\r\n\r\n").then_close(), "502 UPE"),
    ] {
        for &holding in Holding::each() {
            let live = Upstream::start().await;
            let server = Upstream::start_answering(answer.clone()).await;
            let gateway = gateway(holding, &live, Some("other"), other(Some(server.addr()))).await;
            let _ = http1::try_send(gateway.addr(), &to_other()).await;
            assert_eq!(gateway.access_log_of(1).await, [end], "{what}");
            assert!(server.received("tools/call"), "{what}");
            assert_kept(&gateway, what).await;
        }
    }
}

#[tokio::test]
async fn a_client_that_resets_does_not_get_its_charge_back() {
    for &holding in Holding::each() {
        let live = Upstream::start().await;
        // It takes the call and says nothing.
        let silent = Upstream::start_answering(Answer::new()).await;

        let over_http1 = gateway(holding, &live, Some("other"), other(Some(silent.addr()))).await;
        let addr = over_http1.addr();
        let client = tokio::spawn(async move { http1::send(addr, &to_other()).await });
        arrived(&silent).await;
        client.abort();
        assert_eq!(over_http1.access_log_of(1).await, ["0 DC"]);
        assert_kept(&over_http1, "HTTP/1.1").await;

        let silent = Upstream::start_answering(Answer::new()).await;
        let over_http2 = gateway(holding, &live, Some("other"), other(Some(silent.addr()))).await;
        let mut connection = http2::Connection::open(over_http2.addr()).await;
        let (response, mut stream) = connection.begin(&to_other()).await.expect("begun");
        stream.send_data(body(&to_other()).into(), true).expect("sent");
        arrived(&silent).await;
        stream.send_reset(http2::CANCEL);
        assert_eq!(over_http2.access_log_of(1).await, ["0 DR"]);
        assert_kept(&over_http2, "HTTP/2").await;
        drop((response, stream));
    }
}
