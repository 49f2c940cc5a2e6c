//! The relay of docs/notices.md, as it is there: between an Envoy with the policy and the
//! cluster of that page, and a server that plays Slack.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command};

use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::{Answer, Upstream};
use mcp_rig::wait::until;
use ring::hmac;
use serde_json::Value;

use crate::seen::whole_bodies;

/// The page's fence of a kind.
fn fence(kind: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/notices.md")).expect("the page");
    let start = format!("```{kind}\n");
    let (_, text) = page.split_once(&start).expect("a fence of this kind");
    text.split_once("\n```").expect("its end").0.to_owned()
}

/// The relay; killed when dropped.
struct Relay(Child);

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Relay {
    /// The relay of the page, where it listens.
    async fn start(slack: SocketAddr, key: &str) -> (Self, SocketAddr) {
        let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = port.local_addr().expect("a bound port");
        drop(port);
        let relay = Command::new("python3")
            .args(["-c", &fence("python relay")])
            .env("NOTIFY_KEY", key)
            .env("SLACK_WEBHOOK", format!("http://{slack}/services/T0/B0/X"))
            .env("PORT", addr.port().to_string())
            .env_remove("http_proxy")
            .spawn()
            .expect("python3");
        let relay = Self(relay);
        until("the relay", async || std::net::TcpStream::connect(addr).ok()).await;
        (relay, addr)
    }
}

/// The seconds since 1970.
fn seconds() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("a time after 1970").as_secs()
}

#[tokio::test]
async fn the_relay_of_the_page_tells_slack_what_envoy_tells_it() {
    let slack = Upstream::start_answering(Answer::json("ok")).await;
    let policy: Value = serde_json::from_str(&fence("json policy")).expect("JSON");
    let key = policy["settings"]["approvals"]["notify"]["key"].as_str().expect("a key");
    let (_relay, addr) = Relay::start(slack.addr(), key).await;
    let cluster = fence("yaml cluster");
    assert!(cluster.contains("port_value: 8090"));
    let cluster = cluster.replace("8090", &addr.port().to_string());
    let cluster: Value = yaml_serde::from_str(&cluster).expect("YAML");
    let upstream = Upstream::start().await;
    let builder = Gateway::builder().policy(policy.to_string()).upstream(upstream.addr());
    let gateway = builder.cluster(cluster).start().await;
    let call = Request::tool_call(1, "drop_table", r#"{"table":"users"}"#)
        .header("authorization", "Bearer support-agent-token");
    let refused = http1::send(gateway.addr(), &call).await.json();
    let id = refused["error"]["data"]["approval"]["id"].as_str().expect("an id");
    let told = until("a text at Slack", async || whole_bodies(&slack).await.pop()).await;
    let told: Value = serde_json::from_slice(&told).expect("JSON");
    let text = "Tables are dropped with a second pair of eyes.";
    let url = format!("https://gateway.example.com/mcp-approvals/{id}");
    assert_eq!(told, serde_json::json!({ "text": format!("{text} {url}") }));
    assert_eq!(gateway.count("approvals_notices_failed").await.unwrap_or_default(), 0);
    let shown: Value = serde_json::from_str(&fence("json notice")).expect("JSON");
    assert_eq!(shown["message"], text);
}

#[tokio::test]
async fn the_relay_of_the_page_believes_nobody_else() {
    let slack = Upstream::start_answering(Answer::json("ok")).await;
    let (_relay, addr) = Relay::start(slack.addr(), "the key").await;
    let notice = fence("json notice");
    let send = async |key: &str, signed: &str, time: &str, body: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        let tag = hmac::sign(&key, signed.as_bytes());
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let request = Request::new("POST", "/notices")
            .header("mcp-approval-timestamp", time)
            .header("mcp-approval-signature", &format!("v1={hex}"))
            .body(body);
        http1::send(addr, &request).await.status
    };
    let now = seconds().to_string();
    let old = (seconds() - 301).to_string();
    let signed = |time: &str| format!("{time}.{notice}");
    assert_eq!(send("the key", &signed(&now), &now, &notice).await, 204);
    assert_eq!(send("another key", &signed(&now), &now, &notice).await, 401);
    assert_eq!(send("the key", &notice, &now, &notice).await, 401);
    assert_eq!(send("the key", &signed(&now), &now, &notice.replace("apr_", "apr-")).await, 401);
    assert_eq!(send("the key", &signed(&old), &old, &notice).await, 401);
    assert_eq!(send("the key", &signed(&old), &now, &notice).await, 401);
    assert_eq!(whole_bodies(&slack).await.len(), 1);
    let unsigned = Request::new("POST", "/notices").body(&*notice);
    assert_eq!(http1::send(addr, &unsigned).await.status, 401);
}
