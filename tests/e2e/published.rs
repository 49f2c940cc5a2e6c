//! The policies of `envoy/policies/minimal`, byte for byte, as an agent meets
//! them: through the official client, in front of the official server; those for
//! servers that nobody here wrote are tried in front of them by `make interop`.

use std::time::SystemTime;

use mcp_rig::client::mcp::{CallError, McpClient};
use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::Gateway;
use mcp_rig::server::{McpServer, Mode, TOOLS};
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use crate::support::{file, passed, reason};

/// A published policy, and a call that it counts.
struct Published {
    file: &'static str,
    counter: &'static str,
    tool: &'static str,
    arguments: Value,
    max: usize,
}

/// The outcome of calls until one was refused.
struct Observed {
    allowed: usize,
    refusal: CallError,
    other: CallError,
    tools: Vec<String>,
    ran: Vec<String>,
}

#[tokio::test]
async fn session_send_is_allowed_ten_times_a_minute() {
    let arguments = json!({ "sessionId": "s1", "message": "hi" });
    let (file, counter) = ("session_send.json", "session_send_rate");
    holds(Published { file, counter, tool: "session_send", arguments, max: 10 }).await;
}

#[tokio::test]
async fn cmux_send_is_allowed_ten_times_a_minute() {
    let arguments = json!({ "text": "ls" });
    let (file, counter) = ("cmux_send.json", "cmux_send_rate");
    holds(Published { file, counter, tool: "cmux_send", arguments, max: 10 }).await;
}

#[tokio::test]
async fn enhanced_send_is_allowed_ten_times_a_minute() {
    let arguments = json!({ "targetInstanceId": "i1", "message": "hi", "priority": "high" });
    let (file, counter) = ("enhancedSend.json", "enhancedsend_rate");
    holds(Published { file, counter, tool: "enhancedSend", arguments, max: 10 }).await;
}

#[tokio::test]
async fn claude_code_session_is_allowed_ten_times_a_minute() {
    let arguments = json!({ "action": "list" });
    let (file, counter) = ("claude_code_session.json", "claude_code_session_rate");
    holds(Published { file, counter, tool: "claude_code_session", arguments, max: 10 }).await;
}

#[tokio::test]
async fn send_command_is_allowed_thirty_times_a_minute() {
    let arguments = json!({ "session_id": "s1", "input": "ls" });
    let (file, counter) = ("send_command.json", "send_command_rate");
    holds(Published { file, counter, tool: "send_command", arguments, max: 30 }).await;
}

#[tokio::test]
async fn server_filesystem_writes_in_one_folder() {
    let write = |path| ("write_file", json!({ "path": path, "content": "" }));
    let file = "server-filesystem.json";
    answers(
        file,
        &[
            (write("/srv/files/drafts/a.txt"), None),
            (write("/srv/files/a.txt"), Some("require")),
            (write("/srv/files/draftsman/a.txt"), Some("require")),
            (write("/srv/files/drafts/../a.txt"), Some("undecidable")),
            (write("/srv/files/drafts/%2e%2e/a.txt"), Some("undecidable")),
            (write("drafts/a.txt"), Some("undecidable")),
            (("write_file", json!({ "content": "" })), Some("require")),
            (("edit_file", json!({ "path": "/srv/files/a.txt", "edits": [] })), Some("require")),
            (("create_directory", json!({ "path": "/srv/files/drafts/b" })), None),
            (("move_file", json!({ "source": "a", "destination": "b" })), Some("denied")),
            (("read_text_file", json!({ "path": "/srv/files/a.txt" })), None),
            (("chmod", json!({})), Some("default_deny")),
        ],
    )
    .await;
}

#[tokio::test]
async fn server_fetch_fetches_of_one_host() {
    let fetch = |url| ("fetch", json!({ "url": url }));
    let file = "server-fetch.json";
    answers(
        file,
        &[
            (fetch("https://modelcontextprotocol.io/specification"), None),
            (fetch("https://blog.modelcontextprotocol.io"), None),
            (fetch("https://modelcontextprotocol.io.example/"), Some("require")),
            (fetch("https://169.254.169.254/latest/meta-data/"), Some("require")),
            (fetch("http://modelcontextprotocol.io/"), Some("undecidable")),
            (fetch("https://modelcontextprotocol.io:8443/"), Some("undecidable")),
            (fetch("https://modelcontextprotocol.io@example.com/"), Some("undecidable")),
            (fetch("https://modelcontextprotocol.io\\@example.com/"), Some("undecidable")),
            (("fetch", json!({})), Some("require")),
            (
                ("fetch", json!({ "url": "https://modelcontextprotocol.io", "proxy": "" })),
                Some("require"),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn server_everything_tells_no_environment() {
    let slow =
        |duration| ("trigger-long-running-operation", json!({ "duration": duration, "steps": 1 }));
    let file = "server-everything.json";
    answers(
        file,
        &[
            (("echo", json!({ "message": "" })), None),
            (("get-env", json!({})), Some("hidden")),
            (("gzip-file-as-resource", json!({})), Some("denied")),
            (slow(json!(60)), None),
            (slow(json!(60.5)), Some("require")),
            (slow(json!("60")), Some("undecidable")),
            (("trigger-sampling-request", json!({})), Some("default_deny")),
        ],
    )
    .await;
}

/// Makes calls, of which each passes or is denied for the reason beside it.
async fn answers(policy: &str, calls: &[((&str, Value), Option<&str>)]) {
    let upstream = Upstream::start().await;
    let policy = file(&format!("envoy/policies/minimal/{policy}"));
    let gateway = Gateway::builder().policy(policy).upstream(upstream.addr()).start().await;
    for ((tool, arguments), denied) in calls {
        let request = Request::tool_call(1, tool, &arguments.to_string());
        let response = http1::send(gateway.addr(), &request).await;
        assert_eq!(reason(&response), json!(denied), "{tool} {arguments}: {response:?}");
        assert_eq!(passed(&response), denied.is_none(), "{tool} {arguments}: {response:?}");
    }
}

#[test]
fn every_published_policy_is_tried_here() {
    let here = include_str!("published.rs");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("envoy/policies/minimal");
    for entry in std::fs::read_dir(folder).expect("the policies") {
        let name = entry.expect("an entry").file_name().into_string().expect("text");
        let tried = [format!("(\"{name}\""), format!("file = \"{name}\"")];
        assert!(tried.iter().any(|text| here.contains(text)), "{name} is not tried");
    }
}

async fn holds(published: Published) {
    let observed = published.within_a_minute().await;
    let Published { file, counter, tool, max, .. } = published;

    assert_eq!(observed.allowed, max, "{file}");
    let CallError::JsonRpc { code, message, data } = observed.refusal else {
        panic!("{file}: {:?}", observed.refusal)
    };
    assert_eq!(code, 429);
    let start = format!("[POLICY DENIED] Rate limit of {max} per minute reached for {tool}. ");
    assert!(message.starts_with(&start), "{message}");
    assert_eq!(data["type"], "policy_violation");
    assert_eq!(data["reason"], "rate_limited");
    assert_eq!(data["rule"], format!("/tools/{tool}/limits/{counter}"));
    assert_eq!(data["tool"], tool);
    let retry_after = data["retry_after"].as_u64().expect("seconds");
    assert!((1..=60).contains(&retry_after), "{retry_after}");
    assert!(message.contains(&format!(" {retry_after} second")), "{message}");

    let CallError::JsonRpc { code, message, data } = observed.other else {
        panic!("{file}: {:?}", observed.other)
    };
    assert_eq!(code, 403);
    assert!(message.starts_with("[POLICY DENIED] "), "{message}");
    assert_eq!(data["type"], "policy_violation");
    assert_eq!(data["rule"], "(default deny)");
    assert_eq!(data["tool"], "session_kill");

    assert_eq!(observed.tools, TOOLS.iter().map(|tool| tool.name).collect::<Vec<_>>());
    assert_eq!(observed.ran, vec![tool; max]);
}

impl Published {
    /// Observes within one minute by the clock, which is what the policies
    /// count in: when a minute ends meanwhile, with a new Envoy once more.
    async fn within_a_minute(&self) -> Observed {
        for _ in 0..3 {
            let server = McpServer::start("127.0.0.1:0", Mode::Sessions).await;
            let policy = file(&format!("envoy/policies/minimal/{}", self.file));
            let gateway = Gateway::builder().policy(policy).upstream(server.addr()).start().await;
            let client = McpClient::connect(gateway.addr()).await;
            assert!(client.list_tools().await.is_ok());

            let before = minute();
            let observed = self.observe(&client, &server).await;
            if minute() == before {
                client.close().await;
                return observed;
            }
        }
        panic!("{}: never within a minute", self.file);
    }

    async fn observe(&self, client: &McpClient, server: &McpServer) -> Observed {
        let mut allowed = 0;
        let refusal = loop {
            match client.call_text(self.tool, self.arguments.clone()).await {
                Ok(text) => assert!(text.starts_with(self.tool), "{text}"),
                Err(refusal) => break refusal,
            }
            allowed += 1;
            if allowed > 2 * self.max {
                panic!("{}: {allowed} calls were allowed", self.file);
            }
        };
        let other = client.call("session_kill", json!({ "sessionId": "s1" })).await;
        Observed {
            allowed,
            refusal,
            other: other.expect_err("the policy has no entry for it"),
            tools: client.list_tools().await.expect("the session is alive"),
            ran: server.calls().into_iter().map(|call| call.tool).collect(),
        }
    }
}

fn minute() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("a clock after 1970").as_secs() / 60
}
