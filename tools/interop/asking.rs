//! Clients that show their user the page of a request for approval, and come back with his
//! answer; and the servers that get an approved call with that answer in it.

use std::time::Duration;

use mcp_rig::client::{Request, Response, http1};
use mcp_rig::gateway::Gateway;
use mcp_rig::server::{McpServer, Mode};
use serde_json::{Value, json};
use std::net::SocketAddr;

use crate::approving::known_as;
use crate::client::{Client, script};
use crate::matrix::Table;
use crate::packages::Packages;
use crate::told::Cell;

/// The key under which the filter asks, and a client answers.
const KEY: &str = "mcp-policy-filter.approval";
/// The host of the page, which a decision has to name.
const HOST: &str = "gateway.example.com";
/// The servers that scripts/sdk-servers installs, and whether they have 2026-07-28.
const SERVERS: [(&str, bool); 4] =
    [("typescript-v1", false), ("typescript-v2", true), ("python-v1", false), ("python-v2", true)];

/// Clients that ask their user, then servers.
pub async fn run(packages: &Packages) -> [Table; 2] {
    let mut clients = Vec::new();
    for client in [Client::TypeScript2, Client::Python2] {
        eprintln!("interop: {client:?} asks its user");
        clients.push(asks(packages, client).await);
    }
    for client in [Client::TypeScript1, Client::Python1, Client::TypeScript2, Client::Python2] {
        eprintln!("interop: {client:?} has a type for -32042");
        clients.push(typed(packages, client).await);
    }
    let mut servers = Vec::new();
    for (name, is_stateless) in SERVERS {
        eprintln!("interop: {name} gets an approved call");
        servers.push(gets(packages, name, is_stateless).await);
    }
    let heads = vec![
        "client",
        "revision",
        "`accept`, approved",
        "`accept`, not yet",
        "`decline`",
        "cannot ask",
    ];
    let clients = Table { title: "A client that asks its user".to_owned(), heads, rows: clients };
    let heads = vec!["server", "2025-11-25", "2026-07-28"];
    let title = "An approved call that brings the filter's own answer".to_owned();
    [clients, Table { title, heads, rows: servers }]
}

/// An Envoy whose filter asks for the approval of each call of a tool.
async fn gateway(tool: &str, server: SocketAddr) -> Gateway {
    let policy = json!({
        "version": "1",
        "default": "deny",
        "identity": [{ "header": "x-agent-id" }],
        "tools": { tool: { "action": "require_approval", "reason": "Two have to agree." } },
        "settings": {
            "hold_request_headers": true,
            "approvals": {
                "path": "/approvals",
                "url": format!("https://{HOST}/approvals"),
                "ask": "url",
                "approvers": ["ann"],
            },
        },
    });
    Gateway::builder()
        .policy(policy.to_string())
        .hold_request_headers(true)
        .upstream(server)
        .filter_before(known_as("agent"))
        .start()
        .await
}

/// Approves all that waits and has this text in its arguments.
async fn approve(gateway: SocketAddr, text: &str) {
    let ann = |method: &str, below: &str| {
        Request::new(method, &format!("/approvals{below}"))
            .header("host", HOST)
            .header("x-agent-id", "ann")
    };
    let list = http1::send(gateway, &ann("GET", "")).await.json();
    for one in list["approvals"].as_array().into_iter().flatten() {
        let id = one["id"].as_str().unwrap_or_default();
        let shown = http1::send(gateway, &ann("GET", &format!("/{id}"))).await.json();
        let waits = shown["state"] == "pending";
        if let (true, Some(params), Some(digest)) =
            (waits, shown["params"].as_str(), shown["digest"].as_str())
            && params.contains(text)
        {
            let decision = ann("POST", &format!("/{id}/approve"));
            http1::send(gateway, &decision.header("mcp-approval-digest", digest)).await;
        }
    }
}

/// A client of revision 2026-07-28: a user who waits for the approval, one who does not,
/// one who declines, and a client that cannot show anything.
async fn asks(packages: &Packages, client: Client) -> (String, Vec<Cell>) {
    let server = McpServer::start("127.0.0.1:0", Mode::StatelessEvents).await;
    let gateway = gateway("session_kill", server.addr()).await;
    let addr = gateway.addr();
    let approving = tokio::spawn(async move {
        loop {
            approve(addr, "patient").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let name = format!("{}-asking", client.name());
    let plan = |asks: bool, users: &[&str]| {
        json!({
            "url": format!("http://{addr}/mcp"),
            "approvals": format!("http://{addr}/approvals"),
            "stateless": true,
            "asks": asks,
            "tool": "session_kill",
            "steps": users.iter().map(|user| json!({ "sessionId": user })).collect::<Vec<_>>(),
        })
    };
    let seen =
        script(packages, client, &name, &plan(true, &["patient", "hasty", "unwilling"])).await;
    let mute = script(packages, client, &name, &plan(false, &["mute"])).await;
    approving.abort();
    let step = |at: usize| &seen["seen"][at];
    let asked = |at: usize| step(at)["asked"].as_array().map_or(0, Vec::len);
    let shown = |at: usize| {
        step(at)["asked"].as_array().into_iter().flatten().all(|one| {
            let url = one["url"].as_str().unwrap_or_default();
            one["mode"] == "url" && url.starts_with(&format!("https://{HOST}/approvals/apr_"))
        })
    };
    let message = |seen: &Value| {
        let message = seen["error"]["message"].as_str().unwrap_or_default();
        seen["error"]["code"] == 428 && message.contains("[APPROVAL REQUIRED]")
    };
    let ran = step(0)["text"].as_str().is_some_and(|text| text.contains("session_kill"));
    let cells = vec![
        Cell::Good(seen["revision"].as_str().unwrap_or_default().to_owned()),
        cell(
            ran && shown(0) && asked(0) > 0,
            format!("asked {}, result", times(asked(0))),
            step(0),
        ),
        cell(
            step(1)["error"].is_object() && shown(1) && asked(1) > 1,
            format!("asked {}, then {}", times(asked(1)), kind(step(1))),
            step(1),
        ),
        cell(message(step(2)) && asked(2) == 1, "asked once, 428, message".to_owned(), step(2)),
        cell(message(&mute["seen"][0]), "428, message".to_owned(), &mute["seen"][0]),
    ];
    let runs = server.count("session_kill");
    let mut cells = cells;
    if runs != 1 {
        cells.push(Cell::Bad(format!("it ran {runs} times")));
    }
    (seen["client"].as_str().unwrap_or_default().to_owned(), cells)
}

/// A client of revision 2025-11-25, whose program gets an error that names the page.
async fn typed(packages: &Packages, client: Client) -> (String, Vec<Cell>) {
    let server = McpServer::start("127.0.0.1:0", Mode::Sessions).await;
    let gateway = gateway("session_kill", server.addr()).await;
    let addr = gateway.addr();
    let name = format!("{}-asking", client.name());
    let plan = json!({
        "url": format!("http://{addr}/mcp"),
        "approvals": format!("http://{addr}/approvals"),
        "stateless": false,
        "asks": true,
        "tool": "session_kill",
        "steps": [{ "sessionId": "patient" }],
    });
    let first = script(packages, client, &name, &plan).await;
    approve(addr, "patient").await;
    let then = script(packages, client, &name, &plan).await;
    let error = &first["seen"][0]["error"];
    let shown = &error["elicitations"][0];
    let url = shown["url"].as_str().unwrap_or_default();
    let has = error["code"] == -32042
        && url.starts_with(&format!("https://{HOST}/approvals/apr_"))
        && shown["elicitationId"].as_str().is_some_and(|id| url.ends_with(id))
        && error["message"].as_str().is_some_and(|text| text.contains("[APPROVAL REQUIRED]"));
    let ran = then["seen"][0]["text"].as_str().is_some_and(|text| text.contains("session_kill"));
    let data = if error["data"]["approval"].is_object() { ", data" } else { "" };
    let kind = error["kind"].as_str().unwrap_or_default();
    let cells = vec![
        Cell::Good(first["revision"].as_str().unwrap_or_default().to_owned()),
        cell(
            has && ran,
            format!("`{kind}`, message, address{data}; result"),
            &json!([first, then]),
        ),
        Cell::Good("-".to_owned()),
        Cell::Good("-".to_owned()),
        Cell::Good("-".to_owned()),
    ];
    (first["client"].as_str().unwrap_or_default().to_owned(), cells)
}

/// A server behind the filter: what it makes of an approved call that has the answer to
/// the filter's own question in it.
async fn gets(packages: &Packages, name: &str, is_stateless: bool) -> (String, Vec<Cell>) {
    let server = packages.serve_sdk(name).await;
    let gateway = gateway("safe", server.addr()).await;
    let addr = gateway.addr();
    let mut cells = Vec::new();
    for revision in ["2025-11-25", "2026-07-28"] {
        if revision == "2026-07-28" && !is_stateless {
            cells.push(Cell::Good("not its revision".to_owned()));
            continue;
        }
        let asked = http1::send(addr, &call(1, revision, false)).await;
        let waits = asked.json()["result"]["resultType"] == "input_required"
            || asked.json()["error"]["code"] == -32042;
        approve(addr, revision).await;
        let answer = text(&http1::send(addr, &call(2, revision, true)).await);
        let again = http1::send(addr, &call(3, revision, true)).await;
        let runs = server.log().matches(&format!("ran safe \"{revision}\"")).count();
        let good = waits && answer.contains(r#""text":"safe""#) && runs == 1;
        let seen = json!([asked.json(), answer, text(&again), runs]);
        cells.push(cell(good, "runs, once".to_owned(), &seen));
    }
    (name.replace("-v", " "), cells)
}

/// A call, with the answer of a client or without.
fn call(id: u64, revision: &str, answers: bool) -> Request {
    let mut params = json!({ "name": "safe", "arguments": { "run": revision } });
    let stateless = revision == "2026-07-28";
    if stateless {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": revision,
            "io.modelcontextprotocol/clientInfo": { "name": "interop", "version": "1.0.0" },
            "io.modelcontextprotocol/clientCapabilities": { "elicitation": { "url": {} } },
        });
    }
    if answers {
        params["inputResponses"] = json!({ KEY: { "action": "accept" } });
    }
    let body = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
    let request = Request::mcp(body.to_string()).header("mcp-protocol-version", revision);
    match stateless {
        true => request.header("mcp-method", "tools/call").header("mcp-name", "safe"),
        false => request,
    }
}

fn text(response: &Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// The type of an error.
fn kind(seen: &Value) -> String {
    format!("`{}`", seen["error"]["kind"].as_str().unwrap_or_default())
}

fn cell(good: bool, shown: String, seen: &Value) -> Cell {
    if good { Cell::Good(shown) } else { Cell::Bad(format!("not as it has to be: {seen}")) }
}
