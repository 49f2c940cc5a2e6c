//! The clients.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use crate::inspector;
use crate::packages::Packages;
use crate::plan::{Planned, Way};
use crate::rust;

/// A client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    TypeScript1,
    TypeScript2,
    Python1,
    Python2,
    FastMcp,
    Rust,
    Inspector,
}

/// The observations of a client, one for each step.
pub struct Seen {
    /// The client and its version.
    pub client: String,
    pub revision: String,
    pub steps: Vec<Value>,
}

/// The time that a client has for all its steps.
const PATIENCE: Duration = Duration::from_secs(120);

impl Client {
    const ALL: [Self; 7] = [
        Self::TypeScript1,
        Self::TypeScript2,
        Self::Python1,
        Self::Python2,
        Self::FastMcp,
        Self::Rust,
        Self::Inspector,
    ];

    /// Those that know a way.
    pub fn of(way: Way) -> impl Iterator<Item = Self> {
        let old = [Self::TypeScript1, Self::Python1];
        Self::ALL.into_iter().filter(move |client| {
            way != Way::Stateless || !(old.contains(client) || *client == Self::Inspector)
        })
    }

    /// The name of the files in which a client in another language is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::TypeScript1 => "typescript-v1",
            Self::TypeScript2 => "typescript-v2",
            Self::Python1 => "python-v1",
            Self::Python2 => "python-v2",
            Self::FastMcp => "fast-mcp",
            Self::Rust => "rust",
            Self::Inspector => "inspector",
        }
    }

    /// Does the steps, against the MCP server that is behind `addr`.
    pub async fn run(
        self,
        packages: &Packages,
        way: Way,
        addr: SocketAddr,
        steps: &[Planned],
    ) -> Seen {
        match self {
            Self::Rust => return rust::run(way, addr, steps).await,
            Self::Inspector => return inspector::run(packages, addr, steps).await,
            _ => {}
        }
        let plan = json!({
            "url": format!("http://{addr}/mcp"),
            "stateless": way == Way::Stateless,
            "steps": steps.iter().map(Planned::to_json).collect::<Vec<_>>(),
        });
        let seen = script(packages, self, self.name(), &plan).await;
        let text = |key: &str| seen[key].as_str().expect(key).to_owned();
        let steps = seen["seen"].as_array().expect("what was seen").clone();
        Seen { client: text("client"), revision: text("revision"), steps }
    }
}

/// Runs a file of `tests/interop/clients` with a client's packages, and returns the
/// last line that it printed, as JSON.
pub async fn script(packages: &Packages, client: Client, file: &str, plan: &Value) -> Value {
    let mut command = match client {
        Client::TypeScript1 | Client::TypeScript2 => {
            let mut command = Command::new(&packages.node);
            command.arg(packages.javascript().join(format!("{file}.mjs")));
            command
        }
        _ => {
            let mut command = Command::new(&packages.python);
            command.arg(format!("tests/interop/clients/{file}.py"));
            command.env("PYTHONPATH", packages.python_of(client.name()));
            command.env("PYTHONDONTWRITEBYTECODE", "1");
            command
        }
    };
    let (out, err) = output(command.arg(plan.to_string())).await;
    let line = out.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{file}: {error}\n{out}\n{err}"))
}

/// Runs a program to its end, and returns what it printed and complained of.
pub async fn output(command: &mut Command) -> (String, String) {
    // Loopback is not a proxy's business.
    for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn().expect("starting a client");
    let output = timeout(PATIENCE, child.wait_with_output()).await;
    let output = output.expect("a client's end within two minutes").expect("its output");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(output.stdout), text(output.stderr))
}
