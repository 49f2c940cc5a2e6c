//! The logs of `docs/operate/logs.md`, as they are there.

mod otlp;
mod siem;

use std::collections::{BTreeMap, BTreeSet};

use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::{Builder, Gateway};
use mcp_rig::upstream::Upstream;
use mcp_rig::upstream::collector::Collector;
use mcp_rig::wait::until;
use regex_lite::Regex;
use serde_json::{Value, json};

use crate::mesh::manifest;
use crate::pages::{fence, yaml};
use crate::seen::whole_bodies;
use crate::support::{code, manager, passed};

const PAGE: &str = "docs/operate/logs.md";

/// Callers, one of them in shadow mode, and a tool that ann approves.
fn policy() -> String {
    let policy = json!({
        "version": "1",
        "default": "deny",
        "identity": [{ "header": "x-agent-id" }],
        "tools": { "search": {}, "refund": { "action": "require_approval" } },
        "grants": { "trial": { "default": "deny", "mode": "shadow" } },
        "settings": {
            "paths": ["/mcp"],
            "approvals": { "path": "/approvals", "approvers": ["ann"] },
        },
    });
    policy.to_string()
}

/// An Envoy whose access logs these are.
fn logging(logs: Value, upstream: &Upstream) -> Builder {
    let builder = Gateway::builder().policy(policy()).upstream(upstream.addr());
    builder.edit_listener(move |listener| manager(listener)["access_log"] = logs.clone())
}

/// The number of lines that [`all_kinds`] leaves.
const LINES: usize = 9;

/// A request of each kind that the page speaks of.
async fn all_kinds(gateway: &Gateway) {
    let by = |who: &str, request: Request| request.header("x-agent-id", who);
    let send = async |request: &Request| http1::send(gateway.addr(), request).await;
    let call = |tool: &str| Request::tool_call(1, tool, "{}");
    assert!(passed(&send(&by("planner", call("search"))).await));
    assert_eq!(code(&send(&by("planner", call("drop_table"))).await), 403);
    assert!(passed(&send(&by("trial", call("drop_table"))).await));
    assert_eq!(code(&send(&by("planner", Request::mcp("{"))).await), -32700);
    let listen = by("planner", Request::new("GET", "/mcp?code=hush"));
    assert_eq!(send(&listen).await.status, 200);
    let waits = send(&by("planner", call("refund"))).await.json();
    let id = waits["error"]["data"]["approval"]["id"].as_str().expect("an id").to_owned();
    // His own call is not his to approve.
    let approving = Request::new("POST", &format!("/approvals/{id}/approve"))
        .header("mcp-approval-digest", &"0".repeat(64));
    assert_ne!(send(&by("planner", approving)).await.status, 200);
    let shown = send(&by("ann", Request::new("GET", &format!("/approvals/{id}")))).await.json();
    let digest = shown["digest"].as_str().expect("a digest");
    let approving = Request::new("POST", &format!("/approvals/{id}/approve"));
    let approving = by("ann", approving.header("mcp-approval-digest", digest));
    assert_eq!(send(&approving).await.status, 200);
}

/// The lines of JSON in the log, once there are that many.
async fn json_lines(gateway: &Gateway, count: usize) -> Vec<Value> {
    until("the lines of the log", async || {
        let log = gateway.log();
        let lines = log.lines().filter(|line| line.starts_with('{'));
        let lines: Vec<Value> = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
        (lines.len() >= count).then_some(lines)
    })
    .await
}

#[tokio::test]
async fn the_json_log_has_the_record_in_each_line_and_no_query() {
    let upstream = Upstream::start().await;
    let logs = yaml(PAGE, "yaml run:json-log")["access_log"].clone();
    let gateway = logging(logs, &upstream).start().await;
    all_kinds(&gateway).await;
    let lines = json_lines(&gateway, LINES).await;
    assert_eq!(lines.len(), LINES);
    let page = fence(PAGE, "text file:access.log");
    let keys = |line: &Value| -> BTreeSet<String> {
        line.as_object().expect("an object").keys().cloned().collect()
    };
    let shown: Vec<Value> =
        page.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let decision = |line: &Value| -> Value {
        let record = line["record"].as_str().unwrap_or_default();
        serde_json::from_str::<Value>(record).unwrap_or_default()["decision"].clone()
    };
    let decisions: Vec<_> = lines.iter().map(decision).collect();
    let expected =
        ["allowed", "denied", "shadow", "denied", "-", "denied", "refused", "-", "approved"];
    let expected = expected.map(|word| if word == "-" { Value::Null } else { word.into() });
    assert_eq!(decisions, expected);
    for (line, kind) in lines.iter().zip(&shown) {
        assert_eq!(keys(line), keys(kind));
        // The form of each value is that of the page.
        for (name, value) in line.as_object().expect("an object") {
            let same = std::mem::discriminant(value) == std::mem::discriminant(&kind[name]);
            assert!(same, "{name}: {value}, on the page {}", kind[name]);
        }
        assert_eq!((&line["details"], &line["status"]), (&kind["details"], &kind["status"]));
    }
    assert_eq!((&lines[4]["path"], &lines[4]["record"]), (&"/mcp".into(), &Value::Null));
    assert!(!gateway.log().contains("hush"));
}

#[tokio::test]
async fn the_log_of_the_filters_own_answers_has_nothing_else() {
    let upstream = Upstream::start().await;
    let mut logs = yaml(PAGE, "yaml run:json-log")["access_log"].clone();
    logs[0]["filter"] = yaml(PAGE, "yaml run:only-refused")["filter"].clone();
    let gateway = logging(logs, &upstream).start().await;
    all_kinds(&gateway).await;
    let lines = json_lines(&gateway, 6).await;
    assert_eq!(lines.len(), 6);
    for line in &lines {
        let details = line["details"].as_str().expect("a text");
        assert!(details.starts_with("mcp_policy_filter:"), "{line}");
    }
    let count = gateway.admin().stat("http.mcp.downstream_rq_completed").await;
    assert_eq!(count, Some(u64::try_from(LINES).expect("few")));
}

/// Puts an address into the cluster of the page.
fn cluster(mut cluster: Value, addr: std::net::SocketAddr) -> Value {
    cluster["type"] = "STATIC".into();
    let endpoint = &mut cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
    endpoint["address"]["socket_address"] =
        json!({ "address": addr.ip().to_string(), "port_value": addr.port() });
    cluster
}

/// The lines are those of [`all_kinds`], as the page has them.
fn check(lines: &[otlp::Line]) {
    let mut decisions = BTreeMap::<String, usize>::new();
    for line in lines {
        assert_eq!(line.resource["service.name"], "mcp-gateway");
        let names: Vec<_> = line.attributes.keys().map(String::as_str).collect();
        for name in ["envoy.details", "http.request.method", "http.response.status_code"] {
            assert!(names.contains(&name), "{line:?}");
        }
        let path = &line.attributes["url.path"];
        assert!(path == "/mcp" || path.starts_with("/approvals/"), "{path}");
        let record = serde_json::from_str::<Value>(&line.body).unwrap_or_default();
        let decision = record["decision"].as_str().unwrap_or(&line.body).to_owned();
        *decisions.entry(decision).or_default() += 1;
    }
    let expected =
        [("-", 2), ("allowed", 1), ("approved", 1), ("denied", 3), ("refused", 1), ("shadow", 1)];
    assert_eq!(decisions, expected.map(|(word, count)| (word.to_owned(), count)).into());
}

#[tokio::test]
async fn a_collector_gets_the_records_by_grpc() {
    let (upstream, collector) = (Upstream::start().await, Collector::start().await);
    let logs = yaml(PAGE, "yaml run:otel-log")["access_log"].clone();
    let otel = cluster(yaml(PAGE, "yaml run:otel-cluster"), collector.addr());
    let gateway = logging(logs, &upstream).cluster(otel).start().await;
    all_kinds(&gateway).await;
    let lines = until("the lines at the collector", async || {
        let lines: Vec<_> = collector.messages().iter().flat_map(|one| otlp::lines(one)).collect();
        (lines.len() >= LINES).then_some(lines)
    });
    check(&lines.await);
}

/// As Loki takes it: the queries of the page find what they are for.
#[tokio::test]
async fn loki_gets_the_records_that_the_queries_ask_for() {
    let (upstream, loki) = (Upstream::start().await, Upstream::start().await);
    let mut logs = yaml(PAGE, "yaml run:otel-log")["access_log"].clone();
    let config = logs[0]["typed_config"].as_object_mut().expect("an object");
    assert!(config.remove("grpc_service").is_some());
    let service = yaml(PAGE, "yaml run:loki-service")["http_service"].clone();
    let uri = service["http_uri"]["uri"].as_str().expect("an address");
    let (_, path) = uri.split_once(":3100").expect("Loki's port");
    let path = path.to_owned();
    config.insert("http_service".to_owned(), service);
    let mut cluster = cluster(yaml(PAGE, "yaml run:otel-cluster"), loki.addr());
    cluster["name"] = "loki".into();
    cluster["load_assignment"]["cluster_name"] = "loki".into();
    // HTTP/1.1, as the page says.
    cluster.as_object_mut().expect("an object").remove("typed_extension_protocol_options");
    let gateway = logging(logs, &upstream).cluster(cluster).start().await;
    all_kinds(&gateway).await;
    let lines = until("the lines at Loki", async || {
        let bodies = whole_bodies(&loki).await;
        let lines: Vec<_> = bodies.iter().flat_map(|body| otlp::lines(body)).collect();
        (lines.len() >= LINES).then_some(lines)
    });
    let lines = lines.await;
    check(&lines);
    assert!(loki.received(format!("POST {path} HTTP/1.1\r\n")));

    let records: Vec<Value> =
        lines.iter().filter_map(|line| serde_json::from_str(&line.body).ok()).collect();
    let flat: Vec<_> = records.iter().map(flattened).collect();
    for name in ["denied", "shadow", "unread", "decisions"] {
        let query = fence(PAGE, &format!("logql run:{name}"));
        let (from, asks) = query.split_once("| json").expect("records");
        assert!(from.contains(r#"{service_name="mcp-gateway"}"#), "{query}");
        let found: Vec<_> = flat.iter().filter(|record| fits(record, asks)).collect();
        assert!(!found.is_empty() && found.len() < flat.len(), "{query}: {found:?} of {flat:?}");
        for field in fields(&query) {
            let is_there = found.iter().any(|record| record.contains_key(&field));
            assert!(is_there, "{query}: no {field} in {found:?}");
        }
    }
}

/// A record as Loki's `json` reads it: members of members by the names of both, and no
/// lists.
fn flattened(record: &Value) -> BTreeMap<String, String> {
    fn into(found: &mut BTreeMap<String, String>, name: &str, value: &Value) {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    let name = if name.is_empty() { key.clone() } else { format!("{name}_{key}") };
                    into(found, &name, value);
                }
            }
            Value::Array(_) | Value::Null => {}
            Value::String(text) => drop(found.insert(name.to_owned(), text.clone())),
            other => drop(found.insert(name.to_owned(), other.to_string())),
        }
    }
    let mut found = BTreeMap::new();
    into(&mut found, "", record);
    found
}

/// Whether a record passes the filters of a query. A field that is not there is empty.
fn fits(record: &BTreeMap<String, String>, asks: &str) -> bool {
    let filter = Regex::new(r#"\| (\w+)(=~|!=|=)"([^"]*)""#).expect("a regex");
    let mut filters = filter.captures_iter(asks).peekable();
    assert!(filters.peek().is_some(), "{asks}");
    filters.all(|found| {
        let value = record.get(&found[1]).map_or("", String::as_str);
        match &found[2] {
            "=" => value == &found[3],
            "!=" => value != &found[3],
            _ => Regex::new(&format!("^(?:{})$", &found[3])).expect("a regex").is_match(value),
        }
    })
}

/// The fields by which a query groups, or which it prints.
fn fields(query: &str) -> Vec<String> {
    let part = Regex::new(r"by \(([^)]*)\)|\{\{\.(\w+)\}\}").expect("a regex");
    let found = part.captures_iter(query).flat_map(|found| {
        let names = found.get(1).or(found.get(2)).expect("a name").as_str().to_owned();
        names.split(", ").map(str::to_owned).collect::<Vec<_>>()
    });
    found.collect()
}

/// A query may hold the code of a sign-in.
#[tokio::test]
async fn no_shipped_log_has_a_query() {
    let mut formats = BTreeSet::new();
    for file in [
        "envoy/envoy.yaml",
        "envoy/native/envoy.yaml",
        "envoy/compose/envoy.yaml",
        "envoy/approvals/oauth2.yaml",
        "envoy/approvals/mtls.yaml",
        "envoy/connect/oauth.yaml",
        "envoy/connect/several-servers.yaml",
    ] {
        let mut document = manifest(file);
        let log = &manager(&mut document["static_resources"]["listeners"][0])["access_log"][0];
        let format = &log["typed_config"]["log_format"]["text_format_source"]["inline_string"];
        formats.insert(format.as_str().expect("a format").trim_end().to_owned());
    }
    for format in formats {
        let upstream = Upstream::start().await;
        let policy =
            r#"{"version":"1","default":"deny","settings":{"exempt_paths":["/callback"]}}"#;
        let gateway = Gateway::builder().policy(policy).upstream(upstream.addr());
        let gateway = gateway.access_log_format(&format).start().await;
        let request = Request::new("GET", "/callback?code=hush&state=hush");
        assert!(passed(&http1::send(gateway.addr(), &request).await));
        let line = gateway.access_log_of(1).await.remove(0);
        assert!(line.contains(" GET /callback 200 ") && !line.contains("hush"), "{line}");
    }
}
