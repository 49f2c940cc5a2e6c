//! The members of a message's object, each taken once. A message with any other, or with
//! one that could be read in two ways, is none.

use crate::wire::json::{Kind, Raw, Reader};
use std::borrow::Cow;

/// The deepest nesting: a list in an object.
const DEPTH: usize = 2;
/// The most elements of a list.
const MOST: usize = 64;

/// The members of an object that are not taken yet.
pub(super) struct Members<'a>(Vec<(Cow<'a, str>, Raw<'a>)>);

impl<'a> Members<'a> {
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body, DEPTH).ok()?;
        let mut members = Vec::new();
        reader
            .object(|reader, key, _| {
                members.push((key.decode(), reader.value()?));
                Ok(())
            })
            .ok()?;
        reader.end().ok()?;
        reader.ambiguity().is_none().then_some(Self(members))
    }

    /// Whether all of them are taken.
    pub(super) fn are_taken(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    fn take(&mut self, name: &str) -> Option<Raw<'a>> {
        let at = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// A text of at most this many bytes.
    pub(super) fn text(&mut self, name: &str, most: usize) -> Option<String> {
        text(self.take(name)?).filter(|text| text.len() <= most)
    }

    /// A whole number within bounds.
    pub(super) fn number(&mut self, name: &str, least: u64, most: u64) -> Option<u64> {
        let Raw { text, kind: Kind::Number, .. } = self.take(name)? else { return None };
        let number = text.parse::<u64>().ok()?;
        (least..=most).contains(&number).then_some(number)
    }

    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        let Kind::Bool(value) = self.take(name)?.kind else { return None };
        Some(value)
    }

    /// A list of texts, each of at most this many bytes.
    pub(super) fn texts(&mut self, name: &str, most: usize) -> Option<Vec<String>> {
        let list = self.take(name)?;
        let mut texts = Vec::new();
        let mut all_good = true;
        Reader::again(list)
            .array(|reader| {
                let text = text(reader.value()?).filter(|text| text.len() <= most);
                all_good &= text.is_some() && texts.len() < MOST;
                texts.extend(text.filter(|_| all_good));
                Ok(())
            })
            .ok()?;
        all_good.then_some(texts)
    }
}

fn text(value: Raw<'_>) -> Option<String> {
    let Kind::String(text) = value.kind else { return None };
    Some(text.decode().into_owned())
}
