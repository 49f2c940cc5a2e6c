//! Faults of a text that is not in the notation, with their places and remedies.

use super::FLAGS;
use core::fmt;
use serde::de::IgnoredAny;

/// A text that is not in the notation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotationError {
    /// The byte of the text at which the fault is.
    pub at: usize,
    /// The fault.
    pub kind: NotationErrorKind,
}

/// The faults of a text that is not in the notation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotationErrorKind {
    /// A cell that is not a request.
    Call(String),
    /// Arguments that are not JSON, by what they are of, with the reason.
    Arguments(String, String),
    /// A word behind arguments that is not known there.
    Behind(String),
    /// A time of day in another form.
    Time(String),
    /// A word in parentheses that is not known.
    With(String),
    /// A claim without its value.
    Claim,
    /// A claim whose value is not JSON, with the remedy.
    ClaimValue(String),
    /// A response flag that is not known.
    Flag(String),
    /// A column that is missing, by its name.
    Column(&'static str),
    /// A number of times that is not one.
    Times(String),
    /// An outcome that is not a word of the reference.
    Outcome(String),
    /// A fact about an answer that none has.
    Fact(String),
}

impl fmt::Display for NotationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use NotationErrorKind as Kind;
        match &self.kind {
            Kind::Call(cell) => write!(
                f,
                "`{cell}` is not a call; write `TOOL`, `TOOL {{\"argument\": 1}}`, \
                 `POST PATH METHOD` or `GET PATH`"
            ),
            Kind::Arguments(name, why) => write!(
                f,
                "the arguments of {name} are not JSON: {why}; write a call as \
                 `{name} {{\"name\": 1}}`"
            ),
            Kind::Behind(words) => write!(
                f,
                "`{words}` is not known behind arguments; expected `(NAME: VALUE)`, or `, N times` \
                 in a table"
            ),
            Kind::Time(time) => write!(f, "`{time}` is not a time; write HH:MM:SS"),
            Kind::With(word) => write!(
                f,
                "`{word}` is not known; expected `NAME: VALUE`, `claim PATH = JSON`, \
                 `certificate URI`, `ends FLAG` or `no Accept`"
            ),
            Kind::Claim => f.write_str("a claim is written `claim PATH = JSON`"),
            Kind::ClaimValue(why) => write!(f, "the value of a claim is JSON: {why}"),
            Kind::Flag(flag) => {
                let known: Vec<&str> = FLAGS.iter().map(|(name, _)| *name).collect();
                write!(f, "`{flag}` is not known; expected one of {}", known.join(", "))
            }
            Kind::Column(name) => {
                write!(f, "no {name}; columns are set apart by two spaces or more")
            }
            Kind::Times(number) => write!(f, "`{number}` is not a number of times from 1"),
            Kind::Outcome(word) => write!(
                f,
                "`{word}` is not an outcome; expected `allowed`, `shadow`, `served` or a reason \
                 of a refusal, such as `default_deny`"
            ),
            Kind::Fact(column) => write!(
                f,
                "`{column}` is not known; expected a rule, a reason, `HTTP N`, `NAME: VALUE`, \
                 `again in N s` or a part of the message in double quotes"
            ),
        }
    }
}

impl core::error::Error for NotationError {}

/// The place of a part in the text that it is a part of.
pub(in crate::simulate) fn place(text: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(text.as_ptr().addr())
}

/// A fault at a part of a text.
pub(in crate::simulate) fn fault<T>(
    text: &str,
    part: &str,
    kind: NotationErrorKind,
) -> Result<T, NotationError> {
    Err(NotationError { at: place(text, part), kind })
}

/// Refuses arguments that are not JSON: a body with them would be a slip of the writer, and
/// tell nothing of clients. What the filter alone refuses, as a key given twice, is JSON.
pub(super) fn check_arguments(cell: &str, of: &str, text: &str) -> Result<(), NotationError> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    if let Some(Err(why)) = values.next() {
        let kind = NotationErrorKind::Arguments(of.into(), without_place(&why));
        let at = place(cell, text).saturating_add(place_of(&why, text));
        return Err(NotationError { at, kind });
    }
    match text.get(values.byte_offset()..).unwrap_or_default().trim_start() {
        "" => Ok(()),
        rest => fault(cell, rest, NotationErrorKind::Behind(rest.into())),
    }
}

/// The fault of a claim whose value is not JSON. A word is one that lacks its quotes.
pub(super) fn of_claim(
    words: &str,
    path: &str,
    value: &str,
    why: &serde_json::Error,
) -> NotationError {
    let remedy = match value.starts_with(['"', '{', '[']) {
        true => without_place(why),
        false => format!("write `claim {path} = {}`", serde_json::Value::from(value)),
    };
    NotationError { at: place(words, value), kind: NotationErrorKind::ClaimValue(remedy) }
}

/// The words of an error of JSON, whose place is told apart.
fn without_place(why: &serde_json::Error) -> String {
    let words = why.to_string();
    words.split(" at line ").next().unwrap_or_default().to_owned()
}

/// The byte of a text at which an error of JSON is.
fn place_of(why: &serde_json::Error, text: &str) -> usize {
    if why.is_eof() {
        return text.len();
    }
    let above = text.split_inclusive('\n').take(why.line().saturating_sub(1));
    let above = above.fold(0, |sum: usize, line| sum.saturating_add(line.len()));
    let at = above.saturating_add(why.column().saturating_sub(1)).min(text.len());
    // Behind a wrong escape, the column may be in the middle of a character.
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}
