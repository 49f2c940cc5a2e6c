//! Answers that take long: a slow tool, an event stream that stays silent.
//!
//! The waits here are what is tested: Envoy's defaults cut an answer after 15
//! seconds. All of them wait at the same time.

use std::time::{Duration, Instant};

use mcp_rig::client::mcp::McpClient;
use mcp_rig::client::{http1, http2};
use mcp_rig::gateway::Gateway;
use mcp_rig::server::{McpServer, Mode};
use mcp_rig::upstream::{Answer, Upstream};
use serde_json::json;

use crate::support::{Holding, file};

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn twenty_seconds_of_a_tool_or_of_silence_are_not_cut() {
    // Two ways at the most, waited for at once; of one way, the same twice.
    let (first, last) = (Holding::each()[0], Holding::each()[Holding::each().len() - 1]);
    tokio::join!(
        a_slow_tool(first),
        a_slow_tool(last),
        a_silent_stream(first),
        a_silent_stream(last),
    );
}

async fn a_slow_tool(holding: Holding) {
    let server = McpServer::start("127.0.0.1:0", Mode::Sessions).await;
    let policy = json!({ "version": "1", "default": "deny", "tools": { "read_output": {} } });
    let gateway = holding.gateway(policy, server.addr()).start().await;
    let client = McpClient::connect(gateway.addr()).await;

    let start = Instant::now();
    let arguments = json!({ "session_id": "s1", "wait_ms": LONG.as_millis() as u64 });
    let said = client.call_text("read_output", arguments).await.expect("a result");
    assert!(said.starts_with("read_output"), "{said}");
    assert!(start.elapsed() >= LONG);
}

async fn a_silent_stream(holding: Holding) {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let answer = Answer::new().then(head).after(LONG, "data: at last\n\n").then_close();
    let upstream = Upstream::start_answering(answer).await;
    let policy = json!({ "version": "1", "default": "deny" });
    let gateway = holding.gateway(policy, upstream.addr()).start().await;
    let listen = mcp_rig::client::Request::new("GET", "/mcp").header("accept", "text/event-stream");

    let over_http1 = async {
        let mut connection = http1::Connection::open(gateway.addr()).await;
        connection.send_raw("GET /mcp HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        assert_eq!(connection.head().await.expect("a head").status().expect("a status"), 200);
        connection.chunk().await.expect("a chunk").expect("an event")
    };
    let over_http2 = async { http2::send(gateway.addr(), &listen).await.body };
    for event in <[_; 2]>::from(tokio::join!(over_http1, over_http2)) {
        assert_eq!(event, b"data: at last\n\n");
    }
}

#[tokio::test]
async fn the_shipped_configuration_has_the_timeouts_that_are_tested_here() {
    let gateway = Gateway::builder().without_filter().start().await;
    let tested = gateway.admin().get("/config_dump").await.expect("the configuration");
    let shipped = file("envoy/envoy.yaml");
    for (key, time) in
        [("request_timeout", "30s"), ("stream_idle_timeout", "3600s"), ("timeout", "0s")]
    {
        assert!(tested.contains(&format!("\"{key}\": \"{time}\"")), "{key} in {tested}");
        let line = format!("{key}: {time}");
        assert_eq!(shipped.lines().filter(|found| found.trim() == line).count(), 1, "{line}");
    }
}
