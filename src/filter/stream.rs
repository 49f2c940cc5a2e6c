//! One HTTP stream: host callbacks in, [`Step`]s carried out.

use super::headers::Headers;
use super::held::Since;
use super::host::{self, Buffer, Map};
use super::metrics::called;
use super::peer::Client;
use super::plugin::{Plugin, REMEDY};
use super::reply::{send, unconfigured};
use super::response;
use super::shared_data::SharedData;
use crate::exchange::approvals::{DecisionRecord, Stage};
use crate::exchange::audit;
use crate::exchange::head::repeats_requests;
use crate::exchange::listing::Listing;
use crate::exchange::permit::Permit;
use crate::exchange::record::Record;
use crate::exchange::refusal::Refusal;
use crate::exchange::{Exchange, Step, Ticket};
use crate::limits::window::Nanos;
use crate::policy::document::AuditLog;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use std::rc::Rc;

/// The stream's context.
pub(super) struct Stream {
    /// `None` while no policy is in force; then nothing goes on.
    plugin: Option<Rc<Plugin>>,
    exchange: Exchange,
    /// The time at which it was judged.
    judged: Option<Nanos>,
    /// Its part of the memory for requests that wait for their bodies.
    waiting: Option<Ticket>,
    /// Its place among requests whose bodies may never come.
    held: Option<Since>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.release();
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let Some(plugin) = self.plugin.clone() else { return closed() };
        if plugin.policy.settings.mark_requests {
            set_filter_state(MARK, "yes");
        }
        let headers = host::headers(Map::RequestHeaders).ok().and_then(Headers::parse);
        let step = match headers {
            Some(headers) if strip_headers(&plugin, &headers).is_err() => {
                self.exchange.fail(&plugin.policy, "the request's headers cannot be changed")
            }
            Some(headers) => {
                let peer = client(&plugin);
                let policy = &plugin.policy;
                let now = || host::now().ok().map(Nanos);
                let pairs = headers.iter();
                let step =
                    self.exchange.headers(policy, pairs, &peer, &SharedData, now, end_of_stream);
                let plain = self.exchange.listing().is_none() || take_plain(&headers).is_ok();
                if !plain || (self.exchange.is_untyped() && say_json().is_err()) {
                    self.exchange.fail(policy, "the request's headers cannot be changed")
                } else if !self.keep(&plugin) {
                    self.exchange.crowd_out(policy)
                } else {
                    step
                }
            }
            None => self.exchange.fail(&plugin.policy, "the request's headers cannot be read"),
        };
        match self.carry_out(&plugin, step) {
            // Without the plugin's `allow_on_headers_stop_iteration`, a filter
            // that pauses here never gets the body. So the headers go ahead
            // unjudged unless the operator says that Envoy is set up for it;
            // the body, without which no call is complete, does not.
            Flow::Pause
                if self.exchange.waits() && !plugin.policy.settings.hold_request_headers =>
            {
                Action::Continue
            }
            flow => {
                if self.exchange.waits() && plugin.is_suspicious() {
                    let held = plugin.held.try_borrow_mut();
                    self.held = held.ok().map(|mut held| held.enter());
                }
                action(flow)
            }
        }
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let Some(plugin) = self.plugin.clone() else { return closed() };
        plugin.got_body();
        let step = self.exchange.body(&plugin.policy, size, end_of_stream);
        action(self.carry_out(&plugin, step))
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        let Some(plugin) = self.plugin.clone() else { return closed() };
        let step = self.exchange.trailers(&plugin.policy);
        action(self.carry_out(&plugin, step))
    }

    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let Some((plugin, listing)) = self.listing() else { return Action::Continue };
        response::headers(&plugin, listing, end_of_stream)
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let Some((plugin, listing)) = self.listing() else { return Action::Continue };
        response::body(&plugin, listing, size, end_of_stream)
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        let Some((plugin, listing)) = self.listing() else { return Action::Continue };
        response::trailers(&plugin, listing)
    }

    fn on_log(&mut self) {
        let Some(plugin) = &self.plugin else { return };
        if self.exchange.is_charged()
            && let flags @ Some(1..) = response_flags()
            && let Ok(now) = host::now()
        {
            self.exchange.end(&plugin.policy, flags, &SharedData, Nanos(now));
        }
        if plugin.is_suspicious() && self.exchange.starved() {
            plugin.metrics.starved();
            let now = host::now().ok().map(Nanos);
            if plugin.held.try_borrow_mut().is_ok_and(|mut held| held.may_say(now)) {
                log::error!(
                    "mcp-policy-filter: a request ended while it was held for its body, which \
                     never came; {REMEDY}"
                );
            }
        }
    }
}

impl Stream {
    pub(super) fn new(plugin: Option<Rc<Plugin>>) -> Self {
        Self { plugin, exchange: Exchange::default(), judged: None, waiting: None, held: None }
    }

    /// Counts the bytes that are kept until the body is there; whether there is room
    /// for them.
    fn keep(&mut self, plugin: &Plugin) -> bool {
        let Some((bytes, whose)) = self.exchange.waiting(&plugin.policy) else { return true };
        let Ok(mut waiting) = plugin.waiting.try_borrow_mut() else { return false };
        self.waiting = waiting.enter(bytes, whose, connection);
        self.waiting.is_some()
    }

    /// Gives back the bytes that [`Self::keep`] counted, and its place among held
    /// requests.
    fn release(&mut self) {
        if let (Some(plugin), Some(ticket)) = (&self.plugin, self.waiting.take())
            && let Ok(mut waiting) = plugin.waiting.try_borrow_mut()
        {
            waiting.leave(ticket);
        }
        if let (Some(plugin), Some(since)) = (&self.plugin, self.held.take())
            && let Ok(mut held) = plugin.held.try_borrow_mut()
        {
            held.leave(&since);
        }
    }

    /// The plugin, and the response if it may have to be changed.
    fn listing(&mut self) -> Option<(Rc<Plugin>, &mut Listing)> {
        Some((self.plugin.clone()?, self.exchange.listing()?))
    }

    fn carry_out(&mut self, plugin: &Plugin, step: Step) -> Flow {
        match step {
            Step::Go(permit, records) => {
                plugin.metrics.evaluated(None);
                self.passed(plugin, &records);
                self.exchange.forget();
                self.release();
                Flow::Continue(permit)
            }
            Step::Gone(permit) => Flow::Continue(permit),
            Step::Wait | Step::Answered => Flow::Pause,
            Step::Read => {
                let step = self.judge(plugin);
                self.carry_out(plugin, step)
            }
            Step::Serve(served) => {
                plugin.metrics.served();
                if let Some(decision) = &served.decision {
                    self.decided(plugin, decision);
                }
                send(&served.reply, &format!("mcp_policy_filter:{}", served.what));
                self.exchange.forget();
                Flow::Pause
            }
            Step::Refuse(refusal) => {
                plugin.metrics.evaluated(Some(&refusal));
                self.answer(plugin, &refusal);
                self.exchange.forget();
                self.release();
                Flow::Pause
            }
        }
    }

    fn passed(&self, plugin: &Plugin, records: &[Record]) {
        for record in records {
            plugin.metrics.went_on(record);
            called(record);
        }
        self.record(plugin, records.iter());
    }

    /// Records a person's decision, whatever `audit_log` says.
    fn decided(&self, plugin: &Plugin, decision: &DecisionRecord) {
        plugin.metrics.decided(decision);
        let now = host::now().ok().map(Nanos);
        let json = audit::decision(&plugin.policy, decision, self.exchange.trace(), now);
        log::info!("{}{json}", audit::PREFIX);
        set_filter_state(AUDIT, &json);
    }

    fn answer(&self, plugin: &Plugin, refusal: &Refusal) {
        let records = core::iter::once(&refusal.record).chain(&refusal.others);
        records.clone().for_each(called);
        self.record(plugin, records);
        let details = format!("mcp_policy_filter:{}", refusal.reason);
        send(&refusal.reply, &details);
    }

    /// Writes records: to the log as the policy says, and for access logs.
    fn record<'r>(&self, plugin: &Plugin, records: impl Iterator<Item = &'r Record>) {
        let policy = &plugin.policy;
        let now = self.judged.or_else(|| host::now().ok().map(Nanos));
        let mut all = Vec::new();
        for record in records {
            let json = audit::json(policy, record, self.exchange.trace(), now);
            if let Some(approval) = &record.approval {
                plugin.metrics.approval(approval.stage);
            }
            let logged = match policy.settings.audit_log {
                _ if record.approval.as_ref().is_some_and(|one| one.stage != Stage::Pending) => {
                    true
                }
                AuditLog::All => true,
                AuditLog::Denied => record.is_of_denial(),
                AuditLog::Off => false,
            };
            if logged {
                log::info!("{}{json}", audit::PREFIX);
            }
            all.push(json);
        }
        match &*all {
            [] => {}
            [one] => set_filter_state(AUDIT, one),
            many => set_filter_state(AUDIT, &format!("[{}]", many.join(","))),
        }
    }

    /// Reads the body, once and whole, and judges it.
    fn judge(&mut self, plugin: &Plugin) -> Step {
        self.release();
        let policy = &plugin.policy;
        // One byte more than is allowed shows that there are too many.
        let most = policy.settings.max_body_bytes.saturating_add(1);
        let Ok(body) = host::buffer(Buffer::RequestBody, most) else {
            return self.exchange.fail(policy, "the request's body cannot be read");
        };
        let Ok(now) = host::now() else {
            return self.exchange.fail(policy, "the gateway has no clock");
        };
        self.judged = Some(Nanos(now));
        self.exchange.judge(policy, &body, &client(plugin), &SharedData, Nanos(now))
    }
}

/// Envoy's response flags, as far as they can be read.
fn response_flags() -> Option<u64> {
    number("response\0flags")
}

/// Envoy's number of the client's connection. An address is less: a proxy in front
/// names it in a header, and so may a client.
fn connection() -> Option<u64> {
    number("connection\0id")
}

fn number(property: &str) -> Option<u64> {
    let number = host::property(property).ok()??;
    number.as_slice().try_into().ok().map(u64::from_le_bytes)
}

/// Takes out the headers that make Envoy repeat a request, and the tokens that are
/// for this filter alone.
fn strip_headers(plugin: &Plugin, headers: &Headers) -> Result<(), host::HostError> {
    let takes_tokens = plugin.policy.takes_tokens();
    let names = headers.iter().map(|(name, _)| name);
    let mut unwanted =
        names.filter(|name| repeats_requests(name) || (takes_tokens && *name == b"authorization"));
    unwanted.try_for_each(|name| host::remove_header(Map::RequestHeaders, name))
}

/// Asks the server for a response that can be read.
fn take_plain(headers: &Headers) -> Result<(), host::HostError> {
    const NAME: &[u8] = b"accept-encoding";
    if headers.iter().any(|(name, _)| name == NAME) {
        host::remove_header(Map::RequestHeaders, NAME)?;
    }
    Ok(())
}

/// Gives a request without a Content-Type the type as which it is judged. Rack reads
/// such a body as a form, and one text can be JSON and a form with another message.
fn say_json() -> Result<(), host::HostError> {
    host::set_header(Map::RequestHeaders, "content-type", "application/json")
}

fn client(plugin: &Plugin) -> Client<'_> {
    Client { payload: plugin.policy.payload() }
}

/// The state of a request after a step.
enum Flow {
    /// The request goes on, by its permit.
    Continue(Permit),
    /// The request waits, or was answered.
    Pause,
}

/// A flow as the return value of a callback.
fn action(flow: Flow) -> Action {
    match flow {
        Flow::Continue(permit) => go(permit),
        Flow::Pause => Action::Pause,
    }
}

/// The only way on for a request whose body has been asked for.
fn go(_: Permit) -> Action {
    Action::Continue
}

/// Refuses a request while no policy is in force.
fn closed() -> Action {
    unconfigured();
    Action::Pause
}

/// The filter state that access logs show as `%FILTER_STATE(wasm.mcp_audit:PLAIN)%`.
const AUDIT: &str = "mcp_audit";
/// The filter state that a filter behind this one can require.
const MARK: &str = "mcp_policy";

fn set_filter_state(name: &str, value: &str) {
    if let Err(error) = host::set_property(name, value) {
        log::warn!("mcp-policy-filter: no filter state: status {}", error.0);
    }
}
