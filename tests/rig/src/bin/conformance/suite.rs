//! The suite, as its command line shows it, and what it says of a server.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use mcp_rig::gateway::Process;
use serde_json::Value;

use crate::DIRECTORY;

/// `-2026-11-20T16-33-50-115Z`, with which the suite ends a directory's name.
const TIMESTAMP: usize = 25;

/// The installed suite.
pub struct Suite {
    node: PathBuf,
    /// The scenarios of each revision that it knows.
    pub revisions: BTreeMap<String, Vec<String>>,
}

/// What one run said, by scenario.
pub type Outcome = BTreeMap<String, Vec<Check>>;

/// One thing that a scenario looked at.
#[derive(Clone, Debug)]
pub struct Check {
    /// Its id, and what tells it from others with this id.
    pub name: String,
    /// `SUCCESS`, `FAILURE`, `WARNING`, `SKIPPED` or `INFO`.
    pub status: String,
    /// Why it failed.
    pub message: String,
}

impl Suite {
    /// Asks it for its scenarios. Those of extensions belong to no revision.
    pub async fn new(node: PathBuf) -> Result<Self, String> {
        let mut suite = Self { node, revisions: BTreeMap::new() };
        let list = Path::new(DIRECTORY).join("list.txt");
        suite.execute(&["list", "--server"], &list).await;
        for line in read(&list)?.lines() {
            // `  - ping [2025-06-18,2025-11-25]`
            let Some((scenario, revisions)) = scenario(line) else { continue };
            for revision in revisions.split(',').filter(|name| name.starts_with("20")) {
                suite.revisions.entry(revision.to_owned()).or_default().push(scenario.to_owned());
            }
        }
        match suite.revisions.len() {
            0 => Err(format!("the suite lists no scenarios; see {}", list.display())),
            _ => Ok(suite),
        }
    }

    /// Runs all scenarios of `revision` against the server at `addr`. `name`
    /// is for the directory with what it saw.
    pub async fn run(
        &self,
        name: &str,
        revision: &str,
        addr: SocketAddr,
    ) -> Result<Outcome, String> {
        let directory = Path::new(DIRECTORY).join("results").join(name).join(revision);
        // Those of an earlier run would be taken for this one's.
        if directory.exists() {
            fs::remove_dir_all(&directory)
                .map_err(|error| format!("{}: {error}", directory.display()))?;
        }
        fs::create_dir_all(&directory)
            .map_err(|error| format!("{}: {error}", directory.display()))?;
        let url = format!("http://{addr}/mcp");
        let results = directory.to_string_lossy();
        let arguments = ["server", "--url", &url, "--suite", "all", "--spec-version", revision];
        let arguments = [&arguments[..], &["--output-dir", &results]].concat();
        self.execute(&arguments, &directory.join("suite.log")).await;
        collect(&directory)
    }

    /// Until the suite ends; it gives each scenario 30 seconds. Its status says
    /// less than the results that it leaves.
    async fn execute(&self, arguments: &[&str], log: &Path) {
        let to_log = File::create(log).expect("a log under target/");
        let package = "node_modules/@modelcontextprotocol/conformance/dist/index.js";
        let mut command = Command::new(&self.node);
        command
            .arg(Path::new(DIRECTORY).join(package))
            .args(arguments)
            .stderr(to_log.try_clone().map_or(Stdio::null(), Stdio::from))
            .stdout(to_log);
        let mut process = Process::spawn(command).expect("starting the suite");
        while process.exited().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Whether a scenario passed, by the suite's own rule.
pub fn passed(checks: &[Check]) -> bool {
    !checks.is_empty() && checks.iter().all(|check| check.status != "FAILURE")
}

fn scenario(line: &str) -> Option<(&str, &str)> {
    line.trim().strip_prefix("- ")?.strip_suffix(']')?.split_once(" [")
}

/// Reads `server-SCENARIO-TIMESTAMP/checks.json` for each scenario.
fn collect(directory: &Path) -> Result<Outcome, String> {
    let mut outcome = Outcome::new();
    for entry in fs::read_dir(directory).map_err(|error| error.to_string())?.flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        let Some(name) = name.strip_prefix("server-") else { continue };
        let Some(scenario) = name.get(..name.len().saturating_sub(TIMESTAMP)) else { continue };
        let path = entry.path().join("checks.json");
        let json: Value = serde_json::from_str(&read(&path)?)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let checks = json.as_array().ok_or(format!("{} holds no list", path.display()))?;
        outcome.insert(scenario.to_owned(), checks.iter().map(check).collect());
    }
    Ok(outcome)
}

fn check(json: &Value) -> Check {
    let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
    Check {
        name: format!("{} ({})", text("id"), text("name")),
        status: text("status"),
        message: text("errorMessage"),
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
