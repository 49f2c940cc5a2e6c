//! The response of a server, where tools may have to be taken out of it.
//!
//! A list is kept in Envoy's buffer until it is whole; a stream of events passes
//! piece by piece. Every failure here ends the response, since a list must not pass
//! unread.

use super::headers::Headers;
use super::host::{self, Buffer, HostError, Map};
use super::plugin::Plugin;
use super::reply::send;
use crate::exchange::listing::{BodyStep, HeadStep, Listing};
use crate::exchange::reply::Reply;
use proxy_wasm::types::Action;

pub(super) fn headers(plugin: &Plugin, listing: &mut Listing, end: bool) -> Action {
    let policy = &plugin.policy;
    let head = match host::headers(Map::ResponseHeaders).ok().and_then(Headers::parse) {
        Some(headers) => listing.headers(policy, headers.iter(), end),
        None => listing.replace(policy),
    };
    // A body that gets shorter under the old length leaves the client waiting.
    let lengthless = || host::remove_header(Map::ResponseHeaders, b"content-length");
    let action = match head {
        HeadStep::Pass => Ok(Action::Continue),
        HeadStep::Stream => lengthless().map(|()| Action::Continue),
        HeadStep::Hold if policy.settings.hold_request_headers => {
            lengthless().map(|()| Action::Pause)
        }
        HeadStep::Hold => lengthless().map(|()| Action::Continue),
        HeadStep::Replace(reply) => {
            send(&reply, DETAILS);
            Ok(Action::Pause)
        }
    };
    report(plugin, listing);
    action.unwrap_or_else(|error| cut_off(listing, &error))
}

pub(super) fn body(plugin: &Plugin, listing: &mut Listing, size: usize, end: bool) -> Action {
    let action = match listing.body(&plugin.policy, size, end) {
        BodyStep::Pass => Ok(Action::Continue),
        BodyStep::Wait => Ok(Action::Pause),
        BodyStep::Whole => whole(plugin, listing),
        BodyStep::Piece => match host::buffer(Buffer::ResponseBody, size) {
            Ok(piece) if piece.len() == size => replace(listing.piece(&plugin.policy, &piece, end)),
            Ok(_) => Err(SHORT),
            Err(error) => Err(error),
        },
        BodyStep::Replace(body) => replace(Some(body)),
    };
    report(plugin, listing);
    action.unwrap_or_else(|error| cut_off(listing, &error))
}

pub(super) fn trailers(plugin: &Plugin, listing: &mut Listing) -> Action {
    let action = match listing.trailers() {
        BodyStep::Whole => whole(plugin, listing),
        BodyStep::Wait => Ok(Action::Pause),
        BodyStep::Pass => Ok(Action::Continue),
        // There is no piece to read or to replace here.
        BodyStep::Piece | BodyStep::Replace(_) => Err(SHORT),
    };
    report(plugin, listing);
    action.unwrap_or_else(|error| cut_off(listing, &error))
}

fn whole(plugin: &Plugin, listing: &mut Listing) -> Result<Action, HostError> {
    // One byte more than is allowed shows that there are too many.
    let most = plugin.policy.settings.max_body_bytes.saturating_add(1);
    let body = host::buffer(Buffer::ResponseBody, most)?;
    replace(listing.whole(&plugin.policy, &body))
}

/// Replaces all that the buffer has of the body, if there is a text for it.
fn replace(text: Option<Vec<u8>>) -> Result<Action, HostError> {
    if let Some(text) = text {
        host::set_buffer(Buffer::ResponseBody, &text)?;
    }
    Ok(Action::Continue)
}

fn report(plugin: &Plugin, listing: &Listing) {
    if listing.take_unreadable() {
        plugin.metrics.unreadable_list();
        log::warn!(
            "mcp-policy-filter: what may be a list of tools cannot be read; it was replaced"
        );
    }
}

/// The status for a host that lends less of a buffer than it announced.
const SHORT: HostError = HostError(1);

const DETAILS: &str = "mcp_policy_filter:unreadable_list";

/// Ends a response that can neither be read nor changed: with an error if nothing
/// of it has gone out, and by closing the stream otherwise.
fn cut_off(listing: &mut Listing, error: &HostError) -> Action {
    listing.break_off();
    log::error!("mcp-policy-filter: a response was cut off: status {}", error.0);
    let reply = Reply::bare(500);
    send(&reply, DETAILS);
    Action::Pause
}
