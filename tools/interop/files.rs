//! The server that most people try first, server-filesystem, which speaks to
//! pipes, behind two bridges to HTTP, with the policy that is shipped for it.
//! Files that were written are looked up on the disk.

use std::fs;
use std::path::Path;

use mcp_rig::gateway::Gateway;
use serde_json::{Value, json};

use crate::matrix::hour;
use crate::packages::{Packages, Server};
use crate::plan::Way;
use crate::rust::Rust;

const SERVER: &str = "@modelcontextprotocol/server-filesystem";

/// The page that has the bridges' commands.
const PAGE: &str = "docs/connect/stdio.md";

/// The bridge that brings a server from pipes to HTTP.
#[derive(Clone, Copy)]
enum Bridge {
    Supergateway,
    McpProxy,
}

/// The folder in the shipped policy.
const SHIPPED: &str = "/srv/files";

/// Whether all is as it has to be.
pub async fn run(packages: &Packages) -> bool {
    let mut sound = true;
    for bridge in [Bridge::Supergateway, Bridge::McpProxy] {
        let name = bridge.named(packages);
        eprintln!("interop: server-filesystem behind {name}");
        let wrong = loop {
            let before = hour();
            let wrong = once(packages, bridge).await;
            // When an hour ended meanwhile, the count began afresh: again.
            if hour() == before {
                break wrong;
            }
        };
        println!("{} behind {name}:", packages.named(SERVER));
        match wrong.is_empty() {
            true => println!("  writes stay in one folder, 20 an hour"),
            false => println!("  {}", wrong.join("\n  ")),
        }
        sound &= wrong.is_empty();
    }
    sound
}

impl Bridge {
    fn named(self, packages: &Packages) -> String {
        match self {
            Self::Supergateway => packages.named("supergateway"),
            Self::McpProxy => packages.named_python("mcp-proxy"),
        }
    }

    /// The command of the page, as words, with the server's behind it as one word if the
    /// bridge takes it so.
    fn command(self) -> Vec<String> {
        let name = match self {
            Self::Supergateway => "sh run:supergateway",
            Self::McpProxy => "sh run:mcp-proxy",
        };
        let page = fs::read_to_string(PAGE).expect(PAGE);
        let (_, fence) = page.split_once(&format!("```{name}\n")).expect(name);
        let line = fence.lines().next().expect("a command");
        // Every second part is in quotes.
        let parts = line.split('"').enumerate().flat_map(|(number, part)| match number % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        });
        parts.collect()
    }

    /// Starts the bridge, and behind it the server for a folder, by the command of the
    /// page: with our own packages and a free port of loopback in it.
    async fn serve(self, packages: &Packages, folder: &str) -> Server {
        let node = packages.node.to_str().expect("a path in UTF-8");
        let program = packages.file(SERVER, "dist/index.js");
        let program = program.to_str().expect("a path in UTF-8");
        let ours = |text: &str| -> String {
            let (before, rest) = text.split_once("npx -y ").expect("the server's command");
            let (package, rest) = rest.split_once(' ').expect("its arguments");
            assert!(package.starts_with(&format!("{SERVER}@")), "{package}");
            assert!(rest.starts_with(SHIPPED), "{rest}");
            format!("{before}{node} {program} {}", rest.replacen(SHIPPED, folder, 1))
        };
        let mut words = self.command();
        let port = words.iter().position(|word| word == "--port").expect("a port");
        match self {
            Self::Supergateway => {
                assert_eq!(words[..2], ["npx", "-y"]);
                // Its own port is given by what keeps it on loopback.
                words.drain(port..port + 2);
                let stdio = words.iter().position(|word| word == "--stdio").expect("a server");
                words[stdio + 1] = ours(&words[stdio + 1]);
                let arguments: Vec<&str> = words[3..].iter().map(String::as_str).collect();
                let bridge = packages.file("supergateway", "dist/index.js");
                packages.serve("supergateway", &bridge, &arguments).await
            }
            Self::McpProxy => {
                assert_eq!(words[0], "uvx");
                words[port + 1] = "0".to_owned();
                let words = ours(&words[2..].join(" "));
                let arguments: Vec<&str> = words.split(' ').collect();
                packages.serve_python("mcp-proxy", "mcp_proxy", &arguments).await
            }
        }
    }
}

/// The faults, with a new folder and new counts.
async fn once(packages: &Packages, bridge: Bridge) -> Vec<String> {
    let folder = packages.scratch("files");
    fs::create_dir(folder.join("drafts")).expect("a folder");
    fs::write(folder.join("plan.txt"), "the plan").expect("a file");
    let folder_text = folder.to_str().expect("a path in UTF-8");
    assert!(!folder_text.contains(['"', '\\', ' ']), "a path for JSON and a shell: {folder_text}");
    let served = bridge.serve(packages, folder_text).await;

    let policy =
        fs::read_to_string("envoy/policies/minimal/server-filesystem.json").expect("the policy");
    let mut policy: Value =
        serde_json::from_str(&policy.replace(SHIPPED, folder_text)).expect("a policy in JSON");
    policy["settings"]["hold_request_headers"] = true.into();
    let gateway = Gateway::builder()
        .policy(policy.to_string())
        .hold_request_headers(true)
        .upstream(served.addr())
        .start()
        .await;
    let client = Rust::connect(Way::Session, gateway.addr()).await;
    try_out(&client, &folder).await
}

/// The faults of one client.
async fn try_out(client: &Rust, folder: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expect = |what: &str, is: bool, seen: &Value| {
        if !is {
            wrong.push(format!("{what}: {seen}"));
        }
    };
    let path = |name: &str| format!("{}/{name}", folder.display());
    let write = |name: &str| json!({ "path": path(name), "content": "a draft" });
    let reason = |seen: &Value| seen["error"]["data"]["reason"].clone();

    let seen = client.call("read_text_file", &json!({ "path": path("plan.txt") })).await;
    expect("reading is allowed", seen["text"] == "the plan", &seen);

    // Nothing of these is charged, and nothing is written.
    for (name, why) in [
        ("plan.txt", "require"),
        ("elsewhere.txt", "require"),
        ("draftsman.txt", "require"),
        ("drafts/../plan.txt", "undecidable"),
        ("drafts/..", "undecidable"),
    ] {
        let seen = client.call("write_file", &write(name)).await;
        expect(name, reason(&seen) == why, &seen);
    }
    for arguments in [
        json!({ "content": "a draft" }),
        json!({ "path": [path("drafts/a")], "content": "a draft" }),
        json!({ "path": "drafts/a.txt", "content": "a draft" }),
        json!({ "path": path("drafts/a.txt"), "content": "a draft", "mode": "w" }),
    ] {
        let seen = client.call("write_file", &arguments).await;
        let denied = ["require", "undecidable"].map(Value::from).contains(&reason(&seen));
        expect("arguments of another kind", denied, &seen);
    }
    let moved = json!({ "source": path("plan.txt"), "destination": path("drafts/plan.txt") });
    let seen = client.call("move_file", &moved).await;
    expect("moving", reason(&seen) == "denied", &seen);
    let edits = json!([{ "oldText": "the", "newText": "no" }]);
    let seen = client.call("edit_file", &json!({ "path": path("plan.txt"), "edits": edits })).await;
    expect("editing elsewhere", reason(&seen) == "require", &seen);
    let seen = client.call("create_directory", &json!({ "path": path("new") })).await;
    expect("a folder elsewhere", reason(&seen) == "require", &seen);

    // All tools that write share one counter.
    let seen = client.call("create_directory", &json!({ "path": path("drafts/one") })).await;
    expect("a folder in drafts", seen["failed"] == false, &seen);
    for number in 1..20 {
        let seen = client.call("write_file", &write(&format!("drafts/one/{number}.txt"))).await;
        expect("a draft", seen["failed"] == false, &seen);
    }
    let seen = client.call("write_file", &write("drafts/21.txt")).await;
    expect("the write after 20", reason(&seen) == "rate_limited", &seen);
    let wait = seen["error"]["data"]["retry_after"].as_u64();
    expect("seconds to wait", wait.is_some_and(|wait| (1..=3600).contains(&wait)), &seen);

    let plan = fs::read_to_string(folder.join("plan.txt")).unwrap_or_default();
    expect("the plan", plan == "the plan", &plan.into());
    let here = names(folder);
    expect("the folder", here == ["drafts", "plan.txt"], &here.into());
    let drafts = names(&folder.join("drafts"));
    expect("the drafts", drafts == ["one"], &drafts.into());
    let written = names(&folder.join("drafts/one")).len();
    expect("all that was allowed is there", written == 19, &written.into());
    wrong
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
