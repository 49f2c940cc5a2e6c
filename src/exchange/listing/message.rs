//! The lists in a message, and the changes that take entries out of them.

use super::changes::Change;
use crate::wire::json::{JsonError, Kind, Raw, Reader, Text, fold_ascii};
use crate::wire::mcp::{List, Lists};
use std::borrow::Cow;

/// An entry of a list.
pub(super) struct Listed<'t, 'a> {
    /// The kind of list.
    pub(super) kind: List,
    /// The number of its list in the message, from 1.
    pub(super) list: usize,
    /// The entry itself, of whatever type.
    pub(super) raw: Raw<'a>,
    /// Its name, or several where clients differ on that; none if nobody can ask for it.
    pub(super) names: &'t [Cow<'a, str>],
}

/// The changes after which these lists, in a message or an array of messages, have only
/// entries for which `shows` is true. There are none for a message without such a list.
/// Each entry is shown to it once, in the order of the text.
///
/// The `cacheScope` of a list becomes `"private"`: the list of one caller must not
/// be served to another.
///
/// # Errors
/// The text is not JSON, or two readers may read it differently.
pub(super) fn changes(
    text: &[u8],
    max_depth: usize,
    kinds: Lists,
    shows: &mut dyn FnMut(&Listed<'_, '_>) -> bool,
) -> Result<Vec<Change>, JsonError> {
    let mut reader = Reader::new(text, max_depth)?;
    let mut lister = Lister { kinds, shows, lists: 0, changes: Vec::new() };
    lister.messages(&mut reader)?;
    reader.end()?;
    match reader.ambiguity() {
        None => Ok(lister.changes),
        Some(fault) => Err(fault),
    }
}

/// Whether a text is JSON, though readers may differ on what it says.
pub(super) fn is_json(text: &[u8], max_depth: usize) -> bool {
    let read = Reader::new(text, max_depth).and_then(|mut reader| {
        reader.value()?;
        reader.end()
    });
    read.is_ok()
}

/// The id of the request that a message answers, as far as the message can be
/// read and has one.
pub(super) fn answers(text: &[u8], max_depth: usize) -> Option<&str> {
    let mut reader = Reader::new(text, max_depth).ok()?;
    let (mut ids, mut result) = (Vec::new(), false);
    let member: Member<'_, '_> = &mut |reader, key, _| {
        result |= key.is("result") || key.is("error");
        let value = reader.value()?;
        if key.is("id") {
            ids.push(value);
        }
        Ok(())
    };
    // The text behind a fault is not needed.
    let _unread = reader.object(member);
    match *ids {
        [Raw { kind: Kind::String(_), text, .. }] if result => Some(text),
        // Of numbers, those that are read back as they are.
        [Raw { kind: Kind::Number, text, .. }] if result => text.parse::<i64>().ok().map(|_| text),
        _ => None,
    }
}

/// Shows the ids of the requests that a message answers, or an array of messages.
pub(super) fn each_answered(text: &[u8], max_depth: usize, see: &mut dyn FnMut(&str)) {
    let Ok(mut reader) = Reader::new(text, max_depth) else { return };
    if reader.peek() != Some(b'[') {
        return answers(text, max_depth).into_iter().for_each(see);
    }
    // The messages before a fault are answers all the same.
    let _unread = reader.array(|reader| {
        let message = reader.value()?;
        answers(message.text.as_bytes(), max_depth).into_iter().for_each(&mut *see);
        Ok(())
    });
}

const PRIVATE: &[u8] = br#""private""#;
const GONE: &[u8] = b"";

type Read = Result<(), JsonError>;
/// One type for all members, so that reading an object is compiled once.
type Member<'m, 'a> = &'m mut dyn FnMut(&mut Reader<'a>, Text<'a>, usize) -> Read;

struct Lister<'s> {
    kinds: Lists,
    shows: &'s mut dyn FnMut(&Listed<'_, '_>) -> bool,
    /// The number of results with lists.
    lists: usize,
    changes: Vec<Change>,
}

impl Lister<'_> {
    fn messages(&mut self, reader: &mut Reader<'_>) -> Read {
        if reader.peek() == Some(b'[') {
            return reader.array(|reader| self.message(reader));
        }
        self.message(reader)
    }

    fn message<'a>(&mut self, reader: &mut Reader<'a>) -> Read {
        if reader.peek() != Some(b'{') {
            return reader.value().map(drop);
        }
        let member: Member<'_, 'a> = &mut |reader, key, _| {
            if means(key, "result") && reader.peek() == Some(b'{') {
                return self.result(reader);
            }
            reader.value().map(drop)
        };
        reader.object(member)
    }

    fn result<'a>(&mut self, reader: &mut Reader<'a>) -> Read {
        let mut lists = false;
        self.lists = self.lists.saturating_add(1);
        let mut scope: Option<Raw<'_>> = None;
        let member: Member<'_, 'a> = &mut |reader, key, _| {
            if let Some(kind) = self.kinds.iter().find(|kind| means(key, kind.key()))
                && reader.peek() == Some(b'[')
            {
                lists = true;
                return self.entries(reader, kind);
            }
            let value = reader.value()?;
            if key.is("cacheScope") {
                scope = Some(value);
            }
            Ok(())
        };
        reader.object(member)?;
        if let Some(scope) = scope.filter(|scope| lists && !is_private(*scope)) {
            let to = scope.at.saturating_add(scope.text.len());
            let change = Change { from: scope.at, to, with: PRIVATE.into() };
            // The keys of a result come in any order.
            let after = self.changes.iter().rposition(|entry| entry.from < scope.at);
            self.changes.insert(after.map_or(0, |at| at.saturating_add(1)), change);
        }
        Ok(())
    }

    fn entries(&mut self, reader: &mut Reader<'_>, kind: List) -> Read {
        // Offset behind the last entry that stays, and of the first of those
        // after it that go.
        let mut kept: Option<usize> = None;
        let mut cut: Option<usize> = None;
        let mut end = 0;
        reader.array(|reader| {
            let (entry, shown) = self.entry(reader, kind)?;
            end = entry.at.saturating_add(entry.text.len());
            if !shown {
                cut.get_or_insert(entry.at);
                return Ok(());
            }
            if let Some(from) = cut.take() {
                self.changes.push(Change { from, to: entry.at, with: GONE.into() });
            }
            kept = Some(end);
            Ok(())
        })?;
        if let Some(first) = cut {
            // With the comma before it, if an entry stays before that.
            let from = kept.unwrap_or(first);
            self.changes.push(Change { from, to: end, with: GONE.into() });
        }
        Ok(())
    }

    /// An entry, and whether it is shown.
    fn entry<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        kind: List,
    ) -> Result<(Raw<'a>, bool), JsonError> {
        let mut names = Vec::new();
        if reader.peek() != Some(b'{') {
            let raw = reader.value()?;
            let shown = (self.shows)(&Listed { kind, list: self.lists, raw, names: &names });
            return Ok((raw, shown));
        }
        let member: Member<'_, 'a> = &mut |reader, key, _| {
            let value = reader.value()?;
            if let (true, Kind::String(name)) = (means(key, kind.name()), value.kind) {
                names.push(name.decode());
            }
            Ok(())
        };
        let raw = reader.spanned_object(member)?;
        let shown = (self.shows)(&Listed { kind, list: self.lists, raw, names: &names });
        Ok((raw, shown))
    }
}

/// Whether some client reads a key as this word, which is in lower case. Not all
/// clients compare keys by case.
fn means(key: Text<'_>, word: &str) -> bool {
    key.chars().map(fold_ascii).eq(word.chars())
}

fn is_private(scope: Raw<'_>) -> bool {
    matches!(scope.kind, Kind::String(text) if text.is("private"))
}
