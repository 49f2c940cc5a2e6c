//! The record of a decision: one JSON object on one line. It names the request and
//! the rule that decided, and never a credential. Of arguments it holds values only
//! where the policy has `record`.

mod time;

#[cfg(any(test, not(target_os = "wasi")))]
pub(crate) use time::rfc3339;

use crate::exchange::approvals::{ApprovalRecord, Attempt, DecisionRecord};
use crate::exchange::head::Trace;
use crate::exchange::record::{Counted, Left, Names, Record};
use crate::limits::window::{Nanos, ONE_CALL};
use crate::policy::{Policy, Values, fingerprint_of};
use crate::text::disturbs;
use crate::wire::mcp::OfferKind;
use core::fmt::Write;
use std::borrow::Cow;

/// The text before the value of a member that is not the first. All names are in this
/// file, and each is copied in one piece.
macro_rules! member {
    ($name:literal) => {
        concat!(",\"", $name, "\":")
    };
}

/// The beginning of every record in Envoy's log.
pub const PREFIX: &str = "mcp-policy-audit ";

/// Writes a record as JSON, behind what `text` has.
pub fn write(
    text: &mut String,
    policy: &Policy,
    record: &Record<'_>,
    trace: &Trace,
    now: Option<Nanos>,
) {
    let Record {
        decision,
        reason,
        rule,
        message,
        method,
        tool,
        offer,
        caller_id,
        arguments,
        arguments_hmac,
        values,
        limits,
        approval,
        shadow,
    } = record;
    let mut object = Object::begin(text, decision.as_str());
    let session = trace.session.as_ref().map(fingerprint_of);
    let request_id = trace.request_id.as_deref().map(shown);
    // A URI may hold what a caller looks for.
    let prompt = offer.as_ref().filter(|offer| offer.kind == OfferKind::Prompt);
    object.texts(&[
        (member!("reason"), reason.map(|reason| reason.as_str())),
        (member!("rule"), Some(rule)),
        (member!("message"), message.as_deref()),
        (member!("method"), method.as_deref()),
        (member!("tool"), tool.as_deref()),
        (member!("prompt"), prompt.map(|prompt| &*prompt.name)),
        (member!("grant"), *caller_id),
        (member!("session"), session.as_deref()),
        (member!("request_id"), request_id.as_deref()),
    ]);
    object.time(now);
    if let Some(arguments) = arguments {
        object.names(arguments);
    }
    if let Some(values) = values {
        object.values(values);
    }
    if let Some(hmac) = arguments_hmac {
        object.own(member!("arguments_hmac"), hmac);
    }
    if !limits.is_empty() {
        object.limits(limits);
    }
    if let Some(ApprovalRecord { id, stage, by }) = approval.as_deref() {
        object.0.push_str(member!("approval"));
        object.0.extend(["{\"id\":\"", &id.to_string(), "\",\"state\":\"", stage.as_str(), "\""]);
        object.0.push_str(",\"by\":");
        object.strings(by);
        object.0.push('}');
    }
    if !shadow.is_empty() {
        object.0.push_str(member!("shadow"));
        object.list(shadow, |object, (rule, reason)| {
            object.0.push_str("{\"rule\":");
            object.string(rule);
            object.0.extend([",\"reason\":\"", reason.as_str(), "\"}"]);
        });
    }
    object.end(policy);
}

/// Writes the record of a person's decision, or of an attempt at one, as [`write`]
/// does.
pub fn write_decision(
    text: &mut String,
    policy: &Policy,
    decision: &DecisionRecord,
    trace: &Trace,
    now: Option<Nanos>,
) {
    let DecisionRecord { attempt, id, digest, by, tool, caller_id, rule, reason } = decision;
    let (decision, refused) = match attempt {
        Attempt::Approved => ("approved", None),
        Attempt::Denied => ("denied", None),
        Attempt::Refused(why) => ("refused", Some(why)),
    };
    let mut object = Object::begin(text, decision);
    if let Some(why) = refused {
        object.own(member!("refused"), why);
    }
    if let Some(id) = id {
        let digest = digest.as_ref().map(fingerprint_of).unwrap_or_default();
        object.0.push_str(member!("approval"));
        object.0.extend(["{\"id\":\"", &id.to_string(), "\",\"digest\":\"", &digest, "\"}"]);
    }
    let request_id = trace.request_id.as_deref().map(shown);
    object.texts(&[
        (member!("by"), Some(by)),
        (member!("tool"), tool.as_deref()),
        (member!("grant"), caller_id.as_deref()),
        (member!("rule"), rule.as_deref()),
        (member!("reason"), reason.as_deref()),
        (member!("request_id"), request_id.as_deref()),
    ]);
    object.time(now);
    object.end(policy);
}

/// A text, or what can be shown of bytes that are none.
fn shown(bytes: &[u8]) -> Cow<'_, str> {
    // Envoy's own ids are texts, of which the search for faults is slower.
    core::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// A JSON object as far as it is written, without its last brace. `member!` makes the
/// names of its members.
struct Object<'t>(&'t mut String);

impl<'t> Object<'t> {
    /// Begins with the member that all records have.
    fn begin(text: &'t mut String, decision: &str) -> Self {
        text.push_str("{\"decision\":");
        let mut object = Self(text);
        object.quoted(decision);
        object
    }

    /// Writes the last member, which both kinds of records have, and the end.
    fn end(mut self, policy: &Policy) {
        self.own(member!("policy"), &policy.fingerprint);
        self.0.push('}');
    }

    /// Writes a text of this crate's own, in which nothing needs an escape.
    fn own(&mut self, member: &str, value: &str) {
        self.0.push_str(member);
        self.quoted(value);
    }

    /// Writes a string in which nothing needs an escape.
    fn quoted(&mut self, value: &str) {
        self.0.reserve(value.len().saturating_add(2));
        self.0.push('"');
        self.0.push_str(value);
        self.0.push('"');
    }

    /// Writes the texts that are there.
    fn texts(&mut self, texts: &[(&str, Option<&str>)]) {
        for (member, value) in texts {
            if let Some(value) = value {
                self.0.push_str(member);
                self.string(value);
            }
        }
    }

    fn time(&mut self, now: Option<Nanos>) {
        if let Some(now) = now {
            self.0.push_str(concat!(member!("time"), "\""));
            time::rfc3339(self.0, now);
            self.0.push('"');
        }
    }

    /// Writes a string. Control characters are escaped, those beyond ASCII too, and
    /// characters that break or turn lines: a line of a log must stay one line, and
    /// not control the terminal that shows it.
    fn string(&mut self, value: &str) {
        // Nearly every text in a record is of this kind, and is copied whole.
        if is_plain(value.as_bytes()) {
            return self.quoted(value);
        }
        self.0.push('"');
        value.chars().for_each(|c| self.character(c));
        self.0.push('"');
    }

    fn character(&mut self, c: char) {
        match c {
            '"' | '\\' => self.0.extend(['\\', c]),
            c if disturbs(c) => {
                // Writing to a string cannot fail.
                let _ = write!(self.0, "\\u{:04x}", u32::from(c));
            }
            c => self.0.push(c),
        }
    }

    fn strings<T: AsRef<str>>(&mut self, values: &[T]) {
        self.list(values, |object, value| object.string(value.as_ref()));
    }

    fn names(&mut self, names: &Names<'_>) {
        self.0.push_str(member!("arguments"));
        self.strings(&names.shown);
        if names.more > 0 {
            self.0.push_str(member!("more_arguments"));
            let _ = write!(self.0, "{}", names.more);
        }
    }

    fn values(&mut self, values: &Values<'_>) {
        self.0.push_str(member!("values"));
        for (index, (path, value)) in values.0.iter().enumerate() {
            self.0.push(if index == 0 { '{' } else { ',' });
            self.string(path);
            self.0.push(':');
            match value {
                Some(value) => self.string(value),
                None => self.0.push_str("null"),
            }
        }
        self.0.push('}');
    }

    fn limits(&mut self, limits: &[Left<'_>]) {
        self.0.push_str(member!("limits"));
        self.list(limits, |object, left| {
            object.0.push_str("{\"rule\":");
            object.string(left.rule);
            if let Some(millionths) = left.millionths {
                let (whole, part) = (millionths / ONE_CALL, millionths % ONE_CALL);
                object.0.push_str(",\"left\":");
                digits(object.0, whole, 1);
                if part > 0 {
                    object.0.push('.');
                    digits(object.0, part, 6);
                    let length = object.0.trim_end_matches('0').len();
                    object.0.truncate(length);
                }
            }
            object.0.push_str(match left.counted {
                Counted::Process => "",
                Counted::Replicas => ",\"across\":\"replicas\"",
                Counted::Nowhere => ",\"uncounted\":true",
            });
            object.0.push('}');
        });
    }

    fn list<T>(&mut self, elements: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.0.push('[');
        for (index, element) in elements.iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            write(self, element);
        }
        self.0.push(']');
    }
}

/// Whether a text is of visible ASCII and spaces that need no escape.
fn is_plain(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    let mut last = [b' '; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    words.iter().chain([&last]).fold(0, |odd, word| odd | odd_bytes(u64::from_le_bytes(*word))) == 0
}

/// Not zero if one of eight bytes is a control character, a quote, a backslash or beyond
/// ASCII. Subtracting from all of them at once sets the highest bit of one that was too
/// small; a borrow can do so too, but only where there is such a byte.
const fn odd_bytes(word: u64) -> u64 {
    const fn all(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    const fn zero(word: u64) -> u64 {
        word.wrapping_sub(all(1)) & !word
    }
    let control = (word.wrapping_sub(all(b' ')) & !word) | zero(word ^ all(0x7f));
    (control | zero(word ^ all(b'"')) | zero(word ^ all(b'\\')) | word) & all(0x80)
}

/// Writes a number with this many digits at least; `write!` takes ten times as long.
fn digits(text: &mut String, number: u64, least: usize) {
    const NINE_DIGITS: u64 = 1_000_000_000;
    // A u64 has 20.
    let mut all = [b'0'; 20];
    let mut rest = number;
    for end in [20, 11, 2] {
        fill(all.get_mut(..end).unwrap_or_default(), rest % NINE_DIGITS);
        rest /= NINE_DIGITS;
    }
    let zeros = all.iter().take_while(|digit| **digit == b'0').count();
    let first = zeros.min(all.len().saturating_sub(least));
    push(text, all.get(first..).unwrap_or_default());
}

/// Puts the digits of a number, of at most nine, into the last of these places, which are
/// zeros. WebAssembly divides 32 bits by a constant without a division, but not 64.
fn fill(places: &mut [u8], number: u64) {
    let mut number = u32::try_from(number).unwrap_or_default();
    for place in places.iter_mut().rev() {
        if number == 0 {
            return;
        }
        *place |= u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

/// Adds what is ASCII.
fn push(text: &mut String, ascii: &[u8]) {
    text.push_str(core::str::from_utf8(ascii).unwrap_or_default());
}

#[cfg(test)]
mod tests;
