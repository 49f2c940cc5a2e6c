//! Requests for approval, which all workers of an Envoy process share.
//!
//! A call that needs approval is refused, and a request for it is stored. A person
//! approves it, and the caller's same call runs once. Nothing that the client carries
//! decides anything: the [`digest`] of the call that comes again finds the request.
//!
//! # Layout
//! ```text
//! mcp-policy-filter/1/NAMESPACE/approval4/000 .. 3ff   slots, each with one entry
//! ```
//! A digest has eight slots where its entry may be. They follow from the digest and
//! the salt of the counters, so that no client can choose whose slots it fills. A
//! free slot has no entry, or one that has expired.
//!
//! # Bounds
//! The number of slots is fixed, and an entry is at most some 40 KiB. Where none of
//! a digest's slots is free, the call is refused: no entry that lives is dropped to
//! make room. Entries that were denied or used keep no arguments.
//!
//! # Transitions
//! ```text
//! free -> pending -> approved -> used -> pending (another request)
//!            |          |
//!            +--------> denied
//! ```
//! Each is one [`Store::update`] of one slot, so that an approval is used exactly
//! once, however many workers race for it. An entry that expires is free, from
//! whatever state.
//!
//! [`Store::update`]: crate::limits::Store::update

mod canonical;
mod decide;
mod entry;
mod id;
mod sending;
mod slots;
mod taking;

pub use canonical::{Call, OWN_RESPONSE, TooLarge, arguments};
pub use decide::{Decided, DecisionError, Verdict};
pub use entry::{Edge, Entry, Nonce, Sent, State};
pub use id::Id;
pub use slots::{Requested, Slot, Slots, Standing};
pub use taking::{Put, Taken};

use crate::digest::of_parts;

/// Everything that one approval binds.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a> {
    /// The name that separates filters which share Envoy's shared data.
    pub namespace: &'a [u8],
    /// The caller's id.
    pub caller: &'a str,
    /// Envoy's name of the route, empty where it has none.
    pub route: &'a [u8],
    /// The host that the client named. Compared in lower case.
    pub authority: &'a [u8],
    /// The path with its query.
    pub path: &'a [u8],
    /// The tool.
    pub tool: &'a str,
    /// The hash of the rule that asks for approval.
    pub rule: &'a [u8; 32],
    /// The canonical text of the call's parameters.
    pub params: &'a str,
}

/// The digest of a call that needs approval. Two calls with the same digest are one
/// to the people who approve.
pub fn digest(bound: &Bound<'_>) -> [u8; 32] {
    let Bound { namespace, caller, route, authority, path, tool, rule, params } = *bound;
    of_parts(&[
        b"mcp-policy-filter/approval/1",
        namespace,
        caller.as_bytes(),
        route,
        &authority.to_ascii_lowercase(),
        path,
        tool.as_bytes(),
        rule,
        params.as_bytes(),
    ])
}

#[cfg(test)]
mod tests {
    use super::{Bound, digest};

    /// The vector of the reference.
    #[test]
    fn the_digest_is_as_the_reference_says() {
        let page = include_str!("../docs/policy/approvals.md");
        let rule = "244c47fd31ba59d4b05b238f0a2af15a8767b775345012560ff132e91a274dbb";
        assert!(page.contains(rule));
        let rule = (0..32).map(|at| u8::from_str_radix(&rule[2 * at..][..2], 16).unwrap());
        let rule: Vec<u8> = rule.collect();
        let bound = Bound {
            namespace: b"mcp-policy-filter/1/10:mcp-policy:mcp-policy/",
            caller: "support-agent",
            route: b"mcp",
            authority: b"MCP.example.com",
            path: b"/mcp?tenant=7",
            tool: "create_refund",
            rule: &rule.try_into().unwrap(),
            params: r#"{"arguments":{"amount":500}}"#,
        };
        let hex: String = digest(&bound).iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(page.contains(&hex), "{hex}");
        assert_eq!(hex, "5ea502a1a820b6150114fdc51498808c0dbb01be5e7f8befed317c9350c92b2f");
        let others = [
            Bound { namespace: b"mcp-policy-filter/1/10:mcp-policy:mcp-polic/", ..bound },
            Bound { caller: "support-agen", ..bound },
            Bound { route: b"", ..bound },
            Bound { authority: b"mcp.example.com:443", ..bound },
            Bound { path: b"/mcp", ..bound },
            Bound { tool: "create_refunds", ..bound },
            Bound { rule: &[0; 32], ..bound },
            Bound { params: r#"{"arguments":{"amount":500.0}}"#, ..bound },
        ];
        for other in others {
            assert_ne!(digest(&other), digest(&bound), "{other:?}");
        }
    }
}
