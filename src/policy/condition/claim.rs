//! Claims of a verified token.
//!
//! One host hands a claim over with its type, another as bytes without one. What has
//! no type is read as the type that the policy's operator speaks of.

use super::{Facts, Literal, Number, Path, Root, Step, Test, Truth, Why, Work};

/// The claims, by the path of keys and indexes to each.
pub trait Claims {
    /// The claim at the end of a path. The empty path leads to the token.
    fn claim(&self, path: &[&str]) -> Claim;

    /// Whether a claim that is a list is handed over as [`Claim::List`].
    fn has_lists(&self) -> bool {
        false
    }

    /// The most bytes that are read to find a claim.
    fn size(&self) -> usize {
        0
    }
}

/// No claims: there is no token.
#[derive(Clone, Copy, Debug)]
pub struct NoClaims;

impl Claims for NoClaims {
    fn claim(&self, _: &[&str]) -> Claim {
        Claim::Absent
    }
}

/// A claim of a token.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// There is no such claim, or it is null.
    Absent,
    /// A value whose type the host does not tell.
    Untyped(Untyped),
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// `true` or `false`
    Bool(bool),
    /// A list, whole. A host that has its elements by longer paths alone hands over
    /// [`Claim::Opaque`].
    List(Vec<Claim>),
    /// An object, or a list that is not handed over whole.
    Opaque,
    /// A value that the host cannot read, and perhaps none: it does not tell a null
    /// from an object with a null in it.
    Unreadable,
}

/// A value whose type is not known, read as each type; `None` where it is not of that
/// type. Some values are of several: a text of eight characters may be a number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Untyped {
    /// The value as a text.
    pub text: Option<String>,
    /// The value as a number.
    pub number: Option<f64>,
    /// The value as a boolean.
    pub boolean: Option<bool>,
    /// Whether it may be a list without elements.
    pub is_empty_list: bool,
}

/// The most elements of a list of claims that are looked at.
pub(super) const MAX_ELEMENTS: usize = 256;

/// The answer where a claim is not of the type that is asked for.
const UNDECIDABLE: Truth = Truth::Undecidable(Why::Claim);

impl Claim {
    /// The text, if the claim is one or is read as one.
    pub fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            // Control characters show bytes that are not text: a boolean, a number,
            // or a whole list or object.
            Self::Untyped(value) => value.text.filter(|text| !text.chars().any(char::is_control)),
            _ => None,
        }
    }

    const fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Untyped(value) => value.number,
            _ => None,
        }
    }

    const fn boolean(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Untyped(value) => value.boolean,
            _ => None,
        }
    }

    /// Whether an element of a list is this word.
    fn is_word(&self, word: &str) -> bool {
        match self {
            Self::Text(text) => text == word,
            Self::Untyped(value) => value.text.as_deref() == Some(word),
            _ => false,
        }
    }
}

/// The answer of a test about the claim at the end of `steps`.
pub(super) fn test(test: &Test, steps: &[Step], facts: &Facts<'_>) -> Truth {
    let names: Vec<_> = steps.iter().map(Step::name).collect();
    let path: Vec<&str> = names.iter().map(|name| &**name).collect();
    if !facts.work.reading(facts.claims.size()) {
        return Truth::Undecidable(Why::Work);
    }
    if let Test::Contains(Literal::String(word)) = test {
        return contains(word, &path, facts.claims);
    }
    match facts.claims.claim(&path) {
        Claim::Absent => test.of_absent(),
        Claim::Unreadable => UNDECIDABLE,
        claim => of_claim(test, claim, facts.work),
    }
}

/// Whether a path leads to a list that a host has by its elements alone.
pub(super) fn is_list(path: &Path, facts: &Facts<'_>) -> bool {
    if path.root != Root::Claims || facts.claims.has_lists() {
        return false;
    }
    let names: Vec<_> = path.steps.iter().map(Step::name).collect();
    let mut names: Vec<&str> = names.iter().map(|name| &**name).collect();
    names.push("0");
    facts.claims.claim(&names) != Claim::Absent
}

fn of_claim(test: &Test, claim: Claim, work: &Work) -> Truth {
    let value = match test {
        Test::Exists(expected) => return Truth::decided(*expected),
        Test::Eq(value) | Test::Neq(value) => Some(value),
        Test::In(values) | Test::NotIn(values) => values.first(),
        Test::Order(..) => return claim.number().map_or(UNDECIDABLE, |found| number(test, found)),
        _ => None,
    };
    match value {
        Some(Literal::Number(_)) => claim.number().map_or(UNDECIDABLE, |found| number(test, found)),
        Some(Literal::Bool(_)) => claim.boolean().map_or(UNDECIDABLE, |found| boolean(test, found)),
        _ => claim.into_text().map_or(UNDECIDABLE, |text| test.of_text(&text, work)),
    }
}

/// The answer of a test about a number that is a double.
pub(super) fn number(test: &Test, found: f64) -> Truth {
    let equals = |value: &Literal| match value {
        Literal::Number(other) => match other.test_double(found, core::cmp::Ordering::is_eq) {
            Truth::False if other.is_rounded() => Truth::Undecidable(Why::Fraction),
            truth => truth,
        },
        _ => UNDECIDABLE,
    };
    decide(test, &equals, &|order, limit| limit.test_double(found, |found| order.holds(found)))
}

fn boolean(test: &Test, found: bool) -> Truth {
    let equals = |value: &Literal| match value {
        Literal::Bool(value) => Truth::decided(*value == found),
        _ => UNDECIDABLE,
    };
    decide(test, &equals, &|_, _| UNDECIDABLE)
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
        _ => UNDECIDABLE,
    }
}

/// Membership in a list of texts, never a part of a text. Where the list is not
/// handed over whole, it is asked for by its elements.
fn contains(word: &str, path: &[&str], claims: &dyn Claims) -> Truth {
    if claims.has_lists() {
        return in_whole(word, &claims.claim(path));
    }
    let element = |index: usize| claims.claim(&[path, &[&index.to_string()]].concat());
    let mut seen = false;
    for index in 0..MAX_ELEMENTS {
        match element(index) {
            Claim::Opaque | Claim::Unreadable => return UNDECIDABLE,
            // A null among them may end the list for the host alone.
            Claim::Absent if seen => {
                return match element(index.saturating_add(1)) {
                    Claim::Absent => Truth::False,
                    _ => UNDECIDABLE,
                };
            }
            Claim::Absent => return in_whole(word, &claims.claim(path)),
            claim if claim.is_word(word) => return Truth::True,
            _ => seen = true,
        }
    }
    UNDECIDABLE
}

/// The same of a claim that has no element of its own path.
fn in_whole(word: &str, claim: &Claim) -> Truth {
    match claim {
        Claim::Absent => Truth::False,
        Claim::Untyped(value) if value.is_empty_list => Truth::False,
        Claim::List(elements) => {
            let deciding = |element: &&Claim| element.is_word(word) || **element == Claim::Opaque;
            match elements.iter().take(MAX_ELEMENTS).find(deciding) {
                Some(Claim::Opaque) => UNDECIDABLE,
                None if elements.len() >= MAX_ELEMENTS => UNDECIDABLE,
                found => Truth::decided(found.is_some()),
            }
        }
        _ => UNDECIDABLE,
    }
}
