//! Options that a place has no use for.

use super::{find, render, rendered, told};
use serde_json::json;

#[test]
fn options_that_change_nothing_are_told() {
    let all = [
        ("--listen", "8080"),
        ("--upstream", "mcp.example.com:80"),
        ("--admin", "9902"),
        ("--sha256", "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"),
        ("--name", "mcp-other"),
        ("--namespace", "tools"),
        ("--selector", "app=other"),
        ("--route", "other"),
        ("--gateway", "other/http"),
        ("--listener", "tcp-80"),
    ];
    let policy = json!({
        "version": "1", "default": "deny", "settings": {"paths": ["/mcp"], "mark_requests": true}
    })
    .to_string();
    let written = |place: &str, options: &[&str]| {
        let arguments = [&["-", "--for", place], options].concat();
        let output = render(&arguments).stdin(policy.as_str()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        (output.stdout, String::from_utf8(output.stderr).unwrap())
    };
    for place in
        ["envoy", "ecds", "istio", "gateway", "envoy-native", "istio-native", "gateway-native"]
    {
        let (plain, _) = written(place, &[]);
        for (option, value) in all {
            let (changed, told) = written(place, &[option, value]);
            let is_told = told.contains(&format!("note: `{option}` changes nothing here\n"));
            assert_eq!(is_told, changed == plain, "{place} {option}: {told}");
        }
    }
}

/// Envoy refuses to watch a path without a folder.
#[test]
fn a_file_that_envoy_watches_is_in_a_folder() {
    let policy = json!({ "version": "1", "default": "deny", "settings": {"paths": ["/mcp"]} });
    for (file, path) in [
        ("policy.yaml", "./policy.yaml"),
        ("./policy.yaml", "./policy.yaml"),
        ("here/policy.yaml", "here/policy.yaml"),
        ("/etc/envoy/policy.yaml", "/etc/envoy/policy.yaml"),
    ] {
        let documents = rendered(&policy, &["--for", "envoy", "--ecds", file]);
        let source = find(&documents[0], "path_config_source").unwrap();
        assert_eq!(source["path"], path);
    }
}

/// A default is right by chance, and a wrong name applies the policy to nothing.
#[test]
fn what_is_taken_for_granted_is_told() {
    let policy = json!({ "version": "1", "default": "deny", "settings": {"paths": ["/mcp"]} });
    let istio = [
        ("--selector", "app=mcp-server", "pods with `app: mcp-server`; give `--selector`"),
        ("--upstream", "a.example.com:80", "Service `mcp-server`, port 9100; give `--upstream`"),
    ];
    let route = ("--route", "mcp", "HTTPRoute `mcp`; give `--route`");
    let gateway = ("--gateway", "mcp/http", "`http` of the Gateway `mcp`; give `--gateway`");
    for (place, expected) in [
        ("istio", &istio[..]),
        ("istio-native", &istio),
        ("gateway", &[route, gateway]),
        ("gateway-native", &[route]),
        ("envoy", &[]),
        ("ecds", &[]),
    ] {
        let plain = told(&policy, &[place]);
        assert_eq!(
            plain.matches("; give `--").count(),
            expected.len() + usize::from(plain.contains("; give `--module`")),
            "{plain}"
        );
        for (option, value, words) in expected {
            assert!(plain.contains(words), "{place} {plain}");
            let given = told(&policy, &[place, option, value]);
            assert!(!given.contains(words), "{place} {option} {given}");
        }
    }
}

#[test]
fn a_listener_that_is_named_is_not_taken_for_granted() {
    let policy = json!({ "version": "1", "default": "deny", "settings": {"paths": ["/mcp"]} });
    let told = told(&policy, &["gateway", "--listener", "tcp-80"]);
    assert!(told.contains("the patch is for the Gateway `mcp`; give `--gateway`"), "{told}");
    assert!(!told.contains("listener"), "{told}");
}

/// From version 1.10 on, Envoy Gateway makes other names of listeners.
#[test]
fn the_patch_is_for_the_listener_that_is_named() {
    let policy = json!({ "version": "1", "default": "deny", "settings": {
        "paths": ["/mcp"], "hold_request_headers": true, "mark_requests": true,
    } });
    for (options, name) in [
        (&["--gateway", "edge/https"][..], "mcp/edge/https"),
        (&["--gateway", "edge", "--listener", "mcp/edge/tcp-80"], "mcp/edge/tcp-80"),
        (&["--gateway", "edge", "--listener", "a: b"], "a: b"),
    ] {
        let documents = rendered(&policy, &[&["--for", "gateway"], options].concat());
        let spec = &documents[0]["spec"];
        assert_eq!(spec["targetRef"]["name"], "edge");
        let patches = spec["jsonPatches"].as_array().unwrap();
        assert_eq!(patches.len(), 3);
        assert!(patches.iter().all(|patch| patch["name"] == name), "{patches:?}");
    }
}
