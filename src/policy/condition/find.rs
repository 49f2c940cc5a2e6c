//! Finds the values that a path names in the text of the arguments.

use super::{Elements, Facts, Path, Root, Step, Truth, Why};
use crate::meter;
use crate::text::start;
use crate::wire::json::{Decimal, JsonError, Kind, Members, Raw, Reader, Text};

/// The value at the end of a path.
#[derive(Clone, Copy)]
pub(super) enum Found<'a> {
    /// A value, which may be null.
    Value(Raw<'a>),
    /// No value.
    Absent,
    /// A value that readers may differ on.
    Unclear(Why),
}

/// Asks about each value that `steps` lead to from the arguments of a call, and
/// joins the answers. `None` where `[*]` finds no element.
pub(super) fn find_argument<'a>(
    facts: &Facts<'a>,
    arguments: Raw<'a>,
    steps: &[Step],
    each: Elements,
    ask: &mut dyn FnMut(Found<'a>) -> Truth,
) -> Option<Truth> {
    let members = facts.members.and_then(Members::all);
    let (from, rest) = match (members, steps) {
        (Some(members), [Step::Key(name), rest @ ..]) => {
            let mut search = Search::new(name);
            members.iter().for_each(|(key, value)| search.see(*key, *value));
            match search.found() {
                Found::Value(raw) => (raw, rest),
                other => return Some(ask(other)),
            }
        }
        _ => (arguments, steps),
    };
    if rest.is_empty() {
        return Some(ask(Found::Value(from)));
    }
    if !facts.work.reading(from.text.len()) {
        return Some(ask(Found::Unclear(Why::Work)));
    }
    let mut descent = Descent { each, ask };
    // A text that was read before reads again.
    let read = descent.follow(&mut Reader::again(from), rest);
    read.unwrap_or_else(|_| Some((descent.ask)(Found::Unclear(Why::LookAlike))))
}

/// The way down a path, on which each byte is read once.
struct Descent<'d, 'a> {
    each: Elements,
    ask: &'d mut dyn FnMut(Found<'a>) -> Truth,
}

type Answer = Result<Option<Truth>, JsonError>;

impl<'a> Descent<'_, 'a> {
    /// Follows `steps` from the value that `reader` comes to next.
    fn follow(&mut self, reader: &mut Reader<'a>, steps: &[Step]) -> Answer {
        let Some((step, rest)) = steps.split_first() else {
            return Ok(Some((self.ask)(Found::Value(reader.value()?))));
        };
        match (step, reader.peek()) {
            (Step::Key(name), Some(b'{')) => self.member(reader, name, rest),
            (Step::Index(index), Some(b'[')) => self.element(reader, *index, rest),
            (Step::Each, Some(b'[')) => self.elements(reader, rest),
            _ => {
                let found = match reader.value()?.kind {
                    Kind::Null => Found::Absent,
                    kind => Found::Unclear(Why::Into(kind.name())),
                };
                Ok(Some((self.ask)(found)))
            }
        }
    }

    /// Follows the path into the member with this key. A sibling that differs from
    /// it only by case makes the object unclear, whether or not the key itself is
    /// there.
    fn member(&mut self, reader: &mut Reader<'a>, name: &str, rest: &[Step]) -> Answer {
        let mut search = Search::new(name);
        let mut answer = None;
        reader.object(|reader, key, _| {
            if key.is(name) {
                answer = Some(self.follow(reader, rest)?);
            } else {
                search.see(key, reader.value()?);
            }
            Ok(())
        })?;
        Ok(match answer {
            Some(answer) if !search.look_alike => answer,
            _ => Some((self.ask)(search.found())),
        })
    }

    fn element(&mut self, reader: &mut Reader<'a>, index: usize, rest: &[Step]) -> Answer {
        let mut answer = None;
        let mut at = 0_usize;
        reader.array(|reader| {
            if at == index {
                answer = Some(self.follow(reader, rest)?);
            } else {
                reader.value()?;
            }
            at = at.saturating_add(1);
            Ok(())
        })?;
        Ok(answer.unwrap_or_else(|| Some((self.ask)(Found::Absent))))
    }

    fn elements(&mut self, reader: &mut Reader<'a>, rest: &[Step]) -> Answer {
        let mut all: Option<Truth> = None;
        reader.array(|reader| {
            let next = self.follow(reader, rest)?;
            all = match (all, next) {
                (None, one) | (one, None) => one,
                (Some(all), Some(next)) => Some(match self.each {
                    Elements::All => all.and(next),
                    Elements::Any => all.or(next),
                }),
            };
            Ok(())
        })?;
        Ok(all)
    }
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
        meter::steps(1);
        if key.is(self.name) {
            self.found = Some(value);
        } else {
            meter::steps(key.raw().len());
            // In JavaScript, `__proto__` can lend its members to an object.
            self.look_alike |= key.is_but_for_case(self.name) || key.is("__proto__");
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

/// The most bytes of a value that are recorded.
const MAX_RECORDED: usize = 256;

/// The start of the value that a path names, for a record: of a text its
/// characters, of anything else its JSON. An inner `None` is a value that readers
/// may differ on; without a value there is nothing.
pub fn recorded(path: &Path, facts: &Facts<'_>) -> Option<Option<String>> {
    debug_assert!(path.root == Root::Args && !path.has_each());
    let mut recorded = None;
    let arguments = facts.arguments?;
    find_argument(facts, arguments, &path.steps, Elements::Any, &mut |found| {
        recorded = match found {
            Found::Value(Raw { kind: Kind::Null, .. }) | Found::Absent => None,
            Found::Value(Raw { kind: Kind::String(text), .. }) => {
                Some(Some(text.start(MAX_RECORDED)))
            }
            Found::Value(other) => Some(Some(start(other.text, MAX_RECORDED).to_owned())),
            Found::Unclear(_) => Some(None),
        };
        // Without `[*]` there is one answer, and nothing to join it with.
        Truth::decided(recorded.is_some())
    });
    recorded
}

/// The number that a path names, in millionths: the weight of a call. One that is too
/// large for them is the largest, which is more than the `max` of any limit.
///
/// # Errors
/// The value is missing, or not a number that can be counted.
pub fn weight(path: &Path, facts: &Facts<'_>) -> Result<u64, Why> {
    debug_assert!(path.root == Root::Args && !path.has_each());
    let mut weight = Err(Why::Absent);
    let Some(arguments) = facts.arguments else { return weight };
    find_argument(facts, arguments, &path.steps, Elements::Any, &mut |found| {
        weight = match found {
            Found::Value(Raw { kind: Kind::Number, text, .. }) => {
                Decimal::parse(text).and_then(Decimal::saturating_millionths).ok_or(Why::Weight)
            }
            Found::Value(Raw { kind: Kind::Null, .. }) | Found::Absent => Err(Why::Absent),
            Found::Value(other) => Err(Why::Type(other.kind.name())),
            Found::Unclear(why) => Err(why),
        };
        // Without `[*]` there is one answer, and nothing to join it with.
        Truth::decided(weight.is_ok())
    });
    weight
}
