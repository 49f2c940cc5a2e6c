//! Questions of the order of evaluation, each with its answer and what it was about.

use super::Denied;
use crate::limits::window::Nanos;
use crate::policy::condition::{Asked, Elements, Facts, JsonTexts, Truth, Work};
use crate::policy::decide::Asked as Question;
use crate::policy::document::{Check, DefaultAction};
use crate::policy::{Action, Caller, Denial, Names, Policy};

/// The rule that asks whether a tool is in the lock.
pub(super) const LOCKED: &str = "/lock/tools";

/// A question, and its answer.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The word for it, as [`Question::as_str`](crate::policy::Question::as_str) has it.
    pub asked: &'static str,
    /// The pointer of the rule that asks.
    pub rule: Option<String>,
    /// The denial of a call that fails it.
    pub denied: Option<Denied>,
    /// The subject.
    pub about: About,
}

/// The subject of a question.
#[derive(Clone, Debug)]
pub enum About {
    /// The patterns of `hide` that match the tool.
    Hide(Vec<String>),
    /// Whether the lock names the tool.
    Locked {
        /// Whether it does. If the call fails nevertheless, the tool has changed.
        named: bool,
    },
    /// Whether an entry matches, and otherwise whether the default allows.
    Entry {
        /// Whether an entry matches.
        found: bool,
        /// Whether the default allows.
        allows: bool,
    },
    /// The time of the entry.
    Time {
        /// The first moment of it.
        from: Option<Nanos>,
        /// The first moment after it.
        until: Option<Nanos>,
    },
    /// The action of the entry.
    Action(&'static str),
    /// The names of arguments.
    Args {
        /// Those that are allowed.
        allowed: Vec<String>,
        /// Those of the call that are not.
        others: Vec<String>,
    },
    /// The schema of the arguments. A denial says what does not fit.
    Schema,
    /// The conditions of a check.
    Check(Vec<Asked>),
    /// The limits, which are told apart.
    Limits,
}

impl About {
    /// The answer of all conditions of a check together.
    pub fn truth(&self) -> Option<Truth> {
        let Self::Check(conditions) = self else { return None };
        let truths = || conditions.iter().filter_map(|one| one.truth);
        if truths().any(|truth| truth == Truth::False) {
            return Some(Truth::False);
        }
        let undecidable = truths().find(|truth| *truth != Truth::True);
        Some(undecidable.unwrap_or(Truth::True))
    }
}

/// Every question about a call, with the budget that it had before the first, and the
/// denial of a tool that has changed.
pub(super) fn all(
    policy: &Policy,
    caller: &Caller,
    tool: &str,
    facts: &Facts<'_>,
    (budget, changed): (&Work, Option<&Denial<'_>>),
) -> Vec<Answered> {
    // The answers and the conditions are asked for apart, each on a budget that runs
    // down as that of the decision did.
    let (work, texts) = (budget.clone(), JsonTexts::default());
    let answers = Facts { work: &work, texts: &texts, ..*facts };
    let (work, texts) = (budget.clone(), JsonTexts::default());
    let conditions = Facts { work: &work, texts: &texts, ..*facts };
    let mut hides = policy.known_rules(caller).into_iter().flat_map(|rules| {
        let own = policy.applying(caller, facts).pointer;
        [own].into_iter().chain(rules.base.map(|_| String::new()))
    });
    let questions = policy.questions(caller, tool).into_iter();
    let answer = |question: crate::policy::Question<'_>| {
        let denied = question.answer(tool, &answers).err().map(|denial| Denied::from(&denial));
        let changed = changed.filter(|_| matches!(question.0, Question::Locked(_)));
        let denied = denied.or(changed.map(Denied::from));
        let (rule, about) = match question.0 {
            Question::Hidden(hide) => {
                let patterns = hide.patterns(tool).into_iter().map(|one| one.as_str().to_owned());
                (hides.next().map(|body| body + "/hide"), About::Hide(patterns.collect()))
            }
            Question::Locked(lock) => {
                (Some(LOCKED.to_owned()), About::Locked { named: lock.names(tool) })
            }
            Question::Entry(entry, default) => {
                let allows = default == DefaultAction::Allow;
                (
                    entry.map(|rule| rule.entry().to_owned()),
                    About::Entry { found: entry.is_some(), allows },
                )
            }
            Question::Validity(dated, _) => {
                let [from, until] = [dated.validity.from, dated.validity.until];
                let rule = denied.as_ref().map(|denied| denied.rule.clone());
                (rule, About::Time { from, until })
            }
            Question::Action(rule) => {
                let pointer = match rule.action {
                    Action::Deny(_) => rule.pointer.clone(),
                    Action::Allow(_) => format!("{}/action", rule.pointer),
                };
                (Some(pointer), About::Action(rule.word()))
            }
            Question::Args(names) => (Some(names.pointer.clone()), names.about(facts)),
            Question::Schema(schema) => (Some(schema.pointer.clone()), About::Schema),
            Question::Require(check) => of_check(check, &conditions, Elements::All),
            Question::DenyIf(check) | Question::ApproveIf(check) => {
                of_check(check, &conditions, Elements::Any)
            }
            Question::Limits => (None, About::Limits),
        };
        Answered { asked: question.as_str(), rule, denied, about }
    };
    questions.map(answer).collect()
}

/// The rule and the conditions of a check.
pub(super) fn of_check(
    check: &Check,
    facts: &Facts<'_>,
    elements: Elements,
) -> (Option<String>, About) {
    let asked = Asked::all(check.conditions.iter(), facts, elements);
    (Some(check.pointer.clone()), About::Check(asked))
}

impl Names {
    /// The names that are allowed, and those of a call that are not.
    pub(super) fn about(&self, facts: &Facts<'_>) -> About {
        let given = facts.members.map(crate::wire::json::Members::first).unwrap_or_default();
        let others = given.iter().map(|(key, _)| key.start(crate::text::MAX_NAME));
        let others = others.filter(|key| !self.allowed.iter().any(|name| **name == **key));
        About::Args {
            allowed: self.allowed.iter().map(|name| name.to_string()).collect(),
            others: others.collect(),
        }
    }
}
