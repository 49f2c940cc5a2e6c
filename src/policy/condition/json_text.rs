//! Arguments that are texts and that some servers read as JSON.
//!
//! Each such text is decoded and read once for all conditions of a call.

use super::{Truth, Why, Work};
use crate::wire::json::{Kind, Raw, Reader, Text};
use core::cell::RefCell;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The white space of JSON.
const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];
/// The deepest nesting in a text that is read as JSON.
const MAX_DEPTH: usize = 64;

/// The texts of one call that were read so far, by their offsets. There may be as many as a
/// body has room for, and conditions come to them in any order.
#[derive(Debug, Default)]
pub struct JsonTexts<'a>(RefCell<BTreeMap<usize, Read<'a>>>);

/// A text as JSON.
#[derive(Debug)]
enum Read<'a> {
    /// Not a list, an object or null.
    Not,
    /// A list, an object or null, without the white space around it.
    Value(Cow<'a, str>),
    /// A list, an object or null to some readers.
    Unclear(Why),
}

impl<'a> JsonTexts<'a> {
    /// Returns `truth`, the answer about the text at offset `at`, if the answer
    /// about the JSON in it is the same. Otherwise nothing can be decided.
    pub(super) fn agree(
        &self,
        at: usize,
        text: Text<'a>,
        work: &Work,
        truth: Truth,
        answer: impl Fn(&Raw<'_>) -> Truth,
    ) -> Truth {
        // Most texts are not JSON, and one look shows it.
        if !text.raw().starts_with(['[', '{', 'n', ' ', '\\']) {
            return truth;
        }
        self.0.borrow_mut().entry(at).or_insert_with(|| read(text, work));
        let texts = self.0.borrow();
        match texts.get(&at) {
            Some(Read::Not) => truth,
            Some(Read::Value(value)) if answer(&raw(value)) == truth => truth,
            Some(Read::Unclear(why)) => Truth::Undecidable(*why),
            Some(Read::Value(_)) | None => Truth::Undecidable(Why::Json),
        }
    }
}

/// The value in a text that was read before and holds nothing else.
fn raw(text: &str) -> Raw<'_> {
    let kind = match text.as_bytes().first() {
        Some(b'[') => Kind::Array,
        Some(b'{') => Kind::Object,
        _ => Kind::Null,
    };
    Raw { text, at: 0, kind }
}

fn read<'a>(text: Text<'a>, work: &Work) -> Read<'a> {
    let first = text.chars().find(|c| !SPACE.contains(c));
    if !matches!(first, Some('[' | '{' | 'n')) {
        return Read::Not;
    }
    if text.is_escaped() && !work.decoding(text.raw().len()) {
        return Read::Unclear(Why::Work);
    }
    let text = match text.decode() {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_matches(SPACE)),
        Cow::Owned(text) => Cow::Owned(text.trim_matches(SPACE).to_owned()),
    };
    let ends = |first, last| text.starts_with(first) && text.ends_with(last);
    if text != "null" && !ends('[', ']') && !ends('{', '}') {
        return Read::Not;
    }
    if !work.parsing(text.len()) {
        return Read::Unclear(Why::Work);
    }
    let read = Reader::new(text.as_bytes(), MAX_DEPTH).and_then(|mut reader| {
        reader.value()?;
        reader.end()?;
        Ok(reader.ambiguity())
    });
    match read {
        Ok(None) => Read::Value(text),
        // Python reads three numbers that JSON lacks, and takes half of a
        // surrogate pair for a character.
        Err(fault)
            if fault.kind.is_syntax()
                && !["NaN", "Infinity", "\\u"].iter().any(|word| text.contains(word)) =>
        {
            Read::Not
        }
        _ => Read::Unclear(Why::Json),
    }
}
