//! The parts that go on before the response has ended. The server sends each further part
//! only once the client has got the one before.

use mcp_rig::client::Request;
use mcp_rig::upstream::{Answer, Gate, Upstream};

use super::{LIST, SHOWN, ask, chunk, head, hiding, listen, read_until};
use crate::support::{Holding, only_safe};

#[tokio::test]
async fn events_pass_at_once_while_something_is_hidden() {
    for &holding in Holding::each() {
        for request in [Request::tools_list(1), Request::tool_call(1, "safe", "{}"), listen()] {
            let gate = Gate::new();
            let (start, rest) = LIST.split_at(60);
            let answer = Answer::new()
                .then(head("text/event-stream") + &chunk(&format!(": ping\n\ndata: {start}")))
                .when(&gate, chunk(&format!("{rest}\nid: 1\n\n")))
                .when(&gate, chunk("data: 2\r\n\r\n"))
                .when(&gate, chunk(": ping\n"))
                .when(&gate, "0\r\n\r\n");
            let upstream = Upstream::start_answering(answer).await;
            let gateway = holding.gateway(hiding(), upstream.addr()).start().await;

            let mut connection = ask(gateway.addr(), &request).await;
            assert_eq!(connection.head().await.expect("a head").status().expect("status"), 200);
            for (end, whole) in [
                (": ping\n\n", ": ping\n\n".to_owned()),
                ("id: 1\n\n", format!("data: {SHOWN}\nid: 1\n\n")),
                ("2\r\n\r\n", "data: 2\r\n\r\n".to_owned()),
                (": ping\n", ": ping\n".to_owned()),
            ] {
                assert_eq!(read_until(&mut connection, end).await, whole);
                gate.open();
            }
            assert_eq!(connection.chunk().await.expect("an end"), None);
        }
    }
}

#[tokio::test]
async fn nothing_is_held_back_where_nothing_can_be_hidden() {
    let call = Request::tool_call(1, "safe", "{}");
    for &holding in Holding::each() {
        for (policy, request, content_type) in [
            (only_safe(), Request::tools_list(1), "application/json"),
            (only_safe(), Request::tools_list(1), "text/event-stream"),
            (only_safe(), listen(), "text/event-stream"),
            // No answer but that to tools/list is a list, unless in events.
            (hiding(), call.clone(), "application/json"),
            (hiding(), listen(), "application/json"),
            (hiding(), call.clone(), "text/plain"),
        ] {
            let gate = Gate::new();
            let (start, rest) = LIST.split_at(70);
            let answer = Answer::new()
                .then(head(content_type) + &chunk(start))
                .when(&gate, chunk(rest) + "0\r\n\r\n");
            let upstream = Upstream::start_answering(answer).await;
            let gateway = holding.gateway(policy, upstream.addr()).start().await;

            let mut connection = ask(gateway.addr(), &request).await;
            connection.head().await.expect("a head");
            assert_eq!(read_until(&mut connection, start).await, start);
            gate.open();
            assert_eq!(read_until(&mut connection, rest).await, rest);
            assert_eq!(connection.chunk().await.expect("an end"), None);
        }
    }
}
