//! The demo's page, as README.md shows it: its sentences are those of its
//! source, its refusals those of the core, and what is forwarded is answered by
//! the demo's own server.

use super::ask::Ask;
use super::play::{self, Stage};
use super::{same, same_reply};
use crate::config::root;
use mcp_rig::client::{Body, Request, Response, http1};
use mcp_rig::server::{McpServer, Mode};
use std::fs;
use tokio::runtime::Runtime;

pub fn check(text: &str, policy: &str) -> Result<(), String> {
    let source = Source::read();
    let stage = Stage::new(policy).map_err(|errors| errors.join("\n"))?;
    let server = Server::start();
    let (mut requests, mut shown) = (Vec::new(), None);
    let mut id = source.last_id_before(text)?;
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(ask) = line.strip_prefix("  ask      ") {
            (requests, shown) = (source.asked(ask, &mut id), None);
        } else if let Some(answer) = line.strip_prefix("  answer   ") {
            shown = Some(answer);
        } else if let Some(remark) = line.strip_prefix("  answers  ") {
            source.says(remark)?;
        } else if let Some(decided) = line.strip_prefix("  decided  ") {
            for request in &requests {
                let rule = match stage.send(&Ask::post(body(request))) {
                    Ok(_) => {
                        let response = server.send(request);
                        if !response.json()["result"].is_object() {
                            return Err(format!("the server answers {}", response.text()));
                        }
                        if let Some(shown) = shown {
                            same(&format!("{shown}\n"), &source.cut(&response.text()))?;
                        }
                        "forwarded".into()
                    }
                    Err(refusal) => {
                        let shown = shown.ok_or("a refusal that is not shown")?;
                        same_reply(shown, &refusal.reply.body, true)?;
                        play::rule(&refusal).to_owned()
                    }
                };
                same(&format!("{decided}\n"), &format!("{rule}\n"))?;
            }
        } else {
            source.says(line)?;
        }
    }
    Ok(())
}

/// The demo's own, with its defaults filled in.
struct Source {
    story: String,
    page: String,
}

impl Source {
    fn read() -> Self {
        let [story, page, settings] = ["story", "page", "settings"]
            .map(|file| fs::read_to_string(root().join(format!("tools/demo/{file}.rs"))).unwrap());
        let default = |before: &str| between(&settings, before, &['"', ')']).to_owned();
        let local = |before: &str| format!("127.0.0.1:{}", default(before));
        let page = page
            .replace("{server}", &local("\"UPSTREAM_PORT\", "))
            .replace("{envoy}", &local("\"PORT\", "))
            .replace("{DIRECTORY}", &default("DIRECTORY: &str = \""))
            .replace("{SHIPPED}", &default("SHIPPED: &str = \""));
        Self { story, page }
    }

    fn says(&self, line: &str) -> Result<(), String> {
        let literal = format!("\"{line}\"");
        let known = [&self.story, &self.page].iter().any(|text| text.contains(&literal));
        if known { Ok(()) } else { Err(format!("the demo does not say `{line}`")) }
    }

    /// The id of the request before the first of a page, which may leave out the
    /// beginning.
    fn last_id_before(&self, page: &str) -> Result<u64, String> {
        let answers = page.lines().filter_map(|line| line.strip_prefix("  answer   {"));
        let first = answers.map(|answer| between(answer, "\"id\":", &[',']).parse::<u64>()).next();
        let first = first.ok_or("no answer is shown")?.map_err(|error| error.to_string())?;
        first.checked_sub(1).ok_or_else(|| "the ids begin at 1".into())
    }

    /// The requests of a line. They are numbered throughout.
    fn asked(&self, text: &str, id: &mut u64) -> Vec<Request> {
        let mut next = || {
            *id += 1;
            *id
        };
        let Some(call) = text.strip_prefix("tools/call ") else {
            let id = next();
            return vec![match text {
                "initialize" => Request::mcp(
                    between(&self.story, "let hello = r#\"", &['#']).trim_end_matches('"'),
                ),
                "tools/list" => Request::tools_list(id),
                other => panic!("the demo asks for {other}"),
            }];
        };
        let times = call.strip_suffix(" times").and_then(|call| call.rsplit_once(", "));
        let (call, times) = times.map_or((call, 1), |(call, times)| (call, times.parse().unwrap()));
        let (tool, arguments) = call.split_once(' ').unwrap();
        (0..times).map(|_| Request::tool_call(next(), tool, arguments)).collect()
    }

    /// So much of an answer as the demo shows.
    fn cut(&self, answer: &str) -> String {
        let width = between(&self.page, "WIDTH: usize = ", &[';']).parse().unwrap();
        match answer.char_indices().nth(width) {
            None => format!("{answer}\n"),
            Some((end, _)) => format!("{} ... ({} bytes)\n", &answer[..end], answer.len()),
        }
    }
}

fn between<'t>(text: &'t str, before: &str, after: &[char]) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no `{before}`"));
    rest.split(after).next().unwrap()
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
    server: McpServer,
}

impl Server {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(McpServer::start(("127.0.0.1", 0), Mode::Stateless));
        Self { runtime, server }
    }

    fn send(&self, request: &Request) -> Response {
        self.runtime.block_on(http1::send(self.server.addr(), request))
    }
}
