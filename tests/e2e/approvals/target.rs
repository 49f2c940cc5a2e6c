//! The place to which an approved call goes.

use mcp_rig::client::Request;
use mcp_rig::gateway::Shell;
use mcp_rig::upstream::Upstream;
use serde_json::json;

use super::{LARGE, approve, asked, call, policy, request, seen, send};
use crate::support::{Holding, manager, passed};

#[tokio::test]
async fn an_approval_is_for_one_route_host_and_path() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let builder = holding.gateway(policy(), upstream.addr()).edit_listener(|listener| {
            let hosts = &mut manager(listener)["route_config"]["virtual_hosts"][0];
            let mut red = hosts["routes"][0].clone();
            red["name"] = "red".into();
            red["match"]["headers"] =
                json!([{ "name": "x-tenant", "string_match": { "exact": "red" } }]);
            hosts["routes"][0]["name"] = "blue".into();
            hosts["routes"].as_array_mut().expect("routes").insert(0, red);
        });
        let gateway = builder.start().await;
        let call = || call("agent", "refund", LARGE);
        let to = |path: &str, host: &str| call().path(path).header("host", host);
        let blue = to("/mcp?tenant=1", "MCP.example.com");
        let id = request(&gateway, &blue).await;
        let shown = seen(&gateway, "pay-ann", &id).await;
        for (name, value) in [
            ("route", "blue"),
            ("authority", "mcp.example.com"),
            ("path", "/mcp?tenant=1"),
            ("caller", "agent"),
            ("tool", "refund"),
        ] {
            assert_eq!(shown[name], value, "{shown}");
        }
        approve(&gateway, "pay-ann", &id).await;
        let others: [(&str, Request); 4] = [
            ("another route", blue.clone().header("x-tenant", "red")),
            ("another query", to("/mcp?tenant=2", "mcp.example.com")),
            ("another path", to("/other?tenant=1", "mcp.example.com")),
            ("another host", to("/mcp?tenant=1", "mcp.example.org")),
        ];
        for (what, other) in others {
            let (asked, state) = asked(&send(&gateway, &other).await);
            assert_eq!(state, "requested", "{what}");
            assert_ne!(asked, id, "{what}");
        }
        let same = to("/mcp?tenant=1", "mcp.example.com").header("x-tenant", "green");
        assert!(passed(&send(&gateway, &same).await));
        let again = send(&gateway, &same).await;
        assert_eq!(asked(&again).1, "requested");
    }
}

/// Before a request goes on, the filter can take headers out and add one. In Envoy's wasm,
/// its route is chosen anew then.
#[tokio::test]
async fn the_route_that_is_shown_is_the_one_that_runs_where_heads_go_ahead() {
    let untyped = json!({ "name": "content-type", "present_match": false });
    let encoded = json!({ "name": "accept-encoding", "present_match": true });
    let signed_in = json!({ "name": "authorization", "present_match": true });
    for header in [untyped, encoded, signed_in] {
        for &holding in Holding::each() {
            let (upstream, other) = (Upstream::start().await, Upstream::start().await);
            let mut policy = policy();
            policy["settings"]["max_result_bytes"] = 100_000.into();
            let elsewhere = other.addr();
            let first = header.clone();
            let builder = holding.gateway(policy, upstream.addr()).cluster(json!({
                "name": "other",
                "type": "STATIC",
                "load_assignment": { "cluster_name": "other", "endpoints": [{ "lb_endpoints": [{
                    "endpoint": { "address": { "socket_address": {
                        "address": elsewhere.ip().to_string(),
                        "port_value": elsewhere.port(),
                    } } },
                }] }] },
            }));
            let builder = builder.edit_listener(move |listener| {
                let hosts = &mut manager(listener)["route_config"]["virtual_hosts"][0];
                let mut red = hosts["routes"][0].clone();
                red["name"] = "red".into();
                red["match"]["headers"] = json!([first]);
                red["route"]["cluster"] = "other".into();
                hosts["routes"][0]["name"] = "blue".into();
                hosts["routes"].as_array_mut().expect("routes").insert(0, red);
            });
            let gateway = builder.start().await;
            let call = call("agent", "refund", LARGE).header("accept-encoding", "gzip");
            let call = call.without_header("content-type");
            let id = request(&gateway, &call).await;
            let shown = seen(&gateway, "pay-ann", &id).await;
            approve(&gateway, "pay-ann", &id).await;
            assert!(passed(&send(&gateway, &call).await), "{header}");
            let ran = |upstream: &Upstream| upstream.received("tools/call");
            assert!(ran(&upstream) != ran(&other), "{header}");
            let by = if ran(&other) { "red" } else { "blue" };
            // Envoy's wasm tells the new route only when it is on its way.
            let held = Shell::under_test() == Shell::Wasm && holding == Holding::Everything;
            let told = if held { "red" } else { by };
            assert_eq!(shown["route"], told, "{header}: {holding:?}");
        }
    }
}
