//! Envoy by way of proxy-wasm, as the host of a stream.

use super::callout::{grpc_call, http_call};
use super::headers::Headers;
use super::held::Since;
use super::host::{self, Buffer, Map};
use super::metrics::called;
use super::peer::Client;
use super::plugin::Plugin;
use super::reply::send;
use super::shared_data::SharedData;
use crate::exchange::approvals::Notice;
use crate::exchange::identity::Peer;
use crate::exchange::question::{Question, Service};
use crate::exchange::reply::Reply;
use crate::exchange::{Exchange, Ticket};
use crate::limits::window::Nanos;
use crate::policy::Policy;
use crate::shell::metrics::Family;
use crate::shell::metrics::by_rule::Outcome;
use crate::shell::{self, Host, HostError, Message};
use std::borrow::Cow;
use std::rc::Rc;

/// The host of one stream.
pub(super) struct Envoy {
    plugin: Rc<Plugin>,
    /// Its part of the memory for requests that wait for their bodies.
    waiting: Option<Ticket>,
    /// Its place among requests whose bodies may never come.
    held: Option<Since>,
    /// The call of a service that was made last, until its answer is there.
    call: Option<(Protocol, u32)>,
}

/// The protocols of calls, each with numbers of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Grpc,
    Http,
}

impl Drop for Envoy {
    fn drop(&mut self) {
        self.release();
    }
}

impl Envoy {
    pub(super) const fn new(plugin: Rc<Plugin>) -> Self {
        Self { plugin, waiting: None, held: None, call: None }
    }

    /// The configuration.
    pub(super) fn plugin(&self) -> Rc<Plugin> {
        Rc::clone(&self.plugin)
    }

    /// Whether an answer is that to the call that was made last, and the first to it.
    pub(super) fn take_call(&mut self, call: (Protocol, u32)) -> bool {
        self.call.take_if(|asked| *asked == call).is_some()
    }

    /// Notes that the request is held, if its body may never come.
    pub(super) fn hold(&mut self) {
        if self.plugin.is_suspicious() {
            let held = self.plugin.held.try_borrow_mut();
            self.held = held.ok().map(|mut held| held.enter());
        }
    }
}

impl Host for Envoy {
    type Store = SharedData;
    type Headers<'h> = Headers;
    type Kept = Headers;

    fn headers(&self, of: Message) -> Result<Headers, HostError> {
        let bytes = host::headers(map(of))?;
        Headers::parse(bytes).ok_or(HostError(1))
    }

    fn keep_headers(headers: Headers) -> Headers {
        headers
    }

    fn remove_header(&mut self, of: Message, name: &[u8]) -> Result<(), HostError> {
        Ok(host::remove_header(map(of), name)?)
    }

    fn set_header(&mut self, of: Message, name: &str, value: &str) -> Result<(), HostError> {
        Ok(host::set_header(map(of), name, value)?)
    }

    fn body(&self, of: Message, most: usize) -> Result<Cow<'_, [u8]>, HostError> {
        let buffer = match of {
            Message::Request => Buffer::RequestBody,
            Message::Response => Buffer::ResponseBody,
        };
        Ok(Cow::Owned(host::buffer(buffer, most)?))
    }

    fn replace_response(&mut self, body: &[u8]) -> Result<(), HostError> {
        Ok(host::set_buffer(Buffer::ResponseBody, body)?)
    }

    fn answer(&mut self, reply: Reply, details: Cow<'static, str>) {
        send(&reply, &details);
    }

    fn notify(&mut self, notice: Notice) {
        self.plugin.notify(notice);
    }

    fn ask(&mut self, question: Question) -> Result<(), HostError> {
        let Question { cluster, service, bytes, timeout } = question;
        self.call = Some(match service {
            Service::Grpc { authority, service, method } => {
                let to = (&*cluster, authority.as_deref());
                (Protocol::Grpc, grpc_call(to, (service, method), &bytes, timeout)?)
            }
            Service::Http { authority, path, headers } => {
                let call = http_call(&cluster, (&authority, &path), &headers, &bytes, timeout)?;
                (Protocol::Http, call)
            }
        });
        Ok(())
    }

    fn set_filter_state(&mut self, name: &str, value: &str) -> Result<(), HostError> {
        // Envoy puts it before the name itself.
        Ok(host::set_property(name.strip_prefix("wasm.").unwrap_or(name), value)?)
    }

    fn peer<'p>(&'p self, policy: &'p Policy) -> impl Peer + 'p {
        Client::new(policy.payload())
    }

    fn store(&self) -> &SharedData {
        &SharedData
    }

    fn now(&self) -> Option<Nanos> {
        host::now().ok().map(Nanos)
    }

    fn connection(&self) -> Option<u64> {
        number("connection\0id")
    }

    fn response_flags(&self) -> Option<u64> {
        number("response\0flags")
    }

    fn count(&self, family: Family, word: &'static str) {
        self.plugin.metrics.count(family, word);
    }

    fn count_call(&self, rule: &str, outcome: Outcome) {
        called(rule, outcome);
    }

    fn keep(&mut self, exchange: &Exchange, policy: &Policy) -> bool {
        let Some((bytes, whose)) = exchange.waiting(policy) else { return true };
        let Ok(mut waiting) = self.plugin.waiting.try_borrow_mut() else { return false };
        self.waiting = waiting.enter(bytes, whose, &|| self.connection());
        self.waiting.is_some()
    }

    fn release(&mut self) {
        if let Some(ticket) = self.waiting.take()
            && let Ok(mut waiting) = self.plugin.waiting.try_borrow_mut()
        {
            waiting.leave(ticket);
        }
        if let Some(since) = self.held.take()
            && let Ok(mut held) = self.plugin.held.try_borrow_mut()
        {
            held.leave(&since);
        }
    }
}

impl From<host::HostError> for HostError {
    fn from(error: host::HostError) -> Self {
        Self(error.0)
    }
}

impl shell::Headers for Headers {
    fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.iter()
    }
}

const fn map(of: Message) -> Map {
    match of {
        Message::Request => Map::RequestHeaders,
        Message::Response => Map::ResponseHeaders,
    }
}

fn number(property: &str) -> Option<u64> {
    let number = host::property(property).ok()??;
    number.as_slice().try_into().ok().map(u64::from_le_bytes)
}
