//! The rules that apply to a caller, and those that were passed over on the way.

use super::Denied;
use crate::policy::caller::Body as Placed;
use crate::policy::condition::{Asked, Elements, Facts, JsonTexts, Moment, Truth, Work};
use crate::policy::document::{DefaultAction, Mode, escape};
use crate::policy::pattern::Beaten;
use crate::policy::{Caller, Policy, Rules};

/// The rules that apply to a caller.
#[derive(Clone, Debug)]
pub struct Applying {
    /// The kind of body.
    pub body: Body,
    /// The pattern of the grant, or the name of the group.
    pub name: Option<String>,
    /// The body's pointer; empty for the top level.
    pub pointer: String,
    /// Whether the rules of the top level apply besides.
    pub extends: bool,
    /// Whether denials are recorded and not carried out.
    pub shadow: bool,
    /// Whether a tool that no entry matches is allowed.
    pub allows_by_default: bool,
    /// The grants that match the caller's id, each with the reason for which it does not
    /// apply; `None` for the one that does.
    pub grants: Vec<(String, Option<Beaten>)>,
    /// The groups that were asked, in their order.
    pub groups: Vec<Group>,
    /// The number of all grants, and of all groups.
    pub of: (usize, usize),
    /// The denial where it is not known which rules apply.
    pub denied: Option<Denied>,
}

/// The kinds of bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// The top level.
    Top,
    /// A grant.
    Grant,
    /// A group.
    Group,
    /// It is not known.
    Unknown,
}

impl Body {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Top => "top",
            Self::Grant => "grant",
            Self::Group => "group",
            Self::Unknown => "unknown",
        }
    }
}

/// A group that was asked whether a caller belongs to it.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Whether the present moment is in its time. Otherwise nothing was asked.
    pub in_time: bool,
    /// Its conditions.
    pub conditions: Vec<Asked>,
}

impl Policy {
    /// The rules that apply to a caller, of whose request the facts tell.
    pub(super) fn applying(&self, caller: &Caller, facts: &Facts<'_>) -> Applying {
        let holds = |rules: &Rules| !self.is_dated() || rules.validity.holds(caller.now());
        let grant = match caller.body {
            Placed::Grant(number) => self.grants.values().get(number),
            _ => None,
        };
        let grants = self.grants.contest(None, &caller.id, grant, |_| 0, holds);
        // Of nobody, only a grant that names him by his whole id speaks.
        let speaks = |pattern: &str| !self.is_stranger(&caller.id) || pattern == caller.id;
        let grants: Vec<(String, Option<Beaten>)> = grants
            .into_iter()
            .map(|one| (one.pattern.as_str().to_owned(), one.beaten))
            .filter(|(pattern, _)| speaks(pattern))
            .collect();
        let groups = self.asked_groups(caller, facts, holds);
        let (body, name, pointer) = match caller.body {
            Placed::Top => (Body::Top, None, String::new()),
            Placed::Grant(_) => {
                let name = grants.first().map(|(pattern, _)| pattern.clone());
                let pointer = format!("/grants/{}", escape(name.as_deref().unwrap_or_default()));
                (Body::Grant, name, pointer)
            }
            Placed::Group(number) => {
                let group = self.groups.get(number);
                let pointer = group.map(pointer_of).unwrap_or_default().to_owned();
                (Body::Group, group.map(name_of), pointer)
            }
            Placed::Unknown | Placed::Unclear(_) => (Body::Unknown, None, String::new()),
        };
        let rules = self.rules(caller);
        let own = rules.as_ref().ok().map(|rules| rules.own);
        Applying {
            body,
            name,
            pointer,
            extends: own.is_some_and(|own| own.extends),
            shadow: own.is_some_and(|own| own.mode == Mode::Shadow),
            allows_by_default: own.is_some_and(|own| own.default == DefaultAction::Allow),
            grants,
            groups,
            of: (self.grants.values().len(), self.groups.len()),
            denied: rules.err().map(|denial| Denied::from(&denial)),
        }
    }

    /// The groups that were asked whether a caller belongs to them, in their order.
    fn asked_groups(
        &self,
        caller: &Caller,
        facts: &Facts<'_>,
        in_time: impl Fn(&Rules) -> bool,
    ) -> Vec<Group> {
        let asked = match caller.body {
            Placed::Unknown | Placed::Grant(_) => 0,
            Placed::Top => self.groups.len(),
            Placed::Group(number) => number.saturating_add(1),
            Placed::Unclear(ref unclear) => unclear.0.saturating_add(1),
        };
        // As when the caller was placed: nothing is known of the call.
        let (work, texts) = (Work::default(), JsonTexts::default());
        let facts = Facts {
            arguments: None,
            members: None,
            tool: "",
            moment: Moment::default(),
            work: &work,
            texts: &texts,
            ..*facts
        };
        let ask = |group: &crate::policy::Group| {
            let in_time = in_time(&group.rules);
            let conditions = group.when.iter().map(|(_, condition)| condition);
            let conditions =
                if in_time { Asked::all(conditions, &facts, Elements::All) } else { Vec::new() };
            Group { name: name_of(group), in_time, conditions }
        };
        self.groups.iter().take(asked).map(ask).collect()
    }
}

impl Group {
    /// Whether a caller belongs to it; `None` where that cannot be decided.
    pub fn belongs(&self) -> Option<bool> {
        let is = |one: &Asked, truth| one.truth == Some(truth);
        if !self.in_time || self.conditions.iter().any(|one| is(one, Truth::False)) {
            return Some(false);
        }
        self.conditions.iter().all(|one| is(one, Truth::True)).then_some(true)
    }
}

/// The pointer of a group, which that of each of its conditions begins with.
fn pointer_of(group: &crate::policy::Group) -> &str {
    let first = group.when.first().map(|(pointer, _)| &**pointer).unwrap_or_default();
    first.rsplit_once("/when/").map_or("", |(group, _)| group)
}

fn name_of(group: &crate::policy::Group) -> String {
    let name = pointer_of(group).strip_prefix("/groups/").unwrap_or_default();
    name.replace("~1", "/").replace("~0", "~")
}
