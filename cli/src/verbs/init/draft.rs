//! The policy that is written: for each tool what its class asks for, and nothing for
//! any other tool.

use crate::classes::{Class, Definition, Sign, classify};
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::text;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The most bytes of a tool's name in the name of its counter.
const MAX_COUNTED: usize = 240;
/// The reason of a denial where nobody could approve.
const NOBODY_APPROVES: &str =
    "This tool moves money, and the policy names nobody who approves its calls.";
/// The reason of an approval.
const SOMEBODY_APPROVES: &str = "This tool moves money. A person approves each call.";

/// A tool with its class.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    /// The tool.
    pub(super) tool: Definition,
    /// Its class.
    pub(super) class: Class,
    /// The sign by which it has the class.
    pub(super) sign: Sign,
}

/// The treatments of a tool in a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    /// Allowed.
    Allowed,
    /// Allowed this many times a minute.
    Limited(u32),
    /// Denied, and taken out of lists.
    Hidden,
    /// Denied.
    Denied,
    /// Allowed after a person's approval.
    Approved,
    /// As the author of the policy has it, by this pattern.
    Kept(String),
    /// Not in the policy, for this reason, so that it is denied.
    LeftOut(&'static str),
}

/// The entry of a policy for one tool.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    /// A member of `hide`.
    Hide,
    /// A member of `tools`.
    Tool(Value),
}

/// The parts of a policy that an entry refers to.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// Whether the policy names approvers.
    pub(super) approvers: bool,
    /// The names of counters that are taken.
    pub(super) counters: BTreeSet<String>,
}

/// The tools with their classes, in the server's order; a tool that is defined twice in
/// the same way comes once.
pub(super) fn judged(tools: Vec<Definition>) -> Vec<Judged> {
    let mut seen = BTreeMap::<String, Vec<Definition>>::new();
    let mut judged = Vec::with_capacity(tools.len());
    for tool in tools {
        let same = seen.entry(tool.name.clone()).or_default();
        if same.contains(&tool) {
            continue;
        }
        same.push(tool.clone());
        let (class, sign) = classify(&tool);
        judged.push(Judged { tool, class, sign });
    }
    judged
}

/// The names that are defined more than once, in different ways.
pub(super) fn ambiguous(all: &[Judged]) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let names = all.iter().map(|one| &one.tool.name);
    names.filter(|name| !seen.insert(name.as_str())).cloned().collect()
}

/// The reason why a tool cannot be in a policy.
pub(super) fn left_out(tool: &Definition, ambiguous: &BTreeSet<String>) -> Option<&'static str> {
    if ambiguous.contains(&tool.name) {
        Some("it is defined twice, in different ways")
    } else if tool.name.contains('*') || !is_valid(&tool.name, &json!({})) {
        Some("no tool of MCP has such a name")
    } else {
        None
    }
}

/// The entry for a tool, and the treatment that it gives.
pub(super) fn entry(one: &Judged, around: &mut Around) -> (Entry, Treatment) {
    let mut rule = Map::new();
    let treatment = match one.class {
        Class::Read => Treatment::Allowed,
        Class::Write => Treatment::Limited(30),
        Class::Execute => Treatment::Limited(10),
        Class::Destructive => return (Entry::Hide, Treatment::Hidden),
        Class::Financial if !around.approvers => {
            let rule = json!({ "action": "deny", "reason": NOBODY_APPROVES });
            return (Entry::Tool(rule), Treatment::Denied);
        }
        Class::Financial => {
            rule.insert("action".into(), "require_approval".into());
            rule.insert("reason".into(), SOMEBODY_APPROVES.into());
            Treatment::Approved
        }
    };
    if let Some(arguments) = arguments(&one.tool) {
        rule.insert("args".into(), arguments);
    }
    if let Treatment::Limited(max) = treatment {
        let counter = counter(&one.tool.name, &mut around.counters);
        let limit = json!({ "counter": counter, "window": "minute", "max": max, "scope": "grant" });
        rule.insert("limits".into(), json!([limit]));
    }
    (Entry::Tool(Value::Object(rule)), treatment)
}

/// The names that a tool's arguments may have, where its schema allows no other.
fn arguments(tool: &Definition) -> Option<Value> {
    let schema = &tool.schema;
    // Names may come from elsewhere in the schema too.
    let elsewhere = ["$ref", "allOf", "anyOf", "oneOf", "patternProperties", "if"];
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    if !closed || elsewhere.iter().any(|key| schema.contains_key(*key)) {
        return None;
    }
    let names: Vec<&String> = match schema.get("properties") {
        None => Vec::new(),
        Some(Value::Object(properties)) => properties.keys().collect(),
        Some(_) => return None,
    };
    let names = json!(names);
    is_valid(&tool.name, &json!({ "args": names })).then_some(names)
}

/// A name for a tool's counter that no other limit has.
fn counter(tool: &str, taken: &mut BTreeSet<String>) -> String {
    let tool = tool.to_lowercase();
    let tool = text::start(&tool, MAX_COUNTED);
    let numbered = (2_u32..).map(|number| format!("{tool}_{number}_rate"));
    let mut names = core::iter::once(format!("{tool}_rate")).chain(numbered);
    let name = names.find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(name.clone());
    name
}

/// Whether the core takes an entry for a tool.
fn is_valid(name: &str, rule: &Value) -> bool {
    let policy = json!({ "version": "1", "default": "deny", "tools": { name: rule } });
    Policy::parse(policy.to_string().as_bytes(), "").is_ok()
}
