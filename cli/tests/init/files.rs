//! Lists of tools in files: the tools of the examples by which the classes were made,
//! a policy that its author has changed, files that are there already.

use super::rig::{Scratch, golden, here, init, texts};
use serde_json::{Value, json};
use snapbox::str;
use std::fs;
use std::path::Path;

/// The tools, each with its class, and with its policy in `envoy/policies/minimal`.
const SEEDS: [(&str, &str, &str); 5] = [
    ("session_send", "Execute", "high"),
    ("enhancedSend", "Execute", "high"),
    ("send_command", "Write", "medium"),
    ("cmux_send", "Execute", "high"),
    ("claude_code_session", "Execute", "high"),
];

fn parsed(path: impl AsRef<Path>) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a file")).expect("JSON")
}

/// A list with one tool.
fn one(scratch: &Scratch, tool: &Value) -> String {
    scratch.write("one.json", &json!({ "tools": [tool] }).to_string())
}

fn report(arguments: &[&str]) -> Value {
    let run = init(&[&["--format", "json"], arguments].concat()).assert().success();
    serde_json::from_str(&texts(&run).0).expect("JSON")
}

#[test]
fn the_five_tools_have_their_class_and_their_policy() {
    let list = parsed(here().join("seeds/tools.json"));
    let scratch = Scratch::new("seeds");
    for (name, class, risk) in SEEDS {
        let tools = list["tools"].as_array().expect("tools");
        let tool = tools.iter().find(|tool| tool["name"] == name).expect("the tool");
        let report = report(&[&one(&scratch, tool)]);
        let told = &report["tools"][0];
        assert_eq!([&told["name"], &told["class"], &told["risk"]], [name, class, risk]);
        // The shipped one says the path of MCP too.
        let shipped = here().join(format!("../../../envoy/policies/minimal/{name}.json"));
        let mut shipped = parsed(shipped);
        shipped.as_object_mut().expect("a policy").remove("settings");
        assert_eq!(report["policy"], shipped);
    }
}

#[test]
fn the_five_tools_together() {
    init(&["seeds/tools.json"])
        .assert()
        .success()
        .stdout_eq(golden("seeds/policy.json"))
        .stderr_eq(golden("seeds/reasons.txt"));
    init(&["seeds/tools.json", "--format", "json"])
        .assert()
        .success()
        .stdout_eq(golden("seeds/report.json"))
        .stderr_eq("");
    init(&["seeds/tools.json", "--yaml", "--shadow", "--path", "/mcp"])
        .assert()
        .success()
        .stdout_eq(golden("seeds/policy.yaml"));
}

#[test]
fn a_list_may_begin_with_a_byte_order_mark_and_end_with_no_cursor() {
    let scratch = Scratch::new("mark");
    let list = "\u{feff}{\"tools\": [{\"name\": \"get_a\"}], \"nextCursor\": null}";
    assert_eq!(report(&[&scratch.write("l", list)])["tools"][0]["class"], "Read");
}

#[test]
fn a_policy_with_a_number_that_would_be_rounded_is_not_written_again() {
    let scratch = Scratch::new("rounded");
    let list = scratch.write("l", "{\"tools\": [{\"name\": \"get_a\"}]}");
    let with = |number: &str| {
        let condition = format!(r#"{{"path": "args.n", "op": "lte", "value": {number}}}"#);
        let require = format!(r#"[{{"conditions": [{condition}]}}]"#);
        let tools = format!(r#"{{"a": {{"require": {require}}}}}"#);
        scratch.write("p", &format!(r#"{{"version": "1", "default": "deny", "tools": {tools}}}"#))
    };
    for number in ["123456789012345678901", "0.1234567890123456789", "1e-400"] {
        let refused = init(&[&list, "--merge", &with(number)]).assert().code(2).stdout_eq("");
        refused.stderr_eq(str![[r#"
mcp-policy: [..]/p:1:122: this number would be written as another one; write one of at most 15 digits, or add to the policy by hand

"#]]);
    }
    for number in ["9007199254740993", "1.5", "1e22"] {
        let merged = init(&[&list, "--yaml", "--merge", &with(number)]).assert().success();
        let written = number.replace("1e22", "1.0e+22");
        assert!(texts(&merged).0.contains(&format!("value: {written}\n")), "{number}");
    }
}

#[test]
fn help() {
    init(&["--help"]).assert().success().stdout_eq(golden("help.txt"));
}

#[test]
fn each_class_has_its_rule() {
    init(&["classes/tools.json", "--path", "/mcp"])
        .assert()
        .success()
        .stdout_eq(golden("classes/policy.json"))
        .stderr_eq(golden("classes/reasons.txt"));
}

#[test]
fn what_is_written_has_no_finding() {
    let scratch = Scratch::new("check");
    for name in ["p.json", "p.yaml"] {
        let file = scratch.file(name);
        init(&["classes/tools.json", "--path", "/mcp", "--output", &file]).assert().success();
        let check = snapbox::cmd::Command::new(snapbox::cmd::cargo_bin!("mcp-policy"));
        check.args(["check", "--strict", &file]).assert().success().stdout_eq("");
    }
}

#[test]
fn arguments_are_those_of_a_schema_that_allows_no_other() {
    let scratch = Scratch::new("arguments");
    let args = |schema: Value| {
        let tool = json!({ "name": "get", "inputSchema": schema });
        report(&[&one(&scratch, &tool)])["policy"]["tools"]["get"].clone()
    };
    let closed = |more: Value| {
        let mut schema = json!({ "type": "object", "additionalProperties": false });
        let both = schema.as_object_mut().expect("an object");
        both.extend(more.as_object().expect("an object").clone());
        schema
    };
    let properties = json!({ "properties": { "b": {}, "a": {} } });
    assert_eq!(args(closed(properties.clone())), json!({ "args": ["b", "a"] }));
    assert_eq!(args(closed(json!({}))), json!({ "args": [] }));
    assert_eq!(args(properties), json!({}));
    assert_eq!(args(closed(json!({ "properties": 1 }))), json!({}));
    assert_eq!(args(closed(json!({ "patternProperties": { "^x": {} } }))), json!({}));
    assert_eq!(args(closed(json!({ "$ref": "#/$defs/a" }))), json!({}));
    assert_eq!(args(json!({ "additionalProperties": {} })), json!({}));
}

#[test]
fn a_list_may_come_in_three_forms_and_through_a_pipe() {
    let scratch = Scratch::new("forms");
    let tools = json!([{ "name": "get_it" }]);
    let all = [
        tools.clone(),
        json!({ "tools": tools }),
        json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": tools } }),
    ];
    for form in all {
        let report = report(&[&scratch.write("form.json", &form.to_string())]);
        assert_eq!(report["policy"]["tools"], json!({ "get_it": {} }));
        let run = init(&["-", "--format", "json"]).stdin(form.to_string()).assert().success();
        let (out, _) = texts(&run);
        assert_eq!(out, serde_json::to_string_pretty(&report).expect("JSON") + "\n");
    }
}

#[test]
fn files_that_are_no_lists_are_told() {
    let scratch = Scratch::new("no-lists");
    let refused = |text: &str| init(&[&scratch.write("l", text)]).assert().code(2).stdout_eq("");
    refused("[").stderr_eq(str![[r#"
mcp-policy: [..]/l: is not JSON: EOF while parsing a list at line 1 column 1

"#]]);
    refused("{}").stderr_eq(str![[r#"
mcp-policy: [..]/l: has no list of tools; expected `{"tools": [..]}`

"#]]);
    refused(r#"[1]"#).stderr_eq(str![[r#"
mcp-policy: [..]/l: the tool at /tools/0 is not an object

"#]]);
    refused(r#"[{"name": "a"}, {"name": 1}]"#).stderr_eq(str![[r#"
mcp-policy: [..]/l: the tool at /tools/1 has a `name` that is not a text

"#]]);
    refused(r#"[{"name": "a", "description": []}]"#).stderr_eq(str![[r#"
mcp-policy: [..]/l: the tool at /tools/0 has a `description` that is not a text

"#]]);
    refused(r#"[{"name": "a", "inputSchema": []}]"#).stderr_eq(str![[r#"
mcp-policy: [..]/l: the tool at /tools/0 has an `inputSchema` that is not an object

"#]]);
    refused(r#"[{"name": "a", "annotations": true}]"#).stderr_eq(str![[r#"
mcp-policy: [..]/l: the tool at /tools/0 has `annotations` that are not an object

"#]]);
    // By revision 2026-07-28, an empty text is a cursor like any other.
    for cursor in ["2", ""] {
        let part = format!(r#"{{"tools": [{{"name": "a"}}], "nextCursor": "{cursor}"}}"#);
        refused(&format!(r#"{{"result": {part}}}"#)).stderr_eq(str![[r#"
mcp-policy: [..]/l: has a part of the list, since it has a `nextCursor`; write the tools of all parts into one list

"#]]);
    }
    init(&[&scratch.file("none")]).assert().code(2).stderr_eq(str![[r#"
mcp-policy: [..]/none: No such file or directory (os error 2)

"#]]);
    init(&[&scratch.file("")]).assert().code(2).stderr_eq(str![[r#"
mcp-policy: [..]/: is a directory; name a file in it

"#]]);
}

#[test]
fn arguments_that_do_not_fit_together_are_told() {
    init(&[]).assert().code(2).stderr_eq(str![[r#"
error: the following required arguments were not provided:
  <URL|FILE|COMMAND>

Usage: mcp-policy init <URL|FILE|COMMAND>

For more information, try '--help'.

"#]]);
    init(&["seeds/tools.json", "--", "x"]).assert().code(2).stderr_eq(str![[r#"
error: the argument '[URL|FILE]' cannot be used with '[COMMAND]...'

Usage: mcp-policy init <URL|FILE|COMMAND>

For more information, try '--help'.

"#]]);
    init(&["seeds/tools.json", "--force"]).assert().code(2).stderr_eq(str![[r#"
error: the following required arguments were not provided:
  --output <FILE>

Usage: mcp-policy init --output <FILE> --force <URL|FILE|COMMAND>

For more information, try '--help'.

"#]]);
    init(&["seeds/tools.json", "--timeout", "0"]).assert().code(2).stderr_eq(str![[r#"
error: invalid value '0' for '--timeout <SECONDS>': is not above 0 and at most 3600

For more information, try '--help'.

"#]]);
    init(&["seeds/tools.json", "--merge", "x", "--shadow"]).assert().code(2).stderr_eq(str![[r#"
error: the argument '--merge <POLICY>' cannot be used with '--shadow'

Usage: mcp-policy init --merge <POLICY> <URL|FILE|COMMAND>

For more information, try '--help'.

"#]]);
    init(&["seeds/tools.json", "--bearer-file", "x"]).assert().code(2).stderr_eq(str![[r#"
mcp-policy: --header, --bearer-file and --ca are for a URL alone

"#]]);
    init(&["seeds/tools.json", "--path", "mcp"]).assert().code(2).stderr_eq(str![[r#"
mcp-policy: --path: cannot list `mcp`: it must begin with `/`

"#]]);
}

#[test]
fn a_file_that_is_there_is_not_overwritten() {
    let scratch = Scratch::new("overwrite");
    let file = scratch.write("policy.json", "mine");
    let to = |more: &[&str]| init(&[&["seeds/tools.json", "--output", &file], more].concat());
    to(&[]).assert().code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]/policy.json: is there already; replace it with --force, or add what it lacks with --merge

"#]]);
    assert_eq!(fs::read_to_string(&file).expect("the file"), "mine");
    let other = scratch.write("other.json", r#"{"version": "1", "default": "deny"}"#);
    to(&["--merge", &other]).assert().code(2);
    assert_eq!(fs::read_to_string(&file).expect("the file"), "mine");
    to(&["--force"]).assert().success().stdout_eq("");
    assert_eq!(parsed(&file), parsed(here().join("seeds/policy.json")));
    init(&["seeds/tools.json", "--output", &scratch.file("")]).assert().code(2).stderr_eq(str![[
        r#"
mcp-policy: [..]/: is a directory; name a file in it

"#
    ]]);
    init(&["seeds/tools.json", "--output", "/dev/null"]).assert().code(2).stderr_eq(str![[r#"
mcp-policy: /dev/null: is not a regular file; without --output the policy comes on standard output

"#]]);
    init(&["seeds/tools.json", "--output", &scratch.file("no/p")]).assert().code(2);
    // Nothing half written is left.
    let names = fs::read_dir(&scratch.0).expect("the folder").count();
    assert_eq!(names, 2);
}

#[cfg(unix)]
#[test]
fn who_could_read_the_file_can_read_the_new_one_and_nobody_else() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let scratch = Scratch::new("permissions");
    let file = scratch.write("policy.json", "mine");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("permissions");
    symlink(&file, scratch.file("link.json")).expect("a link");
    let link = scratch.file("link.json");
    init(&["seeds/tools.json", "--force", "--output", &link]).assert().success();
    let kind = fs::symlink_metadata(&file).expect("the file");
    assert!(kind.is_file());
    assert_eq!(kind.permissions().mode() & 0o777, 0o600);
    assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
}

#[test]
fn what_its_author_changed_is_kept() {
    let scratch = Scratch::new("merge");
    let mine = scratch
        .write("mine.json", &fs::read_to_string(here().join("merge/mine.json")).expect("it"));
    let merge = ["classes/tools.json", "--merge", &mine];
    init(&merge)
        .assert()
        .success()
        .stdout_eq(golden("merge/merged.json"))
        .stderr_eq(golden("merge/reasons.txt"));
    // In place, and a second time there is nothing to add.
    let in_place = [&merge[..], &["--output", &mine]].concat();
    init(&in_place).assert().success().stdout_eq("");
    assert_eq!(parsed(&mine), parsed(here().join("merge/merged.json")));
    let again = report(&merge);
    assert_eq!(again["policy"], parsed(&mine));
    assert_eq!(again["added"], json!([]));
    assert_eq!(again["gone"], json!(["old_hidden", "old_tool"]));
}

#[test]
fn a_financial_tool_waits_for_the_approvers_that_a_policy_names() {
    let run = init(&["classes/tools.json", "--merge", "merge/approvers.yaml", "--yaml"]).assert();
    run.success().stdout_eq(golden("merge/approved.yaml"));
}

#[test]
fn an_invalid_policy_is_not_merged() {
    let scratch = Scratch::new("invalid");
    let mine = scratch.write("mine.json", r#"{"version": "1", "default": "deny", "tool": {}}"#);
    let run = init(&["classes/tools.json", "--merge", &mine, "--output", &mine]).assert();
    run.code(1)
        .stdout_eq(str![[r#"
[..]/mine.json:1:37: error: /tool: unknown key; did you mean `tools`?

"#]])
        .stderr_eq("");
    assert!(fs::read_to_string(&mine).expect("it").contains("\"tool\""));
}

/// `tools.json` alone reads as the host of a URL too.
#[test]
fn a_file_in_this_folder_is_told_the_usual_path() {
    let scratch = Scratch::new("here");
    scratch.write("tools.json", r#"{"tools": []}"#);
    let run = init(&["tools.json"]).current_dir(&scratch.0).assert().success();
    assert!(texts(&run).1.contains("give --path /mcp, if"), "{}", texts(&run).1);
}
