//! The hash of a part of the document, by which a rule is known again.

use super::super::tree::Node;
use super::At;
use crate::digest::of_parts;
use crate::order;

impl At<'_> {
    /// The hash of the value as written: of two values with the same hash, each part is
    /// the same.
    pub(in crate::policy::document) fn hash(&self) -> [u8; 32] {
        match self.node {
            Node::Null => of_parts(&[b"null"]),
            Node::Bool(value) => of_parts(&[b"bool", &[u8::from(*value)]]),
            Node::Number(text) => of_parts(&[b"number", text.as_bytes()]),
            Node::String(text) => of_parts(&[b"string", text.as_bytes()]),
            Node::List(_) => {
                let inner: Vec<[u8; 32]> = self.elements().iter().map(At::hash).collect();
                let parts: Vec<&[u8]> = inner.iter().map(<[u8; 32]>::as_slice).collect();
                of_parts(&[&[b"list".as_slice()], &*parts].concat())
            }
            Node::Object(members) => {
                let members: Vec<_> = members.iter().collect();
                let members = order::sorted(members, |(a, _), (b, _)| a.cmp(b));
                let inner: Vec<(&str, [u8; 32])> = members
                    .into_iter()
                    .map(|(key, node)| (&**key, self.below(node, key).hash()))
                    .collect();
                let parts: Vec<&[u8]> =
                    inner.iter().flat_map(|(key, hash)| [key.as_bytes(), hash]).collect();
                of_parts(&[&[b"object".as_slice()], &*parts].concat())
            }
        }
    }
}
