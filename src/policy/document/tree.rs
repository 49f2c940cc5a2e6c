//! A document as a tree, before its keys are given a meaning.

use super::{Findings, MAX_POLICY_BYTES, structure, unreadable};
use crate::wire::json::{Canonical, JsonError, JsonErrorKind, Kind, Reader};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// The deepest nesting of a document; the language itself needs ten levels.
pub(super) const MAX_DEPTH: usize = 64;

/// A JSON value. Numbers keep their spelling, objects their duplicate keys.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    Number(Cow<'a, str>),
    String(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl Node<'_> {
    /// The SHA-256 of the value in its canonical form.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        self.write(&mut Canonical::new(&mut |piece| hasher.update(piece)));
        hasher.finalize().into()
    }

    fn write(&self, form: &mut Canonical<'_>) {
        match self {
            Self::Null => form.null(),
            Self::Bool(value) => form.boolean(*value),
            Self::Number(text) => form.number(text),
            Self::String(text) => form.text(text),
            Self::List(elements) => form.list(elements, |form, node| node.write(form)),
            Self::Object(members) => {
                let members: Vec<_> = members.iter().map(|(key, node)| (&**key, node)).collect();
                form.object(&members, |form, node| node.write(form));
            }
        }
    }
}

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
    let root = node(&mut reader)?;
    reader.end()?;
    match reader.ambiguity() {
        // Duplicate keys are reported by their path.
        Some(fault) if fault.kind != JsonErrorKind::DuplicateKey => Err(fault),
        _ => Ok(root),
    }
}

fn node<'a>(reader: &mut Reader<'a>) -> Result<Node<'a>, JsonError> {
    match reader.peek() {
        Some(b'{') => {
            let mut members = Vec::new();
            reader.object(|reader, key, _| {
                members.push((key.decode(), node(reader)?));
                Ok(())
            })?;
            Ok(Node::Object(members))
        }
        Some(b'[') => {
            let mut elements = Vec::new();
            reader.array(|reader| {
                elements.push(node(reader)?);
                Ok(())
            })?;
            Ok(Node::List(elements))
        }
        _ => {
            let raw = reader.value()?;
            Ok(match raw.kind {
                Kind::Bool(value) => Node::Bool(value),
                Kind::Number => Node::Number(Cow::Borrowed(raw.text)),
                Kind::String(text) => Node::String(text.decode()),
                // Lists and objects were read above.
                Kind::Null | Kind::Array | Kind::Object => Node::Null,
            })
        }
    }
}
