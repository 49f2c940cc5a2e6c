//! Bodies in pieces, with and without trailers. Each is a way in which the end
//! of a body reaches the filter differently.

use std::time::Duration;

use mcp_rig::client::Request;
use mcp_rig::upstream::Upstream;

use crate::seen;
use crate::support::{Holding, Wire, assert_denied, body, danger, only_safe, passed, safe};

/// Long enough for Envoy to read each piece by itself.
const PACE: Duration = Duration::from_millis(1);

#[tokio::test]
async fn a_body_in_single_bytes_is_judged_whole() {
    each_way(|request| request.cut(1).paced(PACE), None).await;
}

#[tokio::test]
async fn a_body_in_single_bytes_that_ends_with_trailers_is_judged_whole() {
    each_way(|request| request.cut(1).trailer("x-sum", "1").paced(PACE), Some("1")).await;
}

#[tokio::test]
async fn a_body_in_one_piece_that_ends_with_trailers_is_judged() {
    each_way(|request| request.trailer("x-sum", "2"), Some("2")).await;
}

#[tokio::test]
async fn a_body_whose_end_comes_by_itself_is_judged() {
    // Without trailers, the end is an empty piece of its own.
    each_way(|request| request.cut(usize::MAX).paced(20 * PACE), None).await;
}

/// Sends a denied and an allowed call in this shape, over both versions of
/// HTTP, under every way of holding.
async fn each_way(shape: fn(Request) -> Request, trailer: Option<&str>) {
    for &holding in Holding::each() {
        one_way(holding, shape, trailer).await;
    }
}

async fn one_way(holding: Holding, shape: fn(Request) -> Request, trailer: Option<&str>) {
    let upstream = Upstream::start().await;
    let gateway = holding.gateway(only_safe(), upstream.addr()).start().await;

    for wire in Wire::BOTH {
        assert_denied(&wire.send(gateway.addr(), &shape(danger())).await);
    }
    let arrived = seen::requests(&upstream).await;
    match holding {
        Holding::Everything => assert!(upstream.connections().is_empty(), "{arrived:?}"),
        Holding::Body => {
            assert!(arrived.iter().all(|seen| seen.body.is_empty()), "{arrived:?}");
        }
    }

    for wire in Wire::BOTH {
        let allowed = wire.send(gateway.addr(), &shape(safe())).await;
        assert!(passed(&allowed), "{holding:?} {wire:?} {allowed:?}");
    }
    let arrived = seen::requests(&upstream).await;
    let whole: Vec<_> = arrived.iter().filter(|seen| seen.whole).collect();
    assert_eq!(whole.len(), Wire::BOTH.len(), "{holding:?} {arrived:?}");
    let trailers = trailer.map(|sum| ("x-sum".to_owned(), sum.to_owned()));
    let trailers = Vec::from_iter(trailers);
    for seen in whole {
        assert_eq!((&seen.body, &seen.trailers), (&body(&safe()), &trailers));
    }
}
