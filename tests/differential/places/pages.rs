//! mcp-server-fetch behind a real Envoy, under the policy that is shipped for it. Only
//! loopback is fetched: one address that the policy names, and one beside it, whose
//! listener must not be reached.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::{Answer, Upstream};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::process::Command;

use super::bridge::Bridge;
use crate::server::program;

const PAGE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\npage";

/// The number of connections to an address that nobody may reach.
struct Canary(Arc<AtomicUsize>);

impl Canary {
    async fn at(addr: SocketAddr) -> Self {
        let listener = TcpListener::bind(addr).await.expect("all of 127.0.0.0/8 is loopback");
        let count = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&count);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                seen.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(PAGE.as_bytes()).await;
            }
        });
        Self(count)
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// URLs of 127.0.0.2 in the disguise of URLs of 127.0.0.1 or of none.
fn hostile(port: u16) -> Vec<String> {
    let good = format!("127.0.0.1:{port}");
    let mut urls = Vec::new();
    for bad in [
        "127.0.0.2",
        "127.2",
        "0x7f.0.0.2",
        "0x7f000002",
        "2130706434",
        "0177.0.0.2",
        "127.0.0.02",
        "127.0.0.2.",
        "[::ffff:127.0.0.2]",
        "[::ffff:7f00:2]",
        "１２７.0.0.2",
        "127。0。0。2",
    ] {
        urls.push(format!("http://{bad}:{port}/"));
    }
    let bad = format!("127.0.0.2:{port}");
    urls.extend([
        format!("http://{good}@{bad}/"),
        format!("http://127.0.0.1@{bad}/"),
        format!("http://{good}\\@{bad}/"),
        format!("http://{bad}\\@{good}/"),
        format!("http://{bad}#@{good}/"),
        format!("http://{bad}?@{good}/"),
        format!("http://{bad}/?http://{good}/"),
        format!("HTTP://{bad}/"),
        format!("http:{bad}/"),
        format!("http:/{bad}/"),
        format!("http:///{bad}/"),
        format!("http:\\\\{bad}\\"),
        format!(" http://{bad}/"),
        format!("http://127.0.0.\t2:{port}/"),
        format!("ht\ntp://{bad}/"),
        format!("http://127.0.0.2:0{port}/"),
        format!("//{bad}/"),
    ]);
    urls
}

#[tokio::test]
async fn server_fetch_is_given_no_url_of_another_host() {
    if !crate::is_wanted("fetch") {
        return;
    }
    let good = Upstream::start_answering(Answer::new().then(PAGE)).await;
    let port = good.addr().port();
    let canary = Canary::at(SocketAddr::from(([127, 0, 0, 2], port))).await;
    let mut command = Command::new(program("fetch"));
    command.args(["--allow-private-ips", "--ignore-robots-txt"]);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    let server = Bridge::start(command).await;

    let policy = include_str!("../../../envoy/policies/minimal/server-fetch.json");
    let mut policy: Value = serde_json::from_str(policy).expect("JSON");
    let condition = &mut policy["tools"]["fetch"]["require"][0]["conditions"][0];
    assert_eq!(condition["op"], "host_in");
    condition["value"] = json!({ "hosts": ["127.0.0.1"], "schemes": ["http"], "ports": [port] });
    let gateway = Gateway::builder().policy(policy.to_string()).upstream(server.addr());
    let gateway = gateway.start().await;
    let ways = |url: &str| {
        let arguments = json!({ "url": url }).to_string();
        let params = json!({ "name": "fetch", "arguments": { "url": url } });
        let prompt =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": params });
        [Request::tool_call(1, "fetch", &arguments), Request::mcp(prompt.to_string())]
    };

    // Without the filter, some of them are fetched, or the test would prove nothing.
    let mut fetched = Vec::new();
    for url in hostile(port) {
        for way in ways(&url) {
            let before = canary.count();
            http1::send(server.addr(), &way).await;
            if canary.count() > before {
                fetched.push(url.clone());
            }
        }
    }
    assert!(fetched.len() >= 12, "{fetched:?}");

    let (reached, handed_on) = (canary.count(), server.handed_on().len());
    for url in hostile(port) {
        let [call, prompt] = ways(&url);
        let answer = http1::send(gateway.addr(), &call).await;
        let reason = answer.json()["error"]["data"]["reason"].clone();
        assert!(reason == "require" || reason == "undecidable", "{url:?}: {answer:?}");
        let answer = http1::send(gateway.addr(), &prompt).await;
        assert_eq!(answer.json()["error"]["code"], -32601, "{url:?}: {answer:?}");
    }
    assert_eq!(server.handed_on()[handed_on..], [""; 0]);

    let [call, _] = ways(&format!("http://127.0.0.1:{port}/page"));
    let answer = http1::send(gateway.addr(), &call).await;
    assert!(answer.json()["error"].is_null(), "{answer:?}");
    assert!(good.received("GET /page HTTP/1.1"), "{answer:?}");
    assert_eq!(server.handed_on().len(), handed_on + 1);
    assert_eq!(canary.count(), reached);
}
