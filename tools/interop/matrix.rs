//! Every client on every way that it knows.

use std::fs;
use std::time::SystemTime;

use mcp_rig::gateway::Gateway;
use mcp_rig::server::{McpServer, Mode};
use serde_json::{Value, json};

use crate::client::{Client, Seen};
use crate::packages::Packages;
use crate::plan::{Planned, Want, Way, steps};
use crate::told::{Cell, told};

/// A table: a row for each client.
pub struct Table {
    pub title: String,
    pub heads: Vec<&'static str>,
    pub rows: Vec<(String, Vec<Cell>)>,
}

impl Table {
    pub fn is_sound(&self) -> bool {
        self.rows.iter().flat_map(|(_, cells)| cells).all(|cell| matches!(cell, Cell::Good(_)))
    }
}

/// Runs them all, one after the other, each with an Envoy of its own.
pub async fn run(packages: &Packages) -> [Table; 3] {
    let name = "@modelcontextprotocol/server-everything";
    let program = packages.file(name, "dist/index.js");
    let everything = packages.serve("server-everything", &program, &["streamableHttp"]).await;
    let stateless = McpServer::start("127.0.0.1:0", Mode::StatelessEvents).await;

    let policy =
        fs::read_to_string("envoy/policies/minimal/server-everything.json").expect("the policy");
    let policy: Value = serde_json::from_str(&policy).expect("a policy in JSON");
    let title = format!("With `initialize`, in front of {}", packages.named(name));
    let sessions = table(packages, title, Way::Session, policy.clone(), everything.addr()).await;

    let mut as_results = policy;
    as_results["settings"]["denied_as"] = "result".into();
    let title = "The same, with `denied_as` at `result`".to_owned();
    let results = table(packages, title, Way::Results, as_results, everything.addr()).await;

    let policy = json!({
        "version": "1",
        "default": "deny",
        "hide": ["session_kill"],
        "tools": {
            "session_send": {},
            "session_list": { "rate_limit": "2/hour" },
            "delete_account": { "action": "deny" },
        },
    });
    let title =
        "Revision 2026-07-28, without a session, in front of the Rust SDK's server".to_owned();
    let mut without = table(packages, title, Way::Stateless, policy, stateless.addr()).await;
    for denied in ["delete_account", "session_kill"] {
        if stateless.count(denied) > 0 {
            without.rows.push((denied.to_owned(), vec![Cell::Bad("it ran".to_owned())]));
        }
    }
    [sessions, results, without]
}

async fn table(
    packages: &Packages,
    title: String,
    way: Way,
    mut policy: Value,
    upstream: std::net::SocketAddr,
) -> Table {
    policy["settings"]["hold_request_headers"] = true.into();
    let steps = steps(way);
    let mut heads = vec!["client", "revision"];
    heads.extend(steps.iter().filter_map(|planned| planned.column));
    let mut rows = Vec::new();
    for client in Client::of(way) {
        eprintln!("interop: {client:?}, {way:?}");
        let (seen, passed) = loop {
            let gateway = Gateway::builder()
                .policy(policy.to_string())
                .hold_request_headers(true)
                .upstream(upstream)
                .start()
                .await;
            let before = hour();
            let seen = client.run(packages, way, gateway.addr(), &steps).await;
            // The policies count by the hour: when one ended meanwhile, again.
            if hour() == before {
                break (seen, counted(&gateway).await);
            }
        };
        rows.push(row(&steps, seen, passed));
    }
    Table { title, heads, rows }
}

fn row(steps: &[Planned], seen: Seen, counted: Cell) -> (String, Vec<Cell>) {
    assert_eq!(seen.steps.len(), steps.len(), "{}", seen.client);
    let told = steps.iter().zip(&seen.steps).map(|(planned, seen)| {
        let cell = match (planned.want, seen) {
            (Want::Heard, Value::Null) => Cell::Good("-".to_owned()),
            (want, seen) => told(want, seen),
        };
        (planned.column.is_some(), cell)
    });
    (seen.client, cells(seen.revision, told, counted))
}

/// The cells of a row behind the client's name: those of steps with a column, and of others
/// only what is wrong.
pub fn cells(
    revision: String,
    told: impl Iterator<Item = (bool, Cell)>,
    counted: Cell,
) -> Vec<Cell> {
    let all = told.chain([(false, counted)]);
    let shown = all.filter(|(has_column, cell)| *has_column || matches!(cell, Cell::Bad(_)));
    [Cell::Good(revision)].into_iter().chain(shown.map(|(_, cell)| cell)).collect()
}

/// Whether all that the server got is what the filter let through.
pub async fn counted(gateway: &Gateway) -> Cell {
    let sent = gateway.admin().stat("cluster.mcp_server.upstream_rq_total").await;
    let passed = gateway.count("passed").await;
    match sent == passed && passed > Some(0) {
        true => Cell::Good(String::new()),
        false => Cell::Bad(format!("{sent:?} requests were sent on, and {passed:?} let through")),
    }
}

/// The hour by the clock, by which the policies count.
pub fn hour() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("a clock after 1970").as_secs() / 3600
}
