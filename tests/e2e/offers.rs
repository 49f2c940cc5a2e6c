//! The official server and the official client, with prompts and resources between them,
//! and what operators see of both.

use mcp_rig::client::mcp::{CallError, McpClient};
use mcp_rig::client::{Request, http1};
use mcp_rig::server::Mode;
use mcp_rig::server::offers::{OfferServer, PROMPTS, RESOURCES, TEMPLATES};
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use crate::support::{Holding, only_safe, passed, reason};

/// Some of each kind are allowed, some are hidden, and others denied.
fn some() -> Value {
    json!({
        "version": "1",
        "default": "deny",
        "prompts": { "default": "deny", "hide": ["admin_*"], "rules": { "review": {} } },
        "resources": {
            "default": "deny",
            "hide": ["note://boss/*"],
            "rules": { "note://team/*": {}, "file:///srv/*": {} },
        },
        "settings": { "paths": ["/mcp"] },
    })
}

/// Asserts that this is a denial for this reason, and that the server was not asked.
#[track_caller]
fn denied<T: std::fmt::Debug>(
    server: &OfferServer,
    answer: Result<T, CallError>,
    why: &str,
    data: (&str, &str),
) {
    let Err(CallError::JsonRpc { code: 403, data: told, .. }) = &answer else {
        panic!("{answer:?}");
    };
    assert_eq!(told["reason"], why, "{answer:?}");
    assert_eq!(told[data.0], data.1, "{answer:?}");
    assert_eq!(server.asked(), [""; 0]);
}

#[tokio::test]
async fn an_official_client_gets_what_is_allowed_and_sees_what_is_shown() {
    for &holding in Holding::each() {
        for mode in [Mode::Sessions, Mode::Stateless, Mode::StatelessEvents] {
            let server = OfferServer::start(mode).await;
            let gateway = holding.gateway(some(), server.addr()).start().await;
            let client = McpClient::connect(gateway.addr()).await;
            goes_on(&client, &server).await;
            if mode == Mode::Sessions {
                subscribes(&client, &server).await;
            }
            client.close().await;
            if mode != Mode::Sessions {
                let client = McpClient::discover(gateway.addr()).await;
                goes_on(&client, &server).await;
                client.close().await;
            }
            assert_eq!(gateway.count("unreadable_lists").await, Some(0));
        }
    }
}

/// Lists, gets, reads and completes what is allowed, and is denied the rest.
async fn goes_on(client: &McpClient, server: &OfferServer) {
    assert_eq!(client.list_prompts().await.expect("a list"), ["review", "deploy"]);
    // The URI with a space may be one that is hidden, so it is not shown.
    assert_eq!(client.list_resources().await.expect("a list"), ["note://team/1"]);
    assert_eq!(client.list_templates().await.expect("a list"), ["note://team/{id}"]);

    assert_eq!(client.get_prompt("review").await, Ok(1));
    assert_eq!(client.read_resource("note://team/1").await, Ok(1));
    let completed = client.complete_prompt("review").await;
    assert_eq!(completed.expect("an answer"), ["review"]);
    let completed = client.complete_resource("note://team/{id}").await;
    assert_eq!(completed.expect("an answer"), ["note://team/{id}"]);
    let asked = [
        "prompts/get review",
        "resources/read note://team/1",
        "completion/complete review",
        "completion/complete note://team/{id}",
    ];
    assert_eq!(server.asked(), asked);

    let answer = client.get_prompt("deploy").await;
    denied(server, answer, "default_deny", ("prompt", "deploy"));
    let answer = client.get_prompt("admin_keys").await;
    denied(server, answer, "hidden", ("prompt", "admin_keys"));
    for (uri, why) in [
        ("note://boss/1", "hidden"),
        ("note://other/1", "default_deny"),
        ("note://team/../boss/1", "undecidable"),
        ("file:///srv/a b.txt", "undecidable"),
        ("NOTE://team/1", "undecidable"),
    ] {
        denied(server, client.read_resource(uri).await, why, ("resource", uri));
    }
    let answer = client.complete_prompt("admin_keys").await;
    denied(server, answer, "hidden", ("prompt", "admin_keys"));
    let answer = client.complete_resource("note://boss/{id}").await;
    denied(server, answer, "hidden", ("resource", "note://boss/{id}"));
    // The session is alive.
    assert_eq!(client.get_prompt("review").await, Ok(1));
    assert_eq!(server.asked(), ["prompts/get review"]);
}

/// Subscribes as clients of older revisions do.
async fn subscribes(client: &McpClient, server: &OfferServer) {
    assert_eq!(client.subscribe("note://team/1").await, Ok(()));
    assert_eq!(client.unsubscribe("note://team/1").await, Ok(()));
    let asked = ["resources/subscribe note://team/1", "resources/unsubscribe note://team/1"];
    assert_eq!(server.asked(), asked);
    let boss = "note://boss/1";
    denied(server, client.subscribe(boss).await, "hidden", ("resource", boss));
    denied(server, client.unsubscribe(boss).await, "hidden", ("resource", boss));
}

#[tokio::test]
async fn an_official_client_gets_everything_where_no_rule_is_for_it() {
    let server = OfferServer::start(Mode::Sessions).await;
    let gateway = Holding::Body.gateway(only_safe(), server.addr()).start().await;
    let client = McpClient::connect(gateway.addr()).await;
    assert_eq!(client.list_prompts().await.expect("a list"), PROMPTS);
    assert_eq!(client.list_resources().await.expect("a list"), RESOURCES);
    assert_eq!(client.list_templates().await.expect("a list"), TEMPLATES);
    for uri in RESOURCES {
        assert_eq!(client.read_resource(uri).await, Ok(1));
    }
    client.close().await;
}

#[tokio::test]
async fn decisions_are_counted_and_recorded_without_the_uri() {
    let upstream = Upstream::start().await;
    let gateway = Holding::Everything
        .gateway(some(), upstream.addr())
        .access_log_format("%FILTER_STATE(wasm.mcp_audit:PLAIN)%")
        .start()
        .await;
    let ask = |method: &str, params: Value| {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        Request::mcp(body.to_string())
    };
    let read = |uri: &str| ask("resources/read", json!({ "uri": uri }));
    let allowed = http1::send(gateway.addr(), &read("note://team/s3cr3t")).await;
    assert!(passed(&allowed), "{allowed:?}");
    for (request, why) in [
        (read("note://boss/s3cr3t"), "hidden"),
        (read("note://x/s3cr3t"), "default_deny"),
        (read("note://team/%s3cr3t"), "undecidable"),
        (ask("prompts/get", json!({ "name": "deploy" })), "default_deny"),
    ] {
        let refused = http1::send(gateway.addr(), &request).await;
        assert_eq!(reason(&refused), why, "{refused:?}");
    }
    let records = gateway.access_log_of(5).await;
    assert!(records.iter().all(|line| !line.contains("s3cr3t")), "{records:?}");
    let records: Vec<Value> =
        records.iter().map(|line| serde_json::from_str(line).expect("a record")).collect();
    let shown: Vec<_> = records.iter().map(|record| (&record["rule"], &record["method"])).collect();
    let read = json!("resources/read");
    let rules =
        ["/resources/rules/note:~1~1team~1*", "(hidden)", "(default deny)", "/resources/rules"]
            .map(Value::from);
    for (rule, at) in rules.iter().zip(0..) {
        assert_eq!(shown[at], (rule, &read));
    }
    assert_eq!(records[4]["prompt"], "deploy");
    assert_eq!(gateway.count("allowed_calls").await, Some(1));
}
