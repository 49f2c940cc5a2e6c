//! The bytes of a denied call that leave Envoy, and the end of a filter that holds in an
//! Envoy that was not told.

use std::time::Duration;

use mcp_rig::client::http1::Connection;
use mcp_rig::upstream::Upstream;
use mcp_rig::wait::until;

use crate::seen;
use crate::support::{Holding, Wire, assert_denied, body, danger, only_safe, passed, safe};

#[tokio::test]
async fn with_everything_held_a_denied_call_does_not_even_open_a_connection() {
    let upstream = Upstream::start().await;
    let gateway = Holding::Everything.gateway(only_safe(), upstream.addr()).start().await;
    for wire in Wire::BOTH {
        for request in [danger(), danger().cut(10), danger().trailer("x-sum", "1")] {
            assert_denied(&wire.send(gateway.addr(), &request).await);
        }
    }
    let opened = gateway.admin().stat("cluster.mcp_server.upstream_cx_total").await;
    assert_eq!(opened, Some(0));
    assert!(upstream.connections().is_empty());

    // The same upstream, to show that it would have noticed.
    assert!(passed(&Wire::Http1.send(gateway.addr(), &safe()).await));
    assert_eq!(seen::whole_bodies(&upstream).await, [body(&safe())]);
}

#[tokio::test]
async fn with_the_body_held_no_byte_of_a_denied_body_leaves() {
    let upstream = Upstream::start().await;
    let gateway = Holding::Body.gateway(only_safe(), upstream.addr()).start().await;
    for wire in Wire::BOTH {
        for request in [danger(), danger().cut(10), danger().trailer("x-sum", "1")] {
            assert_denied(&wire.send(gateway.addr(), &request).await);
        }
    }
    let arrived = seen::requests(&upstream).await;
    assert!(arrived.iter().all(|seen| !seen.whole && seen.body.is_empty()), "{arrived:?}");
    assert!(!upstream.received("danger") && !upstream.received("x-sum"));
}

#[tokio::test]
async fn held_headers_without_envoys_flag_hang_forward_nothing_and_are_logged() {
    let upstream = Upstream::start().await;
    let builder = Holding::Everything.gateway(only_safe(), upstream.addr());
    let gateway = builder.hold_request_headers(false).start().await;
    let metric = "held_without_body";
    assert_eq!(gateway.count(metric).await, Some(0));

    let mut connection = Connection::open(gateway.addr()).await;
    let hung = tokio::time::timeout(Duration::from_millis(500), connection.send(&safe())).await;
    assert!(hung.is_err(), "{hung:?}");
    assert!(!gateway.log().contains("allow_on_headers_stop_iteration"));
    drop(connection);

    gateway.log_with("allow_on_headers_stop_iteration: true").await;
    until(metric, async || gateway.count(metric).await.filter(|count| *count == 1)).await;
    assert!(upstream.connections().is_empty());
}

#[tokio::test]
async fn held_headers_without_envoys_flag_are_logged_while_the_client_waits() {
    let upstream = Upstream::start().await;
    let builder = Holding::Everything.gateway(only_safe(), upstream.addr());
    let gateway = builder.hold_request_headers(false).concurrency(1).start().await;
    let mut connections = Vec::new();
    for _ in 0..5 {
        let mut connection = Connection::open(gateway.addr()).await;
        connection
            .send_raw("POST /mcp HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n123456789")
            .await
            .expect("sent");
        connections.push(connection);
    }
    gateway.log_with("requests have been held for their bodies").await;
    let active = "http.mcp.downstream_rq_active";
    assert_eq!(gateway.admin().stat(active).await, Some(5));
    drop(connections);
    until(active, async || gateway.admin().stat(active).await.filter(|n| *n == 0)).await;
    let log = gateway.log();
    assert_eq!(log.matches("allow_on_headers_stop_iteration: true").count(), 1, "{log}");
}

#[tokio::test]
async fn clients_that_vanish_are_not_taken_for_a_wrong_set_up() {
    let upstream = Upstream::start().await;
    let gateway = Holding::Everything.gateway(only_safe(), upstream.addr()).concurrency(1);
    let gateway = gateway.start().await;
    assert_denied(&Wire::Http1.send(gateway.addr(), &danger()).await);

    let mut connection = Connection::open(gateway.addr()).await;
    let head = "POST /mcp HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n";
    connection.send_raw(head).await.expect("sent");
    let active = "http.mcp.downstream_rq_active";
    until(active, async || gateway.admin().stat(active).await.filter(|n| *n == 1)).await;
    drop(connection);

    gateway.access_log_of(2).await;
    let metric = "held_without_body";
    assert_eq!(gateway.count(metric).await, Some(0));
    assert!(!gateway.log().contains("allow_on_headers_stop_iteration"));
}
