//! Claims of a verified token. Envoy hands them over as bytes without a type,
//! so each is read as the type that the policy's operator speaks of.

use super::{Facts, Literal, Number, Step, Test, Truth, Why, Work};
use core::str;

/// The claims, by the path of keys and indexes to each.
pub trait Claims {
    /// The bytes of a claim: a string as UTF-8, a number as an 8-byte
    /// little-endian double, a boolean as one byte. `None` where there is no
    /// such claim.
    ///
    /// # Errors
    /// The claim is there, but not a single value.
    fn claim(&self, path: &[&str]) -> Result<Option<Vec<u8>>, NotScalar>;
}

/// A claim that is a list or an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotScalar;

/// The most elements of a list of claims that are looked at.
const MAX_ELEMENTS: usize = 256;

/// The answer of a test about the claim at the end of `steps`.
pub(super) fn test(test: &Test, steps: &[Step], facts: &Facts<'_>) -> Truth {
    let claims = facts.claims;
    let names: Vec<_> = steps.iter().map(Step::name).collect();
    let path: Vec<&str> = names.iter().map(|name| &**name).collect();
    if let Test::Contains(Literal::String(word)) = test {
        return contains(word, &path, claims);
    }
    match claims.claim(&path) {
        Ok(None) => test.of_absent(),
        Ok(Some(bytes)) => of_bytes(test, &bytes, facts.work),
        Err(NotScalar) => match test {
            Test::Exists(expected) => Truth::decided(*expected),
            _ => Truth::Undecidable(Why::Claim),
        },
    }
}

fn of_bytes(test: &Test, bytes: &[u8], work: &Work) -> Truth {
    let typed = match test {
        Test::Exists(expected) => return Truth::decided(*expected),
        Test::Eq(value) | Test::Neq(value) => Some(value),
        Test::In(values) | Test::NotIn(values) => values.first(),
        Test::Order(..) => return number(test, bytes),
        _ => return text(test, bytes, work),
    };
    match typed {
        Some(Literal::Number(_)) => number(test, bytes),
        Some(Literal::Bool(_)) => boolean(test, bytes),
        _ => text(test, bytes, work),
    }
}

fn text(test: &Test, bytes: &[u8], work: &Work) -> Truth {
    // Control characters show bytes that are not text: a boolean, a number, or
    // a whole list or object.
    match str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => test.of_text(text, work),
        _ => Truth::Undecidable(Why::Claim),
    }
}

fn number(test: &Test, bytes: &[u8]) -> Truth {
    let Some(double) = <[u8; 8]>::try_from(bytes).ok().map(f64::from_le_bytes) else {
        return Truth::Undecidable(Why::Claim);
    };
    let equals = |value: &Literal| match value {
        Literal::Number(other) => other.test_double(double, core::cmp::Ordering::is_eq),
        _ => Truth::Undecidable(Why::Claim),
    };
    decide(test, &equals, &|order, limit| limit.test_double(double, |found| order.holds(found)))
}

fn boolean(test: &Test, bytes: &[u8]) -> Truth {
    let [byte @ (0 | 1)] = bytes else { return Truth::Undecidable(Why::Claim) };
    let equals = |value: &Literal| match value {
        Literal::Bool(value) => Truth::decided(*value == (*byte == 1)),
        _ => Truth::Undecidable(Why::Claim),
    };
    decide(test, &equals, &|_, _| Truth::Undecidable(Why::Claim))
}

fn decide(
    test: &Test,
    equals: &dyn Fn(&Literal) -> Truth,
    ordered: &dyn Fn(super::Order, &Number) -> Truth,
) -> Truth {
    let among = |values: &[Literal]| values.iter().map(equals).fold(Truth::False, Truth::or);
    match test {
        Test::Eq(value) => equals(value),
        Test::Neq(value) => equals(value).not(),
        Test::In(values) => among(values),
        Test::NotIn(values) => among(values).not(),
        Test::Order(order, limit) => ordered(*order, limit),
        _ => Truth::Undecidable(Why::Claim),
    }
}

/// Membership in a list of strings, never a part of a string.
fn contains(word: &str, path: &[&str], claims: &dyn Claims) -> Truth {
    let mut seen = false;
    for index in 0..MAX_ELEMENTS {
        let index = index.to_string();
        let element = [path, &[&index]].concat();
        match claims.claim(&element) {
            Ok(Some(bytes)) if bytes == word.as_bytes() => return Truth::True,
            Ok(Some(_)) => seen = true,
            // A null among them may end the list for Envoy alone.
            Ok(None) if seen => {
                let next = index.parse().unwrap_or(MAX_ELEMENTS).saturating_add(1).to_string();
                return match claims.claim(&[path, &[&next]].concat()) {
                    Ok(None) => Truth::False,
                    _ => Truth::Undecidable(Why::Claim),
                };
            }
            Ok(None) => {
                // Nothing in it: no such claim, or not a list.
                return match claims.claim(path) {
                    Ok(None) => Truth::False,
                    // The number of its elements, as the host writes a list.
                    Ok(Some(bytes)) if *bytes == [0; 4] => Truth::False,
                    Ok(Some(_)) | Err(NotScalar) => Truth::Undecidable(Why::Claim),
                };
            }
            Err(NotScalar) => return Truth::Undecidable(Why::Claim),
        }
    }
    Truth::Undecidable(Why::Claim)
}
