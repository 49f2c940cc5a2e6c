//! `render`: what it writes for the shipped policies is what is shipped, and what agrees
//! with a policy follows it. That it runs is in `tests/e2e/render.rs`.

mod answered;
mod engines;
mod numbers;
mod options;
mod tokens;

use crate::outputs::scratch;
use boon::{Compiler, Schemas};
use serde::Deserialize as _;
use serde_json::{Value, json};
use snapbox::Data;
use snapbox::cmd::{Command, cargo_bin};
use std::fs;
use std::path::{Path, PathBuf};
use yaml_serde::{Deserializer, Value as Yaml};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The documents of a text in YAML.
fn documents(text: &str) -> Vec<Value> {
    let documents =
        Deserializer::from_str(text).map(|document| Yaml::deserialize(document).unwrap());
    documents.map(|document| serde_json::to_value(document).unwrap()).collect()
}

fn shipped(file: &str) -> Value {
    documents(&fs::read_to_string(root().join(file)).unwrap()).remove(0)
}

fn render(arguments: &[&str]) -> Command {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/render/cases");
    Command::new(cargo_bin!("mcp-policy")).arg("render").args(arguments).current_dir(cases)
}

fn golden(name: &str) -> Data {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/render/cases");
    Data::read_from(&cases.join(name), None).raw()
}

/// The documents for a policy.
fn rendered(policy: &Value, arguments: &[&str]) -> Vec<Value> {
    let command = render(&[&["-"], arguments].concat()).stdin(policy.to_string());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    documents(core::str::from_utf8(&output.stdout).unwrap())
}

/// The standard error of a rendering.
fn told(policy: &Value, arguments: &[&str]) -> String {
    let command = render(&[&["-", "--for"], arguments].concat()).stdin(policy.to_string());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// The value of a key, wherever it is.
fn find<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    let inner: Vec<&Value> = match value {
        Value::Object(members) => match members.get(key) {
            Some(found) => return Some(found),
            None => members.values().collect(),
        },
        Value::Array(elements) => elements.iter().collect(),
        _ => return None,
    };
    inner.into_iter().find_map(|value| find(value, key))
}

const ISTIO_ROUTES: &str = "envoy/istio/virtual-service.yaml";

#[test]
fn the_shipped_files_are_what_is_written_for_their_policies() {
    for (place, files, key) in [
        ("envoy", &["envoy/envoy.yaml"][..], "configuration"),
        ("envoy-native", &["envoy/native/envoy.yaml"], "filter_config"),
        ("istio", &["envoy/istio/envoy-filter.yaml", ISTIO_ROUTES], "configuration"),
        ("istio-native", &["envoy/native/istio/envoy-filter.yaml", ISTIO_ROUTES], "filter_config"),
        (
            "gateway",
            &["envoy/gateway/patch-policy.yaml", "envoy/gateway/extension-policy.yaml"],
            "config",
        ),
        (
            "gateway-native",
            &[
                "envoy/native/gateway/envoy-proxy.yaml",
                "envoy/native/gateway/extension-policy.yaml",
            ],
            "config",
        ),
    ] {
        let files: Vec<Value> = files.iter().map(|file| shipped(file)).collect();
        let found = files.iter().find_map(|file| find(file, key)).unwrap();
        let policy = if key == "config" { found } else { &found["value"] };
        assert_eq!(rendered(policy, &["--for", place]), files, "{place}");
    }
}

#[test]
fn the_flag_the_guard_and_the_routes_follow_the_policy() {
    for holds in [false, true] {
        for marks in [false, true] {
            let policy = json!({
                "version": "1", "default": "deny",
                "settings": {
                    "paths": ["/mcp", "/b/*"], "exempt_paths": ["/healthz"],
                    "hold_request_headers": holds, "mark_requests": marks,
                },
            });
            for place in
                ["envoy", "istio", "gateway", "envoy-native", "istio-native", "gateway-native"]
            {
                let documents = Value::from(rendered(&policy, &["--for", place]));
                let text = documents.to_string();
                let native = place.ends_with("native");
                let flags = text.matches("allow_on_headers_stop_iteration").count();
                assert_eq!(flags, usize::from(holds && !native), "{place} {holds}");
                let guards = text.matches("wasm.mcp_policy\"").count();
                assert_eq!(
                    guards,
                    usize::from(marks && place != "gateway-native"),
                    "{place} {marks}"
                );
                if place.starts_with("envoy") {
                    let routes = find(&documents, "routes").unwrap().as_array().unwrap();
                    let matches: Vec<_> = routes.iter().map(|route| &route["match"]).collect();
                    assert_eq!(
                        matches,
                        [
                            &json!({ "path": "/mcp" }),
                            &json!({ "prefix": "/b/" }),
                            &json!({ "path": "/healthz" }),
                        ]
                    );
                }
            }
        }
    }
    let any = json!({ "version": "1", "default": "deny" });
    let envoy = Value::from(rendered(&any, &["--for", "envoy"]));
    assert_eq!(find(&envoy, "routes").unwrap()[0]["match"], json!({ "prefix": "/" }));
    let istio = rendered(&any, &["--for", "istio"]);
    assert_eq!(istio[1]["spec"]["http"][0].get("match"), None);
}

/// Options go where they belong, whatever the others are.
#[test]
fn options_are_put_in() {
    let any = json!({ "version": "1", "default": "deny", "settings": { "paths": ["/mcp"] } });
    let envoy = rendered(
        &any,
        &[
            "--for",
            "envoy",
            "--listen",
            "9100",
            "--admin",
            "10000",
            "--upstream",
            "[::1]:9901",
            "--module",
            "/opt/a b.wasm",
            "--name",
            "other",
        ],
    );
    let envoy = &envoy[0];
    assert_eq!(find(&envoy["admin"], "port_value"), Some(&json!(10000)));
    let socket = json!({ "address": "127.0.0.1", "port_value": 9100 });
    assert_eq!(envoy["static_resources"]["listeners"][0]["address"]["socket_address"], socket);
    let cluster = &envoy["static_resources"]["clusters"][0];
    let server = json!({ "address": "::1", "port_value": 9901 });
    assert_eq!(find(&cluster["load_assignment"], "socket_address"), Some(&server));
    assert_eq!(cluster["type"], "STATIC");
    assert_eq!(find(envoy, "filename"), Some(&json!("/opt/a b.wasm")));
    assert_eq!(find(envoy, "vm_id"), Some(&json!("other")));
    let named = rendered(&any, &["--for", "envoy", "--upstream", "mcp.internal:80"]);
    assert_eq!(named[0]["static_resources"]["clusters"][0]["type"], "STRICT_DNS");

    let digest = "ab".repeat(32);
    let istio = rendered(
        &any,
        &[
            "--for",
            "istio",
            "--namespace",
            "mcp-policy",
            "--name",
            "mcp",
            "--selector",
            "tier=tools",
            "--upstream",
            "tools.example.com:80",
            "--module",
            "registry.example.com/x:1",
            "--sha256",
            &digest,
        ],
    );
    let metadata = json!({ "name": "mcp", "namespace": "mcp-policy" });
    assert_eq!(istio[0]["metadata"], metadata);
    assert_eq!(find(&istio[0], "vm_id"), Some(&json!("mcp-policy.mcp")));
    assert_eq!(istio[0]["spec"]["workloadSelector"]["labels"], json!({ "tier": "tools" }));
    assert_eq!(find(&istio[0], "uri"), Some(&json!("oci://registry.example.com/x:1")));
    assert_eq!(find(&istio[0], "sha256"), Some(&json!(digest)));
    assert_eq!(istio[1]["spec"]["hosts"], json!(["tools.example.com"]));
    assert_eq!(find(&istio[1], "destination").unwrap()["port"]["number"], 80);

    // One proxy can have the policies of two namespaces, which share no counters.
    for (place, key) in [("istio-native", "filter_name"), ("gateway-native", "filterName")] {
        let options = ["--for", place, "--namespace", "2", "--name", "1"];
        let native = Value::from(rendered(&any, &options));
        assert_eq!(find(&native, key), Some(&json!("2.1")), "{place}");
    }

    let gateway = rendered(
        &any,
        &[
            "--for",
            "gateway",
            "--namespace",
            "mcp",
            "--name",
            "mcp",
            "--route",
            "mcp-policy",
            "--gateway",
            "edge/https",
            "--module",
            "https://example.com/x.wasm",
            "--sha256",
            &digest,
        ],
    );
    assert_eq!(gateway[0]["spec"]["targetRef"]["name"], "edge");
    assert_eq!(gateway[0]["spec"]["jsonPatches"][0]["name"], "mcp/edge/https");
    assert!(gateway[0].to_string().contains("envoyextensionpolicy/mcp/mcp/wasm/0"));
    assert_eq!(gateway[1]["metadata"], json!({ "name": "mcp", "namespace": "mcp" }));
    assert_eq!(gateway[1]["spec"]["targetRefs"][0]["name"], "mcp-policy");
    assert_eq!(
        gateway[1]["spec"]["wasm"][0]["code"],
        json!({
            "type": "HTTP", "http": { "url": "https://example.com/x.wasm", "sha256": digest },
        })
    );
}

/// `check` finds nothing wrong with what is written.
#[test]
fn what_is_written_passes_the_check() {
    let policy = json!({
        "version": "1", "default": "deny", "tools": { "a": { "rate_limit": "1/minute" } },
        "settings": { "paths": ["/mcp"], "hold_request_headers": true, "mark_requests": true },
    });
    let ecds = ["--for", "envoy", "--ecds", "policy.yaml"];
    let folder = scratch("render-checked");
    for (index, arguments) in [
        &["--for", "envoy"][..],
        &ecds,
        &["--for", "ecds"],
        &["--for", "istio"],
        &["--for", "gateway"],
        &["--for", "envoy-native"],
        &["--for", "istio-native"],
        &["--for", "gateway-native"],
    ]
    .into_iter()
    .enumerate()
    {
        let output = render(&[&["-"], arguments].concat()).stdin(policy.to_string());
        let file = folder.join(format!("{index}.yaml"));
        fs::write(&file, output.output().unwrap().stdout).unwrap();
        let check = Command::new(cargo_bin!("mcp-policy")).arg("check").arg(&file);
        let checked = check.output().unwrap();
        let told = format!("{arguments:?} {checked:?}");
        assert_eq!(checked.status.code(), Some(0), "{told}");
        // The configuration of Envoy alone has no policy where it is discovered.
        let policies = if arguments == ecds { "0 policies" } else { "1 policy" };
        assert!(told.contains(&format!("{policies} in 1 file: 0 errors")), "{told}");
    }
}

/// The rules in CEL are held by `tests/native/crds.rs` for the shipped files.
#[test]
fn manifests_are_what_their_kinds_may_say() {
    let policy = json!({
        "version": "1", "default": "deny", "tools": { "a*": { "rate_limit": "1/minute" } },
        "settings": { "paths": ["/mcp/*"] },
    });
    let mut crds = Vec::new();
    for file in ["tests/data/crds/istio.yaml", "tests/data/crds/gateway.yaml"] {
        crds.extend(shipped(file).as_object().unwrap().clone());
    }
    let digest = "0".repeat(64);
    let url = ["--module", "https://example.com/x.wasm", "--sha256", &digest];
    let mut seen = 0;
    for (place, options) in [
        ("istio", &url[..]),
        ("istio", &[]),
        ("gateway", &url),
        ("gateway", &[]),
        ("istio-native", &["--module", "/opt/x.so"]),
        ("gateway-native", &["--module", "/opt/x.so"]),
    ] {
        for document in rendered(&policy, &[&["--for", place], options].concat()) {
            let kind = document["kind"].as_str().unwrap();
            let (_, crd) = crds.iter().find(|(name, _)| name == kind).unwrap();
            assert_eq!(document["apiVersion"], crd["apiVersion"], "{kind}");
            let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
            compiler.add_resource("urn:crd", crd["spec"].clone()).unwrap();
            let schema = compiler.compile("urn:crd", &mut schemas).unwrap();
            let valid = schemas.validate(&document["spec"], schema);
            assert!(valid.is_ok(), "{place} {kind}: {:#}", valid.unwrap_err());
            seen += 1;
        }
    }
    assert_eq!(seen, 12);
}

#[test]
fn an_invalid_policy_is_not_carried() {
    render(&["broken.yaml", "--for", "envoy"])
        .assert()
        .code(1)
        .stdout_eq("")
        .stderr_eq(golden("broken.stderr"));
    render(&["--help"]).assert().code(0).stdout_eq(golden("help.stdout"));
}

#[test]
fn options_that_do_not_fit_are_told() {
    for (arguments, words) in [
        (&["--for", "envoy", "--listen", "x"][..], "--listen: `x` is not a host and a port"),
        (&["--for", "envoy", "--listen", "localhost:80"], "is not an address and a port"),
        (&["--for", "envoy", "--upstream", "::1:80"], "--upstream: `::1:80` is not"),
        (&["--for", "envoy", "--upstream", "a b:80"], "--upstream"),
        (&["--for", "envoy", "--module", "https://x/y"], "Envoy loads a file here"),
        (&["--for", "istio", "--module", "./a.wasm"], "an image or a URL is fetched here"),
        (&["--for", "gateway", "--module", "x/y:1"], "needs its digest"),
        (&["--for", "istio", "--ecds", "x"], "--ecds goes with `--for envoy`"),
        (&["--for", "istio", "--name", "A"], "--name: `A` is not a name"),
        (&["--for", "gateway", "--listener", ""], "--listener: `` is empty"),
        (&["--for", "istio", "--selector", "a"], "--selector: `a` is not a label"),
        (&["--for", "istio", "--module", "x/y:1", "--sha256", "none"], "none: No such file"),
        (&["--for", "nowhere"], "invalid value 'nowhere'"),
    ] {
        let output = render(&[&["good.yaml"], arguments].concat()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {told}");
        assert!(told.contains(words), "{arguments:?} {told}");
        assert!(output.stdout.is_empty());
    }
}

/// As `tests/native/crds.rs` for the digest of a module that is there.
#[test]
fn the_digest_of_a_file_is_computed() {
    let file = scratch("render-digest").join("abc.wasm");
    fs::write(&file, "abc").unwrap();
    let any = json!({ "version": "1", "default": "deny", "settings": { "paths": ["/mcp"] } });
    let documents = rendered(
        &any,
        &[
            "--for",
            "istio",
            "--module",
            "oci://registry.example.com/x:1",
            "--sha256",
            file.to_str().unwrap(),
        ],
    );
    // FIPS 180-4, appendix B.1.
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(find(&documents[0], "sha256"), Some(&json!(digest)));
}

#[test]
fn documents_are_printed_as_json_and_written_in_one_step() {
    let output = scratch("render-output").join("rendered.json");
    let arguments = ["good.yaml", "--for", "istio", "--format", "json", "--output"];
    render(&[&arguments[..], &[output.to_str().unwrap()]].concat()).assert().code(0).stdout_eq("");
    let written: Value = serde_json::from_str(&fs::read_to_string(&output).unwrap()).unwrap();
    let policy = shipped("cli/tests/render/cases/good.yaml");
    assert_eq!(written, Value::from(rendered(&policy, &["--for", "istio"])));
}
