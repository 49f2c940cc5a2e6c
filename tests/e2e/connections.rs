//! Connections that carry several requests, and clients that break off.

use mcp_rig::client::{Request, http1, http2};
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use mcp_rig::wait::until;
use serde_json::Value;

use crate::seen;
use crate::support::{
    Holding, assert_denied, body, code, danger, manager, only_safe, passed, safe,
};

#[tokio::test]
async fn a_kept_alive_connection_takes_allowed_and_denied_calls_in_turn() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let gateway = holding.gateway(only_safe(), upstream.addr()).start().await;
        let mut over_http1 = http1::Connection::open(gateway.addr()).await;
        let mut over_http2 = http2::Connection::open(gateway.addr()).await;
        let mut sent = Vec::new();
        for id in 0..8 {
            let call = |tool| Request::tool_call(id, tool, &format!(r#"{{"number":{id}}}"#));
            let allowed = call("safe");
            // Every other time in chunks, which frame the connection otherwise.
            let cut = |call: Request| if id % 2 == 0 { call } else { call.cut(9) };

            assert_denied(&over_http1.send(&cut(call("danger"))).await);
            assert!(passed(&over_http1.send(&cut(allowed.clone())).await));
            assert_denied(&over_http2.send(&cut(call("danger"))).await.expect("an answer"));
            assert!(passed(&over_http2.send(&cut(allowed.clone())).await.expect("an answer")));
            sent.extend([body(&allowed), body(&allowed)]);
        }
        assert_only(&upstream, sent, holding).await;
    }
}

#[tokio::test]
async fn a_request_inside_a_refused_body_is_not_a_request() {
    let inner = "POST /mcp HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
    let outer = String::from_utf8(body(&danger())).expect("text") + inner;
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        // Envoy would close an HTTP/1.1 connection after any 400 of its own,
        // and with it the way on which the inner request could travel.
        let stay_open = |listener: &mut Value| {
            let options = &mut manager(listener)["http_protocol_options"];
            options["override_stream_error_on_invalid_http_message"] = true.into();
        };
        let builder = holding.gateway(only_safe(), upstream.addr());
        let gateway = builder.edit_listener(stay_open).start().await;
        let mut connection = http1::Connection::open(gateway.addr()).await;
        for request in [Request::mcp(outer.as_str()), Request::mcp(outer.as_str()).cut(50)] {
            let refused = connection.send(&request).await;
            assert_eq!((refused.status, code(&refused)), (400, (-32700).into()));
            assert!(passed(&connection.send(&safe()).await));
        }
        assert_only(&upstream, vec![body(&safe()), body(&safe())], holding).await;
    }
}

#[tokio::test]
async fn a_request_sent_ahead_of_an_answer_is_judged_by_itself() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let gateway = holding.gateway(only_safe(), upstream.addr()).start().await;
        // Envoy takes a third request on its way for an attack.
        for denied_first in [true, false] {
            let mut pair = [written(&danger()), written(&safe())];
            if !denied_first {
                pair.reverse();
            }
            let mut connection = http1::Connection::open(gateway.addr()).await;
            connection.send_raw(pair.concat()).await.expect("sent");
            for denied in [denied_first, !denied_first] {
                let response = connection.response().await.expect("a response");
                match denied {
                    true => assert_denied(&response),
                    false => assert!(passed(&response), "{response:?}"),
                }
            }
        }
        assert_only(&upstream, vec![body(&safe()), body(&safe())], holding).await;
    }
}

#[tokio::test]
async fn a_client_that_vanishes_within_a_body_has_sent_nothing() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let gateway = holding.gateway(only_safe(), upstream.addr()).start().await;
        let call = body(&safe());
        let half = &call[..call.len() - 1];

        let mut connection = http1::Connection::open(gateway.addr()).await;
        let length = call.len();
        let head = format!("POST /mcp HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
        connection.send_raw([head.as_bytes(), half].concat()).await.expect("sent");
        under_way(&gateway).await;
        drop(connection);
        gateway.access_log_of(1).await;

        let mut connection = http2::Connection::open(gateway.addr()).await;
        let request = Request::mcp("").cut(1);
        let (response, mut stream) = connection.begin(&request).await.expect("begun");
        stream.send_data(half.to_vec().into(), false).expect("sent");
        under_way(&gateway).await;
        drop((response, stream, connection));
        gateway.access_log_of(2).await;

        assert_only(&upstream, Vec::new(), holding).await;
        assert!(passed(&http1::send(gateway.addr(), &safe()).await));
        assert_only(&upstream, vec![call], holding).await;
    }
}

/// Waits until Envoy has a request in hand.
async fn under_way(gateway: &Gateway) {
    let active = "http.mcp.downstream_rq_active";
    until("a request in Envoy", async || {
        gateway.admin().stat(active).await.filter(|requests| *requests == 1)
    })
    .await;
}

/// Asserts that these bodies arrived, in whatever order, and not a byte of
/// any other; with everything held, not a head of any other either.
async fn assert_only(upstream: &Upstream, mut bodies: Vec<Vec<u8>>, holding: Holding) {
    let arrived = seen::requests(upstream).await;
    let (whole, parts): (Vec<_>, Vec<_>) = arrived.into_iter().partition(|seen| seen.whole);
    let mut whole: Vec<_> = whole.into_iter().map(|seen| seen.body).collect();
    whole.sort();
    bodies.sort();
    assert_eq!(whole, bodies, "{holding:?}");
    match holding {
        Holding::Everything => assert!(parts.is_empty(), "{parts:?}"),
        Holding::Body => assert!(parts.iter().all(|seen| seen.body.is_empty()), "{parts:?}"),
    }
}

fn written(request: &Request) -> Vec<u8> {
    let body = body(request);
    let length = body.len();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: x\r\naccept: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.into_bytes(), body].concat()
}
