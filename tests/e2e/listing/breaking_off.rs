//! Clients and servers that break off within a list.

use mcp_rig::client::{Request, http1};
use mcp_rig::upstream::{Answer, Gate, Upstream};
use mcp_rig::wait::until;

use super::{HIDDEN, LIST, SHOWN, ask, chunk, head, hiding};
use crate::support::Holding;

#[tokio::test]
async fn a_client_that_breaks_off_within_a_list_does_no_harm() {
    for &holding in Holding::each() {
        for (content_type, start) in [("application/json", ""), ("text/event-stream", "data: ")] {
            let gate = Gate::new();
            let (half, rest) = LIST.split_at(60);
            let slow = Answer::new()
                .then(head(content_type) + &chunk(&format!("{start}{half}")))
                .when(&gate, chunk(rest) + "0\r\n\r\n");
            let answers = [("slow".to_owned(), slow), ("list".to_owned(), Answer::json(LIST))];
            let upstream = Upstream::start_choosing("x-answer", answers.into()).await;
            let gateway = holding.gateway(hiding(), upstream.addr()).start().await;

            let request = Request::tools_list(1).header("x-answer", "slow");
            let connection = ask(gateway.addr(), &request).await;
            // Envoy counts responses by their heads.
            until("the list's beginning", async || {
                let name = "cluster.mcp_server.upstream_cx_rx_bytes_total";
                gateway.admin().stat(name).await.filter(|bytes| *bytes > 60)
            })
            .await;
            drop(connection);
            gateway.access_log_of(1).await;
            gate.open();

            let request = Request::tools_list(1).header("x-answer", "list");
            for _ in 0..2 {
                assert_eq!(http1::send(gateway.addr(), &request).await.text(), SHOWN);
            }
        }
    }
}

#[tokio::test]
async fn a_list_of_which_the_server_sends_a_part_is_not_shown() {
    for &holding in Holding::each() {
        for content_type in ["application/json", "text/event-stream"] {
            let part = if content_type == "application/json" {
                LIST.to_owned()
            } else {
                format!("data: {LIST}\n")
            };
            let answer = Answer::new().then(head(content_type) + &chunk(&part)).then_close();
            let upstream = Upstream::start_answering(answer).await;
            let gateway = holding.gateway(hiding(), upstream.addr()).start().await;
            let mut connection = ask(gateway.addr(), &Request::tools_list(1)).await;
            let mut got = Vec::new();
            let status = connection.head().await.expect("a head").status().expect("a status");
            if holding == Holding::Everything && content_type == "application/json" {
                assert!(status >= 500, "{status}");
                continue;
            }
            while let Ok(Some(chunk)) = connection.chunk().await {
                got.extend(chunk);
            }
            let got = String::from_utf8(got).expect("text");
            assert!(HIDDEN.iter().all(|name| !got.contains(name)), "{got}");
        }
    }
}
