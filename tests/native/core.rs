//! The corpus through the core: no host, a store in plain memory.

use crate::corpus::{self, Case, Client, Outcome, Request};
use mcp_policy_filter::condition::{Claims, NotScalar};
use mcp_policy_filter::config::Certificate;
use mcp_policy_filter::counters::MemoryStore;
use mcp_policy_filter::exchange::{Exchange, Step};
use mcp_policy_filter::identity::Peer;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::quota::Nanos;

/// Midnight of some day, in seconds since 1970.
pub const MIDNIGHT: u64 = 20_000 * 86_400;

/// What a case says of the connection.
pub struct Connection<'a>(pub &'a Client);

impl Claims for Connection<'_> {
    fn claim(&self, path: &[&str]) -> Result<Option<Vec<u8>>, NotScalar> {
        let path = path.join("/");
        let claims = &self.0.claims;
        if let Some((_, bytes)) = claims.iter().find(|(other, _)| *other == path) {
            return Ok(Some(bytes.clone()));
        }
        let below = if path.is_empty() { path } else { path + "/" };
        let part = claims.iter().any(|(other, _)| other.starts_with(&below));
        if part { Err(NotScalar) } else { Ok(None) }
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

fn send(policy: &Policy, store: &MemoryStore, request: &Request) -> Outcome {
    let mut exchange = Exchange::default();
    let pseudo = [(":method", &request.method), (":path", &request.path)];
    let headers = pseudo
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .chain(request.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    let peer = Connection(&request.client);
    let end = request.body.is_empty() && !request.trailers;
    let mut step = exchange.headers(policy, headers, &peer, end);
    if let Step::Wait = step {
        step = exchange.body(policy, request.body.len(), !request.trailers);
    }
    if let (Step::Wait, true) = (&step, request.trailers) {
        step = exchange.trailers(policy);
    }
    if let Step::Read = step {
        let now = Nanos((MIDNIGHT + request.at) * 1_000_000_000);
        step = exchange.judge(policy, &request.body, &peer, store, now);
    }
    match step {
        Step::Go(..) => Outcome::Forwarded,
        Step::Refuse(refusal) => {
            Outcome::Replied { status: refusal.reply.status, body: refusal.reply.body }
        }
        other => panic!("the exchange ended with {other:?}"),
    }
}

#[test]
fn the_corpus_passes_the_core() {
    corpus::run(corpus::cases(), |case: &Case| {
        let policy = Policy::parse(case.policy.as_bytes(), "core")
            .unwrap_or_else(|e| panic!("{}: {:?}", case.name, e.lines().collect::<Vec<_>>()));
        let store = MemoryStore::default();
        let mut results = Vec::new();
        for (index, request) in case.requests.iter().enumerate() {
            for _ in 0..request.times {
                let outcome = send(&policy, &store, request);
                results.push((index, corpus::check(&outcome, &request.expect)));
            }
        }
        results
    });
}
