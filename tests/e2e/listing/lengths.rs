//! The lengths of responses, and those that they say.

use mcp_rig::client::{Request, http1, http2};
use mcp_rig::upstream::http2::Trailing;
use mcp_rig::upstream::{Answer, Gate, Upstream};
use serde_json::Value;

use super::{HIDDEN, LIST, SHOWN, ask, hiding, long_list};
use crate::callers::resident_kb;
use crate::support::{Holding, Wire, manager};

#[tokio::test]
async fn a_shorter_list_does_not_keep_its_old_length() {
    for &holding in Holding::each() {
        let upstream = Upstream::start_answering(Answer::json(LIST)).await;
        let gateway = holding.gateway(hiding(), upstream.addr()).start().await;
        for wire in Wire::BOTH {
            let list = wire.send(gateway.addr(), &Request::tools_list(1)).await;
            assert_eq!((list.status, &*list.text()), (200, SHOWN));
            let length = list.header("content-length");
            assert!(length.is_none_or(|length| length == SHOWN.len().to_string()), "{list:?}");
        }
        // The next response on a connection is where it should be.
        let mut connection = http1::Connection::open(gateway.addr()).await;
        for _ in 0..3 {
            assert_eq!(connection.send(&Request::tools_list(1)).await.text(), SHOWN);
        }
    }
}

#[tokio::test]
async fn a_list_that_ends_with_trailers_is_filtered() {
    let (start, rest) = LIST.split_at(70);
    for &holding in Holding::each() {
        for (content_type, before, after) in
            [("application/json", "", ""), ("text/event-stream", ": ping\n\ndata: ", "\n\n")]
        {
            let pieces = vec![before.to_owned(), start.to_owned(), format!("{rest}{after}")];
            let upstream = Trailing::start(content_type, pieces).await;
            let builder = holding.gateway(hiding(), upstream.addr()).upstream_http2();
            let gateway = builder.start().await;
            for wire in Wire::BOTH {
                let list = wire.send(gateway.addr(), &Request::tools_list(1)).await;
                assert_eq!((list.status, list.text()), (200, format!("{before}{SHOWN}{after}")));
                assert_eq!(list.trailers, [("x-sum".to_owned(), "1".to_owned())]);
            }
        }
    }
}

#[tokio::test]
async fn other_responses_keep_their_length() {
    let length = LIST.len().to_string();
    for &holding in Holding::each() {
        let upstream = Upstream::start_answering(Answer::json(LIST)).await;
        let gateway = holding.gateway(hiding(), upstream.addr()).start().await;
        for request in [Request::tool_call(1, "safe", "{}"), Request::new("DELETE", "/mcp")] {
            for wire in Wire::BOTH {
                let response = wire.send(gateway.addr(), &request).await;
                assert_eq!(response.header("content-length"), Some(&*length));
                assert_eq!(response.text(), LIST);
            }
        }

        // The answer to a HEAD is a head.
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {length}\r\n\r\n"
        );
        let upstream = Upstream::start_answering(Answer::new().then(head)).await;
        let gateway = holding.gateway(hiding(), upstream.addr()).start().await;
        let mut connection = ask(gateway.addr(), &Request::new("HEAD", "/mcp")).await;
        let head = connection.head().await.expect("a head");
        let said = mcp_rig::http::field(&head.headers, "content-length");
        assert_eq!((head.status().expect("a status"), said), (200, Some(&*length)));
    }
}

#[tokio::test]
async fn a_list_beyond_envoys_own_limit_is_shown_to_nobody() {
    let list = long_list(300_000);
    // The rest never comes, so Envoy cannot hand all over in one go.
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        list.len() + 10
    );
    for &holding in Holding::each() {
        let answer = Answer::new().then(head.clone() + &list).when(&Gate::new(), "          ");
        let upstream = Upstream::start_answering(answer).await;
        let builder = holding.gateway(hiding(), upstream.addr()).buffer_limit(4_096);
        let gateway = builder.edit_listener(small_windows).start().await;
        let request = Request::tools_list(1);
        match holding {
            Holding::Everything => {
                for wire in Wire::BOTH {
                    let failed = wire.send(gateway.addr(), &request).await;
                    assert_eq!(failed.status, 500, "{failed:?}");
                    assert!(HIDDEN.iter().all(|name| !failed.text().contains(name)));
                }
            }
            Holding::Body => {
                let mut connection = ask(gateway.addr(), &request).await;
                connection.head().await.expect("a head");
                connection.chunk().await.expect_err("a list was shown");
                let mut connection = http2::Connection::open(gateway.addr()).await;
                connection.send(&request).await.expect_err("a list was shown");
            }
        }
        let lines = gateway.access_log_of(2).await;
        let expected = "response_payload_too_large";
        assert!(lines.iter().all(|line| line.contains(expected)), "{lines:?}");
    }
}

/// In HTTP/2, Envoy buffers as much as a stream's window, whatever the
/// listener's limit.
fn small_windows(listener: &mut Value) {
    manager(listener)["http2_protocol_options"] = serde_json::json!({
        "initial_stream_window_size": 65_535,
    });
}

#[tokio::test]
async fn a_thousand_lists_leave_nothing_behind() {
    const BYTES: usize = 30_000;
    let list = long_list(BYTES);
    let event = format!("data: {list}\n\n");
    let answers = [
        ("json".to_owned(), Answer::json(&list)),
        ("events".to_owned(), Answer::events([&*event])),
    ];
    let upstream = Upstream::start_choosing("x-answer", answers.into()).await;
    let gateway = Holding::Everything.gateway(hiding(), upstream.addr()).start().await;
    let mut connection = http1::Connection::open(gateway.addr()).await;
    let mut lists = async |times: usize| {
        for number in 0..times {
            let answer = if number % 2 == 0 { "json" } else { "events" };
            let request = Request::tools_list(1).header("x-answer", answer);
            let shown = connection.send(&request).await;
            assert!(shown.body.len() > BYTES / 4, "{shown:?}");
            assert!(HIDDEN.iter().all(|name| !shown.text().contains(name)));
        }
    };
    lists(100).await;
    let before = resident_kb(&gateway);
    lists(1_000).await;
    let grown = resident_kb(&gateway).saturating_sub(before);
    // A third of what they would take if each left its bytes behind.
    assert!(grown < 1_000 * BYTES / 1_000 / 3, "{grown} kB more than {before} kB");
}
