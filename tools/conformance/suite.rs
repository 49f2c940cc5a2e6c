//! The suite, as its command line shows it, and what it says.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use mcp_rig::gateway::Process;
use serde_json::Value;

use crate::DIRECTORY;
use crate::way::Way;

/// `-2026-11-20T16-33-50-115Z`, with which the suite ends a directory's name.
const TIMESTAMP: usize = 25;

/// The installed suite.
pub struct Suite {
    node: PathBuf,
    /// The scenarios that it has.
    pub sections: BTreeMap<Section, Vec<String>>,
}

/// Scenarios that belong together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Section {
    /// The side that is tested.
    pub side: Side,
    /// The revision that is spoken.
    pub revision: String,
}

/// A side of the protocol, which is tested; the suite is the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The fixture server.
    Server,
    /// A client that the suite starts.
    Client,
}

/// The checks of one run, by scenario.
pub type Outcome = BTreeMap<String, Vec<Check>>;

/// One thing that a scenario looked at.
#[derive(Clone, Debug)]
pub struct Check {
    /// Its id, and what tells it from others with this id.
    pub name: String,
    /// `SUCCESS`, `FAILURE`, `WARNING`, `SKIPPED` or `INFO`.
    pub status: String,
    /// The reason of a failure.
    pub message: String,
}

impl Side {
    /// The suite's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

impl Section {
    /// As a row is called.
    pub fn title(&self) -> String {
        format!("{} {}", self.side.name(), self.revision)
    }
}

impl Suite {
    /// Asks it for its scenarios. Those of extensions belong to no revision.
    /// Those of authorization have addresses in their documents, which are
    /// others behind a gateway.
    pub async fn new(node: PathBuf) -> Result<Self, String> {
        let mut suite = Self { node, sections: BTreeMap::new() };
        for side in [Side::Server, Side::Client] {
            let log = Path::new(DIRECTORY).join("list.txt");
            suite.execute(&["list", &format!("--{}", side.name())], &log).await;
            let text = read(&log)?;
            let scenarios = text.lines().filter_map(scenario);
            for (scenario, revisions) in scenarios.filter(|(name, _)| !name.starts_with("auth/")) {
                for revision in revisions.split(',').filter(|name| name.starts_with("20")) {
                    let section = Section { side, revision: revision.to_owned() };
                    suite.sections.entry(section).or_default().push(scenario.to_owned());
                }
            }
        }
        match suite.sections.len() {
            0 => Err("the suite lists no scenarios".to_owned()),
            _ => Ok(suite),
        }
    }

    /// Runs a section on `way`; `server` is where that leads to the fixture
    /// server.
    pub async fn run(
        &self,
        way: Way,
        section: &Section,
        server: SocketAddr,
    ) -> Result<Outcome, String> {
        let results = Path::new(DIRECTORY).join("results").join(way.name());
        let directory = results.join(section.side.name()).join(&section.revision);
        let failed = |error| format!("{}: {error}", directory.display());
        // Those of an earlier run would be taken for this one's.
        if directory.exists() {
            fs::remove_dir_all(&directory).map_err(failed)?;
        }
        fs::create_dir_all(&directory).map_err(failed)?;
        let output = directory.to_string_lossy();
        let common = [section.side.name(), "--spec-version", &section.revision];
        let common = [&common[..], &["--output-dir", &output]].concat();
        match section.side {
            Side::Server => {
                let url = format!("http://{server}/mcp");
                let arguments = [&common[..], &["--suite", "all", "--url", &url]].concat();
                self.execute(&arguments, &directory.join("suite.log")).await;
                collect(&directory, "server-")
            }
            Side::Client => {
                // The suite gives this to a shell, after cutting it at spaces.
                let command = format!("\"$RUNNER\" client {}", way.name());
                let mut exits = Vec::new();
                for scenario in &self.sections[section] {
                    let arguments = ["--command", &command, "--scenario", scenario];
                    let arguments = [&common[..], &arguments].concat();
                    let log = directory.join(format!("{scenario}.log"));
                    exits.push((scenario, self.execute(&arguments, &log).await));
                }
                let mut outcome = collect(&directory, "")?;
                for (scenario, success) in exits {
                    outcome.entry(scenario.clone()).or_default().push(Check::exit(success));
                }
                Ok(outcome)
            }
        }
    }

    /// Until the suite ends; it gives each scenario 30 seconds. Whether it was
    /// content.
    async fn execute(&self, arguments: &[&str], log: &Path) -> bool {
        let to_log = File::create(log).expect("a log under target/");
        let package = "node_modules/@modelcontextprotocol/conformance/dist/index.js";
        let mut command = Command::new(&self.node);
        command
            .arg(Path::new(DIRECTORY).join(package))
            .args(arguments)
            .env("RUNNER", env::current_exe().expect("this program's path"))
            .stderr(to_log.try_clone().map_or(Stdio::null(), Stdio::from))
            .stdout(to_log);
        let mut process = Process::spawn(command).expect("starting the suite");
        loop {
            if let Some(status) = process.exited() {
                return status.success();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Check {
    /// A client that fails may have passed all checks until then.
    fn exit(success: bool) -> Self {
        let status = if success { "SUCCESS" } else { "FAILURE" };
        Self { name: "exit status".into(), status: status.into(), message: String::new() }
    }
}

/// Whether a scenario passed, by the suite's own rule.
pub fn passed(checks: &[Check]) -> bool {
    !checks.is_empty() && checks.iter().all(|check| check.status != "FAILURE")
}

fn scenario(line: &str) -> Option<(&str, &str)> {
    line.trim().strip_prefix("- ")?.strip_suffix(']')?.split_once(" [")
}

/// Reads `PREFIX SCENARIO-TIMESTAMP/checks.json` for each scenario.
fn collect(directory: &Path, prefix: &str) -> Result<Outcome, String> {
    let mut outcome = Outcome::new();
    let entries = fs::read_dir(directory).map_err(|error| error.to_string())?.flatten();
    for entry in entries.filter(|entry| entry.path().is_dir()) {
        let name = entry.file_name().into_string().unwrap_or_default();
        let Some(name) = name.strip_prefix(prefix) else { continue };
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
