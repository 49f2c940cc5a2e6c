//! The Content-Type with which a judged body reaches the server. Rack takes a
//! body without one for a form, and one text can be JSON and a form that is
//! another call.

use mcp_rig::client::Request;
use mcp_rig::upstream::Upstream;
use serde_json::json;

use crate::seen;
use crate::support::{Holding, Wire, danger, only_safe, passed, reason, safe};

/// The request with this Content-Type, or without any.
fn typed(request: Request, value: Option<&str>) -> Request {
    match value {
        Some(value) => request.header("content-type", value),
        None => request,
    }
}

#[tokio::test]
async fn a_body_without_a_type_arrives_as_json() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let mut policy = only_safe();
        policy["settings"]["exempt_paths"] = json!(["/healthz"]);
        let gateway = holding.gateway(policy, upstream.addr()).start().await;
        for wire in Wire::BOTH {
            for (value, arrives) in [
                (None, "application/json"),
                (Some(""), "application/json"),
                (Some("; charset=utf-8"), "application/json"),
                (Some("text/plain"), "text/plain"),
                (Some("application/json; charset=utf-8"), "application/json; charset=utf-8"),
            ] {
                for trailers in [false, true] {
                    let at = format!("{wire:?} {holding:?} {value:?} {trailers}");
                    let number = seen::requests(&upstream).await.len();
                    let mut request = typed(safe().without_header("content-type"), value);
                    if trailers {
                        request = request.trailer("x-sum", "1");
                    }
                    let request = request.header("x-number", &number.to_string());
                    let response = wire.send(gateway.addr(), &request).await;
                    assert!(passed(&response), "{at}: {response:?}");
                    let number = number.to_string();
                    let arrived = seen::requests(&upstream).await;
                    let arrived = arrived
                        .iter()
                        .find(|seen| seen.header("x-number") == Some(&number))
                        .unwrap_or_else(|| panic!("{at}"));
                    assert!(arrived.whole, "{at}");
                    assert_eq!(arrived.trailers.is_empty(), !trailers, "{at}");
                    let lines = arrived.head.headers.iter();
                    let types: Vec<_> = lines
                        .filter(|(name, _)| name == "content-type")
                        .map(|(_, value)| value.as_str())
                        .collect();
                    assert_eq!(types, [arrives], "{at}");
                }
            }
            let response =
                wire.send(gateway.addr(), &danger().without_header("content-type")).await;
            assert_eq!(reason(&response), "default_deny");
            // No message, no type.
            let exempt = Request::new("POST", "/healthz").body("x").header("x-number", "exempt");
            let get = Request::new("GET", "/mcp").header("x-number", "get");
            for request in [exempt, get] {
                assert!(passed(&wire.send(gateway.addr(), &request).await));
            }
            let arrived = seen::requests(&upstream).await;
            let untyped = arrived.iter().filter(|seen| seen.header("content-type").is_none());
            let numbers: Vec<_> = untyped.filter_map(|seen| seen.header("x-number")).collect();
            assert!(numbers.iter().all(|number| ["exempt", "get"].contains(number)), "{numbers:?}");
            assert!(numbers.contains(&"exempt") && numbers.contains(&"get"), "{numbers:?}");
        }
    }
}
