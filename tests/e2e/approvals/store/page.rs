//! The page docs/policy/store.md, as it is there.

use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use serde_json::Value;

use crate::support::passed;

/// The page's fences of a kind.
fn fences(kind: &str) -> Vec<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/policy/store.md")).expect("the page");
    let start = format!("```{kind}\n");
    let fences = page.split(&start).skip(1);
    fences.map(|text| text.split_once("\n```").expect("its end").0.to_owned()).collect()
}

#[tokio::test]
async fn the_edge_and_the_home_of_the_page_let_an_approved_call_run() {
    let [edge, home] = &*fences("json policy") else { panic!("two policies") };
    let upstream = Upstream::start().await;
    let builder = Gateway::builder().policy(home.clone()).upstream(upstream.addr());
    let home = builder.hold_request_headers(true).start().await;
    let cluster = fences("yaml cluster").remove(0);
    assert!(cluster.contains("port_value: 8091"));
    let cluster = cluster.replace("8091", &home.addr().port().to_string());
    let cluster: Value = yaml_serde::from_str(&cluster).expect("YAML");
    let builder = Gateway::builder().policy(edge.clone()).upstream(upstream.addr());
    let edge = builder.cluster(cluster).start().await;
    let call = Request::tool_call(1, "create_refund", r#"{"amount":500}"#)
        .header("authorization", "Bearer support-agent-token");
    let refused = http1::send(edge.addr(), &call).await.json();
    let id = refused["error"]["data"]["approval"]["id"].as_str().expect("an id").to_owned();
    let at = |method: &str, below: &str| {
        Request::new(method, &format!("/mcp-approvals/{id}{below}"))
            .header("host", "gateway.example.com")
            .header("authorization", "Bearer payments-ann-token")
    };
    let shown = http1::send(home.addr(), &at("GET", "")).await.json();
    let digest = shown["digest"].as_str().expect("a digest");
    let decision = at("POST", "/approve").header("mcp-approval-digest", digest);
    assert_eq!(http1::send(home.addr(), &decision).await.status, 200);
    assert!(passed(&http1::send(edge.addr(), &call).await));
}
