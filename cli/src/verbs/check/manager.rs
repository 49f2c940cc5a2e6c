//! The connection manager around a filter: its timeouts, and what its routes do behind
//! the filter.

use super::around::guards;
use super::rules::{self, Rule};
use crate::document::{Member, Node, Value};
use crate::finding::Finding;
use crate::layer::Layer;

/// The fields that have a request sent more than once.
const REPEATS: [&str; 4] =
    ["retry_policy", "hedge_policy", "request_mirror_policies", "request_mirror_policy"];
/// The reasons to send it again that are only there if the server got nothing of it.
const HARMLESS: [&str; 4] =
    ["connect-failure", "refused-stream", "reset-before-request", "http3-post-connect-failure"];

/// The findings about a connection manager.
pub(super) fn findings(layer: &Layer, manager: &Node, found: &mut Vec<Finding>) {
    let anchor = manager.field("http_filters").map_or(0..0, |filters| filters.key_span.clone());
    match manager.field("stream_idle_timeout") {
        None => found.push(rules::IDLE_TIMEOUT.at(layer, &anchor)),
        Some(idle) if seconds(&idle.value).is_some_and(|time| time > 0.0 && time <= 300.0) => {
            found.push(rules::IDLE_TIMEOUT.at(layer, &idle.key_span));
        }
        Some(_) => {}
    }
    match manager.field("request_timeout") {
        Some(timeout) if seconds(&timeout.value).is_none_or(|time| time > 0.0) => {}
        Some(timeout) => found.push(rules::REQUEST_TIMEOUT.at(layer, &timeout.key_span)),
        None => found.push(rules::REQUEST_TIMEOUT.at(layer, &anchor)),
    }
    let Some(config) = manager.field("route_config") else { return };
    repeats(layer, &config.value, found);
    let is_edge = manager.at(&["use_remote_address"]).is_some_and(Node::is_true);
    let hosts = config.value.field("virtual_hosts").map(|hosts| hosts.value.elements());
    for host in hosts.unwrap_or_default() {
        repeats(layer, host, found);
        let is_clean = is_edge || removes(&config.value) || removes(host);
        let mut told = is_clean;
        let routes = host.field("routes").map(|routes| routes.value.elements());
        for route in routes.unwrap_or_default() {
            let Some(action) = route.field("route") else { continue };
            repeats(layer, &action.value, found);
            match action.value.field("timeout") {
                None => found.push(rules::ROUTE_TIMEOUT.at(layer, &action.key_span)),
                Some(timeout) if seconds(&timeout.value).is_some_and(|time| time > 0.0) => {
                    found.push(rules::ROUTE_TIMEOUT.at(layer, &timeout.key_span));
                }
                Some(_) => {}
            }
            if !told && !removes(route) {
                found.push(rules::CLIENT_RETRIES.at(layer, &host.span));
                told = true;
            }
        }
    }
}

/// The findings about places where a filter is switched off: for itself, and for routes.
///
/// A filter that marks requests may be off until a route turns it on, as where each server
/// has a policy of its own: the guard refuses what comes by another route.
pub(super) fn switches(
    layer: &Layer,
    manager: &Node,
    filter: &Node,
    marks: bool,
    found: &mut Vec<Finding>,
) {
    let mut is_turned_on = false;
    for switch in overrides(manager, filter) {
        if is_off(&switch.value) {
            found.push(rules::SWITCHED_OFF.at(layer, &switch.key_span));
        } else {
            is_turned_on = true;
        }
    }
    let off = filter.field("disabled").filter(|_| is_off(filter));
    if let Some(off) = off.filter(|_| !(marks && is_turned_on)) {
        found.push(rules::SWITCHED_OFF.at(layer, &off.key_span));
    }
}

/// The places where a guard is switched off, or has other rules that are not a guard.
pub(super) fn guard_off<'n>(manager: Option<&'n Node>, guard: &'n Node) -> Vec<&'n Member> {
    let off = guard.field("disabled").filter(|_| is_off(guard));
    let overrides = manager.map(|manager| overrides(manager, guard)).unwrap_or_default();
    let is_none = |member: &&Member| !still_guards(&member.value);
    off.into_iter().chain(overrides.into_iter().filter(is_none)).collect()
}

/// Whether the words of a route about a guard are an RBAC that is one too.
fn still_guards(words: &Node) -> bool {
    let wrapped = words.at(&["config"]);
    let configs = [Some(words), wrapped].into_iter().flatten();
    !is_off(words)
        && configs
            .flat_map(|config| [config.at(&["rbac"]), config.at(&["value", "rbac"])])
            .flatten()
            .any(guards)
}

fn is_off(node: &Node) -> bool {
    node.at(&["disabled"]).is_some_and(Node::is_true)
}

/// The words about a filter in the routes: of all, of a host, of one route, and of a part
/// of its requests.
fn overrides<'n>(manager: &'n Node, filter: &Node) -> Vec<&'n Member> {
    let mut found = Vec::new();
    let Some(name) = filter.get("name").and_then(Node::text) else { return found };
    let Some(config) = manager.at(&["route_config"]) else { return found };
    let mut look = |node: &'n Node| {
        let all = node.at(&["typed_per_filter_config"]);
        found.extend(all.and_then(|all| all.member(name)));
    };
    let list =
        |node: &'n Node, path: &[&str]| node.at(path).map(Node::elements).unwrap_or_default();
    look(config);
    for host in list(config, &["virtual_hosts"]) {
        look(host);
        for route in list(host, &["routes"]) {
            look(route);
            list(route, &["route", "weighted_clusters", "clusters"]).iter().for_each(&mut look);
        }
    }
    found
}

/// The findings about repeats anywhere in a patch.
pub(super) fn repeats_within(layer: &Layer, node: &Node, found: &mut Vec<Finding>) {
    repeats(layer, node, found);
    node.members().iter().for_each(|member| repeats_within(layer, &member.value, found));
    node.elements().iter().for_each(|element| repeats_within(layer, element, found));
}

fn repeats(layer: &Layer, node: &Node, found: &mut Vec<Finding>) {
    let is_harmless = |member: &Member| {
        let on = member.value.at(&["retry_on"]).and_then(Node::text);
        on.is_some_and(|on| on.split(',').all(|reason| HARMLESS.contains(&reason.trim())))
    };
    let add = |rule: &Rule, member: &Member| rule.at(layer, &member.key_span);
    for name in REPEATS {
        if let Some(member) = node.field(name).filter(|member| !is_harmless(member)) {
            found.push(add(&rules::RETRIES, member));
        }
    }
}

/// Whether a part of the routes takes away the header by which clients ask for retries.
fn removes(node: &Node) -> bool {
    let headers = node.field("request_headers_to_remove").map(|member| member.value.elements());
    headers.unwrap_or_default().iter().any(|header| {
        header.text().is_some_and(|name| name.eq_ignore_ascii_case("x-envoy-retry-on"))
    })
}

/// A duration in seconds.
pub(super) fn seconds(node: &Node) -> Option<f64> {
    match &node.value {
        Value::Text(text) | Value::Doubtful(text, _) => duration(text),
        // The fields of the message.
        Value::Object(_) => match &node.get("seconds")?.value {
            Value::Number(number) => number.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// A duration of protobuf, or of Go as Kubernetes has it.
fn duration(text: &str) -> Option<f64> {
    let mut sum = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..end)?.parse().ok()?;
        rest = rest.get(end..)?;
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        sum += number
            * match rest.get(..end)? {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
        rest = rest.get(end..)?;
    }
    (!text.is_empty()).then_some(sum)
}
