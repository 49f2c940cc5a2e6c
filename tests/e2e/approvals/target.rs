//! The place to which an approved call goes.

use mcp_rig::client::Request;
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
