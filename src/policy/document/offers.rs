//! `prompts` and `resources`: rules for what a server offers besides tools.

use super::at::{At, Object};
use super::limits::{self, Limit, Per};
use super::rules::DefaultAction;
use super::tools::refuse_twins;
use super::wording::quote;
use crate::policy::condition::Root;
use crate::policy::pattern::Pattern;
use crate::policy::uri;
use crate::text::is_name;
use crate::wire::mcp::{MAX_URI, OfferKind};

/// The rules for prompts, or those for resources.
#[derive(Debug)]
pub struct Offers {
    /// The kind.
    pub kind: OfferKind,
    /// The JSON pointer, with a group's name in the place of its index.
    pub pointer: String,
    /// The path in the document, for messages to the author.
    pub path: String,
    /// `default`, which only a body that extends others may lack.
    pub default: Option<DefaultAction>,
    /// `hide`
    pub hide: Vec<Pattern>,
    /// `rules`
    pub rules: Vec<(Pattern, OfferRule)>,
}

/// One entry of `rules`.
#[derive(Debug)]
pub struct OfferRule {
    /// The entry's key, as written.
    pub name: String,
    /// The entry's JSON pointer, with a group's name in the place of its index.
    pub pointer: String,
    /// The path in the document, for messages to the author.
    pub path: String,
    /// `action`
    pub action: DefaultAction,
    /// `reason`
    pub reason: Option<String>,
    /// `limits`, then `rate_limit`
    pub limits: Vec<Limit>,
}

const KEYS: [&str; 3] = ["default", "hide", "rules"];
const RULE_KEYS: [&str; 4] = ["action", "reason", "limits", "rate_limit"];
pub(super) const ACTIONS: [(&str, DefaultAction); 2] =
    [("allow", DefaultAction::Allow), ("deny", DefaultAction::Deny)];

impl Offers {
    /// Reads the rules of one kind from a body. `extends` says whether they may leave their
    /// default to the top level.
    pub(super) fn read(body: &Object<'_>, kind: OfferKind, extends: bool) -> Option<Self> {
        let at = body.get(kind.key())?;
        let mut offers = Self {
            kind,
            pointer: at.pointer(),
            path: at.path().into(),
            default: Some(DefaultAction::Deny),
            hide: Vec::new(),
            rules: Vec::new(),
        };
        // A fault in them is told here, and then nothing about a body that lacks them.
        let Some(object) = at.object(&KEYS) else { return Some(offers) };
        match object.get("default") {
            None if extends => offers.default = None,
            _ => {
                let default = object.required("default").and_then(|at| at.choice(&ACTIONS));
                offers.default = default.or(offers.default);
            }
        }
        if let Some(at) = object.get("hide") {
            offers.hide = at.each(|at| pattern(at, at.string()?, kind));
        }
        if let Some(at) = object.get("rules") {
            offers.rules = rules(at, kind);
        }
        Some(offers)
    }
}

fn rules(at: &At<'_>, kind: OfferKind) -> Vec<(Pattern, OfferRule)> {
    let mut rules: Vec<(Pattern, OfferRule)> = Vec::new();
    for (name, at) in at.entries() {
        let pattern = pattern(&at, name, kind);
        if let (Some(pattern), Some(rule)) = (pattern, OfferRule::read(name, &at, kind)) {
            rules.push((pattern, rule));
        }
    }
    let names = rules.iter().map(|(pattern, rule)| (pattern, &*rule.name));
    refuse_twins(at, names.collect());
    rules
}

impl OfferRule {
    fn read(name: &str, at: &At<'_>, kind: OfferKind) -> Option<Self> {
        let object = at.object(&RULE_KEYS)?;
        let action =
            object.get("action").map_or(Some(DefaultAction::Allow), |at| at.choice(&ACTIONS));
        let reason = object.get("reason").and_then(At::string).map(str::to_owned);
        let mut limits = object.get("limits").map(limits::read).unwrap_or_default();
        limits.iter().for_each(|limit| countable(at, limit));
        if let Some(at) = object.get("rate_limit") {
            // A tool of the same name has a counter of its own.
            limits.extend(limits::read_short(&format!("{}/{name}", kind.key()), at));
        }
        Some(Self {
            name: name.into(),
            pointer: at.pointer(),
            path: at.path().into(),
            action: action?,
            reason,
            limits,
        })
    }
}

/// Refuses a limit that counts by what only calls of tools have.
fn countable(at: &At<'_>, limit: &Limit) {
    const ARGUMENTS: &str = "only calls of tools are counted by their arguments; count by \
                             `claims` or `headers`, or for each caller without `per`";
    if limit.increment_from.is_some() {
        at.wrong_at(
            &format!("{}/increment_from", limit.path),
            "only calls of tools are weighed by their arguments; give a `weight`",
        );
    }
    let is_of_tools = |per: &Per| match per {
        Per::Value { path, .. } => !matches!(path.root, Root::Claims | Root::Headers),
        Per::Call => true,
    };
    if limit.per.iter().any(is_of_tools) {
        at.wrong_at(&format!("{}/per", limit.path), ARGUMENTS);
    }
}

/// Reads a pattern of prompts or resources, which was found at `at`.
fn pattern(at: &At<'_>, text: &str, kind: OfferKind) -> Option<Pattern> {
    let fault = match kind {
        OfferKind::Prompt if is_name(text) => None,
        OfferKind::Prompt => {
            Some("a prompt's name has 1 to 256 bytes without control characters".to_owned())
        }
        OfferKind::Resource if text.is_empty() || text.len() > MAX_URI => {
            Some(format!("a URI has 1 to {MAX_URI} bytes"))
        }
        OfferKind::Resource if text.chars().any(char::is_control) => {
            Some("a URI has no control characters".to_owned())
        }
        OfferKind::Resource => {
            let pattern = Some(text).filter(|text| text.contains('*'));
            let why = pattern.and_then(uri::matches_none);
            why.map(|why| {
                format!(
                    "no URI that {why} is compared with a pattern; write the form that the \
                     server lists, or a whole URI without `*`"
                )
            })
        }
    };
    match fault {
        None => Some(Pattern::new(text)),
        Some(fault) => {
            let (text, what) = (quote(text), kind.as_str());
            at.wrong(format!("the pattern {text} matches no {what}: {fault}"));
            None
        }
    }
}
