//! Finding what a path names in the text of the arguments.

use super::{Facts, Path, Root, Step, Why};
use crate::json::{Decimal, Kind, Members, Raw, Reader, Text, same_but_for_case};

/// What stands at the end of a path.
#[derive(Clone, Copy)]
pub(super) enum Found<'a> {
    /// A value, which may be null.
    Value(Raw<'a>),
    /// Nothing.
    Absent,
    /// Readers may differ on what it is.
    Unclear(Why),
}

/// Follows `steps` from the arguments of a call that has some.
pub(super) fn find_argument<'a>(
    facts: &Facts<'a>,
    arguments: Raw<'a>,
    steps: &[Step],
    visit: &mut dyn FnMut(Found<'a>),
) {
    let members = facts.members.and_then(Members::all);
    let (Some(members), [Step::Key(name), rest @ ..]) = (members, steps) else {
        return find(arguments, steps, visit);
    };
    let mut search = Search::new(name);
    members.iter().for_each(|(key, value)| search.see(*key, *value));
    match search.found() {
        Found::Value(raw) => find(raw, rest, visit),
        other => visit(other),
    }
}

/// Follows `steps` from `raw` and shows `visit` what is at their end: one
/// thing, or with `[*]` one for each element.
pub(super) fn find<'a>(raw: Raw<'a>, steps: &[Step], visit: &mut dyn FnMut(Found<'a>)) {
    let Some((step, rest)) = steps.split_first() else { return visit(Found::Value(raw)) };
    let next = match (step, raw.kind) {
        (_, Kind::Null) => Found::Absent,
        (Step::Key(key), Kind::Object) => member(raw, key),
        (Step::Index(index), Kind::Array) => element(raw, *index),
        (Step::Each, Kind::Array) => {
            // A text that was read before reads again.
            let _ = Reader::again(raw).array(|reader| {
                find(reader.value()?, rest, visit);
                Ok(())
            });
            return;
        }
        (_, kind) => Found::Unclear(Why::Into(kind.name())),
    };
    match next {
        Found::Value(raw) => find(raw, rest, visit),
        other => visit(other),
    }
}

/// The member of an object with this key. A sibling that differs from it only
/// by case makes the object unclear, whether or not the key itself is there.
fn member<'a>(object: Raw<'a>, name: &str) -> Found<'a> {
    let mut search = Search::new(name);
    let read = Reader::again(object).object(|reader, key, _| {
        search.see(key, reader.value()?);
        Ok(())
    });
    if read.is_err() { Found::Unclear(Why::LookAlike) } else { search.found() }
}

/// The search for a member by its key.
struct Search<'n, 'a> {
    name: &'n str,
    found: Option<Raw<'a>>,
    look_alike: bool,
}

impl<'n, 'a> Search<'n, 'a> {
    const fn new(name: &'n str) -> Self {
        Self { name, found: None, look_alike: false }
    }

    fn see(&mut self, key: Text<'a>, value: Raw<'a>) {
        if key.is(self.name) {
            self.found = Some(value);
        } else {
            // In JavaScript, `__proto__` can lend its members to an object.
            self.look_alike |=
                same_but_for_case(key.chars(), self.name.chars()) || key.is("__proto__");
        }
    }

    fn found(self) -> Found<'a> {
        match self.found {
            _ if self.look_alike => Found::Unclear(Why::LookAlike),
            Some(raw) => Found::Value(raw),
            None => Found::Absent,
        }
    }
}

fn element(array: Raw<'_>, index: usize) -> Found<'_> {
    let mut found = Found::Absent;
    let mut at = 0_usize;
    let _ = Reader::again(array).array(|reader| {
        let value = reader.value()?;
        if at == index {
            found = Found::Value(value);
        }
        at = at.saturating_add(1);
        Ok(())
    });
    found
}

/// The number that a path names, in millionths: what a call weighs.
///
/// # Errors
/// There is no number, or none that can be counted.
pub fn weight(path: &Path, facts: &Facts<'_>) -> Result<u64, Why> {
    debug_assert!(path.root == Root::Args && !path.has_each());
    let mut weight = Err(Why::Absent);
    let Some(arguments) = facts.arguments else { return weight };
    find_argument(facts, arguments, &path.steps, &mut |found| {
        weight = match found {
            Found::Value(Raw { kind: Kind::Number, text, .. }) => {
                Decimal::parse(text).and_then(Decimal::millionths).ok_or(Why::Weight)
            }
            Found::Value(Raw { kind: Kind::Null, .. }) | Found::Absent => Err(Why::Absent),
            Found::Value(other) => Err(Why::Type(other.kind.name())),
            Found::Unclear(why) => Err(why),
        };
    });
    weight
}
