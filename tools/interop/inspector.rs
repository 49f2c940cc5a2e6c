//! The Inspector's command line, which connects anew for each step.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::client::{Seen, output};
use crate::packages::Packages;
use crate::plan::{Planned, Step};

const PACKAGE: &str = "@modelcontextprotocol/inspector";

pub async fn run(packages: &Packages, addr: SocketAddr, steps: &[Planned]) -> Seen {
    let mut seen = Vec::new();
    for planned in steps {
        seen.push(match &planned.step {
            Step::List => take(packages, addr, &["--method", "tools/list"]).await,
            Step::Call(tool, arguments) => {
                let arguments = arguments.as_object().expect("an object");
                let pairs: Vec<_> =
                    arguments.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let mut words = vec!["--method", "tools/call", "--tool-name", tool];
                for pair in &pairs {
                    words.extend(["--tool-arg", pair]);
                }
                take(packages, addr, &words).await
            }
            // It is gone before a message could come.
            Step::Hear => Value::Null,
        });
    }
    Seen { client: packages.named(PACKAGE), revision: "2025-11-25".to_owned(), steps: seen }
}

async fn take(packages: &Packages, addr: SocketAddr, words: &[&str]) -> Value {
    let mut command = Command::new(&packages.node);
    command.arg(packages.file(PACKAGE, "clients/launcher/build/index.js")).arg("--cli");
    command.arg(format!("http://{addr}/mcp")).args(["--transport", "http"]).args(words);
    // It keeps what it is told at home.
    command.env("HOME", packages.javascript().join("home"));
    let (out, err) = output(&mut command).await;
    let said: Value = serde_json::from_str(&out).unwrap_or_default();
    if let Some(tools) = said["tools"].as_array() {
        let names: Vec<_> = tools.iter().map(|tool| tool["name"].clone()).collect();
        return json!({ "tools": names });
    }
    if said["content"].is_array() {
        let why = &said["_meta"]["mcp-policy-filter/denial"];
        return json!({ "text": said["content"][0]["text"], "failed": said["isError"], "why": why });
    }
    // A JSON object is the last that it complains of. Its `code` is a word of
    // its own, and `status` the code that came.
    let line = err.lines().rev().find(|line| line.starts_with('{')).unwrap_or_default();
    let error: Value = serde_json::from_str(line).unwrap_or_default();
    match &error["error"] {
        Value::Object(error) => {
            json!({ "error": { "code": error.get("status"), "message": error["message"] } })
        }
        _ => json!({ "other": format!("{out}{err}") }),
    }
}
