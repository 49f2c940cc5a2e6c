//! Clients without a token: whether the filter's 401 makes them sign in, and
//! whether they come back with a token and call.

use mcp_rig::gateway::Gateway;
use mcp_rig::server::{McpServer, Mode};
use serde_json::json;

use crate::authorization::{Authorization, CODE};
use crate::client::{Client, script};
use crate::matrix::Table;
use crate::packages::Packages;
use crate::told::Cell;

/// The SHA-256 of [`crate::authorization::TOKEN`].
const HASH: &str = "sha256:b97ca5f15bf77a5b1ff3e06b24a557794f3cd029e8a84d76e275d2a18aa3a0f0";

/// The clients that know how to sign in.
const CLIENTS: [Client; 4] =
    [Client::TypeScript1, Client::TypeScript2, Client::Python1, Client::Python2];

/// Lets each of them begin without a token.
pub async fn run(packages: &Packages) -> Table {
    let server = McpServer::start("127.0.0.1:0", Mode::Stateless).await;
    let mut rows = Vec::new();
    for client in CLIENTS {
        eprintln!("interop: {client:?} signs in");
        rows.push(sign_in(packages, client, &server).await);
    }
    Table {
        title: "Signing in, after the filter's 401".to_owned(),
        heads: vec!["client", "metadata", "authorization server", "sent to", "resource", "then"],
        rows,
    }
}

async fn sign_in(packages: &Packages, client: Client, server: &McpServer) -> (String, Vec<Cell>) {
    let authorization = Authorization::start().await;
    let policy = |resource: &str| {
        json!({
            "version": "1",
            "default": "allow",
            "identity": [{ "bearer": { "tokens": { "interop": HASH } } }],
            "settings": {
                "paths": ["/mcp"],
                "hold_request_headers": true,
                "protected_resource": {
                    "resource": resource,
                    "authorization_servers": [authorization.url()],
                },
            },
        })
        .to_string()
    };
    let gateway = Gateway::builder()
        .policy(policy("http://localhost"))
        .hold_request_headers(true)
        .upstream(server.addr())
        .access_log_format("%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE%")
        .dynamic()
        .start()
        .await;
    // Its own address is known only now.
    let url = format!("http://{}/mcp", gateway.addr());
    gateway.push_policy(&policy(&url)).await;

    let plan = json!({ "url": url, "code": CODE, "tool": "session_list" });
    let seen = script(packages, client, &format!("{}-sign-in", client.name()), &plan).await;
    let sent_to = seen["redirect"].as_str().unwrap_or_default().to_owned();
    let requests = gateway.access_log();
    let metadata = requests.iter().find(|line| line.contains("/.well-known/"));
    let cells = vec![
        match metadata.and_then(|line| line.strip_prefix("GET ")?.strip_suffix(" 200")) {
            Some(path) if requests.first().is_some_and(|first| first.ends_with(" 401")) => {
                Cell::Good(format!("`{path}`"))
            }
            _ => Cell::Bad(format!("{requests:?}")),
        },
        match &*authorization.asked() {
            [metadata, register, token]
                if metadata == "/.well-known/oauth-authorization-server" =>
            {
                Cell::Good(format!("metadata, `{register}`, `{token}`"))
            }
            asked => Cell::Bad(format!("{asked:?}")),
        },
        match sent_to.split_once('?') {
            Some((to, _)) if to == format!("{}/authorize", authorization.url()) => {
                Cell::Good("`/authorize`".to_owned())
            }
            _ => Cell::Bad(format!("sent to {sent_to}")),
        },
        match query(&sent_to, "resource") {
            Some(resource) if resource == url => Cell::Good("the filter's".to_owned()),
            other => Cell::Bad(format!("{other:?}")),
        },
        match seen["text"].as_str() {
            Some(text) if text.contains("session_list") => Cell::Good("result".to_owned()),
            _ => Cell::Bad(seen.to_string()),
        },
    ];
    (seen["client"].as_str().unwrap_or_default().to_owned(), cells)
}

/// A parameter of a URL's query, of which the escapes of a URL are undone.
fn query(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.replace("%3A", ":").replace("%2F", "/"))
}
