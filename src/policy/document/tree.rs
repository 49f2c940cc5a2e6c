//! A document as a tree, before its keys are given a meaning.

use super::{Findings, MAX_POLICY_BYTES, structure, unreadable};
use crate::wire::json::{JsonError, JsonErrorKind, Reader};

pub(super) use crate::wire::json::Node;

/// The deepest nesting of a document; the language itself needs ten levels.
pub(super) const MAX_DEPTH: usize = 64;

/// Reads a document: JSON, or a `google.protobuf.Struct`. The first byte of one
/// is also a line break, with which JSON may begin, and no Struct is JSON.
///
/// # Errors
/// The bytes are neither, or numbers in them mean different things to different
/// readers.
pub(super) fn parse(bytes: &[u8]) -> Result<(Node<'_>, Findings), Findings> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Findings::one("", "the plugin has no configuration; give it a policy"));
    }
    if bytes.len() > MAX_POLICY_BYTES {
        let message =
            format!("the policy is {} bytes; at most {MAX_POLICY_BYTES} are allowed", bytes.len());
        return Err(Findings::one("", message));
    }
    let fault = match json(bytes) {
        Ok(root) => return Ok((root, Findings::default())),
        Err(fault) => fault,
    };
    if bytes.first() != Some(&structure::FIRST) {
        return Err(unreadable::explain(bytes, fault, None));
    }
    structure::decode(bytes).map_err(|other| unreadable::explain(bytes, fault, Some(other)))
}

fn json(text: &[u8]) -> Result<Node<'_>, JsonError> {
    let mut reader = Reader::new(text, MAX_DEPTH)?;
    let root = Node::read(&mut reader)?;
    reader.end()?;
    match reader.ambiguity() {
        // Duplicate keys are reported by their path.
        Some(fault) if fault.kind != JsonErrorKind::DuplicateKey => Err(fault),
        _ => Ok(root),
    }
}
