//! The course of one stream, whatever the host: its reports in, [`Step`]s carried out.
//!
//! Envoy runs the core in two ways, as a wasm module and as a native one. Each of
//! these shells translates between Envoy's calls and a [`Host`], and has nothing to
//! decide. The order of events is here, once: so no shell can let a request go on
//! that the other refuses, forget a record or keep a charge.
//!
//! [`Step`]: crate::exchange::Step

mod asking;
mod course;
pub mod metrics;
mod records;
mod response;

pub use course::{Course, Flow};
pub use response::Passage;

use crate::exchange::Exchange;
use crate::exchange::approvals::Notice;
use crate::exchange::identity::Peer;
use crate::exchange::question::Question;
use crate::exchange::reply::Reply;
use crate::limits::Store;
use crate::limits::window::Nanos;
use crate::policy::Policy;
use metrics::Family;
use metrics::by_rule::Outcome;
use std::borrow::Cow;

/// The messages of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The client's.
    Request,
    /// The server's.
    Response,
}

/// The host's status for a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostError(pub u32);

/// All headers of a message, each line of a repeated one by itself.
pub trait Headers {
    /// The pairs, in the order in which they came.
    fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone;
}

/// The host of one stream.
pub trait Host {
    /// The counts that all workers share.
    type Store: Store;

    /// Headers. Where they are views of the host's own, they keep it from changing any.
    type Headers<'h>: Headers
    where
        Self: 'h;

    /// Headers that the host may change meanwhile.
    type Kept: Headers;

    /// All headers of a message.
    ///
    /// # Errors
    /// The host's, as in all functions here.
    fn headers(&self, of: Message) -> Result<Self::Headers<'_>, HostError>;

    /// The same headers, as they are now.
    fn keep_headers(headers: Self::Headers<'_>) -> Self::Kept;

    /// Removes every line of a header.
    fn remove_header(&mut self, of: Message, name: &[u8]) -> Result<(), HostError>;

    /// Replaces all lines of a header by one.
    fn set_header(&mut self, of: Message, name: &str, value: &str) -> Result<(), HostError>;

    /// All of a body that has come and not gone on. A host that has to copy it need not
    /// copy more than `most` bytes.
    fn body(&self, of: Message, most: usize) -> Result<Cow<'_, [u8]>, HostError>;

    /// Puts another text in the place of all that [`Self::body`] has of the response.
    fn replace_response(&mut self, body: &[u8]) -> Result<(), HostError>;

    /// Answers in the server's place. `details` shows in access logs as
    /// `%RESPONSE_CODE_DETAILS%`. An answer that cannot be sent is logged: nothing goes
    /// on, and Envoy's timeouts end the request.
    fn answer(&mut self, reply: Reply, details: Cow<'static, str>);

    /// Sends a notice, and forgets it: the stream does not wait, and is over before it
    /// comes. One that is not sent or does not come is counted.
    fn notify(&mut self, notice: Notice);

    /// Sends a question, of which the answer goes to [`Course::answered`]: later, and not
    /// before the present step is over.
    fn ask(&mut self, question: Question) -> Result<(), HostError>;

    /// Sets filter state for access logs and other filters. Names begin with `wasm.`,
    /// which Envoy itself puts before those of a wasm module.
    fn set_filter_state(&mut self, name: &str, value: &str) -> Result<(), HostError>;

    /// Whether the host has more than filter state for [`Self::describe`].
    const DESCRIBES: bool = false;

    /// Publishes the parts of a request's record for other filters.
    fn describe(&mut self, _: &[(&'static str, String)]) {}

    /// The client at the other end of the stream.
    fn peer<'p>(&'p self, policy: &'p Policy) -> impl Peer + 'p;

    /// The counts that all workers share.
    fn store(&self) -> &Self::Store;

    /// The present moment, unless there is no clock.
    fn now(&self) -> Option<Nanos>;

    /// The host's number of the client's connection, which no client can choose. An
    /// address is less: a proxy in front names it in a header, and so may a client.
    fn connection(&self) -> Option<u64>;

    /// Envoy's response flags, as far as they can be read.
    fn response_flags(&self) -> Option<u64>;

    /// Counts one more of a family, under one of its words.
    fn count(&self, family: Family, word: &'static str);

    /// Counts a call of a tool by a rule and its outcome.
    fn count_call(&self, rule: &str, outcome: Outcome);

    /// Whether it holds a response's head until its body is there.
    fn holds(&self, policy: &Policy) -> bool {
        policy.settings.hold_request_headers
    }

    /// Whether there is memory for a request until its body, or an answer, is there.
    fn keep(&mut self, _: &Exchange, _: &Policy) -> bool {
        true
    }

    /// Gives back the memory that [`Self::keep`] counted.
    fn release(&mut self) {}
}
