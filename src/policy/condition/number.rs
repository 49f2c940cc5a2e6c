//! Numbers of a policy, compared with those of calls: exactly, and as most
//! servers read them, which is as doubles. Where the two differ, nothing is
//! decided.
//!
//! A double is made of a call's number only where the two could differ. Reading
//! one can take a hundred times as long as comparing decimals.

use super::{Order, Truth, Why, Work};
use crate::meter;
use crate::wire::json::{Decimal, DecimalBuf};
use core::cell::OnceCell;
use core::cmp::Ordering;

/// A number of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// As written.
    text: Box<str>,
    exact: DecimalBuf,
    double: f64,
    /// Whether it is one of the call, of which servers may make a whole one.
    is_of_call: bool,
}

/// A number of a call, read once for all that it is compared with.
pub(super) struct Given<'a> {
    text: &'a str,
    exact: Option<Decimal<'a>>,
    double: OnceCell<Option<f64>>,
}

impl<'a> Given<'a> {
    /// Reads a number that the reader let pass.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, exact: Decimal::parse(text), double: OnceCell::new() }
    }

    /// The nearest double; `None` without the work that it costs.
    fn double(&self, exact: Decimal<'_>, work: &Work) -> Option<f64> {
        *self.double.get_or_init(|| {
            let digits = exact.precision();
            work.double(digits).then(|| double(self.text, digits)).flatten()
        })
    }
}

/// The double nearest to a number of this many digits.
fn double(text: &str, digits: usize) -> Option<f64> {
    // Close to the middle between two doubles, more digits than a u64 holds take
    // long arithmetic.
    meter::steps(if digits > 19 { 15_000 } else { 50 });
    text.parse().ok()
}

/// Every whole number below is a double of its own.
const EXACT_DOUBLES: f64 = 9_007_199_254_740_992.0;

impl Number {
    /// Reads a number that the reader let pass.
    pub fn parse(text: &str) -> Option<Self> {
        let exact = Decimal::parse(text)?.into();
        Some(Self { text: text.into(), exact, double: text.parse().ok()?, is_of_call: false })
    }

    /// Reads a number of a call that another one is compared with.
    pub(super) fn of_call(text: &str) -> Option<Self> {
        Self::parse(text).map(|number| Self { is_of_call: true, ..number })
    }

    /// Whether some servers would make another number of it.
    pub(super) fn is_rounded(&self) -> bool {
        self.is_of_call && !self.exact.get().is_whole()
    }

    /// The number, if it is whole and not negative.
    pub(super) fn whole(&self) -> Option<u64> {
        self.exact.get().whole()
    }

    /// The number for people: a whole one without a fraction or an exponent,
    /// another as written.
    pub(super) fn shown(&self) -> String {
        self.whole().map_or_else(|| (&*self.text).into(), |whole| whole.to_string())
    }

    /// Asks `holds` about the order of a claim, which is a double, and this number. A
    /// double has no spelling, so it cannot be compared exactly as well.
    pub(super) fn test_double(&self, other: f64, holds: impl Fn(Ordering) -> bool) -> Truth {
        match other.partial_cmp(&self.double) {
            // From here on, several whole numbers are one double.
            Some(Ordering::Equal) if other.abs() >= EXACT_DOUBLES => {
                Truth::Undecidable(Why::Double)
            }
            Some(ordering) => Truth::decided(holds(ordering)),
            None => Truth::Undecidable(Why::Claim),
        }
    }

    /// Whether a call's number equals this one. One with a fraction that some
    /// servers would turn into this whole number cannot be decided.
    pub(super) fn equals(&self, other: &Given<'_>, work: &Work) -> Truth {
        let becomes = || other.exact.is_some_and(|other| other.can_become(self.exact.get()));
        match self.compare(other, work) {
            Err(why) => Truth::Undecidable(why),
            Ok((exact, double)) if exact.is_eq() != double.is_eq() => {
                Truth::Undecidable(Why::Double)
            }
            Ok((Ordering::Equal, _)) => Truth::True,
            Ok(_) if self.is_rounded() || becomes() => Truth::Undecidable(Why::Fraction),
            Ok(_) => Truth::False,
        }
    }

    /// Whether a call's number is on the side of this one that `order` names.
    pub(super) fn orders(&self, order: Order, other: &Given<'_>, work: &Work) -> Truth {
        match self.compare(other, work) {
            Err(why) => Truth::Undecidable(why),
            Ok((exact, double)) if order.holds(exact) != order.holds(double) => {
                Truth::Undecidable(Why::Double)
            }
            Ok((exact, _)) => Truth::decided(order.holds(exact)),
        }
    }

    /// The order of a call's number and this one: exactly, and as doubles.
    fn compare(&self, other: &Given<'_>, work: &Work) -> Result<(Ordering, Ordering), Why> {
        let number = other.exact.ok_or(Why::Double)?;
        let exact = number.cmp(&self.exact.get());
        if exact.is_eq() || !number.is_near(self.exact.get()) {
            return Ok((exact, exact));
        }
        let double = other.double(number, work).ok_or(Why::Work)?;
        Ok((exact, double.partial_cmp(&self.double).ok_or(Why::Double)?))
    }
}
