//! The policies of `envoy/policies`, byte for byte, as an agent meets them:
//! through the official client, in front of the official server.

use std::time::SystemTime;

use mcp_rig::client::mcp::{CallError, McpClient};
use mcp_rig::gateway::Gateway;
use mcp_rig::server::{McpServer, Mode, TOOLS};
use serde_json::{Value, json};

use crate::support::file;

/// A published policy, and a call that it counts.
struct Published {
    file: &'static str,
    counter: &'static str,
    tool: &'static str,
    arguments: Value,
    max: usize,
}

/// What came of calling until one call was refused.
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

#[test]
fn every_published_policy_is_tried_here() {
    let here = include_str!("published.rs");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("envoy/policies");
    for entry in std::fs::read_dir(folder).expect("the policies") {
        let name = entry.expect("an entry").file_name().into_string().expect("text");
        assert!(here.contains(&format!("(\"{name}\"")), "{name} is not tried");
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
            let policy = file(&format!("envoy/policies/{}", self.file));
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
