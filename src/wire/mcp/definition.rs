//! The definition of a tool, as a server lists it, by its digest.
//!
//! A client shows its user a part of a definition, and a model reads all of it. So the
//! digest is that of the whole object: the SHA-256 of its form by RFC 8785, which neither
//! the order of keys nor the spelling of values changes. A definition of which two readers
//! may have two forms has no digest.

use crate::wire::json::{Node, Raw, Reader, is_certain};
use core::fmt;

/// The longest definition that has a digest, in bytes: many times that of the longest ones
/// of real servers.
pub const MAX_DEFINITION: usize = 256 << 10;

/// The deepest nesting of a definition that has a digest.
const MAX_DEPTH: usize = 64;

/// The member that `ignore` may leave out.
const META: &str = "_meta";

/// The reason why a definition has no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefinitionError {
    /// It is longer than [`MAX_DEFINITION`].
    Length,
    /// It is nested too deeply, or is not an object that a reader let pass.
    Depth,
    /// A number in it has more digits than every reader keeps.
    Number,
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "is longer than 256 KiB",
            Self::Depth => "is nested more than 64 levels deep",
            Self::Number => "has a number that some readers round",
        })
    }
}

/// The digest of a tool's object, which a strict reader let pass, with or without its
/// `_meta`.
///
/// ```
/// use mcp_policy_filter::wire::json::Reader;
/// use mcp_policy_filter::wire::mcp::digest_of_definition;
///
/// let digest = |text: &str| {
///     let tool = Reader::new(text.as_bytes(), 64).unwrap().value().unwrap();
///     digest_of_definition(tool, false)
/// };
/// assert_eq!(digest(r#"{"name": "a", "n": 1.0}"#), digest(r#"{"n":1,"name":"\u0061"}"#));
/// assert_ne!(digest(r#"{"name": "a"}"#), digest(r#"{"name": "a", "title": ""}"#));
/// ```
///
/// # Errors
/// Two readers may have two forms of it, or it is too large to be looked at.
pub fn digest_of_definition(
    tool: Raw<'_>,
    ignores_meta: bool,
) -> Result<[u8; 32], DefinitionError> {
    if tool.text.len() > MAX_DEFINITION {
        return Err(DefinitionError::Length);
    }
    let read = Node::read(&mut Reader::again_within(tool, MAX_DEPTH));
    let mut members = match read {
        Ok(Node::Object(members)) => members,
        Ok(_) | Err(_) => return Err(DefinitionError::Depth),
    };
    if ignores_meta {
        members.retain(|(key, _)| key != META);
    }
    let tool = Node::Object(members);
    if is_certain_throughout(&tool) { Ok(tool.digest()) } else { Err(DefinitionError::Number) }
}

fn is_certain_throughout(node: &Node<'_>) -> bool {
    match node {
        Node::Null | Node::Bool(_) | Node::String(_) => true,
        Node::Number(text) => is_certain(text),
        Node::List(elements) => elements.iter().all(is_certain_throughout),
        Node::Object(members) => members.iter().all(|(_, node)| is_certain_throughout(node)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::Digest as _;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn digest(text: &str, ignores_meta: bool) -> Result<String, DefinitionError> {
        let tool = Reader::new(text.as_bytes(), 256).unwrap().value().unwrap();
        let digest = digest_of_definition(tool, ignores_meta)?;
        Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    #[test]
    fn the_digest_is_that_of_the_form_of_rfc_8785() {
        // U+10000 is two units that come before U+FFFF.
        let text = "{\"\u{ffff}\": 1, \"\u{10000}\": 2.0, \"name\": \"\\u0061\"}";
        let form = "{\"name\":\"a\",\"\u{10000}\":2,\"\u{ffff}\":1}";
        let plain: [u8; 32] = sha2::Sha256::digest(form).into();
        let plain: String = plain.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest(text, false), Ok(plain));
    }

    #[test]
    fn meta_is_left_out_only_where_it_is_ignored_and_only_at_the_top() {
        let with = r#"{"name":"a","_meta":{"v":1},"x":{"_meta":1}}"#;
        let without = r#"{"x":{"_meta":1},"name":"a"}"#;
        assert_eq!(digest(with, true), digest(without, true));
        assert_eq!(digest(without, true), digest(without, false));
        assert_ne!(digest(with, false), digest(without, false));
        assert_ne!(digest(without, true), digest(r#"{"x":{},"name":"a"}"#, true));
    }

    #[test]
    fn a_definition_of_which_two_readers_may_have_two_forms_has_no_digest() {
        let deep =
            |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        let long = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
        for (text, expected) in [
            (r#"{"n":9007199254740992}"#.to_owned(), Some(DefinitionError::Number)),
            (r#"{"n":[{"m":9007199254740993}]}"#.into(), Some(DefinitionError::Number)),
            (r#"{"n":9007199254740991}"#.into(), None),
            (deep(64), None),
            (deep(65), Some(DefinitionError::Depth)),
            (long(MAX_DEFINITION), None),
            (long(MAX_DEFINITION + 1), Some(DefinitionError::Length)),
        ] {
            assert_eq!(digest(&text, false).err(), expected, "{}", &text[..text.len().min(80)]);
        }
    }
}
