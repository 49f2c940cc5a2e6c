//! The traffic between an exchange and its host: the things that the host lends, and the
//! steps that it gets for them.
//!
//! No step has a record: it was written before, while the body that it borrows from was
//! there.

use super::approvals::{DecisionRecord, Notice};
use super::consulted::Consulted;
use super::identity::Peer;
use super::permit::Permit;
use super::question::Question;
use super::record::Records;
use super::refusal::Refused;
use super::reply::Reply;
use crate::policy::Policy;

/// The things that a host lends for one step.
pub struct Lent<'a, S> {
    /// The policy.
    pub policy: &'a Policy,
    /// The client at the other end of the connection.
    pub peer: &'a dyn Peer,
    /// The counters.
    pub store: &'a S,
    /// The place for records.
    pub records: &'a mut dyn Records,
}

/// The next action for the host to take.
#[derive(Debug)]
pub enum Step {
    /// Let the request go on.
    Go(Permit),
    /// Do nothing: the request went on before.
    Gone(Permit),
    /// Keep the body so far, and wait for more.
    Wait,
    /// Read the whole body and hand it to [`Exchange::judge`].
    ///
    /// [`Exchange::judge`]: super::Exchange::judge
    Read,
    /// Send a question, hold the request, and hand the answer to [`Exchange::answered`].
    ///
    /// [`Exchange::answered`]: super::Exchange::answered
    Ask(Box<Question>),
    /// Answer in the server's place.
    Refuse(Box<Refused>),
    /// Answer what the filter serves itself; nothing was refused.
    Serve(Box<Served>),
    /// Do nothing: the answer was sent before.
    Answered,
}

/// An answer of the filter to a request that is for itself.
#[derive(Debug)]
pub struct Served {
    /// The answer.
    pub reply: Reply,
    /// The word for what was served, for access logs.
    pub what: &'static str,
    /// The decision of a person, or the attempt at one.
    pub decision: Option<DecisionRecord>,
    /// The event for metrics and the log, if it is more than an answer.
    pub event: Option<Consulted>,
    /// The notice to send about it, if people are to be told.
    pub notice: Option<Box<Notice>>,
}

impl Served {
    /// An answer that is nothing else.
    pub const fn new(reply: Reply, what: &'static str) -> Self {
        Self { reply, what, decision: None, event: None, notice: None }
    }
}
