//! The policy as a whole: a new one, or one that its author has, to which the tools are
//! added that it does not decide about.

use super::draft::{Around, Entry, Judged, Treatment, ambiguous, entry, left_out};
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::policy::pattern::Pattern;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A policy, and the treatment of each tool in it.
#[derive(Debug)]
pub(super) struct Written {
    /// The policy.
    pub(super) policy: Value,
    /// The treatments, in the order of the tools.
    pub(super) treatments: Vec<Treatment>,
    /// Tools of the author's policy that the server does not list.
    pub(super) gone: Vec<String>,
}

/// The start of a new policy.
///
/// # Errors
/// The path cannot be one of MCP.
pub(super) fn fresh(shadow: bool, path: Option<&str>) -> Result<Map<String, Value>, String> {
    let mut policy = Map::new();
    policy.insert("version".into(), "1".into());
    policy.insert("default".into(), "deny".into());
    if shadow {
        policy.insert("mode".into(), "shadow".into());
    }
    // Here, so that it is read before the tools; without one it is taken out again.
    policy.insert("hide".into(), json!([]));
    policy.insert("tools".into(), json!({}));
    if let Some(path) = path {
        policy.insert("settings".into(), json!({ "paths": [path] }));
    }
    let text = Value::Object(policy.clone()).to_string();
    match Policy::parse(text.as_bytes(), "") {
        Ok(_) => Ok(policy),
        Err(errors) => Err(errors.iter().map(|error| error.message.clone()).collect()),
    }
}

/// A policy with entries for all tools that it does not decide about yet.
pub(super) fn written(mut policy: Map<String, Value>, tools: &[Judged]) -> Written {
    let decided = Decided::new(&policy);
    let twice = ambiguous(tools);
    let mut around = Around { approvers: names_approvers(&policy), ..Around::default() };
    counters(&policy, &mut around.counters);
    let (mut treatments, mut hidden, mut added) = (Vec::new(), Vec::new(), Map::new());
    for one in tools {
        let name = &one.tool.name;
        if let Some(pattern) = decided.by(name) {
            treatments.push(Treatment::Kept(pattern));
            continue;
        }
        if let Some(reason) = left_out(&one.tool, &twice) {
            treatments.push(Treatment::LeftOut(reason));
            continue;
        }
        let (entry, treatment) = entry(one, &mut around);
        treatments.push(treatment);
        match entry {
            Entry::Hide => hidden.push(Value::from(name.as_str())),
            Entry::Tool(rule) => {
                added.insert(name.clone(), rule);
            }
        }
    }
    if !hidden.is_empty()
        && let Value::Array(list) = policy.entry("hide").or_insert_with(|| json!([]))
    {
        list.append(&mut hidden);
    }
    if policy.get("hide") == Some(&json!([])) {
        policy.shift_remove("hide");
    }
    if let Value::Object(entries) = policy.entry("tools").or_insert_with(|| json!({})) {
        entries.extend(added);
    }
    let listed: BTreeSet<&str> = tools.iter().map(|one| one.tool.name.as_str()).collect();
    let gone = decided.exact().filter(|name| !listed.contains(name)).map(str::to_owned).collect();
    Written { policy: Value::Object(policy), treatments, gone }
}

/// The patterns by which a policy decides about tools already.
struct Decided(Vec<Pattern>);

impl Decided {
    fn new(policy: &Map<String, Value>) -> Self {
        let hide = policy.get("hide").and_then(Value::as_array).into_iter().flatten();
        let tools = policy.get("tools").and_then(Value::as_object).into_iter().flatten();
        let hide = hide.filter_map(Value::as_str);
        Self(hide.chain(tools.map(|(key, _)| key.as_str())).map(Pattern::new).collect())
    }

    /// A pattern that matches a tool; its own name before any other.
    fn by(&self, name: &str) -> Option<String> {
        let exact = self.0.iter().find(|pattern| pattern.as_str() == name);
        let any = || self.0.iter().find(|pattern| pattern.matches(name));
        exact.or_else(any).map(|pattern| pattern.as_str().to_owned())
    }

    fn exact(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|pattern| pattern.is_exact()).map(Pattern::as_str)
    }
}

/// Whether calls can wait for an approval: somebody is named, at a path, and callers are
/// known.
fn names_approvers(policy: &Map<String, Value>) -> bool {
    let approvals = policy.get("settings").and_then(|settings| settings.get("approvals"));
    let has = |key| approvals.is_some_and(|approvals| approvals.get(key).is_some());
    let identity = policy.get("identity").and_then(Value::as_array);
    has("path") && has("approvers") && identity.is_some_and(|sources| !sources.is_empty())
}

/// The names of the counters of a policy, and of those that limits in the short form have.
fn counters(value: &Map<String, Value>, names: &mut BTreeSet<String>) {
    for (key, value) in value {
        if let ("counter", Value::String(name)) = (key.as_str(), value) {
            names.insert(name.clone());
        }
        if value.get("rate_limit").is_some() {
            names.insert(format!("{key}_rate"));
        }
        let elements = value.as_array().into_iter().flatten();
        for object in elements.chain([value]).filter_map(Value::as_object) {
            counters(object, names);
        }
    }
}
