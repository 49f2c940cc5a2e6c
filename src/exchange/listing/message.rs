//! The tools in a message, and the changes that take some of them out.

use super::changes::Change;
use crate::wire::json::{JsonError, Kind, Raw, Reader, Text, fold_ascii};
use std::borrow::Cow;

/// A tool as a message lists it.
pub(super) struct Tool<'t, 'a> {
    /// The number of its list in the message, from 1.
    pub(super) list: usize,
    /// The tool itself, of whatever type.
    pub(super) raw: Raw<'a>,
    /// Its name, or several where clients differ on that; none if nobody can call it.
    pub(super) names: &'t [Cow<'a, str>],
}

/// The changes after which a message, or an array of messages, lists only tools for
/// which `shows` is true. There are none for a message without a list. Each tool is
/// shown to it once, in the order of the text.
///
/// The `cacheScope` of a list becomes `"private"`: the list of one caller must not
/// be served to another.
///
/// # Errors
/// The text is not JSON, or two readers may read it differently.
pub(super) fn changes(
    text: &[u8],
    max_depth: usize,
    shows: &mut dyn FnMut(&Tool<'_, '_>) -> bool,
) -> Result<Vec<Change>, JsonError> {
    let mut reader = Reader::new(text, max_depth)?;
    let mut lister = Lister { shows, lists: 0, changes: Vec::new() };
    lister.messages(&mut reader)?;
    reader.end()?;
    match reader.ambiguity() {
        None => Ok(lister.changes),
        Some(fault) => Err(fault),
    }
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

const PRIVATE: &[u8] = br#""private""#;
const GONE: &[u8] = b"";

type Read = Result<(), JsonError>;
/// One type for all members, so that reading an object is compiled once.
type Member<'m, 'a> = &'m mut dyn FnMut(&mut Reader<'a>, Text<'a>, usize) -> Read;

struct Lister<'s> {
    shows: &'s mut dyn FnMut(&Tool<'_, '_>) -> bool,
    /// The number of results with tools.
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
            if means(key, "tools") && reader.peek() == Some(b'[') {
                lists = true;
                return self.tools(reader);
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
            let after = self.changes.iter().rposition(|tool| tool.from < scope.at);
            self.changes.insert(after.map_or(0, |at| at.saturating_add(1)), change);
        }
        Ok(())
    }

    fn tools(&mut self, reader: &mut Reader<'_>) -> Read {
        // Offset behind the last tool that stays, and of the first of those
        // after it that go.
        let mut kept: Option<usize> = None;
        let mut cut: Option<usize> = None;
        let mut end = 0;
        reader.array(|reader| {
            let (tool, shown) = self.tool(reader)?;
            end = tool.at.saturating_add(tool.text.len());
            if !shown {
                cut.get_or_insert(tool.at);
                return Ok(());
            }
            if let Some(from) = cut.take() {
                self.changes.push(Change { from, to: tool.at, with: GONE.into() });
            }
            kept = Some(end);
            Ok(())
        })?;
        if let Some(first) = cut {
            // With the comma before it, if a tool stays before that.
            let from = kept.unwrap_or(first);
            self.changes.push(Change { from, to: end, with: GONE.into() });
        }
        Ok(())
    }

    /// A tool, and whether it is shown.
    fn tool<'a>(&mut self, reader: &mut Reader<'a>) -> Result<(Raw<'a>, bool), JsonError> {
        let mut names = Vec::new();
        if reader.peek() != Some(b'{') {
            let raw = reader.value()?;
            let shown = (self.shows)(&Tool { list: self.lists, raw, names: &names });
            return Ok((raw, shown));
        }
        let member: Member<'_, 'a> = &mut |reader, key, _| {
            let value = reader.value()?;
            if let (true, Kind::String(name)) = (means(key, "name"), value.kind) {
                names.push(name.decode());
            }
            Ok(())
        };
        let raw = reader.spanned_object(member)?;
        let shown = (self.shows)(&Tool { list: self.lists, raw, names: &names });
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

/// Whether a text may have the key `tools`, however it is spelt. Texts without
/// it need not be read, and those that cannot be read may pass.
pub(super) fn may_list(text: &[u8]) -> bool {
    text.iter().enumerate().any(|(at, byte)| match byte {
        b'"' => starts(text, at, br#""tool"#) && is_last_letter(text, at.saturating_add(5)),
        b'\\' => LETTERS.iter().any(|letter| starts(text, at, letter)),
        _ => false,
    })
}

/// The longest of the texts that [`may_list`] looks for.
pub(super) const LONGEST_SIGN: usize = 8;

/// The escapes of the letters of `tools`, and of the `ſ` that some clients read as
/// an `s`.
const LETTERS: [&[u8]; 9] = [
    br"\u0074", br"\u006f", br"\u006c", br"\u0073", br"\u0054", br"\u004f", br"\u004c", br"\u0053",
    br"\u017f",
];

fn starts(text: &[u8], at: usize, with: &[u8]) -> bool {
    let end = at.saturating_add(with.len());
    text.get(at..end).is_some_and(|part| part.eq_ignore_ascii_case(with))
}

/// Whether the last letter of `tools` is here, and the key ends or continues with
/// an escape: some clients end it at a NUL.
fn is_last_letter(text: &[u8], at: usize) -> bool {
    matches!(text.get(at..), Some([b's' | b'S', b'"' | b'\\', ..] | [0xc5, 0xbf, b'"' | b'\\', ..]))
}
