//! Clients that would have Envoy send a call several times, after it was
//! judged and counted once.

use mcp_rig::client::Request;
use mcp_rig::gateway::Builder;
use mcp_rig::upstream::{Answer, Upstream};
use serde_json::{Value, json};

use crate::seen;
use crate::support::{Holding, Wire, manager, only_safe, safe};

#[tokio::test]
async fn a_client_cannot_have_a_call_repeated() {
    for &holding in Holding::each() {
        for answer in failures() {
            let upstream = Upstream::start_answering(answer).await;
            let builder = holding.gateway(only_safe(), upstream.addr());
            assert_eq!(arrivals(builder, &upstream).await, [1, 2], "{holding:?}");
        }
    }
}

#[tokio::test]
async fn without_the_filter_it_could() {
    for answer in failures() {
        let upstream = Upstream::start_answering(answer).await;
        let builder = Holding::Body.gateway(only_safe(), upstream.addr()).without_filter();
        assert_eq!(arrivals(builder, &upstream).await, [4, 8]);
    }
}

/// The answers at which Envoy repeats a request that asks for it.
fn failures() -> [Answer; 2] {
    let error = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";
    [Answer::new().then(error), Answer::new().then_close()]
}

/// The number of requests that have arrived after a call over each version of HTTP that asks
/// for three repetitions.
async fn arrivals(builder: Builder, upstream: &Upstream) -> Vec<usize> {
    let gateway = builder.edit_listener(trust_the_client).start().await;
    let mut arrivals = Vec::new();
    for wire in Wire::BOTH {
        let response = wire.send(gateway.addr(), &asking(safe())).await;
        assert!(response.status >= 500, "{response:?}");
        arrivals.push(seen::requests(upstream).await.len());
    }
    arrivals
}

fn asking(request: Request) -> Request {
    request
        .header("x-envoy-retry-on", "5xx,reset")
        .header("x-envoy-max-retries", "3")
        .header("x-envoy-hedge-on-per-try-timeout", "true")
        .header("x-envoy-upstream-rq-per-try-timeout-ms", "5000")
}

/// Makes clients on this machine internal: from any others, Envoy takes these
/// headers out by itself.
fn trust_the_client(listener: &mut Value) {
    let manager = manager(listener);
    manager["use_remote_address"] = true.into();
    manager["internal_address_config"] =
        json!({ "cidr_ranges": [{ "address_prefix": "127.0.0.0", "prefix_len": 8 }] });
}
