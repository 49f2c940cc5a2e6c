//! A call as an edge sends it to the home: all that an approver is shown, and the terms
//! of the rule. The home computes the digest by itself, so that nobody can approve
//! another call than he sees.

use super::super::json::Object;
use super::members::Members;
use crate::approvals::{Bound, Edge, Entry, Id, Sent, State, digest};
use crate::digest::{hex, of_parts, unhex};
use crate::exchange::target::LONGEST;
use crate::limits::window::Nanos;
use crate::policy::fingerprint_of;
use crate::text::{MAX_NAME, is_name, start};
use crate::wire::mcp::MAX_TOOL_NAME;

/// The most bytes of a call's canonical text, and of a rule's message.
const LONGEST_TEXT: usize = 16_384;
/// The most bytes of the pointer to a rule: every byte of a name may take two.
const LONGEST_POINTER: usize = 2_048;

/// A question of an edge.
#[derive(Debug)]
pub(super) struct Question {
    /// The request as it would be made, without id and times.
    pub(super) entry: Entry,
    /// The message of the rule's author.
    pub(super) message: Option<String>,
    /// Whether an approval is only looked for.
    pub(super) is_look: bool,
}

/// The question about a request, except for its end.
pub(super) fn begin(entry: &Entry, edge: &Edge, message: Option<&str>) -> String {
    let mut object = Object::default();
    object.text("caller", &entry.caller);
    object.text("tool", &entry.tool);
    object.text("route", &entry.route);
    object.text("authority", &entry.authority);
    object.text("path", &entry.path);
    object.texts("rules", &entry.rules);
    object.text("rule_hash", &hex(&entry.rule_hash));
    if let Some(message) = message {
        object.text("message", start(message, LONGEST_TEXT));
    }
    object.text("policy", &entry.policy);
    object.text("params", &entry.params);
    object.texts("approvers", &edge.approvers);
    object.number("need", u64::from(entry.need));
    object.number("wait", entry.wait);
    object.number("valid", entry.valid);
    object.text("identity", &hex(&edge.identity));
    object.open()
}

/// The whole of a question that was begun.
pub(super) fn end(begun: &str, is_look: bool) -> Vec<u8> {
    [begun, ",\"look\":", if is_look { "true}" } else { "false}" }].concat().into_bytes()
}

impl Question {
    /// Reads a question. `namespace` is the home's, and so is the longest `wait`.
    pub(super) fn read(body: &[u8], namespace: &[u8], longest_wait: u64) -> Option<Self> {
        let mut members = Members::read(body)?;
        let message = match members.has("message") {
            true => Some(members.text("message", LONGEST_TEXT)?),
            false => None,
        };
        let edge = Edge {
            identity: unhex(members.text("identity", 64)?.as_bytes())?,
            approvers: members.texts("approvers", MAX_NAME)?,
        };
        let asked = unhex(members.text("rule_hash", 64)?.as_bytes())?;
        let need = members.number("need", 1, 3)?;
        let (wait, valid) =
            (members.number("wait", 10, 604_800)?, members.number("valid", 10, 86_400)?);
        let mut entry = Entry {
            state: State::Pending,
            need: u8::try_from(need).ok()?,
            made: Nanos(0),
            expires: Nanos(0),
            wait: wait.min(longest_wait),
            valid,
            notice: Sent::Never,
            digest: [0; 32],
            rule_hash: rule_hash(&asked, &edge, [need, wait, valid]),
            id: Id::none(),
            policy: members.text("policy", 12)?,
            caller: members.text("caller", MAX_NAME)?,
            route: members.text("route", LONGEST)?,
            authority: members.text("authority", LONGEST)?,
            path: members.text("path", LONGEST)?,
            tool: members.text("tool", MAX_TOOL_NAME)?,
            rules: members.texts("rules", LONGEST_POINTER)?,
            params: members.text("params", LONGEST_TEXT)?,
            approved_by: Vec::new(),
            reason: String::new(),
            edge: None,
            used_by: [0; 16],
            used_at: 0,
        };
        let is_look = members.boolean("look")?;
        let is_whole = members.are_taken()
            && is_name(&entry.caller)
            && !entry.rules.is_empty()
            && !edge.approvers.is_empty()
            && edge.approvers.iter().all(|pattern| is_name(pattern))
            && entry.policy.len() == fingerprint_of(&[0; 32]).len();
        if !is_whole {
            return None;
        }
        entry.digest = digest(&Bound {
            namespace,
            caller: &entry.caller,
            route: entry.route.as_bytes(),
            authority: entry.authority.as_bytes(),
            path: entry.path.as_bytes(),
            tool: &entry.tool,
            rule: &entry.rule_hash,
            params: &entry.params,
        });
        entry.edge = Some(edge);
        Some(Self { entry, message, is_look })
    }
}

/// The hash of a rule of an edge, with the terms that came with it: they are a part of
/// what is approved, and no rule of the home's has such a hash.
fn rule_hash(asked: &[u8; 32], edge: &Edge, numbers: [u64; 3]) -> [u8; 32] {
    let numbers = numbers.map(u64::to_le_bytes);
    let mut parts: Vec<&[u8]> = vec![b"approval-edge/1", asked, &edge.identity];
    parts.extend(numbers.iter().map(<[u8; 8]>::as_slice));
    parts.extend(edge.approvers.iter().map(String::as_bytes));
    of_parts(&parts)
}
