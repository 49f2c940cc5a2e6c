//! The configurations that `mcp-policy render` writes, run: complete ones by Envoy as they
//! are, manifests as their control planes hand them to Envoy.

use std::net::SocketAddr;
use std::path::Path;

use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::{Builder, Gateway};
use mcp_rig::upstream::Upstream;
use mcp_rig::wait::until;
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::command;
use crate::doubles::in_doubles;
use crate::guard::with;
use crate::mesh::{discovered, discovery, envoy_gateway_with, place};
use crate::native_shipped::extension_of;
use crate::started::Envoy;
use crate::support::{assert_denied, danger, passed, safe};

/// A policy, with a number that doubles do not hold where it is wide.
fn policy(holds: bool, marks: bool, is_wide: bool) -> Value {
    let number: u64 = if is_wide { 9_007_199_254_740_993 } else { 7 };
    json!({
        "version": "1", "default": "deny",
        "tools": { "safe": { "deny_if": [ { "conditions": [
            { "path": "args.id", "op": "eq", "value": number } ] } ] } },
        "settings": {
            "paths": ["/mcp"], "hold_request_headers": holds, "mark_requests": marks,
        },
    })
}

/// Renders a policy.
fn render(policy: &Value, arguments: &[&str]) -> String {
    command::printed(&[&["render", "-"], arguments].concat(), &policy.to_string())
}

fn documents(policy: &Value, arguments: &[&str]) -> Vec<Value> {
    let text = render(policy, arguments);
    let documents = yaml_serde::Deserializer::from_str(&text);
    documents.map(|document| Value::deserialize(document).expect("YAML")).collect()
}

fn module() -> String {
    std::env::var("MODULE").expect("MODULE")
}

fn native() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = || root.join("target/libmcp_policy_filter.so").display().to_string();
    std::env::var("NATIVE_MODULE").unwrap_or_else(|_| built())
}

/// An allowed call and denied ones; whether nothing of them reached the server.
async fn holds_the_policy(addr: SocketAddr, upstream: &Upstream, holds: bool) {
    let denied = http1::send(addr, &danger().header("x-probe", "headers-of-a-denied-call")).await;
    assert_denied(&denied);
    let by_number = Request::tool_call(1, "safe", r#"{"id":7}"#);
    let elsewhere = http1::send(addr, &Request::new("GET", "/read_secret")).await;
    assert_eq!(elsewhere.status, 404);
    assert!(passed(&http1::send(addr, &safe()).await));
    assert!(!passed(&http1::send(addr, &by_number).await));
    assert_eq!(http1::send(addr, &Request::new("GET", "/mcp")).await.status, 200);
    assert!(!upstream.received("danger") && !upstream.received("/read_secret"));
    if holds {
        assert!(!upstream.received("headers-of-a-denied-call"));
    }
}

/// Options for an Envoy on free ports before a server.
pub fn before(upstream: &Upstream) -> Vec<String> {
    let options = ["--listen", "0", "--admin", "0", "--upstream"];
    let mut options: Vec<String> = options.map(str::to_owned).to_vec();
    options.push(upstream.addr().to_string());
    options
}

#[tokio::test]
async fn envoy_starts_with_what_is_rendered_for_each_policy() {
    let module = module();
    for (name, holds, marks) in [
        ("both", true, true),
        ("held", true, false),
        ("marked", false, true),
        ("none", false, false),
    ] {
        let upstream = Upstream::start().await;
        let before = before(&upstream);
        let mut arguments = vec!["--for", "envoy", "--module", &module];
        arguments.extend(before.iter().map(String::as_str));
        let envoy = Envoy::start(name, &render(&policy(holds, marks, false), &arguments)).await;
        holds_the_policy(envoy.addr, &upstream, holds).await;
    }
}

/// It goes as a text then, which reaches the filter byte for byte.
#[tokio::test]
async fn envoy_gets_numbers_that_doubles_do_not_hold() {
    let (module, upstream) = (module(), Upstream::start().await);
    let before = before(&upstream);
    let mut arguments = vec!["--for", "envoy", "--module", &module];
    arguments.extend(before.iter().map(String::as_str));
    let envoy = Envoy::start("wide", &render(&policy(true, true, true), &arguments)).await;
    let call = |id: &str| Request::tool_call(1, "safe", &format!(r#"{{"id":{id}}}"#));
    assert!(passed(&http1::send(envoy.addr, &call("7")).await));
    assert!(!passed(&http1::send(envoy.addr, &call("9007199254740993")).await));
}

/// Envoy makes texts of a fraction, and of a whole number of more than 32 bits.
#[tokio::test]
async fn envoy_gets_numbers_of_which_its_yaml_makes_texts() {
    let mut policy = policy(true, true, false);
    policy["tools"]["safe"] = json!({
        "deny_if": [ { "conditions": [
            { "path": "args.id", "op": "eq", "value": 5_000_000_000_u64 } ] } ],
        "limits": [
            { "counter": "paid", "window": "day", "max": 100.5, "increment_from": "args.amount" } ],
    });
    for (place, module) in [("envoy", module()), ("envoy-native", native())] {
        let upstream = Upstream::start().await;
        let before = before(&upstream);
        let mut arguments = vec!["--for", place, "--module", &module];
        arguments.extend(before.iter().map(String::as_str));
        let envoy = Envoy::start(&format!("{place}-texts"), &render(&policy, &arguments)).await;
        for (arguments, passes) in [
            (r#"{"id":5000000000,"amount":1}"#, false),
            (r#"{"id":7,"amount":60.25}"#, true),
            (r#"{"id":7,"amount":40.5}"#, false),
            (r#"{"id":7,"amount":40.25}"#, true),
        ] {
            let call = Request::tool_call(1, "safe", arguments);
            let sent = http1::send(envoy.addr, &call).await;
            assert_eq!(passed(&sent), passes, "{place} {arguments}");
        }
    }
}

/// The policy of the page has a fraction.
#[tokio::test]
async fn envoy_starts_with_the_policy_of_the_page() {
    let page = crate::support::file("docs/command/render.md");
    let (_, policy) = page.split_once("```yaml file:refunds.yaml\n").expect("the policy");
    let (policy, _) = policy.split_once("```").expect("its end");
    let (module, upstream) = (module(), Upstream::start().await);
    let before = before(&upstream);
    let mut arguments = vec!["render", "-", "--for", "envoy", "--module", &module];
    arguments.extend(before.iter().map(String::as_str));
    let envoy = Envoy::start("page", &command::printed(&arguments, policy)).await;
    assert_denied(&http1::send(envoy.addr, &danger()).await);
}

#[tokio::test]
async fn the_native_module_starts_with_what_is_rendered() {
    let (native, upstream) = (native(), Upstream::start().await);
    let before = before(&upstream);
    for (name, marks) in [("native", true), ("native-plain", false)] {
        let mut arguments = vec!["--for", "envoy-native", "--module", &native];
        arguments.extend(before.iter().map(String::as_str));
        let envoy = Envoy::start(name, &render(&policy(true, marks, false), &arguments)).await;
        holds_the_policy(envoy.addr, &upstream, true).await;
    }
}

#[tokio::test]
async fn a_policy_is_pushed_by_replacing_the_file_that_envoy_watches() {
    let (module, upstream) = (module(), Upstream::start().await);
    let folder = command::folder("render-watched");
    let watched = folder.join("policy.yaml").display().to_string();
    let push = |policy: &Value| {
        let printed = render(policy, &["--for", "ecds", "--module", &module, "--output", &watched]);
        assert!(printed.is_empty(), "{printed}");
    };
    push(&policy(true, true, false));
    let before = before(&upstream);
    let mut arguments = vec!["--for", "envoy", "--ecds", &watched];
    arguments.extend(before.iter().map(String::as_str));
    let envoy = Envoy::start("ecds", &render(&policy(true, true, false), &arguments)).await;
    holds_the_policy(envoy.addr, &upstream, true).await;

    let mut open = policy(true, true, false);
    open["default"] = "allow".into();
    push(&open);
    until("the next policy", async || {
        passed(&http1::send(envoy.addr, &danger()).await).then_some(())
    })
    .await;
    std::fs::remove_dir_all(folder).expect("a folder of ours");
}

/// The filters that an EnvoyFilter of Istio puts before the router, in their order.
fn inserted(filter: &Value) -> Vec<Value> {
    let patches = filter["spec"]["configPatches"].as_array().expect("patches").iter();
    let filters = patches.filter(|patch| patch["applyTo"] == "HTTP_FILTER");
    filters.map(|patch| patch["patch"]["value"].clone()).collect()
}

async fn started(builder: Builder, upstream: &Upstream) -> Gateway {
    builder.upstream(upstream.addr()).start().await
}

#[tokio::test]
async fn istio_hands_envoy_what_is_rendered() {
    for (holds, marks) in [(true, true), (true, false), (false, true), (false, false)] {
        let manifests = documents(&policy(holds, marks, false), &["--for", "istio"]);
        let filter = &manifests[0];
        assert_eq!(
            manifests[1]["spec"]["http"][0]["match"],
            json!([{ "uri": { "exact": "/mcp" } }])
        );
        let patch = &filter["spec"]["configPatches"][0]["patch"]["value"];
        let carried = patch["typed_config"]["config"]["configuration"].clone();
        let (extension, asking) = discovery(filter, in_doubles(carried));
        let found = discovered(&extension, &format!("rendered-{holds}-{marks}"));
        let guards = inserted(filter);
        assert_eq!(guards.len(), 1 + usize::from(marks));
        let upstream = Upstream::start().await;
        let builder = Gateway::builder().dynamic().without_filter();
        let builder = builder.filter_before(place(&asking, &found));
        let builder = guards.into_iter().skip(1).fold(builder, Builder::filter_before);
        let gateway = started(builder, &upstream).await;
        holds_the_policy(gateway.addr(), &upstream, holds).await;
    }
}

#[tokio::test]
async fn envoy_gateway_hands_envoy_what_is_rendered() {
    for (holds, marks) in [(true, true), (true, false), (false, true), (false, false)] {
        let manifests = documents(&policy(holds, marks, false), &["--for", "gateway"]);
        let upstream = Upstream::start().await;
        let builder = envoy_gateway_with(&manifests[1], &manifests[0]);
        let gateway = started(builder, &upstream).await;
        holds_the_policy(gateway.addr(), &upstream, holds).await;
    }
}

#[tokio::test]
async fn istio_and_envoy_gateway_hand_the_native_module_what_is_rendered() {
    let native = native();
    for marks in [true, false] {
        let policy = policy(true, marks, false);
        let arguments = ["--for", "istio-native", "--module", &native];
        let filters = inserted(&documents(&policy, &arguments)[0]);
        assert_eq!(filters.len(), 1 + usize::from(marks));
        let upstream = Upstream::start().await;
        let gateway = started(with(&filters), &upstream).await;
        holds_the_policy(gateway.addr(), &upstream, true).await;

        let arguments = ["--for", "gateway-native", "--module", &native];
        let manifests = documents(&policy, &arguments);
        let (filter, _) = extension_of(&manifests[0], &manifests[1]);
        let upstream = Upstream::start().await;
        let gateway = started(with(&[filter]), &upstream).await;
        holds_the_policy(gateway.addr(), &upstream, true).await;
    }
}
