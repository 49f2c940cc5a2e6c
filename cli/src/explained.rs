//! A request taken apart, under a policy that was read from a file. The words for it are
//! the core's, `simulate::words`.

use crate::document::Node;
use crate::failure::Failure;
use crate::finding::Source;
use mcp_policy_filter::limits::Store;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::simulate::Host;
use mcp_policy_filter::simulate::explain::Explanations;
use mcp_policy_filter::simulate::notation::Ask;
use mcp_policy_filter::simulate::words::Written;

pub(crate) use mcp_policy_filter::simulate::words::{End, end, json, text};

/// A policy as its author wrote it, for the places of its rules.
pub(crate) fn written<'a>(source: &'a Source, node: &'a Node) -> Written<'a, Node> {
    Written { name: &source.name, text: &source.text, tree: node }
}

/// Takes a request apart, by the counts that are in the store, which are not changed.
///
/// # Errors
/// The gateway in memory lost its way, which is a fault of this program.
pub(crate) fn explain(
    policy: &Policy,
    store: &impl Store,
    ask: &Ask,
    now: Nanos,
) -> Result<Explanations, Failure> {
    let host = Host { policy, store, now };
    ask.explain(&host).map_err(|step| {
        Failure::new(format!("the gateway in memory took a step out of turn: {step:?}"))
    })
}
