//! The servers: real SDKs, of which each tells what it ran by another way than
//! its answers.

use std::env;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use mcp_rig::gateway::Process;
use mcp_rig::server::{CallLog, McpServer, Mode, Tool};
use mcp_rig::wait::until;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::case::{Case, Draft, Kind};
use crate::json::call;
use crate::lanes::{self, Answers, Writes};

const TOOLS: &[Tool] = &[
    Tool { name: "safe", description: "What the policy allows", args: &[] },
    Tool { name: "danger", description: "What the policy denies", args: &[] },
];

/// One run of a tool.
#[derive(Clone, Debug)]
pub struct Run {
    pub tool: String,
    /// Its argument `run`, or what came in its place.
    pub name: String,
}

/// The answers of the program `read` beside an installed server, a line for each of these.
pub fn read<T: DeserializeOwned>(server: &str, questions: &[Value]) -> Vec<T> {
    let program = folder().join(server).join("read");
    let mut child = Command::new(&program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; see scripts/sdk-servers", program.display()));
    let lines: String = questions.iter().map(|question| format!("{question}\n")).collect();
    let mut stdin = child.stdin.take().expect("a pipe");
    // It answers while it reads.
    let writing = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("its output");
    writing.join().expect("a thread").expect("all was read");
    let answers = String::from_utf8(output.stdout).expect("JSON in UTF-8");
    let answers = answers.lines().map(|line| serde_json::from_str(line).expect("an answer"));
    let answers: Vec<T> = answers.collect();
    assert_eq!(answers.len(), questions.len(), "{server} ended: {}", output.status);
    answers
}

/// A running server; stopped when dropped.
pub struct Server {
    addr: SocketAddr,
    record: Record,
    barriers: usize,
    writes: Writes,
}

enum Record {
    /// A server in this process, and how many of its calls were read.
    Calls { log: CallLog, read: usize, _server: McpServer },
    /// A process that prints a line for each run, and how much was read.
    Lines { path: PathBuf, read: usize, _process: Process },
}

impl Server {
    /// The official Rust SDK, in this process.
    pub async fn rust() -> Self {
        let server = McpServer::offering(TOOLS, "127.0.0.1:0", Mode::Stateless).await;
        let addr = server.addr();
        let record = Record::Calls { log: server.log(), read: 0, _server: server };
        Self { addr, record, barriers: 0, writes: Writes::Two }
    }

    /// The server that `scripts/sdk-servers` installed under `name`.
    pub async fn installed(name: &str) -> Self {
        let folder = folder();
        let program = program(name);
        assert!(
            program.is_file(),
            "the MCP server {name} is not installed: scripts/sdk-servers says why, \
             and DIFFERENTIAL_WITHOUT={name} goes without it"
        );
        let path = folder.join(format!("{name}.{}.out", std::process::id()));
        let out = File::create(&path).expect("a file under target/");
        let errors = File::create(path.with_extension("err")).expect("a file under target/");
        let mut command = Command::new(program);
        command.stdout(out).stderr(errors);
        let mut process = Process::spawn(command).expect("a shell");
        let what = format!("{name} listening");
        let port = until(&what, async || {
            let errors = || fs::read_to_string(path.with_extension("err")).unwrap_or_default();
            let ended = process.exited();
            assert!(ended.is_none(), "{name} ended ({ended:?}): {}", errors());
            let text = fs::read_to_string(&path).ok()?;
            let line = text.split_once('\n').map(|(line, _)| line.to_owned());
            let port = line.and_then(|line| line.strip_prefix("listening ")?.parse().ok());
            port.or_else(|| port_of_php(&errors()))
        });
        let addr = SocketAddr::from(([127, 0, 0, 1], port.await));
        let writes = if name == "laravel" { Writes::One } else { Writes::Two };
        let record = Record::Lines { path, read: 0, _process: process };
        Self { addr, record, barriers: 0, writes }
    }

    /// Whether there is a server of that name.
    pub fn is_installed(name: &str) -> bool {
        program(name).is_file()
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends cases to `addr`, which is the server's or leads to it.
    pub async fn send(&self, addr: SocketAddr, cases: &[Case]) -> Answers {
        lanes::send(addr, cases, self.writes).await
    }

    /// The runs since this was last asked. A call of the test's own, straight to the server,
    /// marks the end: whatever was sent before has run before.
    pub async fn ran(&mut self) -> Vec<Run> {
        self.barriers += 1;
        let name = format!("barrier {}", self.barriers);
        let bytes = Draft::post(call("safe", &name).compact()).encode();
        let about = Vec::new();
        let case = Case { kind: Kind::Honest, name: name.clone(), about, bytes };
        self.send(self.addr, &[case]).await;
        let mut runs = Vec::new();
        until("the end of what ran", async || {
            runs.extend(self.record.read());
            runs.iter().any(|run| run.name == name).then_some(())
        })
        .await;
        runs.retain(|run| run.name != name);
        runs
    }
}

impl Run {
    /// A line that cannot be read might be a run of `danger`: it fails the test.
    fn read(line: &str) -> Self {
        let read = || {
            let (tool, argument) = line.strip_prefix("ran ")?.split_once(' ')?;
            let name = name(&serde_json::from_str(argument).ok()?);
            Some(Self { tool: tool.to_owned(), name })
        };
        read().unwrap_or_else(|| panic!("the server printed `{line}`"))
    }
}

impl Record {
    fn read(&mut self) -> Vec<Run> {
        match self {
            Self::Calls { log, read, .. } => {
                let calls = log.lock().expect("no panic while recording");
                let new = calls[*read..].iter().map(|call| Run {
                    tool: call.tool.clone(),
                    name: name(call.arguments.get("run").unwrap_or(&Value::Null)),
                });
                let new = new.collect();
                *read = calls.len();
                new
            }
            Self::Lines { path, read, .. } => {
                let text = fs::read(path).expect("the server's output");
                let new = &text[*read..];
                let whole = new.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                *read += whole;
                let lines = String::from_utf8_lossy(&new[..whole]).into_owned();
                let lines = lines.lines().filter(|line| !line.starts_with("listening "));
                lines.map(Run::read).collect()
            }
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if let Self::Lines { path, .. } = self
            && !std::thread::panicking()
        {
            let _ = fs::remove_file(&*path);
            let _ = fs::remove_file(path.with_extension("err"));
        }
    }
}

pub fn folder() -> PathBuf {
    env::var_os("SDK_SERVERS").expect("SDK_SERVERS, which `make test` sets").into()
}

pub fn program(name: &str) -> PathBuf {
    folder().join(name).join("run")
}

/// The port in PHP's own words.
fn port_of_php(errors: &str) -> Option<u16> {
    let (_, rest) = errors.split_once("Development Server (http://127.0.0.1:")?;
    rest.split_once(") started")?.0.parse().ok()
}

fn name(argument: &Value) -> String {
    argument.as_str().map_or_else(|| argument.to_string(), str::to_owned)
}
