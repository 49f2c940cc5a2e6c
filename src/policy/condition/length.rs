//! The lengths of texts and lists.
//!
//! A text is as long as it has Unicode scalar values. Programs in JavaScript and Java
//! count UTF-16 units instead, of which a character like 😀 has two, so a text that they
//! would put on the other side of the bound cannot be decided.

use super::{Order, Truth, Why, Work};
use crate::meter;
use crate::wire::json::{Raw, Reader};

/// Whether a text is as long as a test asks for.
pub(super) fn of_text(text: &str, order: Order, bound: u64, work: &Work) -> Truth {
    if !work.searching(text.len()) {
        return Truth::Undecidable(Why::Work);
    }
    meter::steps(text.len());
    let (mut scalars, mut units) = (0_usize, 0_usize);
    for c in text.chars() {
        scalars = scalars.saturating_add(1);
        units = units.saturating_add(c.len_utf16());
    }
    let [by_scalars, by_units] = [scalars, units].map(|length| holds(length, order, bound));
    if by_scalars == by_units { Truth::decided(by_scalars) } else { Truth::Undecidable(Why::Units) }
}

/// Whether a list has as many elements as a test asks for.
pub(super) fn of_list(list: &Raw<'_>, order: Order, bound: u64, work: &Work) -> Truth {
    if !work.reading(list.text.len()) {
        return Truth::Undecidable(Why::Work);
    }
    let mut elements = 0_usize;
    let read = Reader::again(*list).array(|reader| {
        elements = elements.saturating_add(1);
        reader.value().map(drop)
    });
    if read.is_err() { Truth::False } else { Truth::decided(holds(elements, order, bound)) }
}

fn holds(length: usize, order: Order, bound: u64) -> bool {
    u64::try_from(length).is_ok_and(|length| order.holds(length.cmp(&bound)))
}
