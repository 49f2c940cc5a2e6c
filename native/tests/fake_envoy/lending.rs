//! Bytes that are lent to the module. Each loan is an allocation of its own, so that a
//! use after its end is a use after a free, which tools see.

use crate::abi::{self, Bytes, Pair};

#[derive(Default)]
pub struct Lender {
    headers: Vec<Vec<u8>>,
    bodies: Vec<Vec<u8>>,
    state: Vec<Vec<u8>>,
}

/// Kinds of what is lent, by what ends them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Headers,
    Bodies,
    State,
}

impl Lender {
    fn of(&mut self, kind: Kind) -> &mut Vec<Vec<u8>> {
        match kind {
            Kind::Headers => &mut self.headers,
            Kind::Bodies => &mut self.bodies,
            Kind::State => &mut self.state,
        }
    }

    /// Lends bytes. What is empty is a null, as in Envoy.
    pub fn lend(&mut self, kind: Kind, bytes: &[u8]) -> Bytes {
        if bytes.is_empty() {
            return abi::NONE;
        }
        let copy = bytes.to_vec();
        let view = Bytes { data: copy.as_ptr(), size: copy.len() };
        self.of(kind).push(copy);
        view
    }

    pub fn lend_pair(&mut self, (name, value): &(Vec<u8>, Vec<u8>)) -> Pair {
        Pair { name: self.lend(Kind::Headers, name), value: self.lend(Kind::Headers, value) }
    }

    /// Ends the loans of a kind.
    pub fn end(&mut self, kind: Kind) {
        self.of(kind).clear();
    }

    /// Ends all loans: the hook is over.
    pub fn end_all(&mut self) {
        [Kind::Headers, Kind::Bodies, Kind::State].into_iter().for_each(|kind| self.end(kind));
    }
}
