//! The part of a document that decides: at its top, in each grant and in each group.

use super::at::{At, Object};
use super::offers::{self, Offers};
use super::tool_name;
use super::tools::{self, AllTools, ToolRule};
use super::validity::Validity;
use super::wording::quote;
use crate::policy::pattern::Pattern;
use crate::text::is_name;
use crate::wire::mcp::OfferKind;

/// The answer for a tool that no entry matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultAction {
    /// The call goes on.
    Allow,
    /// The call is denied.
    Deny,
}

/// The effect of a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The call does not go on.
    Enforce,
    /// The call goes on, and the denial is recorded.
    Shadow,
}

/// The rules for one set of callers.
#[derive(Debug)]
pub struct Rules {
    /// The JSON pointer to the object that has them.
    pub path: String,
    /// `extends`: the rules of the top level apply besides.
    pub extends: bool,
    /// `default`, which only rules that extend others may lack.
    pub default: Option<DefaultAction>,
    /// `mode`
    pub mode: Mode,
    /// `hide`
    pub hide: Vec<Pattern>,
    /// `tools`
    pub tools: Vec<(Pattern, ToolRule)>,
    /// `all_tools`
    pub all_tools: AllTools,
    /// `prompts`
    pub prompts: Option<Offers>,
    /// `resources`
    pub resources: Option<Offers>,
    /// `valid_from` and `valid_until`
    pub validity: Validity,
}

/// One entry of `grants`.
#[derive(Debug)]
pub struct Grant {
    /// The entry's key, as written.
    pub name: String,
    /// Its rules.
    pub rules: Rules,
}

/// The words of `mode`.
pub(super) const MODES: [(&str, Mode); 2] = [("enforce", Mode::Enforce), ("shadow", Mode::Shadow)];

/// The keys of rules in a grant or a group.
pub(super) const KEYS: [&str; 10] = [
    "extends",
    "default",
    "mode",
    "hide",
    "tools",
    "all_tools",
    "prompts",
    "resources",
    "valid_from",
    "valid_until",
];

impl Rules {
    /// The rules for one kind of offers, if it has any.
    pub fn offers(&self, kind: OfferKind) -> Option<&Offers> {
        match kind {
            OfferKind::Prompt => self.prompts.as_ref(),
            OfferKind::Resource => self.resources.as_ref(),
        }
    }

    /// All rules for offers.
    pub fn all_offers(&self) -> impl Iterator<Item = &Offers> {
        self.prompts.iter().chain(&self.resources)
    }

    /// Reads the keys of rules from an object that may have others.
    pub(super) fn read(object: &Object<'_>, inherited: Mode) -> Option<Self> {
        let extends = object.get("extends").map(|at| at.choice(&[("top", ())])).is_some();
        let default = match object.get("default") {
            None if extends => Some(None),
            _ => object.required("default").and_then(|at| at.choice(&offers::ACTIONS).map(Some)),
        };
        let mode = object.get("mode").map_or(Some(inherited), |at| at.choice(&MODES));
        let hide = object.get("hide").map(|at| at.each(tool_name::pattern)).unwrap_or_default();
        let tools = object.get("tools").map(tools::read).unwrap_or_default();
        let all_tools = object.get("all_tools").map(AllTools::read).unwrap_or_default();
        let offers = |kind| Offers::read(object, kind, extends);
        let (prompts, resources) = (offers(OfferKind::Prompt), offers(OfferKind::Resource));
        let validity = Validity::read(object);
        let path = object.path().to_owned();
        Some(Self {
            path,
            extends,
            default: default?,
            mode: mode?,
            hide,
            tools,
            all_tools,
            prompts,
            resources,
            validity,
        })
    }
}

/// Reads the map of grants.
pub(super) fn grants(at: &At<'_>, inherited: Mode) -> Vec<(Pattern, Grant)> {
    let mut grants = Vec::new();
    for (name, at) in at.entries() {
        if !is_name(name) {
            at.wrong(format!(
                "{} matches no caller: an id has 1 to 256 bytes without control characters",
                quote(name)
            ));
        }
        let Some(object) = at.object(&KEYS) else { continue };
        if let Some(rules) = Rules::read(&object, inherited) {
            grants.push((Pattern::new(name), Grant { name: name.into(), rules }));
        }
    }
    let names = grants.iter().map(|(pattern, grant)| (pattern, &*grant.name));
    tools::refuse_twins(at, names.collect());
    grants
}
