//! The response of a server, where tools may have to be taken out of it, or its size has
//! a bound.
//!
//! A list is held until it is whole; a stream of events passes piece by piece. Every
//! failure here ends the response, since a list must not pass unread.

use super::metrics::{self, Family};
use super::records::{oversized, recording};
use super::{Course, Headers, Host, HostError, Message};
use crate::exchange::listing::{BodyStep, HeadStep, Listing, Reading};
use crate::exchange::reply::Reply;
use crate::policy::{Lock, News, Policy};

/// The state of a response after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It passes.
    Pass,
    /// It is held until more of it has come; of its head, as far as the host can.
    Wait,
    /// Another answer was sent, or the stream was ended; nothing of it goes on.
    Answered,
}

impl Course {
    /// Takes the response's headers; `end` if nothing follows.
    pub fn response_headers<H: Host>(
        &mut self,
        host: &mut H,
        policy: &Policy,
        end: bool,
    ) -> Passage {
        if let Some(listing) = self.exchange.early(policy) {
            let headers = host.headers(Message::Response).ok();
            match headers.and_then(|headers| listing.before_its_request(headers.pairs(), end)) {
                Some(HeadStep::Pass) => return Passage::Pass,
                Some(HeadStep::Hold) if without_length(host).is_ok() => return Passage::Wait,
                _ => {}
            }
            let step = recording(host, policy, |_, records| {
                self.exchange.fail(policy, "the server answered before it had it", records)
            });
            self.carry_out(host, policy, step);
            return Passage::Answered;
        }
        let Some(listing) = self.exchange.listing() else { return Passage::Pass };
        let head = match host.headers(Message::Response) {
            Ok(headers) => listing.headers(policy, headers.pairs(), end, host.holds(policy)),
            Err(_) => listing.replace(policy),
        };
        let passage = match head {
            HeadStep::Pass => Ok(Passage::Pass),
            HeadStep::Stream => without_length(host).map(|()| Passage::Pass),
            HeadStep::Hold => without_length(host).map(|()| Passage::Wait),
            HeadStep::Replace(reply) => {
                host.answer(reply, DETAILS.into());
                Ok(Passage::Answered)
            }
            HeadStep::Refuse(reply) => Ok(refuse(host, reply)),
        };
        ended(host, policy, listing, passage)
    }

    /// Takes the size of the part of the response's body that has not gone on; `end`
    /// if no more comes.
    pub fn response_body<H: Host>(
        &mut self,
        host: &mut H,
        policy: &Policy,
        size: usize,
        end: bool,
    ) -> Passage {
        let Some(listing) = self.exchange.listing() else { return Passage::Pass };
        let passage = match listing.body(policy, size, end) {
            BodyStep::Pass => Ok(Passage::Pass),
            BodyStep::Wait => Ok(Passage::Wait),
            BodyStep::Whole => whole(host, policy, listing),
            BodyStep::Piece => piece(host, policy, listing, size, end),
            BodyStep::Replace(body) => replace(host, Some(body)),
            BodyStep::Refuse(reply) => Ok(refuse(host, reply)),
        };
        ended(host, policy, listing, passage)
    }

    /// Takes the response's trailers, by which its body ends.
    pub fn response_trailers<H: Host>(&mut self, host: &mut H, policy: &Policy) -> Passage {
        let Some(listing) = self.exchange.listing() else { return Passage::Pass };
        let passage = match listing.trailers() {
            BodyStep::Whole => whole(host, policy, listing),
            BodyStep::Wait => Ok(Passage::Wait),
            BodyStep::Pass => Ok(Passage::Pass),
            // There is no piece to read or to replace here.
            BodyStep::Piece | BodyStep::Replace(_) | BodyStep::Refuse(_) => Err(SHORT),
        };
        ended(host, policy, listing, passage)
    }
}

/// Removes the length: a body that gets shorter under the old one leaves the client
/// waiting.
fn without_length<H: Host>(host: &mut H) -> Result<(), HostError> {
    host.remove_header(Message::Response, b"content-length")
}

fn whole<H: Host>(
    host: &mut H,
    policy: &Policy,
    listing: &mut Listing,
) -> Result<Passage, HostError> {
    // One byte more than is allowed shows that there are too many.
    let most = listing.most(policy).saturating_add(1);
    let body = host.body(Message::Response, most)?;
    let now = || host.now();
    let text = listing.whole(&Reading { policy, store: host.store(), now: &now }, &body);
    drop(body);
    replace(host, text)
}

fn piece<H: Host>(
    host: &mut H,
    policy: &Policy,
    listing: &mut Listing,
    size: usize,
    end: bool,
) -> Result<Passage, HostError> {
    let piece = host.body(Message::Response, size)?;
    if piece.len() != size {
        return Err(SHORT);
    }
    let now = || host.now();
    let text = listing.piece(&Reading { policy, store: host.store(), now: &now }, &piece, end);
    drop(piece);
    replace(host, text)
}

/// Replaces all that is held of the body, if there is a text for it.
fn replace<H: Host>(host: &mut H, text: Option<Vec<u8>>) -> Result<Passage, HostError> {
    if let Some(text) = text {
        host.replace_response(&text)?;
    }
    Ok(Passage::Pass)
}

/// Answers in the place of a response that is too long.
fn refuse<H: Host>(host: &mut H, reply: Reply) -> Passage {
    host.answer(reply, TOO_LARGE.into());
    Passage::Answered
}

/// Reports lists that could not be read, what they say of locked tools and answers that
/// are too long, and ends a response that can neither be read nor changed: with an error if
/// nothing of it has gone out, and by closing the stream otherwise.
fn ended<H: Host>(
    host: &mut H,
    policy: &Policy,
    listing: &mut Listing,
    passage: Result<Passage, HostError>,
) -> Passage {
    for (record, trace) in listing.records() {
        oversized(host, policy, &record, trace);
    }
    if listing.take_unreadable() {
        metrics::count(host, Family::UnreadableLists);
        let fate = if listing.conceals() { "it was replaced" } else { "it passed" };
        log::warn!("mcp-policy-filter: what may be a list cannot be read; {fate}");
    }
    if let Some((lock, news)) = policy.lock().zip(listing.take_news()) {
        locked(host, lock, &news);
    }
    passage.unwrap_or_else(|error| {
        listing.break_off();
        log::error!("mcp-policy-filter: a response was cut off: status {}", error.0);
        host.answer(Reply::bare(500), DETAILS.into());
        Passage::Answered
    })
}

/// Reports what lists say of locked tools. A tool is named when it becomes another one, and
/// not again with each list.
fn locked<H: Host>(host: &H, lock: &Lock, news: &News) {
    if news.shows_changed {
        metrics::count(host, Family::LockChanged);
    }
    if news.shows_unknown {
        metrics::count(host, Family::LockUnknown);
    }
    let effect = match lock.enforces() {
        true => "it is shown to nobody, and its calls are refused",
        false => "`report` lets it pass",
    };
    let changed = "the server lists another definition";
    told(lock, &news.blocked, changed, effect);
    if !news.reopened.is_empty() {
        metrics::count(host, Family::LockReopened);
        told(
            lock,
            &news.reopened,
            "the server lists the locked definition again",
            "it is as before",
        );
    }
}

/// Writes a line to the log for each of some tools.
fn told(lock: &Lock, numbers: &[usize], what: &str, effect: &str) {
    for (_, rule) in numbers.iter().take(MOST_NAMED).filter_map(|number| lock.tool(*number)) {
        log::warn!("mcp-policy-filter: {rule}: {what}; {effect}");
    }
    let more = numbers.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        log::warn!("mcp-policy-filter: {more} more tools of /lock: {what}; {effect}");
    }
}

/// Tools that the log names at once.
const MOST_NAMED: usize = 20;

/// The status for a host that lends less of a body than it announced.
const SHORT: HostError = HostError(1);

const TOO_LARGE: &str = "mcp_policy_filter:result_too_large";
const DETAILS: &str = "mcp_policy_filter:unreadable_list";
