//! The members of one object, remembered while it is read.

use super::raw::Raw;
use super::text::Text;

/// The most members that are remembered. Hardly a tool has more parameters, and each
/// body costs memory for those that it has.
const MOST: usize = 64;

/// An object's members, so that it need not be read again to find one.
#[derive(Debug, Default)]
pub struct Members<'a> {
    first: Vec<(Text<'a>, Raw<'a>)>,
    count: usize,
}

impl<'a> Members<'a> {
    pub(crate) fn push(&mut self, key: Text<'a>, value: Raw<'a>) {
        if self.first.len() < MOST {
            self.first.push((key, value));
        }
        self.count = self.count.saturating_add(1);
    }

    /// All of them, where they are few enough to be remembered.
    pub fn all(&self) -> Option<&[(Text<'a>, Raw<'a>)]> {
        (self.count == self.first.len()).then_some(&*self.first)
    }

    /// The first ones, in the order of the text.
    pub fn first(&self) -> &[(Text<'a>, Raw<'a>)] {
        &self.first
    }

    /// The number of members.
    pub const fn count(&self) -> usize {
        self.count
    }
}
