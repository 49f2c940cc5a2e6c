//! A policy is read or refused, always in the same way, and what it says does not
//! depend on the order of its keys, nor on its rules in shadow.

use crate::lenient::{Member, Node, Value, documents};
use mcp_policy_filter::exchange::identity::NoPeer;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::condition::{Facts, JsonTexts, Line, Work};
use mcp_policy_filter::policy::document::Findings;
use mcp_policy_filter::policy::{Caller, Denial, Policy, Reason, Ruling};
use mcp_policy_filter::wire::json::{Decimal, of_double};
use mcp_policy_filter::wire::jsonrpc::{Message, decode};
use mcp_policy_filter::wire::mcp::{ToolCall, tool_name_fault};
use std::collections::BTreeSet;

#[path = "../../tests/native/structure/encode.rs"]
mod structure;

use structure::encode;

/// The bytes before the document.
pub const HEAD: usize = 0;

/// The number of names of a document that are asked for, of each kind.
const NAMES: usize = 12;

pub fn check(data: &[u8]) {
    let parse = || Policy::parse(data, "fuzz");
    match (parse(), parse()) {
        (Ok(policy), Ok(again)) => {
            assert_eq!(policy.fingerprint, again.fingerprint);
            assert_eq!(policy.warnings, again.warnings);
            accepted(data, &policy);
        }
        (Err(errors), Err(again)) => {
            assert_eq!(errors, again);
            readable(&errors);
        }
        (first, second) => panic!("{first:?}, then {second:?}"),
    }
}

/// An author gets some lines, each with the place that it speaks of.
fn readable(errors: &Findings) {
    let lines: Vec<_> = errors.lines().collect();
    assert!((1..=21).contains(&lines.len()));
    for (at, line) in lines.iter().enumerate() {
        assert!(!line.chars().any(char::is_control), "{line:?}");
        let more = at == 20 && line.starts_with("and ") && line.ends_with(" more");
        assert!(more || line.contains(": "), "{line:?}");
        assert!(!line.starts_with(": ") && line.chars().count() < 5000, "{line:?}");
    }
}

fn accepted(data: &[u8], policy: &Policy) {
    for warning in policy.warnings.lines() {
        assert!(!warning.chars().any(char::is_control), "{warning:?}");
    }
    let json = match serde_json::from_slice::<serde_json::Value>(data) {
        Ok(json) => json,
        Err(error) => {
            // A Struct: the tag of its first field, and that of a member's value.
            assert!(data[0] == 0x0a && data.contains(&0x12), "accepted, but no JSON: {error}");
            return;
        }
    };
    let documents = documents(data);
    let [document] = &*documents else { panic!("{} documents", documents.len()) };
    let mut words = BTreeSet::new();
    collect(document, &mut words);
    let names = names(&words);
    let said = decisions(policy, &names);
    match Policy::parse(&encode(&json), "fuzz") {
        Ok(other) => {
            let same = other.fingerprint == policy.fingerprint;
            assert_eq!(same, are_doubles(document));
            if same {
                assert_eq!(decisions(&other, &names), said);
            }
        }
        Err(errors) if are_doubles(document) => {
            let doubts = ["before a google.protobuf.Struct rounded it", "texts stand in one list"];
            let doubtful = |line: &String| doubts.iter().any(|doubt| line.contains(doubt));
            assert!(
                errors.iter().map(ToString::to_string).all(|line| doubtful(&line)),
                "{errors:?}"
            );
        }
        Err(_) => {}
    }
    let sorted = |members: &mut Vec<&Member<'_>>| members.sort_by(|a, b| a.key.cmp(&b.key));
    for order in [sorted, |members: &mut Vec<&Member<'_>>| members.reverse()] {
        let (other, shown) = rewritten(document, &order);
        assert_eq!(decisions(&other, &names), said, "in another order: {shown}");
    }
    beside(document, policy, &names);
}

/// The policy with the members of its objects as `order` has them.
fn rewritten(document: &Node<'_>, order: &impl Fn(&mut Vec<&Member<'_>>)) -> (Policy, String) {
    let mut text = Vec::new();
    write(document, order, &mut text);
    let shown = String::from_utf8_lossy(&text).into_owned();
    match Policy::parse(&text, "fuzz") {
        Ok(policy) => (policy, shown),
        Err(errors) => panic!("{:?} of {shown}", errors.lines().collect::<Vec<_>>()),
    }
}

/// Whatever is in shadow, the rest decides as it does alone. Only `default` is not
/// asked where an entry in shadow matches.
fn beside(document: &Node<'_>, policy: &Policy, names: &[String]) {
    let mut document = document.clone();
    if !take_shadow(&mut document) {
        return;
    }
    let (plain, shown) = rewritten(&document, &|_| ());
    for (both, alone) in enforced(policy, names).iter().zip(enforced(&plain, names)) {
        assert!(alone.is_none() || *both == alone, "{both:?}, alone {alone:?}: {shown}");
    }
}

/// Takes what is in shadow out of a document; whether there was anything. A body has a
/// mode of its own, which stays.
fn take_shadow(node: &mut Node<'_>) -> bool {
    let stays = |node: &Node<'_>| {
        let of = |key: &str| node.members().iter().find(|member| member.key == key);
        let is_body = of("default").or(of("extends")).is_some();
        is_body || of("mode").and_then(|mode| mode.node.text()) != Some("shadow")
    };
    match &mut node.value {
        Value::Word | Value::Text(_) => false,
        Value::List(nodes) => {
            let before = nodes.len();
            nodes.retain(stays);
            let any = nodes.len() < before;
            nodes.iter_mut().fold(any, |any, node| take_shadow(node) | any)
        }
        Value::Map(members) => {
            let before = members.len();
            // The value of a condition may be any object.
            members.retain(|member| member.key == "value" || stays(&member.node));
            let any = members.len() < before;
            let others = members.iter_mut().filter(|member| member.key != "value");
            others.fold(any, |any, member| take_shadow(&mut member.node) | any)
        }
    }
}

/// Whether a double holds each number of a document exactly as it is spelt.
fn are_doubles(node: &Node<'_>) -> bool {
    match &node.value {
        Value::Text(_) => true,
        Value::List(nodes) => nodes.iter().all(are_doubles),
        Value::Map(members) => members.iter().all(|member| are_doubles(&member.node)),
        Value::Word => {
            let text = str::from_utf8(node.raw).unwrap_or_default().trim();
            let double = text.parse::<f64>().map(of_double);
            double.is_err() || double.is_ok_and(|d| Decimal::parse(&d) == Decimal::parse(text))
        }
    }
}

/// Every text of a document, which may be the name of a tool or a caller.
fn collect(node: &Node<'_>, words: &mut BTreeSet<String>) {
    match &node.value {
        Value::Word => {}
        Value::Text(text) => _ = words.insert(text.clone()),
        Value::List(nodes) => nodes.iter().for_each(|node| collect(node, words)),
        Value::Map(members) => {
            words.extend(members.iter().map(|member| member.key.clone()));
            members.iter().for_each(|member| collect(&member.node, words));
        }
    }
}

/// Names that the words match, and names that two of them match at once.
fn names(words: &BTreeSet<String>) -> Vec<String> {
    let patterns = || words.iter().filter(|word| word.contains('*'));
    let both = patterns().flat_map(|a| patterns().map(|b| a.replace('*', b)));
    let all = both.take(NAMES).chain(words.iter().take(NAMES).cloned());
    all.map(|name| name.replace('*', "x"))
        .filter(|name| tool_name_fault(name).is_none())
        .chain(["danger".to_owned()])
        .collect()
}

/// The document with the members of its objects in another order.
fn write(node: &Node<'_>, order: &impl Fn(&mut Vec<&Member<'_>>), text: &mut Vec<u8>) {
    match &node.value {
        Value::Word | Value::Text(_) => text.extend(node.raw),
        Value::List(nodes) => {
            text.push(b'[');
            for (at, node) in nodes.iter().enumerate() {
                text.extend(if at == 0 { "" } else { "," }.bytes());
                write(node, order, text);
            }
            text.push(b']');
        }
        Value::Map(members) => {
            let mut members: Vec<&Member<'_>> = members.iter().collect();
            order(&mut members);
            text.push(b'{');
            for (at, member) in members.iter().enumerate() {
                text.extend(if at == 0 { "" } else { "," }.bytes());
                text.extend(member.raw_key);
                text.push(b':');
                write(&member.node, order, text);
            }
            text.push(b'}');
        }
    }
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x",
    "arguments":{"a":{"b":[1,2.5,"c"]},"amount":7,"n":10,"path":"/srv/../x","text":"aaaa"}}}"#;

/// Makes a call of each tool, by each caller.
fn calls(
    policy: &Policy,
    names: &[String],
    mut made: impl FnMut(&Caller, &ToolCall<'_>, &Facts<'_>),
) {
    let Ok(Message::Call(call)) = decode(CALL.as_bytes(), 64) else { panic!("{CALL}") };
    let arguments = call.params.arguments;
    let headers: Vec<(String, Line)> =
        policy.headers.iter().map(|name| (name.clone(), Line::Text("value".to_owned()))).collect();
    for caller in names.iter().rev().take(NAMES).map(String::as_str).chain(["anonymous"]) {
        let caller = policy.caller(caller, Nanos(0));
        for tool in names {
            let facts = Facts {
                arguments,
                members: None,
                headers: &headers,
                claims: &NoPeer,
                caller_id: &caller.id,
                tool,
                moment: policy.moment(Nanos(0)),
                work: &Work::default(),
                texts: &JsonTexts::default(),
            };
            made(&caller, &ToolCall { tool: tool.into(), arguments }, &facts);
        }
    }
}

fn limits<'p>(ruling: &Ruling<'p>) -> Vec<&'p str> {
    ruling.limits.iter().map(|limit| &*limit.pointer).collect()
}

/// The decisions of a policy about a call of each tool, by each caller.
fn decisions(policy: &Policy, names: &[String]) -> Vec<String> {
    let settings = &policy.settings;
    let mut said = vec![format!(
        "{} {} {} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {} {} {} {:?}",
        settings.max_body_bytes,
        settings.max_depth,
        settings.hold_request_headers,
        settings.denied_as,
        settings.json_texts,
        settings.record,
        settings.batches,
        settings.audit_log,
        settings.paths,
        settings.exempt_paths,
        settings.protected_resource,
        policy.identity.len(),
        policy.takes_tokens(),
        policy.challenge(true),
        policy.payload(),
    )];
    said.extend(names.iter().map(|name| format!("{name} {}", settings.passes(name))));
    calls(policy, names, |caller, call, facts| {
        said.push(match policy.decide(caller, call, facts) {
            Ok(ruling) => {
                format!("{} {:?} {}", ruling.rule, limits(&ruling), policy.is_shadow(caller))
            }
            Err(denial) => format!("{denial:?}"),
        });
    });
    said
}

/// The same without `default`, and with checks by the list that they are in: the number
/// of one without a name changes with those before it.
fn enforced(policy: &Policy, names: &[String]) -> Vec<Option<String>> {
    let mut said = Vec::new();
    calls(policy, names, |caller, call, facts| {
        let decided = policy.decide(caller, call, facts);
        said.push(match &decided {
            Err(Denial { reason: Reason::DefaultDeny, .. })
            | Ok(Ruling { rule: "(default allow)", .. }) => None,
            Ok(ruling) => {
                Some(format!("{} {:?} {}", ruling.rule, limits(ruling), ruling.approval.is_some()))
            }
            Err(Denial { reason, rule, message, .. }) => {
                let list = rule.rsplit_once('/').map_or(*rule, |(list, _)| list);
                Some(format!("{reason:?} {list} {message}"))
            }
        });
        let deciding = policy.deciding(caller, facts.tool);
        let _found = deciding.and_then(|deciding| policy.beside(caller, &deciding, facts));
    });
    said
}
