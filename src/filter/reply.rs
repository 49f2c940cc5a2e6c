//! Answers in the server's place.

use super::headers;
use super::host;
use crate::exchange::reply::Reply;

/// Sends an answer. `details` shows in access logs as `%RESPONSE_CODE_DETAILS%`.
pub(super) fn send(reply: &Reply, details: &str) {
    let fields = reply.fields();
    let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
    let headers = headers::serialise(&pairs);
    if let Err(error) = host::reply(reply.status, details, &headers, &reply.body) {
        // The request stays paused, and Envoy's timeouts end it.
        log::error!("mcp-policy-filter: a refusal was not sent: status {}", error.0);
    }
}

/// Refuses a request while no policy is in force.
pub(super) fn unconfigured() {
    let reply = Reply::bare(503);
    send(&reply, "mcp_policy_filter:no_policy");
}
