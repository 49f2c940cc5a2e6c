//! `mcp-policy approvals`, with which people decide about the calls that wait in Envoy.

use mcp_rig::upstream::Upstream;
use serde_json::Value;

use super::{LARGE, asked, call, policy, request, send, token};
use crate::command::{beside, typed};
use crate::support::{Holding, body, passed, reason};

/// `mcp-policy approvals` as somebody.
async fn by(who: &str, arguments: &[&str]) -> String {
    let command = format!("echo {}", token(who));
    beside(&[&["approvals"], arguments, &["--token-command", &command]].concat()).await
}

/// Has `pay-ann` type her token and this text where the id is asked for.
async fn approve(url: &str, text: &str) -> (i64, String) {
    let token = token("pay-ann");
    let answers = [("Token: ", &*token), ("exactly this call: ", text)];
    typed(&["approvals", "approve", url], &answers).await
}

#[tokio::test]
async fn the_command_lists_shows_approves_and_denies_and_the_call_runs_once() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let gateway = holding.gateway(policy(), upstream.addr()).start().await;
        let url = format!("http://{}/approvals", gateway.addr());
        let call = call("agent", "refund", LARGE);
        let id = request(&gateway, &call).await;

        // Those may decide whom the policy names, and the agent is not one of them.
        assert!(by("pay-ann", &["list", &url]).await.contains(&id));
        for other in ["agent", "ops-cid"] {
            assert_eq!(by(other, &["list", &url]).await, "no request waits for you\n");
        }
        let shown = by("pay-ann", &["show", &url, &id]).await;
        for part in ["agent\n", "refund\n", "\"amount\": 4711", "\"charge\": \"ch_hush\""] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let json = by("pay-ann", &["show", &url, &id, "--format", "json"]).await;
        let json: Value = serde_json::from_str(&json).expect("JSON");
        let digest = json["digest"].as_str().expect("a digest");
        assert!(shown.contains(digest), "{digest}: {shown}");

        // Another text than the id approves nothing.
        let one = format!("{url}/{id}");
        let (status, text) = approve(&one, "apr_aaaaaaaaaaaaaaaa").await;
        assert_eq!(status, 1, "{text}");
        assert_eq!(asked(&send(&gateway, &call).await), (id.clone(), "pending".into()));

        let (status, text) = approve(&one, &id).await;
        assert_eq!(status, 0, "{text}");
        assert!(text.ends_with(&format!("{id}  approved, approved by pay-ann\n")), "{text}");
        assert!(text.contains(digest) && !text.contains(&token("pay-ann")), "{text}");
        assert!(passed(&send(&gateway, &call).await));

        // It ran, so the same call is another request, which is denied.
        let again = request(&gateway, &call).await;
        assert_ne!(again, id);
        let denied = by("pay-bob", &["deny", &url, &again, "--reason", "Not today & not é."]).await;
        assert!(denied.ends_with(&format!("{again}  denied\n")), "{denied}");
        let refused = send(&gateway, &call).await;
        assert_eq!(reason(&refused), "approval_denied");
        assert!(refused.text().contains("Not today & not é."), "{refused:?}");

        let bodies = crate::seen::whole_bodies(&upstream).await;
        assert_eq!(bodies, [body(&call)]);
        assert!(!upstream.received("the-secret-token-of"));
    }
}
