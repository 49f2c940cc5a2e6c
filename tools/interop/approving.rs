//! Clients whose call needs approval: each is refused, a person approves at the
//! filter's endpoint, and the same call runs once.

use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::Gateway;
use mcp_rig::server::{McpServer, Mode};
use serde_json::{Value, json};

use crate::client::{Client, Seen};
use crate::matrix::Table;
use crate::packages::Packages;
use crate::plan::{Planned, Step, Want, Way};
use crate::told::{Cell, told};

/// The clients that meet it, and on which way.
const CLIENTS: [(Client, Way); 6] = [
    (Client::TypeScript1, Way::Session),
    (Client::TypeScript2, Way::Session),
    (Client::Python1, Way::Session),
    (Client::Python2, Way::Session),
    (Client::TypeScript2, Way::Stateless),
    (Client::Python2, Way::Stateless),
];
/// The tool whose calls need approval.
const TOOL: &str = "session_kill";

/// Lets each of them ask, and approves.
pub async fn run(packages: &Packages) -> Table {
    let mut rows = Vec::new();
    for (client, way) in CLIENTS {
        eprintln!("interop: {client:?} asks for approval, {way:?}");
        rows.push(approve(packages, client, way).await);
    }
    Table {
        title: "A call that needs approval".to_owned(),
        heads: vec!["client", "revision", "refused", "approved", "the same call", "once more"],
        rows,
    }
}

async fn approve(packages: &Packages, client: Client, way: Way) -> (String, Vec<Cell>) {
    let mode = if way == Way::Stateless { Mode::StatelessEvents } else { Mode::Sessions };
    let server = McpServer::start("127.0.0.1:0", mode).await;
    let policy = json!({
        "version": "1",
        "default": "deny",
        "identity": [{ "header": "x-agent-id" }],
        "tools": { TOOL: {
            "action": "require_approval",
            "reason": "Sessions are ended by two.",
        } },
        "settings": {
            "hold_request_headers": true,
            "approvals": { "path": "/approvals", "approvers": ["ann"] },
        },
    });
    let gateway = Gateway::builder()
        .policy(policy.to_string())
        .hold_request_headers(true)
        .upstream(server.addr())
        .filter_before(known_as("agent"))
        .start()
        .await;
    let kill =
        |want| Planned { column: None, step: Step::Call(TOOL, json!({ "sessionId": "s1" })), want };
    let refused = Want::Denial("approval_required", 428);
    let ran = Want::Text(TOOL, 0);
    // The same caller in two sessions, as a user who comes back later.
    let first = [kill(refused)];
    let asked = client.run(packages, way, gateway.addr(), &first).await;
    let approved = decide(&gateway).await;
    let then = [kill(ran), kill(refused)];
    let Seen { client: name, revision, steps } =
        client.run(packages, way, gateway.addr(), &then).await;
    let told = |want, seen: Option<&Value>| told(want, seen.unwrap_or(&Value::Null));
    let mut cells = vec![
        Cell::Good(revision),
        told(refused, asked.steps.first()),
        approved,
        told(ran, steps.first()),
        told(refused, steps.get(1)),
    ];
    if server.count(TOOL) != 1 {
        cells.push(Cell::Bad(format!("it ran {} times", server.count(TOOL))));
    }
    (name, cells)
}

/// The approval of the one request that waits, by somebody who looks at it first.
async fn decide(gateway: &Gateway) -> Cell {
    let send = async |method: &str, below: &str, digest: Option<&str>| {
        let mut request = Request::new(method, &format!("/approvals{below}"));
        request = request.header("x-agent-id", "ann");
        if let Some(digest) = digest {
            request = request.header("mcp-approval-digest", digest);
        }
        http1::send(gateway.addr(), &request).await
    };
    let list = send("GET", "", None).await.json();
    let (Some(id), None) = (list["approvals"][0]["id"].as_str(), list["approvals"].get(1)) else {
        return Cell::Bad(format!("{list}"));
    };
    let shown = send("GET", &format!("/{id}"), None).await.json();
    let params = r#"{"arguments":{"sessionId":"s1"}}"#;
    let Some(digest) = shown["digest"].as_str().filter(|_| shown["params"] == params) else {
        return Cell::Bad(format!("{shown}"));
    };
    let decided = send("POST", &format!("/{id}/approve"), Some(digest)).await;
    match decided.json()["state"].as_str() {
        Some("approved") => Cell::Good("by `ann`".to_owned()),
        _ => Cell::Bad(format!("{decided:?}")),
    }
}

/// An Envoy filter that names the caller where the client does not.
pub fn known_as(caller: &str) -> Value {
    json!({
        "name": "envoy.filters.http.header_mutation",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
            "mutations": { "request_mutations": [{ "append": {
                "header": { "key": "x-agent-id", "value": caller },
                "append_action": "ADD_IF_ABSENT",
            } }] },
        },
    })
}
