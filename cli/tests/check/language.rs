//! The findings of the core, at their places: each policy of the golden tests, as it is
//! and as YAML, on its own and inside the files that carry policies.

use super::{found, place, places, root, run, scratch};
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::policy::document::Findings;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

fn policies(kind: &str) -> Vec<PathBuf> {
    let folder = root().join("tests/data/policies").join(kind);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|ending| ending == "json")).collect();
    files.sort();
    assert!(files.len() > 40, "{}", files.len());
    files
}

fn core(text: &[u8]) -> Findings {
    match Policy::parse(text, "") {
        Ok(policy) => policy.warnings,
        Err(errors) => errors,
    }
}

/// Findings as pairs of pointer and message, in the order of the texts.
fn pairs(found: &Value) -> Vec<(String, String)> {
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let mut pairs: Vec<_> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (text(one, "pointer"), text(one, "message")))
        .collect();
    pairs.sort();
    pairs
}

fn expected(findings: &Findings) -> Vec<(String, String)> {
    let pointer = |path: &str| if path.starts_with('/') { path.to_owned() } else { String::new() };
    let mut pairs: Vec<_> =
        findings.iter().map(|one| (pointer(&one.path), one.message.clone())).collect();
    pairs.sort();
    pairs.dedup();
    pairs
}

/// The first lines of a golden file that are in it for each finding, without its last
/// line if that counts further ones.
fn golden(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file.with_extension("txt")).unwrap();
    text.lines().filter(|line| !line.starts_with("and ")).map(str::to_owned).collect()
}

#[test]
fn each_policy_has_the_findings_of_the_core() {
    let (mut seen, mut compared) = (0, 0);
    for file in [policies("valid"), policies("broken")].concat() {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let bytes = fs::read(&file).unwrap();
        if std::str::from_utf8(&bytes).is_err() {
            let output = run(file.parent().unwrap(), &[&format!("{name}.json")]);
            assert_eq!((output.status.code(), &*name), (Some(2), "not_utf8"));
            continue;
        }
        let found = found(file.parent().unwrap(), &[&format!("{name}.json")]);
        let core = core(&bytes);
        let pairs = pairs(&found);
        let is_json = core.iter().all(|one| one.path.is_empty() || one.path.starts_with('/'));
        if is_json && !pairs.is_empty() && bytes.iter().any(|byte| !byte.is_ascii_whitespace()) {
            assert_eq!(pairs, expected(&core), "{name}");
        }
        assert_eq!(pairs.is_empty(), core.is_empty(), "{name}");
        if file.parent().unwrap().ends_with("broken") && is_json {
            let told: Vec<String> = pairs
                .iter()
                .map(|(pointer, message)| match &**pointer {
                    "" => format!("(top level): {message}"),
                    pointer => format!("{pointer}: {message}"),
                })
                .collect();
            for line in golden(&file) {
                // The log shows names as they can be shown there.
                compared += usize::from(told.contains(&line));
            }
        }
        seen += 1;
    }
    assert!(seen > 300, "{seen}");
    assert!(compared > 500, "{compared}");
}

#[test]
fn each_policy_has_them_as_yaml_too() {
    let folder = scratch("language-yaml");
    let mut seen = 0;
    for file in [policies("valid"), policies("broken")].concat() {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let bytes = fs::read(&file).unwrap();
        let Ok(json) = serde_json::from_slice::<Value>(&bytes) else { continue };
        let core = core(&bytes);
        // A reader that builds values keeps one of two equal keys, and other spellings
        // of numbers.
        let again = serde_json::to_vec(&json).unwrap();
        let same = expected(&self::core(&again)) == expected(&core);
        // A key of YAML's short form has at most 1,024 characters.
        if !same || !json.is_object() || name.contains("too_deep") || name == "offers_uris" {
            continue;
        }
        let mut yaml = String::new();
        write(&mut yaml, &json, 0);
        fs::write(folder.join("x.yaml"), &yaml).unwrap();
        let found = found(&folder, &["x.yaml"]);
        // JSON's `1e-6` is a text to some readers of YAML.
        if places(&found).iter().any(|one| one.ends_with(" ambiguous-yaml")) {
            assert!(yaml.contains("e-") || yaml.contains("e+"), "{name}\n{yaml}");
            continue;
        }
        assert_eq!(pairs(&found), expected(&core), "{name}\n{yaml}");
        seen += 1;
    }
    assert!(seen > 250, "{seen}");
}

/// Block YAML, with each text in double quotes.
fn write(yaml: &mut String, json: &Value, indent: usize) {
    let pad = " ".repeat(indent);
    match json {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                *yaml += &format!("\n{pad}{}:", Value::from(&**key));
                write(yaml, value, indent + 2);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            for element in elements {
                *yaml += &format!("\n{pad}-");
                write(yaml, element, indent + 2);
            }
        }
        other => *yaml += &format!(" {other}"),
    }
}

const POLICY: &str = r#"{
  "version": "1",
  "default": "deny",
  "description": "é", "tools": { "e": { "limits": [{ "counter": "a", "window": "minute", "max": "NOW" }] } },
  "settings": { "paths": ["/mcp"] }
}
"#;

fn indented(text: &str, indent: usize) -> String {
    text.lines().map(|line| format!("{}{line}\n", " ".repeat(indent))).collect()
}

/// A bootstrap with the policy as a text of a StringValue.
fn bootstrap() -> String {
    let shipped = fs::read_to_string(root().join("envoy/envoy.yaml")).unwrap();
    let (before, rest) = shipped.split_once("google.protobuf.Struct\n").unwrap();
    let (_, after) = rest.split_once("                  # The guard").unwrap();
    let policy = POLICY.replace("\"NOW\"", "-1").replace(
        "[\"/mcp\"]",
        "[\"/mcp\"], \"hold_request_headers\": true, \"mark_requests\": true",
    );
    let value = indented(&policy, 28);
    let pad = " ".repeat(26);
    format!(
        "{before}google.protobuf.StringValue\n{pad}value: |\n{value}\n                  # The guard{after}"
    )
}

#[test]
fn a_policy_within_a_text_has_its_findings_at_its_lines() {
    let folder = scratch("language-text");
    let filter = |configuration: &str| {
        format!(
            "\"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\nconfig:\n  \
             name: mcp-policy\n  failure_policy: FAIL_RELOAD\n  vm_config: {{ vm_id: x }}\n{configuration}"
        )
    };
    let typed =
        "  configuration:\n    \"@type\": type.googleapis.com/google.protobuf.StringValue\n";
    let escaped = Value::from(POLICY).to_string();
    let config_map = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: x }}\ndata:\n  policy.json: |\n{}",
        indented(POLICY, 4)
    );
    let nested = format!(
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  data:\n    \
         envoy.yaml: |\n{}",
        indented(&bootstrap(), 6)
    );
    for (text, at) in [
        (POLICY.to_owned(), "\"max\""),
        (filter(&format!("{typed}    value: |\n{}", indented(POLICY, 6))), "\"max\""),
        (filter(&format!("{typed}    value: {escaped}\n")), "\\\"max\\\""),
        (filter(&format!("{typed}    value: '\n{}'\n", indented(POLICY, 6).trim_end())), "\"max\""),
        (config_map, "\"max\""),
        (bootstrap(), "\"max\""),
        (nested, "\"max\""),
        (format!("a: 1\n---\n{}", bootstrap()), "\"max\""),
    ] {
        fs::write(folder.join("x.yaml"), &text).unwrap();
        let found = places(&found(&folder, &["x.yaml"]));
        assert_eq!(found, [format!("{} invalid-policy", place(&text, at))], "{text}");
    }
}

#[test]
fn a_text_that_is_not_json_has_its_fault_at_its_line() {
    let folder = scratch("language-fault");
    let text = bootstrap().replace("\"default\": \"deny\",", "\"default\": deny,");
    fs::write(folder.join("x.yaml"), &text).unwrap();
    let found = places(&found(&folder, &["x.yaml"]));
    assert_eq!(found, [format!("{} unreadable", place(&text, "deny,"))]);
}

#[test]
fn each_way_to_carry_a_policy_is_found() {
    let folder = scratch("language-carriers");
    let policy: Value = serde_json::from_str(POLICY).unwrap();
    let config = json!({
        "name": "mcp-policy",
        "failure_policy": "FAIL_RELOAD",
        "vm_config": {"vm_id": "x"},
        "configuration": {"@type": "type.googleapis.com/google.protobuf.Struct", "value": policy},
    });
    let wasm = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
    let filter = json!({"name": "x", "typed_config": {"@type": wasm, "config": config}});
    let camel = filter.to_string().replace("typed_config", "typedConfig");
    let camel = camel.replace("failure_policy", "failurePolicy").replace("vm_config", "vmConfig");
    let camel: Value = serde_json::from_str(&camel.replace("vm_id", "vmId")).unwrap();
    let typed = json!({"name": "x", "typed_config": {
        "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
        "type_url": wasm,
        "value": {"config": config},
    }});
    let native = json!({"name": "x", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
        "dynamic_module_config": {"name": "x", "do_not_close": true},
        "filter_config": config["configuration"],
    }});
    let manager = |filter: &Value| {
        json!({"name": "y", "typed_config": {
            "stream_idle_timeout": "3600s",
            "request_timeout": "30s",
            "http_filters": [filter],
        }})
    };
    let proxy = json!({"apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "EnvoyProxy",
        "spec": {"bootstrap": {"value": json!({"static_resources": {"listeners": [filter]}}).to_string()}}});
    for carrier in [
        policy.clone(),
        filter.clone(),
        camel,
        typed,
        native,
        json!({"resources": [{"@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig", "typed_config": filter["typed_config"]}]}),
        json!({"address": {}, "default_filter_chain": {"filters": [manager(&filter)]}}),
        json!({"configs": [{"dynamic_listeners": [{"active_state": {"listener": {"filter_chains": [{"filters": [manager(&filter)]}]}}}]}]}),
        json!({"apiVersion": "v1", "kind": "List", "items": [proxy]}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"envoy.json": filter.to_string(), "README": "x"}}),
    ] {
        for (name, text) in [("x.json", format!("{carrier:#}")), ("x.yaml", carrier.to_string())] {
            fs::write(folder.join(name), &text).unwrap();
            let all = found(&folder, &[name]);
            let places = places(&all);
            assert_eq!((&all["policies"], places.len()), (&1.into(), 1), "{all}\n{text}");
            let escaped = if text.contains("\\\"max") { "\\\"max\\\"" } else { "\"max\"" };
            assert_eq!(places, [format!("{} invalid-policy", place(&text, escaped))], "{text}");
        }
    }
}
