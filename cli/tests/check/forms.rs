//! The forms of findings. Those of each kind are in `forms/`, as they are printed.

use super::{root, run, scratch};
use boon::{Compiler, Schemas};
use serde_json::Value;
use snapbox::{Assert, Data};
use std::fs;
use std::path::PathBuf;

const POLICY: &str = r#"{
  "version": "1",
  "default": "deny",
  "tools": {
    "send: a, b": { "limits": [{ "counter": "sends", "window": "minute", "max": 0 }] },
    "drop%0A": { "action": "deny", "args": ["id"] }
  },
  "settings": { "paths": ["/mcp"], "audit": "all" }
}
"#;

fn folder() -> PathBuf {
    let folder = scratch("forms");
    fs::write(folder.join("a policy.json"), POLICY).unwrap();
    fs::write(
        folder.join("b.yaml"),
        "version: '1'\ndefault: deny\ntools:\n  x: {rate_limit: 1/day}\n",
    )
    .unwrap();
    fs::write(
        folder.join("c.json"),
        r#"{"version": "1", "default": "deny", "settings": {"paths": ["/mcp"]}}"#,
    )
    .unwrap();
    folder
}

const FILES: [&str; 3] = ["a policy.json", "b.yaml", "c.json"];

fn printed(form: &str) -> String {
    let arguments = [&["--format", form][..], &FILES].concat();
    let output = run(&folder(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stdout).unwrap()
}

/// Compares a text with a golden file, or writes that.
fn same(name: &str, found: &str) {
    let golden = root().join("cli/tests/check/forms").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, found).unwrap();
    }
    let expected = Data::read_from(&golden, Some(snapbox::data::DataFormat::Text)).raw();
    Assert::new().eq(Data::text(found).raw(), expected);
}

#[test]
fn each_form_is_as_it_was() {
    for (form, ending) in [
        ("human", "txt"),
        ("json", "json"),
        ("github", "github.txt"),
        ("sarif", "sarif.json"),
        ("junit", "xml"),
    ] {
        // The version changes, and what it belongs to does not.
        let found = printed(form).replace(env!("CARGO_PKG_VERSION"), "0.0.0");
        same(&format!("findings.{ending}"), &found);
    }
}

#[test]
fn the_help_is_as_it_was() {
    let output = run(&folder(), &["--help"]);
    assert_eq!(output.status.code(), Some(0));
    same("help.txt", &String::from_utf8(output.stdout).unwrap());
}

#[test]
fn sarif_is_what_its_schema_says() {
    let schema =
        fs::read_to_string(root().join("cli/tests/check/schemas/sarif-schema-2.1.0.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    compiler.add_resource("sarif.json", schema).unwrap();
    let schema = compiler.compile("sarif.json", &mut schemas).unwrap();
    let sarif: Value = serde_json::from_str(&printed("sarif")).unwrap();
    assert!(sarif["runs"][0]["results"].as_array().unwrap().len() >= 4);
    schemas.validate(&sarif, schema).unwrap();
    // It would refuse something else.
    let mut other = sarif.clone();
    other["runs"][0]["results"][0]["level"] = "fatal".into();
    assert!(schemas.validate(&other, schema).is_err());
    let nothing = run(&folder(), &["--format", "sarif", "c.json"]);
    let nothing: Value = serde_json::from_slice(&nothing.stdout).unwrap();
    schemas.validate(&nothing, schema).unwrap();
}

#[test]
fn warnings_are_errors_where_that_is_asked() {
    let folder = folder();
    assert_eq!(run(&folder, &["b.yaml"]).status.code(), Some(0));
    assert_eq!(run(&folder, &["--strict", "b.yaml"]).status.code(), Some(1));
    assert_eq!(run(&folder, &["--strict", "c.json"]).status.code(), Some(0));
}

#[test]
fn a_long_line_is_shown_in_part() {
    let folder = scratch("forms-long");
    let tools: Vec<String> = (0..2_000).map(|at| format!("\"t{at}\": {{}}")).collect();
    let text = format!(
        r#"{{"version": "1", "default": "deny", "tools": {{{}, "é": {{"x": 1}}, {}}}}}"#,
        tools.join(", "),
        tools.join(", ").replace("\"t", "\"u")
    );
    fs::write(folder.join("x.json"), text).unwrap();
    let output = run(&folder, &["x.json"]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.lines().all(|line| line.chars().count() < 300), "{stdout}");
    assert!(stdout.contains("\"é\": {\"x\": 1}"), "{stdout}");
}
