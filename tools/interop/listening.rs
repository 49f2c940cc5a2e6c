//! `subscriptions/listen`, the stream of changes that revision 2026-07-28 has in the place
//! of `resources/subscribe`: the clients and servers of the SDKs that have it.

use mcp_rig::gateway::Gateway;
use serde_json::{Value, json};

use crate::client::{Client, script};
use crate::matrix::{Table, counted};
use crate::packages::Packages;
use crate::rust;
use crate::told::{Cell, denial, good};

/// A resource that callers may read, and one that they may not.
const TEAMS: &str = "note://team/1";
const BOSSES: &str = "note://boss/1";

/// Servers of `tests/interop/servers`, by their names for people.
const SERVERS: [(&str, &str); 2] = [("typescript-v2", "typescript 2"), ("python-v2", "python 2")];

pub async fn run(packages: &Packages) -> Table {
    let mut rows = Vec::new();
    for (name, shown) in SERVERS {
        let server = packages.serve_notes(name).await;
        for client in [Client::TypeScript2, Client::Python2, Client::Rust] {
            eprintln!("interop: {client:?} listens to {name}");
            let policy = json!({
                "version": "1",
                "default": "deny",
                "tools": { "touch": {} },
                "resources": { "default": "deny", "rules": { "note://team/*": {} } },
                "settings": { "hold_request_headers": true },
            });
            let gateway = Gateway::builder()
                .policy(policy.to_string())
                .hold_request_headers(true)
                .upstream(server.addr())
                .start()
                .await;
            let steps = [
                json!({ "listen": [TEAMS], "touch": TEAMS }),
                json!({ "listen": [BOSSES] }),
                json!({ "listen": [TEAMS, BOSSES] }),
                json!({ "listen": [], "touch": "" }),
                json!({ "listen": [TEAMS], "touch": TEAMS }),
            ];
            let seen = match client {
                Client::Rust => rust::listening(gateway.addr(), &steps).await,
                _ => {
                    let url = format!("http://{}/mcp", gateway.addr());
                    let file = format!("{}-listening", client.name());
                    script(packages, client, &file, &json!({ "url": url, "steps": steps })).await
                }
            };
            let (client, mut cells) = row(&seen);
            cells.insert(0, Cell::Good(shown.to_owned()));
            match counted(&gateway).await {
                Cell::Good(_) => {}
                bad => cells.push(bad),
            }
            rows.push((client, cells));
        }
    }
    let heads = vec![
        "client",
        "server",
        "revision",
        "allowed",
        "updated",
        "denied",
        "one of two denied",
        "lists alone",
        "afterwards",
    ];
    Table { title: "Streams of changes, by `subscriptions/listen`".to_owned(), heads, rows }
}

fn row(seen: &Value) -> (String, Vec<Cell>) {
    let text = |key: &str| seen[key].as_str().expect(key).to_owned();
    let step = |at: usize| &seen["seen"][at];
    let listens = |at: usize, uris: &[&str]| {
        good(step(at)["honored"] == json!(uris), "listens".to_owned(), step(at))
    };
    let updated = |at: usize| {
        let heard = &step(at)["heard"];
        good(*heard == json!(["resources/updated", TEAMS]), "heard".to_owned(), step(at))
    };
    let lists = &step(3)["heard"];
    let cells = vec![
        Cell::Good(text("revision")),
        listens(0, &[TEAMS]),
        updated(0),
        denial("default_deny", 403, step(1)),
        denial("default_deny", 403, step(2)),
        good(*lists == json!(["tools/list_changed", ""]), "heard".to_owned(), step(3)),
        updated(4),
    ];
    (text("client"), cells)
}
