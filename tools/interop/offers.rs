//! Prompts and resources through the official clients, in front of server-everything: the
//! lists without what is hidden, what is allowed, and what the client's library makes of
//! what is not.

use mcp_rig::gateway::Gateway;
use serde_json::{Value, json};

use crate::client::{Client, script};
use crate::matrix::{Table, cells, counted};
use crate::packages::Packages;
use crate::rust;
use crate::told::{Cell, denial, good};

/// The clients, each by an API of its own.
const CLIENTS: [Client; 5] =
    [Client::TypeScript1, Client::TypeScript2, Client::Python1, Client::Python2, Client::Rust];

/// A text of the server, another that is denied, and one that is hidden.
const READ: &str = "demo://resource/static/document/features.md";
const DENIED: &str = "demo://resource/static/document/architecture.md";
const HIDDEN: &str = "demo://resource/static/document/startup.md";
/// Templates, the second of which is hidden, and what the first makes.
const TEMPLATE: &str = "demo://resource/dynamic/text/{resourceId}";
const HIDDEN_TEMPLATE: &str = "demo://resource/dynamic/blob/{resourceId}";
const MADE: &str = "demo://resource/dynamic/text/7";
const HIDDEN_MADE: &str = "demo://resource/dynamic/blob/7";

/// A step as the clients read it, the outcome that it must have, and its column.
struct Planned {
    column: Option<&'static str>,
    step: Value,
    want: Want,
}

/// The outcome that a step must have.
#[derive(Clone, Copy)]
enum Want {
    /// A list without these, and with that one.
    Without(&'static [&'static str], &'static str),
    /// A prompt or a resource with this in its text.
    Text(&'static str),
    /// These completions.
    Values(&'static [&'static str]),
    /// An answer that says nothing more.
    Done,
    /// The news that this resource has changed.
    Updated(&'static str),
    /// An error for this reason, raised by the client's library.
    Denial(&'static str),
}

/// Prompts, then resources.
pub async fn run(packages: &Packages) -> [Table; 2] {
    let name = "@modelcontextprotocol/server-everything";
    let program = packages.file(name, "dist/index.js");
    let server = packages.serve("server-everything", &program, &["streamableHttp"]).await;
    let named = packages.named(name);
    let mut tables = Vec::new();
    for (what, plan) in [("Prompts", prompts()), ("Resources", resources())] {
        let mut heads = vec!["client", "revision"];
        heads.extend(plan.iter().filter_map(|planned| planned.column));
        let mut rows = Vec::new();
        for client in CLIENTS {
            eprintln!("interop: {client:?}, {what}");
            let gateway = Gateway::builder()
                .policy(policy().to_string())
                .hold_request_headers(true)
                .upstream(server.addr())
                .start()
                .await;
            let steps: Vec<_> = plan.iter().map(|planned| &planned.step).collect();
            let seen = match client {
                Client::Rust => rust::offers(gateway.addr(), &steps).await,
                _ => {
                    let url = format!("http://{}/mcp", gateway.addr());
                    let file = format!("{}-offers", client.name());
                    script(packages, client, &file, &json!({ "url": url, "steps": steps })).await
                }
            };
            rows.push(row(&plan, &seen, counted(&gateway).await));
        }
        tables.push(Table { title: format!("{what}, in front of {named}"), heads, rows });
    }
    tables.try_into().unwrap_or_else(|_| panic!("two tables"))
}

fn policy() -> Value {
    json!({
        "version": "1",
        "default": "deny",
        "tools": { "toggle-subscriber-updates": {} },
        "prompts": {
            "default": "deny",
            "hide": ["args-*"],
            "rules": { "simple-prompt": {}, "completable-prompt": {}, "resource-prompt": { "action": "deny" } },
        },
        "resources": {
            "default": "deny",
            "hide": [HIDDEN, "demo://resource/dynamic/blob/*"],
            "rules": {
                "demo://resource/static/document/*": {},
                "demo://resource/dynamic/text/*": {},
                DENIED: { "action": "deny" },
            },
        },
        "settings": { "hold_request_headers": true },
    })
}

fn step(column: &'static str, step: Value, want: Want) -> Planned {
    Planned { column: Some(column), step, want }
}

fn prompts() -> Vec<Planned> {
    let get = |prompt: &str, arguments: Value| json!({ "prompt": prompt, "arguments": arguments });
    let complete = |prompt: &str, argument: &str, value: &str| {
        let asked = json!({ "type": "ref/prompt", "name": prompt });
        json!({ "complete": asked, "argument": { "name": argument, "value": value } })
    };
    let simple = || get("simple-prompt", json!({}));
    let simple_text = Want::Text("This is a simple prompt");
    let led = json!({ "department": "Sales", "name": "Eve" });
    vec![
        step(
            "list",
            json!({ "list": "prompts" }),
            Want::Without(&["args-prompt"], "simple-prompt"),
        ),
        step("get", simple(), simple_text),
        step("with arguments", get("completable-prompt", led), Want::Text("Please promote Eve")),
        step(
            "denied",
            get("resource-prompt", json!({ "resourceType": "Text", "resourceId": "1" })),
            Want::Denial("denied"),
        ),
        step("hidden", get("args-prompt", json!({ "city": "Bern" })), Want::Denial("hidden")),
        step(
            "complete",
            complete("completable-prompt", "department", "S"),
            Want::Values(&["Sales", "Support"]),
        ),
        step(
            "complete, denied",
            complete("resource-prompt", "resourceType", "T"),
            Want::Denial("denied"),
        ),
        step("complete, hidden", complete("args-prompt", "city", "B"), Want::Denial("hidden")),
        step("afterwards", simple(), simple_text),
    ]
}

fn resources() -> Vec<Planned> {
    let read = |uri: &str| json!({ "read": uri });
    let complete = |template: &str| {
        let asked = json!({ "type": "ref/resource", "uri": template });
        json!({ "complete": asked, "argument": { "name": "resourceId", "value": "7" } })
    };
    let start = json!({ "call": "toggle-subscriber-updates" });
    vec![
        step("list", json!({ "list": "resources" }), Want::Without(&[HIDDEN], READ)),
        step(
            "templates",
            json!({ "list": "templates" }),
            Want::Without(&[HIDDEN_TEMPLATE], TEMPLATE),
        ),
        step("read", read(READ), Want::Text("Features")),
        Planned { column: None, step: read(MADE), want: Want::Text("Resource 7") },
        step("denied", read(DENIED), Want::Denial("denied")),
        step("hidden", read(HIDDEN), Want::Denial("hidden")),
        Planned { column: None, step: read(HIDDEN_MADE), want: Want::Denial("hidden") },
        step("subscribe", json!({ "subscribe": MADE }), Want::Done),
        Planned { column: None, step: start.clone(), want: Want::Text("Started") },
        step("updated", json!({ "hear": true }), Want::Updated(MADE)),
        step("unsubscribe", json!({ "unsubscribe": MADE }), Want::Done),
        Planned { column: None, step: start, want: Want::Text("Stopped") },
        step("subscribe, denied", json!({ "subscribe": DENIED }), Want::Denial("denied")),
        Planned {
            column: None,
            step: json!({ "unsubscribe": HIDDEN }),
            want: Want::Denial("hidden"),
        },
        step("complete", complete(TEMPLATE), Want::Values(&["7"])),
        step("complete, hidden", complete(HIDDEN_TEMPLATE), Want::Denial("hidden")),
        step("afterwards", read(READ), Want::Text("Features")),
    ]
}

fn row(plan: &[Planned], seen: &Value, counted: Cell) -> (String, Vec<Cell>) {
    let text = |key: &str| seen[key].as_str().expect(key).to_owned();
    let steps = seen["seen"].as_array().expect("what was seen");
    assert_eq!(steps.len(), plan.len(), "{seen}");
    let all = plan.iter().zip(steps);
    let all = all.map(|(planned, seen)| (planned.column.is_some(), told(planned.want, seen)));
    (text("client"), cells(text("revision"), all, counted))
}

fn told(want: Want, seen: &Value) -> Cell {
    let has = |key: &str, name: &str| {
        seen[key].as_array().is_some_and(|all| all.iter().any(|one| one == name))
    };
    match want {
        Want::Without(hidden, shown) => {
            let without = hidden.iter().all(|name| !has("names", name));
            let name = hidden.concat();
            let short = name.rsplit_once("://resource/").map_or(&*name, |(_, short)| short);
            good(without && has("names", shown), format!("without `{short}`"), seen)
        }
        Want::Text(text) => {
            let is = seen["text"].as_str().is_some_and(|seen| seen.contains(text));
            good(is, "result".to_owned(), seen)
        }
        Want::Values(values) => good(seen["values"] == json!(values), "result".to_owned(), seen),
        Want::Done => good(seen["done"] == true, "result".to_owned(), seen),
        Want::Updated(uri) => good(has("heard", uri), "heard".to_owned(), seen),
        Want::Denial(reason) => denial(reason, 403, seen),
    }
}
