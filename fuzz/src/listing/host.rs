//! Responses to pass, and what a client gets of them.

use mcp_policy_filter::exchange::awaited::Asked;
use mcp_policy_filter::exchange::listing::{BodyStep, HeadStep, Listing};
use mcp_policy_filter::limits::MemoryStore;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::simulate::{Body, Ending, Host};

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

/// The response as a client gets it.
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
            0 => Asked { ids: ids(&["7"]), ..Asked::default() },
            1 => Asked { ids: ids(&["1", r#""b""#]), batch: true, awaited: None },
            2 => Asked { ids: ids(&[r#""a\u0062""#]), batch: true, awaited: None },
            _ => Asked { batch: choice & 64 != 0, ..Asked::default() },
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

    /// The response after it came in pieces of these sizes, one after the other and again
    /// from the first.
    pub(super) fn pass(&self, policy: &Policy, sizes: &[usize], ending: Ending) -> Outcome {
        let mut listing = Listing::for_caller(policy, &policy.caller("anonymous", Nanos(0)))
            .expect("something is hidden");
        listing.expect(self.asked.clone(), Nanos(0));
        let headers = self.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        // Its head is never its end.
        let ending = match ending {
            Ending::Last if self.body.is_empty() => Ending::Empty,
            ending => ending,
        };
        let host = Host { policy, store: &MemoryStore::default(), now: Nanos(0) };
        let body = Body { bytes: self.body, sizes, ending };
        let received = host.receive(&mut listing, headers, &body);
        let fate = match received.head {
            HeadStep::Pass => Fate::Passed,
            HeadStep::Hold => Fate::Whole,
            HeadStep::Stream => Fate::Stream,
            HeadStep::Refuse(_) => unreachable!("no policy here bounds a response"),
            HeadStep::Replace(reply) => {
                assert!(listing.take_unreadable());
                assert_eq!(listing.body(policy, self.body.len(), true), BodyStep::Wait);
                return Outcome { fate: Fate::Replaced, out: reply.body };
            }
        };
        let held = received.held.len();
        assert_eq!(held, 0, "{held} bytes are held for ever");
        Outcome { fate, out: received.body }
    }
}
