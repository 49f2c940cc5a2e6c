//! Values as the texts by which limits count, without their types: `1`, `1.0` and
//! `"1"` are one, since servers turn the one into the other.

use super::find::{Found, find_argument};
use super::{Claim, Elements, Facts, Line, Path, Root, Step, Truth, Untyped, Why};
use crate::wire::json::{Decimal, Kind, Raw};
use std::borrow::Cow;

/// The text of the single value that a path names; `literal` if no text of the
/// arguments is read as JSON.
///
/// # Errors
/// The value is missing, or not one that all readers take for the same.
pub fn text<'a>(path: &Path, literal: bool, facts: &Facts<'a>) -> Result<Cow<'a, str>, Why> {
    debug_assert!(!path.has_each());
    match path.root {
        Root::Args => argument(path, literal, facts),
        Root::Claims => {
            let names: Vec<_> = path.steps.iter().map(Step::name).collect();
            let names: Vec<&str> = names.iter().map(|name| &**name).collect();
            claim(facts.claims.claim(&names)).map(Cow::Owned)
        }
        Root::Headers => {
            let line = facts.headers.iter().find(|(name, _)| Some(&**name) == path.header());
            match line.map_or(&Line::Absent, |(_, line)| line) {
                Line::Absent => Err(Why::Absent),
                Line::Text(text) => Ok(text.into()),
                Line::Unclear => Err(Why::Header),
            }
        }
        Root::Grant => Ok(facts.caller_id.into()),
        Root::Tool => Ok(facts.tool.into()),
        // Not for a value to count by, nor to compare with.
        Root::Hour | Root::Weekday => Err(Why::Absent),
    }
}

fn argument<'a>(path: &Path, literal: bool, facts: &Facts<'a>) -> Result<Cow<'a, str>, Why> {
    let mut value = Err(Why::Absent);
    let Some(arguments) = facts.arguments else { return value };
    // A text deeper in the arguments is read as JSON by no server.
    let literal = literal || path.steps.len() > 1;
    find_argument(facts, arguments, &path.steps, Elements::Any, &mut |found| {
        value = match found {
            Found::Value(raw) => scalar(&raw, literal, facts),
            Found::Absent => Err(Why::Absent),
            Found::Unclear(why) => Err(why),
        };
        // Without `[*]` there is one answer, and nothing to join it with.
        Truth::decided(value.is_ok())
    });
    value
}

/// The text of one value.
///
/// # Errors
/// It is none that all readers take for the same.
pub(super) fn scalar<'a>(
    raw: &Raw<'a>,
    literal: bool,
    facts: &Facts<'a>,
) -> Result<Cow<'a, str>, Why> {
    match raw.kind {
        Kind::Null => Err(Why::Absent),
        Kind::Bool(value) => Ok(if value { "true" } else { "false" }.into()),
        Kind::Number => {
            let number = Decimal::parse(raw.text).ok_or(Why::Double)?;
            let why = if number.is_whole() { Why::Double } else { Why::Fraction };
            number.spelt_whole().map(Cow::Owned).ok_or(why)
        }
        Kind::String(text) => {
            if !facts.work.hashing(text.raw().len()) {
                return Err(Why::Work);
            }
            if !literal
                && let Truth::Undecidable(why) =
                    facts.texts.agree(raw.at, text, facts.work, Truth::True, |_| Truth::False)
            {
                return Err(why);
            }
            Ok(text.decode())
        }
        kind => Err(Why::Type(kind.name())),
    }
}

fn claim(claim: Claim) -> Result<String, Why> {
    match claim {
        Claim::Absent => Err(Why::Absent),
        Claim::Bool(value) | Claim::Untyped(Untyped { boolean: Some(value), .. }) => {
            Ok(value.to_string())
        }
        Claim::Number(number) => whole(number),
        Claim::Untyped(Untyped { number, .. }) => match (claim.into_text(), number) {
            (Some(text), _) => Ok(text),
            (None, Some(number)) => whole(number),
            (None, None) => Err(Why::Claim),
        },
        other => other.into_text().ok_or(Why::Claim),
    }
}

/// The spelling of a whole number, if it is one that every reader has exactly.
fn whole(number: f64) -> Result<String, Why> {
    if number.fract() != 0.0 || number.abs() >= 1e15 {
        return Err(Why::Claim);
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and below 1e15")]
    let whole = number as i64;
    Ok(whole.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn claims_are_texts_whatever_host_hands_them_over() {
        let untyped = |bytes: &[u8]| {
            let text = core::str::from_utf8(bytes).ok().map(str::to_owned);
            let number = bytes.try_into().ok().map(f64::from_le_bytes);
            let boolean = match bytes {
                [0] => Some(false),
                [1] => Some(true),
                _ => None,
            };
            Claim::Untyped(Untyped { text, number, boolean, is_empty_list: false })
        };
        for (one, other, expected) in [
            (Claim::Text("red".into()), untyped(b"red"), Ok("red")),
            (Claim::Number(-7.0), untyped(&(-7.0_f64).to_le_bytes()), Ok("-7")),
            (Claim::Number(-0.0), untyped(&0.0_f64.to_le_bytes()), Ok("0")),
            (Claim::Number(7.5), untyped(&7.5_f64.to_le_bytes()), Err(Why::Claim)),
            (Claim::Number(1e15), untyped(&f64::NAN.to_le_bytes()), Err(Why::Claim)),
            (Claim::Bool(true), untyped(&[1]), Ok("true")),
            (Claim::Opaque, untyped(b"\x0a\x03red"), Err(Why::Claim)),
            (Claim::List(Vec::new()), Claim::Unreadable, Err(Why::Claim)),
            (Claim::Absent, Claim::Absent, Err(Why::Absent)),
        ] {
            assert_eq!(claim(one).as_deref().map_err(|why| *why), expected);
            assert_eq!(claim(other).as_deref().map_err(|why| *why), expected);
        }
    }
}
