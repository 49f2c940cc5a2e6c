//! The end that asks: the questions of an edge about one call, and its reading of the
//! answers.

use super::seal::{HEADER, Seal, Way, seal};
use super::{BELOW, Told, question};
use crate::approvals::{self, Entry, Put};
use crate::digest::of_parts;
use crate::exchange::consulted::FailureKind;
use crate::exchange::question::{Answer, Failure, Question, Service};
use crate::limits::window::Nanos;
use crate::policy::document::{Store, StoreKeys};
use crate::random::random;

/// The questions about one call, one after the other.
#[derive(Debug)]
pub(in crate::exchange) struct Edge {
    cluster: Box<str>,
    authority: Box<str>,
    path: Box<str>,
    keys: StoreKeys,
    timeout: u32,
    /// The body, except for its end.
    begun: Box<str>,
    /// The last question, until it is answered.
    put: Option<Put>,
}

/// The reason for which no answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exchange) struct Fault {
    /// The kind, for metrics.
    pub(in crate::exchange) kind: FailureKind,
    /// A part of a sentence for the operator.
    pub(in crate::exchange) why: &'static str,
}

const fn fault(kind: FailureKind, why: &'static str) -> Fault {
    Fault { kind, why }
}

impl Edge {
    /// The questions about a request as this edge would make it; `None` if it is not one of
    /// an edge.
    pub(in crate::exchange) fn new(
        store: &Store,
        entry: &Entry,
        message: Option<&str>,
    ) -> Option<Self> {
        let approvals::Entry { edge: Some(edge), .. } = entry else { return None };
        let begun = question::begin(entry, edge, message);
        Some(Self {
            cluster: (&*store.cluster).into(),
            authority: (&*store.authority).into(),
            path: [&store.path, BELOW].concat().into(),
            keys: store.keys.clone(),
            timeout: store.timeout_ms,
            begun: begun.into(),
            put: None,
        })
    }

    /// The next question: whether there is an approval, or for its use.
    pub(in crate::exchange) fn question(
        &mut self,
        is_look: bool,
        salt: &[u8; 16],
        now: Nanos,
    ) -> Box<Question> {
        let bytes = question::end(&self.begun, is_look);
        // No two questions may have the same number. The random bytes suffice; should they
        // fail, the rest still differs from worker to worker and from call to call.
        let number = of_parts(&[b"approval-nonce", &random(), salt, &now.0.to_le_bytes(), &bytes]);
        let nonce = number.first_chunk().copied().unwrap_or_default();
        let put = Put { nonce, seconds: now.seconds() };
        self.put = Some(put);
        let mac = seal(Way::Question, &self.keys, put, &self.path, &bytes);
        let service = Service::Http {
            authority: self.authority.clone(),
            path: self.path.clone(),
            headers: vec![("content-type", "application/json".into()), (HEADER, mac.into())],
        };
        Box::new(Question { cluster: self.cluster.clone(), service, bytes, timeout: self.timeout })
    }

    /// Reads the answer to the last question.
    ///
    /// # Errors
    /// It does not count.
    pub(in crate::exchange) fn answered(
        &mut self,
        answer: Answer,
        now: Nanos,
    ) -> Result<Told, Fault> {
        use FailureKind::{Dispatch, Other, Timeout, Unproven};
        let (status, headers, body) = match answer {
            Answer::Http { status, headers, body } => (status, headers, body),
            Answer::Failed(Failure::Timeout) => {
                return Err(fault(Timeout, "none came within `timeout_ms`"));
            }
            Answer::Failed(Failure::Dispatch) => {
                return Err(fault(Dispatch, "Envoy cannot ask the cluster"));
            }
            Answer::Failed(Failure::Crowded) => {
                return Err(fault(Dispatch, "too many requests wait for answers"));
            }
            Answer::Failed(Failure::TooLarge) => return Err(fault(Other, "it is too long")),
            _ => return Err(fault(Other, "the connection failed")),
        };
        // Envoy itself answers in the place of a service.
        match status {
            200 => {}
            401 => return Err(fault(Other, "the home has other keys or another clock (401)")),
            409 => return Err(fault(Other, "the home has another `identity` (409)")),
            503 => return Err(fault(Other, "the home cannot be reached, or is too busy (503)")),
            504 => return Err(fault(Timeout, "none came within `timeout_ms` (504)")),
            _ => return Err(fault(Other, "it has another status than 200")),
        }
        let mut lines = headers.iter().filter(|(name, _)| **name == *HEADER.as_bytes());
        let seal = match (lines.next(), lines.next()) {
            (Some((_, line)), None) => Seal::parse(line),
            _ => None,
        };
        let Some(seal) = seal else { return Err(fault(Unproven, "it has no seal")) };
        if self.put.take().is_none_or(|put| put.nonce != seal.put.nonce) {
            return Err(fault(Unproven, "it is one to another question"));
        }
        if !seal.is_fresh(now) {
            return Err(fault(Unproven, "the clocks differ by more than 30 seconds"));
        }
        if !seal.holds(Way::Answer, &self.keys, &self.path, &body) {
            return Err(fault(Unproven, "its seal is of another key or another text"));
        }
        Told::read(&body).ok_or(fault(Other, "it is of another version"))
    }

    /// The bytes that it keeps, about.
    pub(in crate::exchange) fn size(&self) -> usize {
        size_of::<Self>().saturating_add(self.begun.len()).saturating_add(self.path.len())
    }
}
