//! The corpus through the core: no host, a store in plain memory.

use crate::corpus::{self, Case, Client, Outcome, Request, Response};
use crate::structure;
use mcp_policy_filter::exchange::identity::Peer;
use mcp_policy_filter::exchange::listing::{HeadStep, Listing};
use mcp_policy_filter::exchange::question::Question;
use mcp_policy_filter::exchange::reply::Reply;
use mcp_policy_filter::limits::MemoryStore;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::condition::{Claim, Claims, Payload};
use mcp_policy_filter::policy::document::Certificate;
use mcp_policy_filter::policy::{Policy, Reason};
use mcp_policy_filter::simulate::{self, Body, Ending, Host};
use serde_json::Value;

/// Midnight of some day, in seconds since 1970.
pub const MIDNIGHT: u64 = 20_000 * 86_400;

/// The connection of a case's client. Its claims have their types, as another host than
/// Envoy's Wasm runtime may hand them over.
pub struct Connection<'a>(pub &'a Client);

impl Connection<'_> {
    /// The payload where a case has it as a text.
    fn payload(&self) -> Option<Payload> {
        let text = self.0.payload.as_ref()?;
        Some(Payload::read(Some(text.clone().into_bytes())))
    }
}

impl Claims for Connection<'_> {
    fn claim(&self, path: &[&str]) -> Claim {
        if let Some(payload) = self.payload() {
            return payload.claim(path);
        }
        let path = path.join("/");
        let claims = &self.0.claims;
        if let Some((_, value)) = claims.iter().find(|(other, _)| *other == path) {
            return match value {
                Value::String(text) => Claim::Text(text.clone()),
                Value::Number(number) => Claim::Number(number.as_f64().unwrap()),
                Value::Bool(value) => Claim::Bool(*value),
                other => panic!("{other} is not a claim"),
            };
        }
        let below = if path.is_empty() { path } else { path + "/" };
        let part = claims.iter().any(|(other, _)| other.starts_with(&below));
        if part { Claim::Opaque } else { Claim::Absent }
    }

    fn has_lists(&self) -> bool {
        self.payload().is_some()
    }
}

impl Peer for Connection<'_> {
    fn certificate(&self, _: Certificate) -> Option<Vec<u8>> {
        self.0.san.clone().map(String::into_bytes)
    }

    fn has_certificate(&self) -> bool {
        self.0.san.is_some()
    }
}

fn send(policy: &Policy, store: &MemoryStore, request: &Request, piece: usize) -> Outcome {
    let pseudo = [(":method", &request.method), (":path", &request.path)];
    let headers = pseudo
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .chain(request.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    let peer = Connection(&request.client);
    let body = Body { ending: ending(request.trailers), ..Body::whole(&request.body) };
    let host = Host { policy, store, now: Nanos((MIDNIGHT + request.at) * 1_000_000_000) };
    let mut answers = request.limit_service.iter();
    let mut service = |question: &Question| {
        assert_eq!(&*question.cluster, "limits");
        answers.next().expect("another answer for a question").answer()
    };
    let mut sent = host.send_asking(headers, &peer, &body, &mut service).unwrap();
    assert_eq!(answers.len(), 0, "answers that nobody asked for");
    match sent.outcome {
        simulate::Outcome::WentOn(_) => match (&request.response, sent.exchange.listing()) {
            (Some(response), Some(listing)) => respond(&host, listing, response, piece),
            _ => Outcome::Forwarded,
        },
        simulate::Outcome::Refused(refusal) => {
            let unread = refusal.reason == Reason::Undecodable;
            assert_eq!(refusal.flaw.is_some(), unread, "{:?}", refusal.flaw);
            replied(refusal.reply)
        }
        simulate::Outcome::Served(served) => replied(served.reply),
    }
}

fn replied(reply: Reply) -> Outcome {
    let headers =
        reply.fields().into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    Outcome::Replied { status: reply.status, headers, body: reply.body }
}

fn ending(trailers: bool) -> Ending {
    if trailers { Ending::Trailers } else { Ending::Last }
}

/// The client's side of a response that comes in pieces of this size.
pub fn respond(
    host: &Host<'_, MemoryStore>,
    listing: &mut Listing,
    response: &Response,
    piece: usize,
) -> Outcome {
    let status = response.status.to_string();
    let headers = response.headers.iter().map(|(name, value)| (&**name, &**value));
    let headers = [(":status", &*status)].into_iter().chain(headers);
    let headers = headers.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let ending = ending(response.trailers);
    let body = Body { bytes: &response.body, sizes: &[piece], ending };
    let received = host.receive(listing, headers, &body);
    match received.head {
        HeadStep::Replace(reply) | HeadStep::Refuse(reply) => {
            response.outcome(reply.status, reply.body)
        }
        _ => {
            assert!(!received.is_cut, "it was broken off after {:?}", received.body);
            assert!(received.held.is_empty(), "{} bytes are held", received.held.len());
            response.outcome(response.status, received.body)
        }
    }
}

#[test]
fn the_corpus_passes_the_core() {
    passes(usize::MAX);
}

#[test]
fn the_corpus_passes_the_core_with_responses_in_single_bytes() {
    passes(1);
}

/// The same policies as Envoy hands them over from the YAML of its own configuration, with
/// their keys in another order.
#[test]
fn the_corpus_passes_the_core_with_policies_from_structs() {
    let cases = corpus::cases().into_iter();
    let from_structs = |case: &Case| structure::policy(&case.name, case.policy.as_bytes());
    let (kept, rounded): (Vec<_>, Vec<_>) = cases.partition(|case| from_structs(case).is_some());
    assert!(rounded.len() < 10, "{} policies hold numbers beyond a Struct's", rounded.len());
    passes_with(kept, usize::MAX, |case| from_structs(case).unwrap());
}

fn passes(piece: usize) {
    passes_with(corpus::cases(), piece, |case| {
        Policy::parse(case.policy.as_bytes(), "core")
            .unwrap_or_else(|e| panic!("{}: {:?}", case.name, e.lines().collect::<Vec<_>>()))
    });
}

fn passes_with(cases: Vec<Case>, piece: usize, read: impl Fn(&Case) -> Policy + Sync) {
    corpus::run(cases, |case: &Case| {
        let policy = read(case);
        let store = MemoryStore::default();
        let mut results = Vec::new();
        for (index, request) in case.requests.iter().enumerate() {
            for _ in 0..request.times {
                let outcome = send(&policy, &store, request, piece);
                results.push((index, corpus::check(&outcome, &request.expect)));
            }
        }
        results
    });
}
