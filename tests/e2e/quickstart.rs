//! The page that leads from a server to a policy in front of it, step by step.

use mcp_rig::client::mcp::{CallError, McpClient};
use mcp_rig::server::{McpServer, Mode, Tool};
use serde_json::{Map, Value};

use crate::command;
use crate::pages::{fence, yaml};
use crate::started::Envoy;
use crate::support::file;

const PAGE: &str = "docs/quickstart.md";

/// The tools of the page's server that its calls need.
const TOOLS: &[Tool] =
    &[tool("read_text_file"), tool("write_file"), tool("edit_file"), tool("move_file")];

const fn tool(name: &'static str) -> Tool {
    Tool { name, description: "", args: &[] }
}

/// The one line of a fence that begins with these words, without them.
fn line(info: &str, start: &str) -> String {
    let fence = fence(PAGE, info);
    let mut lines = fence.lines().filter_map(|line| line.strip_prefix(start));
    let line = lines.next().unwrap_or_else(|| panic!("{info} has no line `{start}`"));
    assert!(lines.next().is_none(), "{info} has several lines `{start}`");
    line.to_owned()
}

/// A tool and its arguments, as a line for the Inspector has them.
fn call(line: &str) -> (String, Value) {
    let words: Vec<&str> = line.split(' ').collect();
    let after = |option: &'static str| {
        let pairs = words.windows(2).filter(move |pair| pair[0] == option);
        pairs.map(|pair| pair[1]).collect::<Vec<_>>()
    };
    assert_eq!(after("--cli"), ["http://127.0.0.1:10000/mcp"]);
    assert_eq!(after("--method"), ["tools/call"]);
    let arguments = after("--tool-arg").into_iter().map(|argument| {
        let (name, value) = argument.split_once('=').expect("NAME=VALUE");
        (name.to_owned(), Value::from(value))
    });
    let arguments: Map<_, _> = arguments.collect();
    (after("--tool-name").concat(), arguments.into())
}

#[tokio::test]
async fn the_steps_lead_to_a_policy_in_force() {
    let server = McpServer::offering(TOOLS, "127.0.0.1:0", Mode::Sessions).await;
    let folder = command::folder("quickstart");
    let path = |name: &str| folder.join(name).display().to_string();
    // The page's words, with this server and this folder.
    let run = async |words: &str, more: &[&str]| {
        let words = words.replace("127.0.0.1:9100", &server.addr().to_string());
        let words = words.split(' ').map(|word| match word.ends_with(".yaml") {
            true => path(word),
            false => word.to_owned(),
        });
        let words: Vec<String> = words.chain(more.iter().map(|&word| word.to_owned())).collect();
        command::beside(&words.iter().map(String::as_str).collect::<Vec<_>>()).await
    };

    run(&line("sh run:quickstart-init", "mcp-policy "), &[]).await;
    let first = std::fs::read_to_string(path("first.yaml")).expect("the first policy");
    let first: Value = yaml_serde::from_str(&first).expect("YAML");
    assert_eq!(first["settings"]["paths"], yaml(PAGE, "yaml file:my.yaml")["settings"]["paths"]);
    assert_eq!(first["tools"]["read_text_file"], Value::Object(Map::new()));

    std::fs::write(path("my.yaml"), fence(PAGE, "yaml file:my.yaml")).expect("a file of ours");
    let module = std::env::var("MODULE").expect("MODULE");
    let free = ["--listen", "0", "--admin", "0", "--module", &module];
    run(&line("sh run:quickstart-envoy", "mcp-policy "), &free).await;
    let configuration = std::fs::read_to_string(path("my-envoy.yaml")).expect("a configuration");
    assert_eq!(line("sh run:quickstart-envoy", "$(make envoy-path) -c "), "my-envoy.yaml");
    let envoy = Envoy::start("quickstart", &configuration).await;

    let client = McpClient::connect(envoy.addr).await;
    let mut answers = Vec::new();
    for line in fence(PAGE, "sh run:quickstart-calls").lines() {
        let (tool, arguments) = call(line);
        answers.push(client.call(&tool, arguments).await);
    }
    let [Ok(_), Ok(_), Err(CallError::JsonRpc { message, .. })] = &*answers else {
        panic!("{answers:?}");
    };
    assert!(file(PAGE).contains(&format!("prints `{message}`")), "{message}");
    assert_eq!((server.count("read_text_file"), server.count("write_file")), (1, 1));
    let listed = client.list_tools().await.expect("a list");
    assert_eq!(listed, ["read_text_file", "write_file"]);
    client.close().await;
    std::fs::remove_dir_all(folder).expect("a folder of ours");
}

/// The bridge is the one of the page about bridges, for another folder.
#[test]
fn the_server_is_started_as_on_its_own_page() {
    let there = fence("docs/connect/stdio.md", "sh run:supergateway");
    let here = fence(PAGE, "sh run:quickstart-server");
    assert_eq!(here.lines().last(), Some(&*there.replace("/srv/files", "/tmp/files")));
}
