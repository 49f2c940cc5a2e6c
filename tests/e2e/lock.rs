//! The lock in a real Envoy: what a server changes between two lists is shown to nobody and
//! refused in all workers, over pushes, and with lists that come late.
//!
//! The shapes of changes are the corpus's matter; what is here takes workers, pushes, or a
//! server that takes its time.

use std::collections::BTreeMap;

use mcp_rig::client::http1::{self, Connection};
use mcp_rig::client::{Request, Response};
use mcp_rig::gateway::{Gateway, Push};
use mcp_rig::upstream::{Answer, Gate, Upstream};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::listing::{ask, chunk, head, read_until};
use crate::support::{RECORDS, passed, reason, spread};

/// Names the list with which the server answers.
const LIST: &str = "x-list";

/// The definition of a tool in the form of RFC 8785.
fn definition(name: &str, annotation: bool, meta: u8, description: &str, schema: &str) -> String {
    format!(
        r#"{{"_meta":{{"v":{meta}}},"annotations":{{"readOnlyHint":{annotation}}},"description":"{description}","inputSchema":{{"type":"{schema}"}},"name":"{name}"}}"#
    )
}

fn locked(name: &str) -> String {
    definition(name, true, 1, "Reads.", "object")
}

const TOOLS: [&str; 7] = ["a", "annotation", "b", "description", "meta", "order", "schema"];

fn digest_of(definition: &str) -> String {
    let digest = digest(&SHA256, definition.as_bytes());
    let digits: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

fn policy(mode: &str, definition: impl Fn(&str) -> String) -> Value {
    let tools =
        TOOLS.map(|name| (name.to_owned(), json!({ "digest": digest_of(&definition(name)) })));
    let tools: BTreeMap<_, _> = tools.into();
    json!({ "version": "1", "default": "allow", "lock": { "mode": mode, "tools": tools } })
}

fn list_of(tools: &[String]) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{}]}}}}"#, tools.join(","))
}

/// The list in which one tool has another definition than the locked one.
fn with(other: &str, definition: &str) -> String {
    let tools = TOOLS.map(|name| if name == other { definition.to_owned() } else { locked(name) });
    list_of(&tools)
}

/// The list without some of its tools.
fn without(gone: &[&str]) -> String {
    let tools = TOOLS.iter().filter(|name| !gone.contains(name)).map(|name| locked(name));
    list_of(&tools.collect::<Vec<_>>())
}

fn lists() -> BTreeMap<String, String> {
    let order = r#"{ "name" : "order","inputSchema":{"type":"object"}, "description":"\u0052eads.","annotations":{"readOnlyHint":true},"_meta":{"v":1.0}}"#;
    let swapped = TOOLS.map(|name| match name {
        "a" => locked("b").replace("Reads.", "Reads a."),
        "b" => locked("a").replace("Reads.", "Reads b."),
        name => locked(name),
    });
    let lists = [
        ("locked", without(&[])),
        ("order", with("order", order)),
        ("added", without(&[]).replace("]}}", r#",{"name":"added"}]}}"#)),
        (
            "description",
            with("description", &definition("description", true, 1, "Sends.", "object")),
        ),
        ("schema", with("schema", &definition("schema", true, 1, "Reads.", "array"))),
        ("annotation", with("annotation", &definition("annotation", false, 1, "Reads.", "object"))),
        ("meta", with("meta", &definition("meta", true, 2, "Reads.", "object"))),
        ("swapped", list_of(&swapped)),
    ];
    lists.map(|(name, list)| (name.to_owned(), list)).into()
}

async fn server() -> Upstream {
    let answers = lists().into_iter().map(|(name, list)| (name, Answer::json(&list)));
    Upstream::start_choosing(LIST, answers.collect()).await
}

/// The text of a list that a client gets.
async fn listed(gateway: &Gateway, list: &str) -> String {
    let request = Request::tools_list(1).header(LIST, list);
    let response = http1::send(gateway.addr(), &request).await;
    assert_eq!(response.status, 200, "{response:?}");
    String::from_utf8(response.body).expect("text")
}

/// The answers to a call on several connections, which are spread over the workers.
async fn called(gateway: &Gateway, tool: &str) -> Vec<Response> {
    let mut responses = Vec::new();
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(Connection::open(gateway.addr()).await);
    }
    for connection in &mut open {
        responses.push(connection.send(&Request::tool_call(1, tool, "{}")).await);
    }
    responses
}

async fn is_refused_everywhere(gateway: &Gateway, tool: &str, why: &str) {
    for response in called(gateway, tool).await {
        assert_eq!(reason(&response), why, "{tool}: {response:?}");
    }
}

async fn is_allowed_everywhere(gateway: &Gateway, tool: &str) {
    for response in called(gateway, tool).await {
        assert!(passed(&response), "{tool}: {response:?}");
    }
}

#[tokio::test]
async fn what_a_server_changes_is_shown_to_nobody_and_refused_in_all_workers() {
    let upstream = server().await;
    let gateway = Gateway::builder()
        .policy(policy("enforce", locked).to_string())
        .upstream(upstream.addr())
        .concurrency(4)
        .edit_listener(spread)
        .start()
        .await;
    // Before the first list, after one as locked, and after one in another order of keys.
    is_allowed_everywhere(&gateway, "a").await;
    for list in ["locked", "order"] {
        assert_eq!(listed(&gateway, list).await, lists()[list]);
        is_allowed_everywhere(&gateway, "order").await;
    }
    assert_eq!(listed(&gateway, "added").await, lists()["locked"]);
    is_refused_everywhere(&gateway, "added", "tool_unknown").await;
    assert_eq!(gateway.count("lock_changed").await, Some(0));

    let mut gone = Vec::new();
    for changed in ["description", "schema", "annotation", "meta"] {
        is_allowed_everywhere(&gateway, changed).await;
        gone.push(changed);
        assert_eq!(listed(&gateway, changed).await, without(&gone));
        is_refused_everywhere(&gateway, changed, "tool_changed").await;
        // The server goes back at once, which is too soon.
        assert_eq!(listed(&gateway, "locked").await, without(&gone));
        is_refused_everywhere(&gateway, changed, "tool_changed").await;
        is_allowed_everywhere(&gateway, "a").await;
    }
    gone.extend(["a", "b"]);
    assert_eq!(listed(&gateway, "swapped").await, without(&gone));
    is_refused_everywhere(&gateway, "a", "tool_changed").await;
    is_refused_everywhere(&gateway, "b", "tool_changed").await;
    assert_eq!(gateway.count("lock_changed").await, Some(5));
    assert_eq!(gateway.count("lock_unknown").await, Some(1));
    gateway.log_with("/lock/tools/description: the server lists another definition").await;
}

#[tokio::test]
async fn a_push_re_opens_what_it_locks_anew_and_nothing_else() {
    let upstream = server().await;
    let gateway = Gateway::builder()
        .policy(policy("enforce", locked).to_string())
        .upstream(upstream.addr())
        .dynamic()
        .start()
        .await;
    for list in ["description", "schema"] {
        listed(&gateway, list).await;
        is_refused_everywhere(&gateway, list, "tool_changed").await;
    }
    let mut same = policy("enforce", locked);
    same["description"] = "Pushed.".into();
    let anew = |name: &str| match name {
        "description" => definition("description", true, 1, "Sends.", "object"),
        name => locked(name),
    };
    assert_eq!(gateway.push_policy(&same.to_string()).await, Push::Accepted);
    is_refused_everywhere(&gateway, "description", "tool_changed").await;
    assert_eq!(gateway.push_policy(&policy("enforce", anew).to_string()).await, Push::Accepted);
    is_allowed_everywhere(&gateway, "description").await;
    is_refused_everywhere(&gateway, "schema", "tool_changed").await;
    let shown =
        with("description", &anew("description")).replace(&format!(",{}", locked("schema")), "");
    assert_eq!(listed(&gateway, "description").await, shown);
    assert_eq!(gateway.push_policy(&policy("report", anew).to_string()).await, Push::Accepted);
    is_allowed_everywhere(&gateway, "schema").await;
    is_allowed_everywhere(&gateway, "added").await;
}

#[tokio::test]
async fn replicas_in_a_rollout_pass_under_report_and_are_recorded() {
    let upstream = server().await;
    let gateway = Gateway::builder()
        .policy(policy("report", locked).to_string())
        .upstream(upstream.addr())
        .access_log_format(RECORDS)
        .start()
        .await;
    for list in ["locked", "meta", "locked", "meta", "added"] {
        assert_eq!(listed(&gateway, list).await, lists()[list]);
    }
    for tool in ["meta", "added", "a"] {
        let request = Request::tool_call(1, tool, "{}");
        assert!(passed(&http1::send(gateway.addr(), &request).await));
    }
    assert_eq!(gateway.count("lock_changed").await, Some(2));
    assert_eq!(gateway.count("lock_unknown").await, Some(1));
    assert_eq!(gateway.count("shadow_denied_tool_changed").await, Some(1));
    assert_eq!(gateway.count("shadow_denied_tool_unknown").await, Some(1));
    // Lists have no record.
    let lines = gateway.access_log_of(8).await;
    let record = |line: &String| serde_json::from_str::<Value>(line).expect("a record");
    let shadow: Vec<Value> = lines[5..].iter().map(|line| record(line)["shadow"].clone()).collect();
    let found = |rule: &str, reason: &str| json!([{ "rule": rule, "reason": reason }]);
    assert_eq!(shadow[0], found("/lock/tools/meta", "tool_changed"));
    assert_eq!(shadow[1], found("/lock/tools", "tool_unknown"));
    assert_eq!(shadow[2], Value::Null);
}

#[tokio::test]
async fn a_stream_that_shows_two_definitions_and_a_list_that_was_asked_for_before_re_open_nothing()
{
    let gate = Gate::new();
    let event = |list: &str| format!("data: {list}\n\n");
    let [locked_list, other] = ["locked", "description"].map(|name| lists()[name].clone());
    let slow = Answer::new()
        .then(head("text/event-stream") + &chunk(&event(&locked_list)))
        .when(&gate, chunk(&event(&locked_list)))
        .when(&gate, chunk(&event(&other)))
        .when(&gate, chunk(&event(&locked_list)) + "0\r\n\r\n");
    let answers = [
        ("slow", slow),
        ("description", Answer::json(&other)),
        ("locked", Answer::json(&locked_list)),
    ];
    let answers = answers.map(|(name, answer)| (name.to_owned(), answer)).into();
    let upstream = Upstream::start_choosing(LIST, answers).await;
    let gateway = Gateway::builder()
        .policy(policy("enforce", locked).to_string())
        .upstream(upstream.addr())
        .start()
        .await;
    let request = Request::tools_list(1).header(LIST, "slow");
    let mut stream = ask(gateway.addr(), &request).await;
    stream.head().await.expect("a head");
    assert_eq!(read_until(&mut stream, "\n\n").await, event(&locked_list));
    is_allowed_everywhere(&gateway, "description").await;
    assert_eq!(listed(&gateway, "description").await, without(&["description"]));
    for _ in 0..3 {
        gate.open();
        assert_eq!(read_until(&mut stream, "\n\n").await, event(&without(&["description"])));
        is_refused_everywhere(&gateway, "description", "tool_changed").await;
    }
}
