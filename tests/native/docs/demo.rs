//! A part of the demo's page, as README.md shows it: its refusals are those of the core, and
//! what is forwarded is answered by the demo's own server. `tests/e2e/demo.rs`
//! looks for it in all that the demo prints.

use super::play::{self, Stage};
use super::reply::{Seconds, same_reply};
use super::same;
use crate::config::root;
use mcp_policy_filter::simulate::notation::Ask;
use mcp_rig::client::{Body, Request, Response, http1};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use tokio::runtime::Runtime;

pub fn check(text: &str, policy: &str) -> Result<(), String> {
    let mut stage = Stage::new(policy).map_err(|errors| errors.join("\n"))?;
    let server = Server::start();
    let (mut requests, mut shown) = (Vec::new(), None);
    let mut id = last_id_before(text)?;
    let mut exchanges = 0;
    for line in text.lines() {
        if let Some(ask) = line.strip_prefix("  ask      ") {
            (requests, shown) = (asked(ask, &mut id), None);
        } else if let Some(answer) = line.strip_prefix("  answer   ") {
            shown = Some(answer);
        } else if let Some(decided) = line.strip_prefix("  decided  ") {
            for request in &requests {
                let rule = match stage.send(&Ask::post(body(request))) {
                    Ok(_) => {
                        let response = server.send(request);
                        if !response.json()["result"].is_object() {
                            return Err(format!("the server answers {}", response.text()));
                        }
                        if let Some(shown) = shown {
                            begins(shown, &response.text())?;
                        }
                        "forwarded".into()
                    }
                    Err(refusal) => {
                        let shown = shown.ok_or("a refusal that is not shown")?;
                        same_reply(shown, &refusal.reply.body, Seconds::Any)?;
                        play::rule(&refusal).to_owned()
                    }
                };
                same(&format!("{decided}\n"), &format!("{rule}\n"))?;
            }
            exchanges += 1;
        }
    }
    if exchanges < 4 { Err(format!("only {exchanges} exchanges")) } else { Ok(()) }
}

/// The id of the request before the first of a page, which may leave out the
/// beginning.
fn last_id_before(page: &str) -> Result<u64, String> {
    let first = page.split_once("  answer   {").map_or("", |(_, rest)| rest);
    let (_, id) = first.split_once("\"id\":").ok_or("no answer is shown")?;
    let id: u64 = id.split(',').next().unwrap().parse().map_err(|_| "an id is a number")?;
    id.checked_sub(1).ok_or_else(|| "the ids begin at 1".into())
}

/// Compares an answer as far as it is shown.
fn begins(shown: &str, answer: &str) -> Result<(), String> {
    match shown.split_once(" ... (") {
        None => same(&format!("{shown}\n"), &format!("{answer}\n")),
        Some((start, rest)) => {
            let size = format!("{} bytes)", answer.len());
            if answer.starts_with(start) { same(rest, &size) } else { same(start, answer) }
        }
    }
}

/// The requests of a line. They are numbered throughout.
fn asked(text: &str, id: &mut u64) -> Vec<Request> {
    let mut next = || {
        *id += 1;
        *id
    };
    let Some(call) = text.strip_prefix("tools/call ") else {
        let id = next();
        return vec![match text {
            "initialize" => Request::mcp(format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"initialize","params":{{"protocolVersion":"2025-11-25","capabilities":{{}},"clientInfo":{{"name":"demo","version":"1"}}}}}}"#
            )),
            "tools/list" => Request::tools_list(id),
            other => panic!("the demo asks for {other}"),
        }];
    };
    let times = call.strip_suffix(" times").and_then(|call| call.rsplit_once(", "));
    let (call, times) = times.map_or((call, 1), |(call, times)| (call, times.parse().unwrap()));
    let (tool, arguments) = call.split_once(' ').unwrap();
    (0..times).map(|_| Request::tool_call(next(), tool, arguments)).collect()
}

fn body(request: &Request) -> &str {
    match &request.body {
        Body::Whole(bytes) => str::from_utf8(bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The server of the demo, on a port of its own.
struct Server {
    runtime: Runtime,
    process: Child,
    addr: SocketAddr,
}

impl Server {
    fn start() -> Self {
        let mut command = Command::new("python3");
        command.arg(root().join("tools/demo/server.py")).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let addr = SocketAddr::from(([127, 0, 0, 1], port.trim().parse().unwrap()));
        Self { runtime: Runtime::new().unwrap(), process, addr }
    }

    fn send(&self, request: &Request) -> Response {
        self.runtime.block_on(http1::send(self.addr, request))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
