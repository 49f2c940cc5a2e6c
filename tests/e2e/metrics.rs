//! The metrics that Prometheus gets, under the `stats_tags` that are shipped: the figures
//! themselves, and that the dashboard and the alarms in `envoy` ask for nothing else.

mod elsewhere;
mod promtool;
mod scrape;

use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::{Builder, Gateway, Push, Shell};
use mcp_rig::upstream::Upstream;
use mcp_rig::wait::until;
use regex_lite::Regex;
use serde_json::{Value, json};

use crate::support::{Holding, a_day, code, counted, danger, file, passed};
use scrape::Scrape;

const DASHBOARD: &str = "envoy/grafana/dashboard.json";
const ALERTS: &str = "envoy/prometheus/alerts.yml";

fn tagged(policy: Value, upstream: &Upstream) -> Builder {
    Holding::Everything.gateway(policy, upstream.addr()).stats_tags(shipped_tags()).dynamic()
}

/// The `stats_tags` of `envoy/envoy.yaml`.
fn shipped_tags() -> Value {
    let pair = Regex::new(r"- tag_name: (\w+)\n +regex: '([^']+)'").expect("a regex");
    let text = file("envoy/envoy.yaml");
    let tag =
        |found: regex_lite::Captures<'_>| json!({ "tag_name": &found[1], "regex": &found[2] });
    let tags: Vec<_> = pair.captures_iter(&text).map(tag).collect();
    assert_eq!(tags.len(), 8, "{tags:?}");
    tags.into()
}

#[tokio::test]
async fn refusals_have_their_reason_as_a_label() {
    let upstream = Upstream::start().await;
    let gateway = tagged(a_day(1), &upstream).start().await;
    assert!(passed(&http1::send(gateway.addr(), &counted()).await));
    for (request, expected) in [
        (counted(), 429),
        (counted(), 429),
        (danger(), 403),
        (Request::mcp("{"), -32700),
        (Request::mcp("[]"), -32600),
        (Request::mcp(r#"{"jsonrpc": "2.0", "id": 1, "id": 1}"#), -32600),
        (Request::mcp(r#"{"JsonRpc": "2.0", "id": 1}"#), -32600),
        (Request::mcp("{}").header("content-encoding", "gzip"), -32600),
    ] {
        assert_eq!(code(&http1::send(gateway.addr(), &request).await), expected);
    }
    let scrape = Scrape::of(&gateway).await;
    for (series, value) in [
        ("mcp_policy_evaluations_total{}", 9.0),
        ("mcp_policy_passed_total{}", 1.0),
        ("mcp_policy_allowed_calls_total{}", 1.0),
        (r#"mcp_policy_refused_total{reason="rate_limited"}"#, 2.0),
        (r#"mcp_policy_refused_total{reason="default_deny"}"#, 1.0),
        (r#"mcp_policy_refused_total{reason="undecodable"}"#, 4.0),
        (r#"mcp_policy_refused_total{reason="batch_refused"}"#, 1.0),
        (r#"mcp_policy_refused_total{reason="counter_full"}"#, 0.0),
        (r#"mcp_policy_undecodable_total{kind="not_json"}"#, 1.0),
        (r#"mcp_policy_undecodable_total{kind="duplicate_key"}"#, 1.0),
        (r#"mcp_policy_undecodable_total{kind="look_alike"}"#, 1.0),
        (r#"mcp_policy_undecodable_total{kind="head"}"#, 1.0),
        (r#"mcp_policy_undecodable_total{kind="depth"}"#, 0.0),
    ] {
        assert_eq!(scrape.value(series), Some(value), "{series}");
    }
    let reloads = scrape.value(r#"envoy_wasm_vm_reload_success{plugin="mcp-policy"}"#);
    assert_eq!(reloads, of_wasm(0.0));
    assert_eq!(scrape.series_of("mcp_policy_refused_total").count(), 29);
    assert_eq!(scrape.series_of("mcp_policy_undecodable_total").count(), 10);
}

/// A value that the wasm module alone has.
fn of_wasm(value: f64) -> Option<f64> {
    (Shell::under_test() == Shell::Wasm).then_some(value)
}

/// Whether the wasm module alone has these series: those of its VMs, and of requests for
/// which Envoy handed over no body.
fn is_of_wasm(name: &str) -> bool {
    name.starts_with("envoy_wasm_") || name == "mcp_policy_held_without_body_total"
}

#[tokio::test]
async fn calls_have_their_tool_and_rule_as_labels() {
    let upstream = Upstream::start().await;
    let policy = json!({
        "version": "1",
        "default": "deny",
        "identity": [{ "header": "x-agent-id" }],
        "tools": { "a": { "rate_limit": "1/day" }, "re.ad_*": {}, "odd.": {}, "no/way": { "action": "deny" } },
        "grants": { "spiffe://x": { "default": "deny", "tools": { "a": {} } } },
    });
    let gateway = tagged(policy, &upstream).concurrency(2);
    let gateway = gateway.edit_listener(crate::support::spread).start().await;
    let calls = [
        ("a", "me"),
        ("a", "me"),
        ("a", "me"),
        ("re.ad_1", "me"),
        ("re.ad_2", "me"),
        ("odd.", "me"),
        ("no/way", "me"),
        ("danger", "me"),
        ("a", "spiffe://x"),
    ];
    for (tool, caller) in calls {
        let call = Request::tool_call(1, tool, "{}").header("x-agent-id", caller);
        http1::send(gateway.addr(), &call).await;
    }
    let scrape = Scrape::of(&gateway).await;
    for (labels, value) in [
        (r#"decision="allowed",reason="none",tool="a",rule="/tools/a""#, 1.0),
        (r#"decision="denied",reason="rate_limited",tool="a",rule="/tools/a/rate_limit""#, 2.0),
        (r#"decision="allowed",reason="none",tool="re.ad_*",rule="/tools/re.ad_*""#, 2.0),
        (r#"decision="allowed",reason="none",tool="odd%2E",rule="/tools/odd%2E""#, 1.0),
        (r#"decision="denied",reason="denied",tool="no~1way",rule="/tools/no~1way/action""#, 1.0),
        (r#"decision="denied",reason="default_deny",rule="other""#, 1.0),
        (r#"decision="allowed",reason="none",tool="a",rule="/grants/spiffe%3A~1~1x/tools/a""#, 1.0),
    ] {
        let mut wanted: Vec<_> = labels.split(',').collect();
        wanted.sort_unstable();
        let found = scrape.series_of("mcp_policy_calls_total").find(|(labels, _)| {
            let mut labels: Vec<_> = labels.iter().map(|(n, v)| format!(r#"{n}="{v}""#)).collect();
            labels.sort_unstable();
            labels == wanted
        });
        let all: Vec<_> = scrape.series_of("mcp_policy_calls_total").collect();
        assert_eq!(found.map(|(_, value)| value), Some(value), "{labels} in {all:?}");
    }
    // Workers share the names.
    assert_eq!(scrape.series_of("mcp_policy_calls_total").count(), 7);
}

#[tokio::test]
async fn shadow_denials_have_their_reason_as_a_label() {
    let upstream = Upstream::start().await;
    let mut policy = a_day(1);
    policy["mode"] = "shadow".into();
    let gateway = tagged(policy, &upstream).start().await;
    for request in [counted(), counted(), danger()] {
        assert!(passed(&http1::send(gateway.addr(), &request).await));
    }
    let scrape = Scrape::of(&gateway).await;
    let shadow = |reason: &str| {
        scrape.value(&format!(r#"mcp_policy_shadow_denied_total{{reason="{reason}"}}"#))
    };
    assert_eq!(shadow("rate_limited"), Some(1.0));
    assert_eq!(shadow("default_deny"), Some(1.0));
    assert_eq!(scrape.value("mcp_policy_allowed_calls_total{}"), Some(1.0));
    assert_eq!(scrape.value("mcp_policy_passed_total{}"), Some(3.0));
}

#[tokio::test]
async fn the_policy_in_force_is_a_number_and_a_refused_one_is_counted() {
    const GAUGE: &str = r#"mcp_policy_digest{plugin="mcp-policy"}"#;
    const BAD: &str = "mcp_policy_bad_policies_total{}";
    let upstream = Upstream::start().await;
    let gateway = tagged(a_day(1), &upstream).concurrency(2).start().await;
    let first = in_force(&gateway).await;
    let scrape = Scrape::of(&gateway).await;
    assert_eq!(scrape.value(GAUGE), Some(first));
    assert_eq!(scrape.value(BAD), Some(0.0));

    let policy = a_day(2).to_string();
    let held = policy.replacen('{', r#"{"settings":{"hold_request_headers":true},"#, 1);
    assert_eq!(gateway.push_policy(&held).await, Push::Accepted);
    let second = until("the policy that was pushed", async || {
        let digest = in_force(&gateway).await;
        (digest != first).then_some(digest)
    });
    let second = second.await;
    assert_eq!(Scrape::of(&gateway).await.value(GAUGE), Some(second));

    assert!(matches!(gateway.push_policy("{}").await, Push::Rejected(_)));
    let scrape = Scrape::of(&gateway).await;
    assert_eq!(scrape.value(GAUGE), Some(second));
    assert!(scrape.value(BAD) >= Some(1.0), "{:?}", scrape.value(BAD));
    let rejected = gateway.admin().stat("listener_manager.lds.update_rejected").await;
    assert_eq!(rejected, Some(1));
    // No metric comes with a policy.
    assert_eq!(scrape.series_of("mcp_policy_digest").count(), 1);
}

#[tokio::test]
async fn without_labels_the_reason_is_in_the_name() {
    let upstream = Upstream::start().await;
    let policy = a_day(1).to_string();
    let gateway = Gateway::builder().policy(policy).upstream(upstream.addr()).start().await;
    assert_eq!(code(&http1::send(gateway.addr(), &danger()).await), 403);
    let digest = in_force(&gateway).await;
    let scrape = Scrape::of(&gateway).await;
    assert_eq!(scrape.value("mcp_policy_refused_default_deny_total{}"), Some(2.0));
    assert_eq!(scrape.value("mcp_policy_shadow_denied_denied_total{}"), Some(0.0));
    assert_eq!(scrape.value("mcp_policy_undecodable_not_json_total{}"), Some(0.0));
    assert_eq!(scrape.value("mcp_policy_digest_mcp_policy{}"), Some(digest));
}

#[tokio::test]
async fn dashboard_and_alarms_ask_for_what_there_is() {
    let upstream = Upstream::start().await;
    let gateway = tagged(a_day(1), &upstream).start().await;
    assert!(passed(&http1::send(gateway.addr(), &counted()).await));
    assert_eq!(code(&http1::send(gateway.addr(), &counted()).await), 429);
    let scrape = Scrape::of(&gateway).await;
    let alerts = file(ALERTS);
    let dashboard = expressions(&file(DASHBOARD));
    for text in dashboard.iter().chain([&alerts]) {
        let asked = scrape::asked_for(text);
        assert!(!asked.is_empty(), "{text}");
        for selector in asked {
            let is_there = Shell::under_test() == Shell::Wasm || !is_of_wasm(&selector.name);
            assert_eq!(scrape.has(&selector), is_there, "{selector:?} in the scrape, for {text}");
        }
    }
    // And the other way: no metric of the filter's is one that nobody sees,
    // and each reason is in one of the panels of refusals.
    for name in scrape.names().filter(|name| name.starts_with("mcp_policy_")) {
        let shown = dashboard.iter().any(|text| text.contains(name));
        assert!(shown, "{name} is not in {DASHBOARD}");
    }
    let panels: Vec<_> = dashboard.iter().flat_map(|text| scrape::asked_for(text)).collect();
    for (labels, _) in scrape.series_of("mcp_policy_refused_total") {
        let shows = |selector: &&scrape::Selector| {
            selector.name == "mcp_policy_refused_total"
                && selector
                    .labels
                    .iter()
                    .any(|(_, value)| value != ".+" && scrape::whole(value, &labels[0].1))
        };
        assert_eq!(panels.iter().filter(shows).count(), 1, "{labels:?}");
    }
}

#[test]
fn prometheus_takes_the_alarms_and_the_dashboards_expressions() {
    let Some(promtool) = promtool::found() else { return };
    promtool.run(&["check", "config", "envoy/prometheus/prometheus.yml"]);
    promtool.run(&["test", "rules", "tests/data/prometheus/alerts_test.yml"]);
    let tested = file("tests/data/prometheus/alerts_test.yml");
    for line in file(ALERTS).lines() {
        if let Some(name) = line.trim().strip_prefix("- alert: ") {
            assert!(tested.matches(&format!("alertname: {name}")).count() >= 2, "{name}");
        }
    }
    promtool.check_expressions(&expressions(&file(DASHBOARD)));
}

/// The expressions by which the panels of a dashboard ask Prometheus.
fn expressions(dashboard: &str) -> Vec<String> {
    let dashboard: Value = serde_json::from_str(dashboard).expect("a dashboard in JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets"));
    targets.map(|target| target["expr"].as_str().expect("an expression").to_owned()).collect()
}

/// The digest of the policy in force, as a refusal names it, as a number.
async fn in_force(gateway: &Gateway) -> f64 {
    let refused = http1::send(gateway.addr(), &danger()).await.json();
    let digest = refused["error"]["data"]["policy"].as_str().expect("a digest").to_owned();
    let number = u64::from_str_radix(&digest, 16).expect("hexadecimal digits");
    // The text is what Prometheus reads.
    number.to_string().parse().expect("a number")
}
