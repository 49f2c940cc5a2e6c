//! Error messages for the author of an invalid policy.
//!
//! The law of these messages: `path: message`, the path as a JSON pointer into
//! the document; lower case, no full stop, one line, the author's own text in
//! backticks, and where it helps, what to write instead.

use crate::text::disturbs;
use core::fmt;
use std::borrow::Cow;

/// The most errors that are listed; more are counted.
const MAX_LISTED: usize = 20;
/// The most characters of an author's text that are shown.
const MAX_QUOTED: usize = 60;

/// One error in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// A JSON pointer (RFC 6901), or a line and column where there is no JSON.
    pub path: String,
    /// The error, and the remedy.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str("(top level)")?;
        }
        write!(f, "{}: {}", pointer(&self.path), self.message)
    }
}

/// All errors in a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    listed: Vec<ConfigError>,
    unlisted: usize,
}

impl Errors {
    /// A single error.
    pub fn one(path: impl Into<String>, message: impl Into<String>) -> Self {
        let mut errors = Self::default();
        errors.push(path, message);
        errors
    }

    /// Notes an error.
    pub fn push(&mut self, path: impl Into<String>, message: impl Into<String>) {
        if self.listed.len() < MAX_LISTED {
            self.listed.push(ConfigError { path: path.into(), message: message.into() });
        } else {
            self.unlisted = self.unlisted.saturating_add(1);
        }
    }

    /// Adds further errors.
    pub fn extend(&mut self, others: Self) {
        for ConfigError { path, message } in others.listed {
            self.push(path, message);
        }
        self.unlisted = self.unlisted.saturating_add(others.unlisted);
    }

    /// Whether there are no errors.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// The lines to show, in the order of the document.
    pub fn lines(&self) -> impl Iterator<Item = Cow<'static, str>> + '_ {
        let more = (self.unlisted > 0).then(|| format!("and {} more", self.unlisted).into());
        self.listed.iter().map(|error| error.to_string().into()).chain(more)
    }
}

/// A pointer on one line: a key may be any text.
pub(crate) fn pointer(path: &str) -> String {
    path.split('/').map(shorten).collect::<Vec<_>>().join("/")
}

/// The author's text, in backticks, on one line and not too long.
pub(crate) fn quote(text: &str) -> String {
    format!("`{}`", shorten(text))
}

/// A text on one line, as it reads, and not too long.
pub(crate) fn shorten(text: &str) -> String {
    let mut short = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == MAX_QUOTED {
            short.push('…');
            break;
        }
        if disturbs(c) {
            short.extend(c.escape_default());
        } else {
            short.push(c);
        }
    }
    short
}

/// Words as a choice: "`a`, `b` or `c`".
pub(super) fn choices<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(quote).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// The word that was probably meant, if one is near.
pub(super) fn nearest<'a>(text: &str, words: &[&'a str]) -> Option<&'a str> {
    let allowed = if text.chars().count() < 5 { 1 } else { 2 };
    words
        .iter()
        .map(|word| (distance(text, word), *word))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Edits (a character put in, left out, replaced, or two swapped) from one
/// word to another, in whatever case.
fn distance(a: &str, b: &str) -> usize {
    let fold = |text: &str| text.chars().map(|c| c.to_ascii_lowercase()).collect::<Vec<char>>();
    let (a, b) = (fold(a), fold(b));
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut last = None;
    for (i, &left) in a.iter().enumerate() {
        let mut next = vec![i.saturating_add(1)];
        for (j, &right) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX);
            let replace = at(&row, j).saturating_add(usize::from(left != right));
            let shorter = at(&row, j.saturating_add(1)).saturating_add(1);
            let longer = at(&next, j).saturating_add(1);
            let mut best = replace.min(shorter).min(longer);
            let earlier = j.checked_sub(1);
            if last == Some(right) && earlier.and_then(|j| b.get(j)) == Some(&left) {
                best = best.min(at(&before, earlier.unwrap_or_default()).saturating_add(1));
            }
            next.push(best);
        }
        before = core::mem::replace(&mut row, next);
        last = Some(left);
    }
    row.last().copied().unwrap_or_default()
}
