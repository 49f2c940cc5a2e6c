//! `groups`: rules for callers by what is known of their requests.

use super::at::At;
use super::conditions::formula;
use super::rules::{self, Mode, Rules};
use super::wording::quote;
use crate::policy::condition::{Formula, Root};

/// One element of `groups`.
#[derive(Debug)]
pub struct Group {
    /// `name`
    pub name: String,
    /// `when`: all of them hold for those who belong to it.
    pub when: Vec<When>,
    /// Its rules.
    pub rules: Rules,
}

/// One condition of a group.
#[derive(Debug)]
pub struct When {
    /// Its JSON pointer, with the group's name in the place of its index.
    pub pointer: String,
    /// The path in the document, for messages to the author.
    pub path: String,
    /// The condition.
    pub condition: Formula,
}

/// Reads the list of groups.
pub(super) fn read(at: &At<'_>, inherited: Mode) -> Vec<Group> {
    let keys: Vec<&str> = ["name", "when"].into_iter().chain(rules::KEYS).collect();
    let mut names: Vec<&str> = Vec::new();
    let mut groups = Vec::new();
    for at in at.elements() {
        let Some(object) = at.object(&keys) else { continue };
        let name = object.required("name").and_then(|at| {
            let name = at.name("a group")?;
            if name.bytes().all(|byte| byte.is_ascii_digit()) {
                at.wrong(format!("{} cannot name a group: digits alone are an index", quote(name)));
                return None;
            }
            if names.contains(&name) {
                at.wrong(format!("another group is named {}", quote(name)));
            }
            names.push(name);
            Some(name)
        });
        let object = object.named(name.unwrap_or_default());
        let when = object.required("when").map(when).unwrap_or_default();
        let rules = Rules::read(&object, inherited);
        if let (Some(name), Some(rules)) = (name, rules) {
            groups.push(Group { name: name.into(), when, rules });
        }
    }
    groups
}

fn when(at: &At<'_>) -> Vec<When> {
    if at.is_list() && at.elements().is_empty() {
        at.wrong("holds for everybody; name who belongs to the group, or use the top level");
    }
    at.each(|at| {
        let condition = formula(at)?;
        for path in condition.paths() {
            if !matches!(path.root, Root::Claims | Root::Headers | Root::Grant) {
                at.wrong(format!(
                    "{} is not known before the call; use `claims`, `headers` or `grant`",
                    quote(path.as_str())
                ));
            }
        }
        Some(When { pointer: at.pointer(), path: at.path().into(), condition })
    })
}
