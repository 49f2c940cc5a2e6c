//! Rules that ask for approval, as compiled.

use super::bodies::Applied;
use super::{Policy, Rule};
use crate::approvals::{Entry, Id};
use crate::digest::of_parts;
use crate::policy::condition::{Elements, Facts, Formula, Root, Truth};
use crate::policy::document::{
    self, Ask, Check, JsonTexts, Notify, RequestPath, Settings, Source, Store, StoreKeys,
};
use crate::policy::limit::Limit;
use crate::policy::pattern::Pattern;

/// The filter's approvals, where a policy has any.
#[derive(Debug)]
pub struct Approvals {
    /// The request path at which approvers talk to the filter.
    pub path: Option<RequestPath>,
    /// The same as people see it.
    pub url: Option<String>,
    /// The checks on an approver's request.
    pub(super) approver_require: Vec<Check>,
    /// Whether an approver of a rule may make calls under it.
    pub approvers_may_ask: bool,
    /// The new requests that one caller may make.
    pub requests: Limit,
    /// The lists that one approver may ask for.
    pub lists: Limit,
    /// The longest call that an approver is shown, in bytes.
    pub max_arguments_bytes: usize,
    /// The form in which a client is told to ask a person.
    pub ask: Ask,
    /// The service that is told of new requests.
    pub notify: Option<Notify>,
    /// The home of its requests, if they are not kept here.
    pub store: Option<Store>,
    /// The part for the requests of other Envoys, if they are kept here.
    pub home: Option<Home>,
    /// The hash of the ways in which ids are made, by which edges and home have the same.
    pub identity: [u8; 32],
    /// All patterns of approvers, to know who may be one.
    pub(super) anybody: Vec<Pattern>,
}

/// The part of a policy for the requests of other Envoys.
#[derive(Debug)]
pub struct Home {
    /// The keys by which they are known.
    pub keys: StoreKeys,
    /// The most seconds for which one of their requests stays open.
    pub wait: u64,
}

impl Approvals {
    pub(super) fn new(
        settings: document::Approvals,
        anybody: Vec<Pattern>,
        identity: &[Source],
    ) -> Self {
        let document::Approvals {
            path,
            has_path: _,
            url,
            terms,
            approver_require,
            approvers_may_ask,
            requests,
            lists,
            max_arguments_bytes,
            ask,
            notify,
            store,
            has_store: _,
            serves,
            has_edges: _,
        } = settings;
        let mut anybody = anybody;
        if serves.is_some() && terms.approvers.is_none() {
            // Then the rules of edges alone say who approves.
            anybody.push(Pattern::new("*"));
        }
        let wait = terms.wait.unwrap_or(WAIT);
        let naming: Vec<String> = identity.iter().map(Source::naming).collect();
        let mut parts: Vec<&[u8]> = vec![b"approval-identity/1"];
        parts.extend(naming.iter().map(String::as_bytes));
        let limit = |limit| Limit::new("approvals", "requests for approval", limit);
        Self {
            path,
            url,
            approver_require,
            approvers_may_ask,
            requests: limit(requests),
            lists: limit(lists),
            max_arguments_bytes,
            ask,
            notify,
            store,
            home: serves.map(|keys| Home { keys, wait }),
            identity: of_parts(&parts),
            anybody,
        }
    }

    /// The address at which people see a request.
    pub fn url_of(&self, id: Id) -> Option<String> {
        self.url.as_ref().map(|url| format!("{url}/{id}"))
    }
}

/// Puts the settings by which checks read their values into the hashes of these, so that
/// an approval is void where another setting makes a check mean something else.
pub(super) fn bind(checks: &mut [Check], settings: &Settings) {
    let offset = settings.utc_offset.to_le_bytes();
    for check in checks {
        let (mut is_timed, mut reads_texts) = (false, false);
        for path in check.conditions.iter().flat_map(Formula::paths) {
            is_timed |= matches!(path.root, Root::Hour | Root::Weekday);
            reads_texts |= path.root == Root::Args;
        }
        let mut parts: Vec<&[u8]> = vec![b"approval-check/1", &check.hash];
        if is_timed {
            parts.push(&offset);
        }
        if reads_texts && settings.json_texts == JsonTexts::Text {
            parts.push(b"json_texts");
        }
        if parts.len() > 2 {
            check.hash = of_parts(&parts);
        }
    }
}

/// The seconds for which a request stays open where nothing else is said.
const WAIT: u64 = 3_600;

/// The terms on which calls under a rule are approved.
#[derive(Debug)]
pub struct Terms {
    pub(super) approvers: Vec<Pattern>,
    /// Different approvers that a call takes.
    pub need: u8,
    /// The seconds for which a request stays open.
    pub wait: u64,
    /// The seconds for which an approval can be used.
    pub valid: u64,
    /// The hash of these, of the checks on approvers and of the sources of ids.
    hash: [u8; 32],
}

/// The rules of a tool by which its calls need approval.
#[derive(Debug)]
pub(super) struct Approving {
    /// The pointer and message of an entry whose every call needs it.
    pub(super) always: Option<(String, Option<String>)>,
    /// The tool's own checks. Those of all tools are asked after them.
    pub(super) checks: Vec<Check>,
    pub(super) terms: Terms,
}

/// An approval that a call needs.
#[derive(Debug)]
pub struct Needed<'p> {
    /// The rule that asks for it.
    pub rule: &'p str,
    /// The message of its author.
    pub message: Option<&'p str>,
    /// All rules that ask for it, the first of them first.
    pub rules: Vec<&'p str>,
    /// The terms.
    pub terms: &'p Terms,
    /// The hash of all that makes the rule what it is.
    pub hash: [u8; 32],
}

impl Terms {
    /// The terms of a rule: its own, where it gives them, else those of the settings.
    pub(super) fn new(
        own: &document::Terms,
        settings: Option<&document::Approvals>,
        identity: &[Source],
    ) -> Self {
        let none = document::Terms::default();
        let common = settings.map_or(&none, |settings| &settings.terms);
        let required = settings.map(|settings| &*settings.approver_require).unwrap_or_default();
        let texts = own.approvers.as_ref().or(common.approvers.as_ref());
        let texts = texts.map(Vec::as_slice).unwrap_or_default();
        let need = own.need.or(common.need).unwrap_or(1);
        let wait = own.wait.or(common.wait).unwrap_or(WAIT);
        let valid = own.valid.or(common.valid).unwrap_or(3_600);
        let numbers = [u64::from(need), wait, valid].map(u64::to_le_bytes);
        let sources: Vec<String> = identity.iter().map(Source::description).collect();
        let mut parts: Vec<&[u8]> = vec![b"approval-terms/1"];
        parts.extend(numbers.iter().map(<[u8; 8]>::as_slice));
        parts.extend(texts.iter().map(String::as_bytes));
        parts.push(b"approver_require");
        parts.extend(required.iter().map(|check| check.hash.as_slice()));
        parts.push(b"identity");
        parts.extend(sources.iter().map(String::as_bytes));
        Self { approvers: document::patterns(texts), need, wait, valid, hash: of_parts(&parts) }
    }

    /// The patterns of the approvers, as written.
    pub fn approvers(&self) -> Vec<String> {
        self.approvers.iter().map(|pattern| pattern.as_str().to_owned()).collect()
    }

    /// Whether this caller is one of the approvers.
    pub fn name(&self, caller: &str) -> bool {
        self.approvers.iter().any(|pattern| pattern.matches(caller))
    }
}

impl Approving {
    /// The approval that a call needs under an entry and these checks of it that
    /// hold; `None` where it needs none.
    pub(super) fn needed<'p>(&'p self, holding: &[&'p Check]) -> Option<Needed<'p>> {
        let always = self.always.as_ref();
        let first = holding.first();
        let (rule, message) = match (always, first) {
            (Some((pointer, message)), _) => (&**pointer, message.as_deref()),
            (None, Some(check)) => (&*check.pointer, check.on_deny.as_deref()),
            (None, None) => return None,
        };
        let always = always.map(|(pointer, _)| &**pointer);
        let rules = always.into_iter().chain(holding.iter().map(|check| &*check.pointer));
        let mut parts: Vec<&[u8]> = vec![b"approval-rule/1", rule.as_bytes()];
        parts.extend(holding.iter().map(|check| check.hash.as_slice()));
        parts.push(&self.terms.hash);
        Some(Needed {
            rule,
            message,
            rules: rules.collect(),
            terms: &self.terms,
            hash: of_parts(&parts),
        })
    }
}

impl Policy {
    /// The approval that a stored request asks for, as the policy now in force has
    /// it; `None` where its rule has changed.
    pub fn needed_by<'p>(&'p self, entry: &Entry) -> Option<Needed<'p>> {
        let needed = |rules: Applied<'p>| {
            let approving = rules.approving(rules.entry(&entry.tool).0)?;
            let held = |check: &&Check| entry.rules.contains(&check.pointer);
            let common = rules.inherited(|base| &base.approve_if);
            let checks = approving.checks.iter().chain(&rules.own.approve_if).chain(common);
            let holding: Vec<&Check> = checks.filter(held).collect();
            approving.needed(&holding).filter(|needed| needed.hash == entry.rule_hash)
        };
        self.candidates(&entry.caller).find_map(needed)
    }

    /// Whether this caller matches any pattern of approvers.
    pub fn may_approve_something(&self, caller: &str) -> bool {
        let approvals = self.approvals.as_ref();
        approvals.is_some_and(|all| all.anybody.iter().any(|pattern| pattern.matches(caller)))
    }

    /// Whether an approver's request has all that the policy requires of it.
    pub fn admits_approver(&self, facts: &Facts<'_>) -> bool {
        let checks = self.approvals.as_ref().map(|all| &*all.approver_require);
        let holds = |check: &Check| check.holds(facts, Elements::All).0 == Truth::True;
        checks.unwrap_or_default().iter().all(holds)
    }
}

impl<'p> Applied<'p> {
    /// The approvals of a tool by the entry that decides about it.
    pub(super) fn approving(self, rule: Option<&'p Rule>) -> Option<&'p Approving> {
        match rule {
            Some(rule) => rule.conditions()?.approving.as_ref(),
            None => self.own.approving.as_ref(),
        }
    }
}
