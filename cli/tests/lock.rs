//! `mcp-policy lock`: the digests that it writes, of lists in files and of servers over
//! each way, and what it finds when it compares.

use crate::init::rig::{Running, Scratch, texts};
use serde_json::{Value, json};
use snapbox::cmd::{Command, OutputAssert};
use std::path::Path;

/// Two tools as a server writes them, with members that no client knows, an order of its
/// own and numbers in another spelling.
const TOOLS: &str = concat!(
    r#"{"x-unknown": {"deep": [1.0, null]}, "name": "a", "inputSchema": {"type": "object"}, "description": "\u0041"}"#,
    "\n",
    r#"{"name": "b", "inputSchema": {"type": "object", "\ud800\udc00": 1, "\uffff": 2}, "_meta": {"v": 1}}"#,
    "\n"
);

fn lock(arguments: &[&str]) -> OutputAssert {
    let command = Command::new(snapbox::cmd::cargo_bin!("mcp-policy"));
    command.env("NO_PROXY", "*").env("no_proxy", "*").arg("lock").args(arguments).assert()
}

fn json_of(run: &OutputAssert) -> Value {
    serde_json::from_str(&texts(run).0).expect("JSON")
}

fn server() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lock/server.py");
    file.to_str().expect("UTF-8").to_owned()
}

fn over_http(way: &str, file: &str) -> Running {
    let mut command = std::process::Command::new("python3");
    command.args(["-u", &server(), way, file]);
    Running::start(command)
}

fn as_list(tools: &str) -> String {
    format!("{{\"tools\": [{}]}}", tools.trim().replace('\n', ","))
}

#[test]
fn the_digests_are_of_the_whole_texts_over_every_way() {
    let scratch = Scratch::new("lock-ways");
    let list = scratch.write("list.json", &as_list(TOOLS));
    let lines = scratch.write("tools.txt", TOOLS);
    let file = json_of(&lock(&[&list]).success());
    // By hand: the SHA-256 of each form.
    let digest = |name: &str| file["lock"]["tools"][name]["digest"].as_str().unwrap().to_owned();
    let form = r#"{"description":"A","inputSchema":{"type":"object"},"name":"a","x-unknown":{"deep":[1,null]}}"#;
    assert_eq!(digest("a"), sha256(form));
    let form = "{\"_meta\":{\"v\":1},\"inputSchema\":{\"type\":\"object\",\"\u{10000}\":1,\"\u{ffff}\":2},\"name\":\"b\"}";
    assert_eq!(digest("b"), sha256(form));
    let stdio = lock(&["--", "python3", &server(), "stdio", &lines]).success();
    assert_eq!(json_of(&stdio), file);
    for way in ["http", "events"] {
        let running = over_http(way, &lines);
        assert_eq!(json_of(&lock(&[&running.url()]).success()), file, "{way}");
    }
}

fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    let bytes: [u8; 32] = sha2::Sha256::digest(text).into();
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

#[test]
fn a_policy_gets_the_lock_and_keeps_the_rest() {
    let scratch = Scratch::new("lock-policy");
    let list = scratch.write("list.json", &as_list(TOOLS));
    let policy = scratch.write("policy.yaml", "version: '1'\ndefault: deny\ntools: {a: {}}\n");
    let out = scratch.file("out.json");
    lock(&[&list, "--policy", &policy, "--mode", "report", "--ignore-meta", "--output", &out])
        .success()
        .stdout_eq("")
        .stderr_eq("");
    let read = |name: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(name).unwrap()).unwrap()
    };
    let written = read(&out);
    assert_eq!(written["tools"], json!({"a": {}}));
    assert_eq!(
        (&written["lock"]["mode"], &written["lock"]["ignore"]),
        (&json!("report"), &json!(["_meta"]))
    );
    let form =
        "{\"inputSchema\":{\"type\":\"object\",\"\u{10000}\":1,\"\u{ffff}\":2},\"name\":\"b\"}";
    assert_eq!(written["lock"]["tools"]["b"]["digest"], sha256(form));
    // Again: the mode and what is ignored stay, and tools that are gone go.
    let first = scratch.write("first.json", &as_list(TOOLS.lines().next().unwrap()));
    lock(&[&first, "--policy", &out, "--output", &out]).success();
    let again = read(&out);
    assert_eq!(again["lock"]["ignore"], json!(["_meta"]));
    assert_eq!(again["lock"]["mode"], "report");
    assert_eq!(again["lock"]["tools"].as_object().unwrap().len(), 1);
    // A policy in YAML stays one.
    lock(&[&first, "--policy", &policy, "--output", &policy]).success();
    let yaml = std::fs::read_to_string(&policy).unwrap();
    assert!(yaml.contains("\nlock:\n  mode: \"enforce\"\n  tools:\n"), "{yaml}");
    lock(&[&first, "--save", &out, "--output", &out])
        .code(2)
        .stderr_eq("mcp-policy: --save and --output name one file; give each its own\n");
    // Compared it may be, and not written again.
    let number = "123456789012345678901";
    let tool = format!(
        r#"{{"require":[{{"conditions":[{{"path":"args.n","op":"lte","value":{number}}}]}}]}}"#
    );
    let large =
        std::fs::read_to_string(&out).unwrap().replacen("\"a\": {}", &format!("\"a\": {tool}"), 1);
    let large = scratch.write("large.json", &large);
    lock(&["--check", &large, &first]).success();
    let refused = lock(&["--policy", &large, &first]).code(2).stdout_eq("");
    refused.stderr_eq(
        "mcp-policy: [..]large.json:[..]: this number would be written as another one; [..]\n",
    );
}

#[test]
fn what_has_changed_is_named_and_never_shown() {
    let scratch = Scratch::new("lock-check");
    let list = scratch.write("list.json", &as_list(TOOLS));
    let base = scratch.write("base.json", r#"{"version": "1", "default": "allow"}"#);
    let (policy, saved) = (scratch.file("policy.json"), scratch.file("saved.json"));
    lock(&[&list, "--policy", &base, "--output", &policy, "--save", &saved]).success();
    lock(&[&list, "--check", &policy]).success().stdout_eq("same     2 tools\n");
    // The file has the definitions as the server sent them.
    lock(&[&saved, "--check", &policy]).success().stdout_eq("same     2 tools\n");
    let other = r#"{"name": "a", "description": "IGNORE ALL", "inputSchema": {"type": "object", "evil\u001b[2J": 1}}
{"name": "c\u202e", "inputSchema": {}}"#;
    let other = scratch.write("other.json", &as_list(other));
    let run = lock(&[&other, "--check", &policy, "--saved", &saved]).code(1);
    let (out, err) = texts(&run);
    assert_eq!(err, "");
    assert_eq!(
        out,
        "changed  a: /x-unknown is gone, /inputSchema/evil\\u{1b}[2J is new, /description is changed\n\
         new      c\\u{202e}: is not in the lock\n\
         gone     b: the server does not list it\n"
    );
    let run = lock(&[&other, "--check", &policy]).code(1);
    assert!(texts(&run).0.starts_with("changed  a: the definition is another one (--saved tells"));
    let found = json_of(&lock(&[&other, "--check", &policy, "--format", "json"]).code(1));
    assert_eq!((&found["gone"], &found["same"]), (&json!(["b"]), &json!(0)));
    // One that was saved at another time tells nothing.
    let run = lock(&[&other, "--check", &policy, "--saved", &other]).code(1);
    assert!(
        texts(&run)
            .0
            .starts_with("changed  a: the definition is another one, and the saved one is not")
    );
    lock(&[&list, "--check", &base]).code(2).stdout_eq("");
}

#[test]
fn a_list_that_can_be_read_in_two_ways_is_not_locked() {
    let scratch = Scratch::new("lock-two-ways");
    for (tools, words) in [
        (r#"{"name": "a"}, {"name": "a"}"#, "lists the tool `a` twice"),
        (r#"{"name": "a", "name": "b"}"#, "a key is given twice"),
        (r#"{"name": "a", "n": 9007199254740993}"#, "has a number that some readers round"),
        (r#"{"title": "a"}"#, "has no name"),
        (r#"{"name": "a b"}"#, "unusual_tool_names"),
    ] {
        let list = scratch.write("list.json", &format!("{{\"tools\": [{tools}]}}"));
        // The definitions that were reviewed stay.
        let saved = scratch.write("saved.json", "before");
        let run = lock(&[&list, "--save", &saved]).code(2);
        let (out, err) = texts(&run);
        assert!(out.is_empty() && err.contains(words), "{tools}: {err}");
        assert_eq!(std::fs::read_to_string(&saved).expect("a file"), "before", "{tools}");
    }
}
