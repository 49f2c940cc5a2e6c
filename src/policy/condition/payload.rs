//! The payload of a verified token, whole and as JSON.
//!
//! Filter state holds it as the text that Envoy made of the token: each claim has its
//! type, and one look at the host brings all of them.

use super::claim::{Claim, Claims, MAX_ELEMENTS};
use crate::wire::json::{JsonError, Kind, Raw, Reader};

/// The deepest nesting in a payload that is read.
const MAX_DEPTH: usize = 64;

/// The payload of a request's token.
///
/// ```
/// use mcp_policy_filter::policy::condition::{Claim, Claims, Payload};
///
/// let payload = Payload::read(Some(br#"{"level":5,"org":{"teams":["red"]}}"#.to_vec()));
/// assert_eq!(payload.claim(&["level"]), Claim::Number(5.0));
/// assert_eq!(payload.claim(&["org", "teams", "0"]), Claim::Text("red".into()));
/// assert_eq!(payload.claim(&["team"]), Claim::Absent);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// No token was verified.
    NoToken,
    /// There may be a token, and nothing can be said of it.
    Unreadable,
    /// The claims: an object that the strict reader let pass.
    Object(String),
}

impl Payload {
    /// Reads the text of a filter state. Envoy writes `-` where it has no token.
    /// Without any text the filter that writes it did not run, which is a fault of
    /// the configuration and does not show that there is no token.
    pub fn read(text: Option<Vec<u8>>) -> Self {
        match text.map(String::from_utf8) {
            Some(Ok(text)) if text.is_empty() || text == "-" => Self::NoToken,
            Some(Ok(text)) if is_object(&text).is_ok_and(|is_one| is_one) => Self::Object(text),
            _ => Self::Unreadable,
        }
    }
}

/// Whether a text is one object, which every reader takes for the same.
fn is_object(text: &str) -> Result<bool, JsonError> {
    let mut reader = Reader::new(text.as_bytes(), MAX_DEPTH)?;
    let value = reader.value()?;
    reader.end()?;
    Ok(matches!(value.kind, Kind::Object) && reader.ambiguity().is_none())
}

impl Claims for Payload {
    fn claim(&self, path: &[&str]) -> Claim {
        match (self, path) {
            (Self::NoToken, _) => Claim::Absent,
            (Self::Unreadable, _) => Claim::Unreadable,
            (Self::Object(_), []) => Claim::Opaque,
            (Self::Object(text), path) => {
                let whole = Raw { text, at: 0, kind: Kind::Object };
                match find(&mut Reader::again(whole), path) {
                    Ok(Some(raw)) => claim(&raw),
                    Ok(None) => Claim::Absent,
                    // A text that was read before reads again.
                    Err(_) => Claim::Unreadable,
                }
            }
        }
    }

    fn has_lists(&self) -> bool {
        true
    }

    fn size(&self) -> usize {
        match self {
            Self::Object(text) => text.len(),
            Self::NoToken | Self::Unreadable => 0,
        }
    }
}

/// Follows a path from the value that `reader` comes to next.
fn find<'a>(reader: &mut Reader<'a>, path: &[&str]) -> Result<Option<Raw<'a>>, JsonError> {
    let Some((step, rest)) = path.split_first() else { return reader.value().map(Some) };
    let mut found = None;
    match reader.peek() {
        Some(b'{') => reader.object(|reader, key, _| {
            if key.is(step) {
                found = find(reader, rest)?;
            } else {
                reader.value()?;
            }
            Ok(())
        })?,
        Some(b'[') => {
            let mut index = 0_usize;
            reader.array(|reader| {
                if index.to_string() == *step {
                    found = find(reader, rest)?;
                } else {
                    reader.value()?;
                }
                index = index.saturating_add(1);
                Ok(())
            })?;
        }
        _ => drop(reader.value()?),
    }
    Ok(found)
}

fn claim(raw: &Raw<'_>) -> Claim {
    match raw.kind {
        Kind::Array => list(raw).map_or(Claim::Unreadable, Claim::List),
        _ => scalar(raw),
    }
}

fn scalar(raw: &Raw<'_>) -> Claim {
    match raw.kind {
        Kind::Null => Claim::Absent,
        Kind::Bool(value) => Claim::Bool(value),
        Kind::Number => raw.text.parse().map_or(Claim::Unreadable, Claim::Number),
        Kind::String(text) => Claim::Text(text.decode().into_owned()),
        Kind::Array | Kind::Object => Claim::Opaque,
    }
}

/// The elements of a list, up to as many as are looked at.
fn list(raw: &Raw<'_>) -> Result<Vec<Claim>, JsonError> {
    let mut elements = Vec::new();
    Reader::again(*raw).array(|reader| {
        let element = reader.value()?;
        if elements.len() < MAX_ELEMENTS {
            elements.push(scalar(&element));
        }
        Ok(())
    })?;
    Ok(elements)
}
