//! A stream of very many events through the filter, which looks at each.

use std::fs;

use mcp_rig::client::http1;
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::{Answer, Upstream};
use serde_json::json;

/// Events that are sent in one go.
const TOGETHER: usize = 1_000;
const TIMES: usize = 1_000;
/// The memory that a million events, some 100 MB, may add to Envoy's after the first tenth:
/// far less than they are, and more than the buffers on the way.
const GROWTH_KB: u64 = 40 * 1_024;

const LIST: &str = r#"{"name":"open"},{"name":"secret"}"#;
const SHOWN: &str = r#"{"name":"open"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_million_events_pass_in_order_and_in_little_memory() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                transfer-encoding: chunked\r\n\r\n";
    let chunk = |index| {
        let events = events(index, LIST);
        format!("{:x}\r\n{events}\r\n", events.len())
    };
    let answer = (0..TIMES).map(chunk).fold(Answer::new().then(head), Answer::then);
    let upstream = Upstream::start_answering(answer.then("0\r\n\r\n")).await;
    let policy = json!({ "version": "1", "default": "allow", "hide": ["secret"] });
    let gateway = Gateway::builder().policy(policy.to_string()).upstream(upstream.addr());
    let gateway = gateway.start().await;

    let mut connection = http1::Connection::open(gateway.addr()).await;
    let head = "GET /mcp HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n";
    connection.send_raw(head).await.expect("sent");
    assert_eq!(connection.head().await.expect("a head").status().expect("a status"), 200);

    let (mut received, mut passed, mut before) = (Vec::new(), 0, None);
    let mut expected = events(0, SHOWN);
    while let Some(chunk) = connection.chunk().await.expect("a chunk") {
        received.extend(chunk);
        while let Some(part) = received.get(..expected.len()) {
            assert!(part == expected.as_bytes(), "{passed}: {}", String::from_utf8_lossy(part));
            received.drain(..expected.len());
            passed += 1;
            expected = events(passed, SHOWN);
        }
        if passed >= TIMES / 10 {
            before.get_or_insert_with(|| memory_kb(gateway.pid(), "VmRSS"));
        }
    }
    assert_eq!((passed, received.len()), (TIMES, 0));
    let (before, most) = (before.expect("a tenth"), memory_kb(gateway.pid(), "VmHWM"));
    assert!(most < before + GROWTH_KB, "{before} KB, then up to {most} KB");
}

/// The events that are sent together: a list, and progress.
fn events(index: usize, tools: &str) -> String {
    let list = format!("data: {{\"id\":{index},\"result\":{{\"tools\":[{tools}]}}}}\n\n");
    let progress = (1..TOGETHER).map(|number| {
        let number = index * TOGETHER + number;
        format!(
            "id: {number}\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\
             \"params\":{{\"progress\":{number}}}}}\n\n"
        )
    });
    std::iter::once(list).chain(progress).collect()
}

/// A line of what the kernel says of a process's memory.
pub fn memory_kb(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
    let number = line.split_whitespace().nth(1).expect("a number");
    number.parse().expect("a number")
}
