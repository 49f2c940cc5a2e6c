//! `tools` and `all_tools`.

use super::approvals::Terms;
use super::at::At;
use super::checks::{self, Check};
use super::limits::{self, Limit};
use super::schema::{self, Lenient};
use super::settings::max_result_bytes;
use super::tool_name;
use super::validity::Validity;
use super::wording::quote;
use crate::order;
use crate::policy::condition::{Path, Schema};
use crate::policy::pattern::Pattern;

/// The action of an entry on the tools that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The call goes on to the checks and limits.
    Allow,
    /// The call goes on once a person has approved it.
    RequireApproval,
    /// The call is denied.
    Deny,
}

/// One entry of `tools`.
#[derive(Debug)]
pub struct ToolRule {
    /// The entry's key, as written.
    pub name: String,
    /// The entry's JSON pointer, with a group's name in the place of its index.
    pub pointer: String,
    /// The path in the document, for messages to the author.
    pub path: String,
    /// `action`
    pub action: Action,
    /// Whether it is asked beside the entry that decides, and recorded.
    pub shadow: bool,
    /// `reason`
    pub reason: Option<String>,
    /// `args`
    pub args: Option<Vec<Box<str>>>,
    /// `require`
    pub require: Vec<Check>,
    /// `deny_if`
    pub deny_if: Vec<Check>,
    /// `approve_if`
    pub approve_if: Vec<Check>,
    /// `approval`
    pub approval: Terms,
    /// `limits`, then `rate_limit`
    pub limits: Vec<Limit>,
    /// `record`: the arguments whose values are recorded.
    pub record: Vec<Path>,
    /// `schema`
    pub schema: Option<Schema>,
    /// The parts of it by which fewer calls are denied than it may seem.
    pub lenient: Lenient,
    /// `max_result_bytes`
    pub max_result_bytes: Option<usize>,
    /// `valid_from` and `valid_until`
    pub validity: Validity,
}

impl ToolRule {
    /// Whether it has checks or limits, by which it may deny a call or its result.
    pub fn asks(&self) -> bool {
        let checks = [&self.require, &self.deny_if, &self.approve_if];
        self.args.is_some()
            || self.schema.is_some()
            || self.max_result_bytes.is_some()
            || !self.limits.is_empty()
            || !checks.iter().all(|all| all.is_empty())
    }

    /// Whether it may deny a call or its result, by itself or at some time.
    pub fn may_deny(&self) -> bool {
        self.action != Action::Allow || self.validity.is_bounded() || self.asks()
    }
}

const KEYS: [&str; 15] = [
    "action",
    "mode",
    "reason",
    "args",
    "schema",
    "require",
    "deny_if",
    "approve_if",
    "approval",
    "limits",
    "rate_limit",
    "record",
    "max_result_bytes",
    "valid_from",
    "valid_until",
];
const ACTIONS: [(&str, Action); 3] = [
    ("allow", Action::Allow),
    ("require_approval", Action::RequireApproval),
    ("deny", Action::Deny),
];

/// Reads the map of tools.
pub(super) fn read(at: &At<'_>) -> Vec<(Pattern, ToolRule)> {
    let mut rules: Vec<(Pattern, ToolRule)> = Vec::new();
    for (name, at) in at.entries() {
        let pattern = tool_name::check(&at, name);
        if let (Some(pattern), Some(rule)) = (pattern, ToolRule::read(name, &at)) {
            rules.push((pattern, rule));
        }
    }
    let names = rules.iter().map(|(pattern, rule)| (pattern, &*rule.name));
    refuse_twins(at, names.collect());
    rules
}

/// Refuses two keys that match the same names: chance would decide between
/// them.
pub(super) fn refuse_twins(at: &At<'_>, names: Vec<(&Pattern, &str)>) {
    for pair in order::sorted(names, Ord::cmp).windows(2) {
        if let [(a, first), (b, second)] = pair
            && a == b
            && first != second
        {
            let (first, second) = (quote(first), quote(second));
            at.wrong(format!("{first} and {second} match the same names; keep one of them"));
        }
    }
}

impl ToolRule {
    fn read(name: &str, at: &At<'_>) -> Option<Self> {
        let object = at.object(&KEYS)?;
        let action = object.get("action").map_or(Some(Action::Allow), |at| at.choice(&ACTIONS));
        let reason = object.get("reason").and_then(At::string).map(str::to_owned);
        let args = object.get("args").map(checks::names);
        let (schema, lenient) = object.get("schema").map(schema::read).unwrap_or_default();
        let require = object.get("require").map(checks::read).unwrap_or_default();
        let deny_if = object.get("deny_if").map(checks::read).unwrap_or_default();
        let approve_if = object.get("approve_if").map(checks::read).unwrap_or_default();
        let approval = object.get("approval").map(Terms::read).unwrap_or_default();
        let record = object.get("record").map(checks::recorded).unwrap_or_default();
        let max_result_bytes = object.get("max_result_bytes").and_then(max_result_bytes);
        let validity = Validity::read(&object);
        if action == Some(Action::Deny) {
            Validity::KEYS.iter().filter_map(|key| object.get(key)).for_each(|at| {
                at.wrong("`action` denies at every time; leave one of the two out");
            });
        }
        let mut limits = object.get("limits").map(limits::read).unwrap_or_default();
        if let Some(at) = object.get("rate_limit") {
            limits.extend(limits::read_short(name, at));
        }
        let shadow = checks::shadow(&object);
        limits.iter_mut().for_each(|limit| limit.shadow |= shadow);
        Some(Self {
            name: name.into(),
            pointer: at.pointer(),
            path: at.path().into(),
            action: action?,
            shadow,
            reason,
            args,
            require,
            deny_if,
            approve_if,
            approval,
            limits,
            record,
            schema,
            lenient,
            max_result_bytes,
            validity,
        })
    }
}

/// The rules for every tool, besides its own.
#[derive(Debug, Default)]
pub struct AllTools {
    /// `require`
    pub require: Vec<Check>,
    /// `deny_if`
    pub deny_if: Vec<Check>,
    /// `approve_if`
    pub approve_if: Vec<Check>,
    /// `limits`
    pub limits: Vec<Limit>,
}

impl AllTools {
    pub(super) fn read(at: &At<'_>) -> Self {
        let Some(object) = at.object(&["require", "deny_if", "approve_if", "limits"]) else {
            return Self::default();
        };
        Self {
            require: object.get("require").map(checks::read).unwrap_or_default(),
            deny_if: object.get("deny_if").map(checks::read).unwrap_or_default(),
            approve_if: object.get("approve_if").map(checks::read).unwrap_or_default(),
            limits: object.get("limits").map(limits::read).unwrap_or_default(),
        }
    }
}
