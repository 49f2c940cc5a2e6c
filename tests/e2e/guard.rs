//! A guard behind the filter: Envoy's RBAC, which refuses what does not carry
//! the filter's mark.

use mcp_rig::client::Request;
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use crate::support::{Holding, Wire, assert_denied, danger, manager, only_safe, passed, safe};

/// Only safe calls, and marks.
fn marking() -> Value {
    let mut policy = only_safe();
    policy["settings"]["mark_requests"] = true.into();
    policy
}

/// Puts the guard behind the filter.
fn guarded(listener: &mut Value) {
    let seen =
        json!({ "filter_state": { "key": "wasm.mcp_policy", "string_match": { "exact": "yes" } } });
    let guard = json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": { "policies": { "judged": {
                "permissions": [{ "any": true }],
                "principals": [seen],
            } } },
        },
    });
    manager(listener)["http_filters"].as_array_mut().expect("filters").insert(1, guard);
}

/// Takes the filter out.
fn without_the_filter(listener: &mut Value) {
    manager(listener)["http_filters"].as_array_mut().expect("filters").remove(0);
}

#[tokio::test]
async fn a_guard_lets_through_what_the_filter_has_seen() {
    for holding in Holding::BOTH {
        let upstream = Upstream::start().await;
        let gateway = holding.gateway(marking(), upstream.addr()).edit_listener(guarded);
        let gateway = gateway.start().await;
        for wire in Wire::BOTH {
            assert!(passed(&wire.send(gateway.addr(), &safe()).await), "{holding:?} {wire:?}");
            assert_denied(&wire.send(gateway.addr(), &danger()).await);
            let listen = wire.send(gateway.addr(), &Request::new("GET", "/mcp")).await;
            assert_eq!(listen.status, 200, "{holding:?} {wire:?}");
        }
    }
}

#[tokio::test]
async fn a_guard_lets_nothing_through_that_the_filter_has_not_seen() {
    let upstream = Upstream::start().await;
    let gone = Holding::Everything.gateway(marking(), upstream.addr());
    let gone = gone.edit_listener(guarded).edit_listener(without_the_filter).start().await;
    let silent = Holding::Everything.gateway(only_safe(), upstream.addr());
    let silent = silent.edit_listener(guarded).start().await;
    for gateway in [gone, silent] {
        for wire in Wire::BOTH {
            for request in [safe(), Request::new("GET", "/mcp")] {
                let request = request.header("x-mcp-policy", "yes");
                let response = wire.send(gateway.addr(), &request).await;
                assert_eq!((response.status, &*response.text()), (403, "RBAC: access denied"));
            }
        }
    }
    assert!(upstream.connections().is_empty());
}
