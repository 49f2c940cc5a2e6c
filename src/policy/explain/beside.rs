//! The rules in shadow that concern a call.

use super::question::{LOCKED, of_check};
use super::{About, Answered, Denied, Entry, Explained};
use crate::limits::Store;
use crate::policy::beside::{self, Beside, Question};
use crate::policy::condition::{Elements, Facts, JsonTexts, Work};
use crate::policy::{Deciding, Holders, LimitState, Policy, Reason};

/// The rules in shadow.
#[derive(Clone, Debug, Default)]
pub struct Shadow {
    /// The entries in shadow that match the tool: first the one that is asked.
    pub entries: Vec<Entry>,
    /// Their questions, each with the denial that it would be.
    pub questions: Vec<Answered>,
    /// The rules that the call does not pass, as its record has them, without those of
    /// limits.
    pub found: Vec<(String, Reason)>,
    /// The limits.
    pub limits: Vec<LimitState>,
}

/// The rules in shadow about a call.
pub(super) fn shadow<S: Store>(
    policy: &Policy,
    explained: &Explained<'_, '_, S>,
    deciding: Option<&Deciding<'_>>,
    budget: &Work,
    holders: &Holders<'_>,
) -> Shadow {
    let Explained { caller, facts, store, now, .. } = *explained;
    let aside = budget.clone();
    let facts = Facts { work: explained.beside, ..*facts };
    let mut questions = Vec::new();
    let reported = policy.reported(facts.tool, store);
    let reported = reported.map(|(rule, reason)| (rule.to_owned(), reason));
    if let Some((rule, reason)) = &reported {
        let (rule, reason, message) = (rule.clone(), *reason, String::new());
        questions.push(Answered {
            asked: "lock",
            rule: Some(LOCKED.to_owned()),
            about: About::Locked { named: reason != Reason::ToolUnknown },
            denied: Some(Denied { reason, rule, message, retry_after: None }),
        });
    }
    let found = deciding.and_then(|found| Some((found, policy.beside(caller, found, &facts)?)));
    let Some((deciding, shadowed)) = found else {
        let found = reported.into_iter().collect();
        return Shadow { found, questions, ..Shadow::default() };
    };
    let texts = JsonTexts::default();
    let conditions = Facts { work: &aside, texts: &texts, ..facts };
    for beside in deciding.besides() {
        ask(beside, &conditions, &mut questions);
    }
    if let Some(entry) = deciding.shadow {
        let dated = entry.validity.as_deref();
        match dated.map_or(Ok(()), |dated| dated.check(facts.tool, caller.now())) {
            Ok(()) => ask(&entry.beside, &conditions, &mut questions),
            Err(denial) => questions.push(Answered {
                asked: "validity",
                rule: Some(denial.rule.to_owned()),
                about: About::Time {
                    from: dated.and_then(|dated| dated.validity.from),
                    until: dated.and_then(|dated| dated.validity.until),
                },
                denied: Some(Denied::from(&denial)),
            }),
        }
    }
    let limits = shadowed.limits.iter().map(|limit| limit.state(holders, &facts, store, now).0);
    let found = shadowed.found.iter().map(|(rule, why)| ((*rule).to_owned(), *why));
    Shadow {
        limits: limits.collect(),
        entries: deciding.shadow_entries(facts.tool),
        questions,
        found: reported.into_iter().chain(found).collect(),
    }
}

fn ask(beside: &Beside, facts: &Facts<'_>, questions: &mut Vec<Answered>) {
    for question in &beside.questions {
        // The same budget for the answer and for the conditions: what is shown is looked
        // at on a copy.
        let (aside, texts) = (facts.work.clone(), JsonTexts::default());
        let shown = Facts { work: &aside, texts: &texts, ..*facts };
        let denied = question.fails(facts).map(|(rule, reason)| Denied {
            reason,
            rule: rule.to_owned(),
            message: String::new(),
            retry_after: None,
        });
        let (asked, (rule, about)) = match question {
            Question::Action(pointer, reason) => {
                let word = if *reason == Reason::Denied { "deny" } else { "require_approval" };
                ("action", (Some(pointer.clone()), About::Action(word)))
            }
            Question::Schema(schema) => ("schema", (Some(schema.pointer.clone()), About::Schema)),
            Question::Args(names) => ("args", (Some(names.pointer.clone()), names.about(facts))),
            Question::Require(check) => ("require", of_check(check, &shown, Elements::All)),
            Question::DenyIf(check) => ("deny_if", of_check(check, &shown, Elements::Any)),
            Question::ApproveIf(check) => ("approve_if", of_check(check, &shown, Elements::Any)),
        };
        questions.push(Answered { asked, rule, denied, about });
    }
}

impl beside::Entry {
    fn word(&self) -> &'static str {
        match self.rank() {
            0 => "allow",
            1 => "require_approval",
            _ => "deny",
        }
    }
}

impl Deciding<'_> {
    fn shadow_entries(self, tool: &str) -> Vec<Entry> {
        let mut maps = self.rules.levels().filter_map(|rules| rules.shadows.as_ref());
        let Some(own) = maps.next() else { return Vec::new() };
        let base = maps.next().map(|base| &base.entries);
        let all = own.entries.contest(base, tool, self.shadow, beside::Entry::rank, |_| true);
        let entry = |one: crate::policy::pattern::Match<'_, beside::Entry>| Entry {
            pattern: one.pattern.as_str().to_owned(),
            pointer: one.value.pointer.clone(),
            action: one.value.word(),
            beaten: one.beaten,
        };
        all.into_iter().map(entry).collect()
    }
}
