//! What stands for Envoy: it keeps what it is told to wait with, and puts in its
//! place what it is told to.

use mcp_policy_filter::exchange::listing::{Body, Head, Listing};
use mcp_policy_filter::exchange::record::Asked;
use mcp_policy_filter::policy::{Caller, Policy};

/// How the host says that a body is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With its last piece.
    Last,
    /// With a piece of no bytes.
    Empty,
    Trailers,
}

/// As what a response was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// As nothing that can be a list.
    Passed,
    /// As one that is to be read whole.
    Whole,
    Stream,
    /// As one that can not be read, by its head.
    Replaced,
}

/// What a client got.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) fate: Fate,
    pub(super) out: Vec<u8>,
}

pub(super) struct Response<'a> {
    headers: Vec<(&'static str, &'static str)>,
    asked: Asked,
    pub(super) body: &'a [u8],
}

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

impl<'a> Response<'a> {
    pub(super) fn new([_, choice, ..]: [u8; super::HEAD], body: &'a [u8]) -> Self {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let asked = match choice >> 4 & 3 {
            0 => Asked { ids: ids(&["7"]), batch: false },
            1 => Asked { ids: ids(&["1", r#""b""#]), batch: true },
            2 => Asked { ids: ids(&[r#""a\u0062""#]), batch: true },
            _ => Asked { ids: ids(&[]), batch: choice & 64 != 0 },
        };
        let (status, kind, encoding) = match choice & 15 {
            0..=5 => ("200", EVENTS, ""),
            6 => ("404", "Text/Event-Stream; charset=utf-8", "identity"),
            7..=11 => ("200", JSON, ""),
            12 => ("404", "application/json; charset=utf-8", "identity"),
            13 => ("201", "", ""),
            14 => ("200", EVENTS, "gzip"),
            _ => ("200", "application/json; charset=utf-7", ""),
        };
        let mut headers =
            vec![(":status", status), ("content-type", kind), ("content-encoding", encoding)];
        headers.retain(|(_, value)| !value.is_empty());
        Self { headers, asked, body }
    }

    pub(super) fn longest_id(&self) -> usize {
        self.asked.ids.iter().map(String::len).max().unwrap_or(4)
    }

    /// What becomes of it in pieces of these sizes, one after the other and
    /// again from the first.
    pub(super) fn pass(&self, policy: &Policy, sizes: &[usize], end: End) -> Outcome {
        let mut listing = Listing::of(policy, &Caller::anonymous()).expect("something is hidden");
        listing.expect(self.asked.clone());
        let headers = self.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let fate = match listing.headers(policy, headers, false) {
            Head::Pass => Fate::Passed,
            Head::Hold => Fate::Whole,
            Head::Stream => Fate::Stream,
            Head::Replace(reply) => {
                assert!(listing.take_unreadable());
                assert_eq!(listing.body(policy, self.body.len(), true), Body::Wait);
                return Outcome { fate: Fate::Replaced, out: reply.body };
            }
        };
        let (mut out, mut held, mut sent) = (Vec::new(), Vec::new(), 0);
        for size in sizes.iter().cycle() {
            let piece = &self.body[sent..self.body.len().min(sent + size)];
            held.extend_from_slice(piece);
            sent += piece.len();
            let last = sent == self.body.len();
            if !(last && piece.is_empty() && end != End::Last) {
                let ends = last && end == End::Last;
                let next = listing.body(policy, held.len(), ends);
                out.extend(take(&mut listing, policy, next, ends, &mut held));
            }
            if last {
                break;
            }
        }
        let next = match end {
            End::Last => None,
            End::Empty => Some(listing.body(policy, held.len(), true)),
            End::Trailers => Some(listing.trailers()),
        };
        if let Some(next) = next {
            out.extend(take(&mut listing, policy, next, end == End::Empty, &mut held));
        }
        assert!(held.is_empty(), "{} bytes are held for ever", held.len());
        Outcome { fate, out }
    }
}

/// Does what is to be done with what is held, and returns what goes on.
fn take(
    listing: &mut Listing,
    policy: &Policy,
    next: Body,
    ends: bool,
    held: &mut Vec<u8>,
) -> Vec<u8> {
    let instead = match next {
        Body::Wait => return Vec::new(),
        Body::Pass => None,
        Body::Whole => listing.whole(policy, held),
        Body::Piece => listing.piece(policy, held, ends),
        Body::Replace(body) => Some(body),
    };
    let held = core::mem::take(held);
    instead.unwrap_or(held)
}
