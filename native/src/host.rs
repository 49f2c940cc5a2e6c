//! Envoy as the host of a stream, for the time of one hook.

use crate::abi::{Answer, Envoy, Headers, KeptHeaders};
use crate::config::Config;
use crate::peer::Client;
use crate::store::{SHARED, Shards};
use crate::tally::Ticket;
use core::cell::Cell;
use mcp_policy_filter::exchange::approvals::{Notice, arrived};
use mcp_policy_filter::exchange::identity::Peer;
use mcp_policy_filter::exchange::question::Question;
use mcp_policy_filter::exchange::reply::Reply;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::shell::metrics::Family;
use mcp_policy_filter::shell::metrics::by_rule::Outcome;
use mcp_policy_filter::shell::{self, Host, HostError, Message};
use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

/// The host of one stream.
pub(crate) struct Native<'h> {
    envoy: &'h mut Envoy,
    config: &'static Config,
    /// The ticket of the call that the stream counted last, if it counted one.
    ticket: &'h Cell<Option<Ticket>>,
    /// The calls of Envoy to make when the hook is over.
    pub(crate) after: After,
    /// Whether the hook is about trailers.
    trailers: bool,
    /// Whether what Envoy holds of the body is held for this filter.
    held: bool,
}

/// The calls of Envoy for which a hook has to be over: an answer may end the stream, with
/// all that a hook still refers to, and a question is followed by hooks of its own.
#[derive(Debug, Default)]
pub(crate) struct After {
    /// The answer to send.
    pub(crate) answer: Option<Box<Answer>>,
    /// The question to ask.
    pub(crate) question: Option<Box<Question>>,
}

impl<'h> Native<'h> {
    pub(crate) fn new(
        config: &'static Config,
        envoy: &'h mut Envoy,
        ticket: &'h Cell<Option<Ticket>>,
        trailers: bool,
        held: bool,
    ) -> Self {
        Self { envoy, config, ticket, after: After::default(), trailers, held }
    }
}

impl Native<'_> {
    /// The number of bytes of a body that have come and not gone on.
    pub(crate) fn size(&self, of: Message) -> usize {
        self.envoy.size(of, self.held)
    }
}

/// The status of a call that failed, for which Envoy gives no reason.
const FAILED: HostError = HostError(1);

const fn done(done: bool) -> Result<(), HostError> {
    if done { Ok(()) } else { Err(FAILED) }
}

impl Host for Native<'_> {
    type Store = Shards;
    type Headers<'h>
        = Headers<'h>
    where
        Self: 'h;
    type Kept = KeptHeaders;

    fn headers(&self, of: Message) -> Result<Headers<'_>, HostError> {
        self.envoy.headers(of).ok_or(FAILED)
    }

    fn keep_headers(headers: Headers<'_>) -> KeptHeaders {
        headers.keep()
    }

    fn remove_header(&mut self, of: Message, name: &[u8]) -> Result<(), HostError> {
        done(self.envoy.set_header(of, name, None))
    }

    fn set_header(&mut self, of: Message, name: &str, value: &str) -> Result<(), HostError> {
        done(self.envoy.set_header(of, name.as_bytes(), Some(value.as_bytes())))
    }

    fn body(&self, of: Message, most: usize) -> Result<Cow<'_, [u8]>, HostError> {
        self.envoy.body(of, self.held, most).ok_or(FAILED)
    }

    fn replace_response(&mut self, body: &[u8]) -> Result<(), HostError> {
        done(self.envoy.set_body(Message::Response, self.held, body, self.trailers))
    }

    fn answer(&mut self, reply: Reply, details: Cow<'static, str>) {
        let headers = reply.fields();
        let answer = Answer { status: reply.status, headers, body: reply.body, details };
        self.after.answer = Some(Box::new(answer));
    }

    fn ask(&mut self, question: Question) -> Result<(), HostError> {
        self.after.question = Some(Box::new(question));
        Ok(())
    }

    fn notify(&mut self, notice: Notice) {
        let id = notice.id;
        if let Err(fault) = self.config.outbox.add(notice)
            && !arrived(&self.config.policy, &SHARED, id, Err(fault), self.now())
        {
            self.count(Family::ApprovalsNoticesFailed, "");
        }
    }

    fn holds(&self, _: &Policy) -> bool {
        true
    }

    fn set_filter_state(&mut self, name: &str, value: &str) -> Result<(), HostError> {
        done(self.envoy.set_filter_state(name, value))
    }

    const DESCRIBES: bool = true;

    fn describe(&mut self, record: &[(&'static str, String)]) {
        self.envoy.set_metadata("mcp_policy", record);
    }

    fn peer<'p>(&'p self, _: &'p Policy) -> impl Peer + 'p {
        Client::new(self.envoy, &self.config.claims)
    }

    fn store(&self) -> &Shards {
        &SHARED
    }

    fn now(&self) -> Option<Nanos> {
        now()
    }

    fn connection(&self) -> Option<u64> {
        self.envoy.connection()
    }

    fn response_flags(&self) -> Option<u64> {
        self.envoy.response_flags()
    }

    fn count(&self, family: Family, word: &'static str) {
        self.config.metrics.count(self.envoy, family, word);
    }

    fn count_call(&self, rule: &str, outcome: Outcome) {
        self.ticket.set(self.config.metrics.count_call(self.envoy, rule, outcome));
    }
}

/// The present moment.
pub(crate) fn now() -> Option<Nanos> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok().map(Nanos)
}

impl shell::Headers for Headers<'_> {
    fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.iter()
    }
}

impl shell::Headers for KeptHeaders {
    fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}
