//! The caller, the rules that apply to it, and the entries that match a name.

use super::asked::{condition, saw, word};
use super::cut;
use crate::exchange::identity::NoIdentity;
use crate::policy::condition::{Asked, Of, Truth};
use crate::policy::explain::{Body, Denied, Entry, Explanation, Group};
use crate::policy::pattern::Beaten;
use crate::policy::{Policy, Reason};
use crate::simulate::explain::{Explanations, Treatment};
use crate::text::shown;

/// The caller, and the source that names it.
pub(super) fn caller(policy: &Policy, told: &Explanations) -> Vec<String> {
    if matches!(told.treatment, Treatment::Exempt | Treatment::Served) {
        return Vec::new();
    }
    let who = match &told.caller {
        Ok(id) => cut(id),
        Err(_) => "unknown".into(),
    };
    let why = match told.sources.last() {
        None => "the policy has no `identity`, so all callers are one".into(),
        Some(last) => match &last.answer {
            Ok(Some(_)) => format!("named by {}", last.looks_at),
            Ok(None) if policy.settings.admits_anonymous => {
                "no credential, which `anonymous` admits".into()
            }
            Ok(None) => "no source finds a credential".into(),
            Err(why) => format!("{}: {}", last.looks_at, reason(*why)),
        },
    };
    let mut lines = vec![format!("caller  {who}: {}", shown(&why))];
    for asked in told.sources.iter().filter(|asked| asked.answer == Ok(None)) {
        lines.push(format!("        {}: nothing in {}", asked.kind, shown(&asked.looks_at)));
    }
    lines
}

fn reason(why: NoIdentity) -> &'static str {
    match why {
        NoIdentity::Missing => "there is no credential",
        NoIdentity::Unusable(_) => "it is there, and cannot be used",
        NoIdentity::InvalidToken(_) => "the token is not known, or says too little",
    }
}

/// The body that applies, and the grants and groups that do not.
pub(super) fn rules(explanation: &Explanation) -> Vec<String> {
    let rules = &explanation.rules;
    let (grants, groups) = rules.of;
    let extends = if rules.extends { ", and the top level that it extends" } else { "" };
    let name = rules.name.as_deref().map(cut).unwrap_or_default();
    let which = match rules.body {
        Body::Grant => format!("the grant {name}, which matches the caller's id{extends}"),
        Body::Group => format!("the group {name}, whose conditions all hold{extends}"),
        Body::Unknown => "not known which, so nothing is allowed".into(),
        Body::Top => match (grants, groups) {
            (0, 0) => "the top level: the policy has no grants and no groups".into(),
            (_, 0) => "the top level: no grant matches the caller's id".into(),
            (0, _) => "the top level: the caller belongs to no group".into(),
            _ => {
                "the top level: no grant matches the caller's id, and it belongs to no group".into()
            }
        },
    };
    let shadow = if rules.shadow { "; in shadow mode, denials are recorded alone" } else { "" };
    let mut lines = vec![format!("rules   {which}{shadow}")];
    let beaten = rules.grants.iter().filter_map(|(name, why)| Some((name, why.as_ref()?)));
    for (name, why) in beaten {
        lines.push(format!("        not the grant {}: {}", cut(name), beaten_by(why)));
    }
    let (passed, last): (Vec<&Group>, Vec<&Group>) =
        rules.groups.iter().partition(|group| group.belongs() == Some(false));
    for group in last {
        group.conditions.iter().for_each(|one| condition(one, "          ", 0, &mut lines));
    }
    match &*passed {
        [] => {}
        [one] => lines.push(format!("        not the group {}: {}", cut(&one.name), not(one))),
        many => {
            let names: Vec<String> = many.iter().take(6).map(|group| cut(&group.name)).collect();
            let more = if many.len() > names.len() { ", …" } else { "" };
            let names = names.join(", ");
            lines.push(format!("        none of {} groups: {names}{more}", many.len()));
            let first = many.iter().take(1).filter(|_| rules.body == Body::Top);
            lines.extend(first.map(|one| format!("          {}: {}", cut(&one.name), not(one))));
        }
    }
    lines
}

/// The reason for which a caller does not belong to a group.
fn not(group: &Group) -> String {
    let is_false = |one: &&Asked| one.truth == Some(Truth::False);
    match group.conditions.iter().find(is_false) {
        Some(asked) => match &asked.of {
            Of::One(one) => format!("{} is false, saw {}", word(asked), saw(one)),
            _ => format!("`{}` is false", word(asked)),
        },
        None => "it is outside of its time".into(),
    }
}

/// The entry that decides, and those that it beats.
pub(super) fn entries(explanation: &Explanation) -> Vec<String> {
    let rules = &explanation.rules;
    if rules.body == Body::Unknown {
        return Vec::new();
    }
    let Some((first, others)) = explanation.entries.split_first() else {
        let default = if rules.allows_by_default { "allow" } else { "deny" };
        let subject = explanation.subject();
        let is = |denied: &Denied, reason| explanation.kind.is_some() && denied.reason == reason;
        return vec![match &explanation.decided {
            Err(denied) if is(denied, Reason::Hidden) => return Vec::new(),
            Err(denied) if is(denied, Reason::Undecidable) => {
                format!("entry   none is asked about this {subject}: its URI has no single meaning")
            }
            _ => format!("entry   none matches the {subject}, so `default` says: {default}"),
        }];
    };
    let only = if others.is_empty() { "; no other matches" } else { "" };
    let mut lines = vec![format!("entry   {} ({}){only}", cut(&first.pointer), first.action)];
    let beaten = |one: &Entry| Some((cut(&one.pointer), one.action, one.beaten.clone()?));
    for (pointer, action, why) in others.iter().filter_map(beaten) {
        lines.push(format!("        not {pointer} ({action}): {}", beaten_by(&why)));
    }
    lines
}

/// The reason for which an entry or a grant does not decide.
pub(super) fn beaten_by(why: &Beaten) -> String {
    match why {
        Beaten::OutOfTime => "it is outside of its time".into(),
        Beaten::Replaced => "the caller's own rules have the same pattern".into(),
        Beaten::Exact(name) => format!("{} is the exact name", cut(name)),
        Beaten::Narrower(pattern) => format!("{} is narrower", cut(pattern)),
        Beaten::Stricter => "neither is narrower, and then the stricter one decides".into(),
        Beaten::Longer => {
            "neither is narrower, and the other has more characters besides `*`".into()
        }
        Beaten::First => "neither is narrower, and the other comes first in byte order".into(),
    }
}
