//! One pass over the headers, and its findings.

use super::{Head, HeadError, LONGEST, Trace};
use crate::wire::mcp::RevisionHeaders;

/// Headers that decide how a body is read, or repeat what it says.
#[derive(Clone, Copy)]
enum Single {
    ContentType,
    ContentEncoding,
    Version,
    Method,
    Name,
    SessionId,
}

impl Single {
    /// The header with this name, which Envoy gives in lower case.
    const fn new(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"content-type" => Self::ContentType,
            b"content-encoding" => Self::ContentEncoding,
            b"mcp-protocol-version" => Self::Version,
            b"mcp-method" => Self::Method,
            b"mcp-name" => Self::Name,
            b"mcp-session-id" => Self::SessionId,
            _ => return None,
        })
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::ContentType => "Content-Type",
            Self::ContentEncoding => "Content-Encoding",
            Self::Version => "MCP-Protocol-Version",
            Self::Method => "Mcp-Method",
            Self::Name => "Mcp-Name",
            Self::SessionId => "Mcp-Session-Id",
        }
    }
}

#[derive(Default)]
pub(super) struct Seen<'a> {
    pub(super) method: Option<&'a [u8]>,
    pub(super) path: Option<&'a [u8]>,
    pub(super) content_length: Option<&'a [u8]>,
    pub(super) upgrade: bool,
    accepts_mcp: bool,
    request_id: Option<&'a [u8]>,
    /// By the number of a [`Single`].
    single: [Option<&'a [u8]>; 6],
    repeated: Option<&'static str>,
    long: Option<&'static str>,
}

impl<'a> Seen<'a> {
    pub(super) fn read(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut seen = Self::default();
        for (name, value) in headers {
            match name {
                b":method" => seen.method = Some(value),
                b":path" => seen.path = Some(value),
                b"content-length" => seen.content_length = Some(value),
                b"upgrade" => seen.upgrade = true,
                b"x-request-id" => {
                    seen.request_id.get_or_insert(value);
                }
                b"accept" => seen.accepts_mcp |= accepts_mcp(value),
                _ => seen.single(name, value),
            }
        }
        seen
    }

    fn single(&mut self, name: &[u8], value: &'a [u8]) {
        let Some(single) = Single::new(name) else { return };
        let Some(slot) = self.single.get_mut(single as usize) else { return };
        if slot.is_some() {
            self.repeated.get_or_insert(single.as_str());
        }
        if value.len() > LONGEST {
            self.long.get_or_insert(single.as_str());
        }
        *slot = Some(value);
    }

    fn value(&self, single: Single) -> Option<&'a [u8]> {
        self.single.get(single as usize).copied().flatten()
    }

    fn text(&self, single: Single) -> Result<Option<&'a str>, HeadError> {
        match self.value(single) {
            None => Ok(None),
            Some(value) => match core::str::from_utf8(value) {
                // Space around a value is not part of it.
                Ok(value) => Ok(Some(value.trim_matches([' ', '\t']))),
                Err(_) => Err(HeadError::NotText(single.as_str())),
            },
        }
    }

    pub(super) fn head(&self, max_body_bytes: usize) -> Result<Head, HeadError> {
        if let Some(name) = self.repeated {
            return Err(HeadError::Repeated(name));
        }
        if let Some(name) = self.long {
            return Err(HeadError::Long(name));
        }
        let too_large = |length: &[u8]| {
            let length = core::str::from_utf8(length).ok().and_then(|text| text.parse().ok());
            length.is_none_or(|length: u64| length > max_body_bytes as u64)
        };
        if self.content_length.is_some_and(too_large) {
            return Err(HeadError::TooLarge);
        }
        match self.text(Single::ContentEncoding)? {
            None | Some("") => {}
            Some(encoding) if encoding.eq_ignore_ascii_case("identity") => {}
            Some(_) => return Err(HeadError::Encoding),
        }
        let kind = self.text(Single::ContentType)?;
        match kind {
            // Envoy joins repeated lines with a comma.
            Some(kind) if kind.contains(',') => return Err(HeadError::Repeated("Content-Type")),
            Some(kind) if !is_json(kind) => return Err(HeadError::ContentType),
            Some(kind) if !is_utf8(kind) => return Err(HeadError::Charset),
            _ => {}
        }
        let revision = RevisionHeaders::new(
            self.text(Single::Version)?,
            self.text(Single::Method)?,
            self.text(Single::Name)?,
        );
        Ok(Head {
            revision,
            accepts_mcp: self.accepts_mcp,
            untyped: kind.is_none_or(|kind| media_type(kind).is_empty()),
            trace: Trace::new(self.request_id, self.value(Single::SessionId)),
            named: Vec::new(),
            target: None,
        })
    }
}

fn accepts_mcp(value: &[u8]) -> bool {
    // As most clients spell it, which is found without a look at each letter's case.
    value.starts_with(b"application/json")
        || ["application/json", "text/event-stream"].into_iter().any(|kind| {
            value.windows(kind.len()).any(|part| part.eq_ignore_ascii_case(kind.as_bytes()))
        })
}

/// A Content-Type without its parameters.
fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Whether every server that follows a Content-Type reads the body as JSON or as plain
/// text. One text can be JSON and also a form with another message in its fields, so a
/// form's type is refused, in a parameter too: some servers look for it there.
fn is_json(content_type: &str) -> bool {
    if content_type == "application/json" {
        return true;
    }
    let lower = content_type.to_ascii_lowercase();
    let kind = media_type(&lower);
    // As in `application/vnd.example+json`.
    let suffixed = |name: &str| {
        name.ends_with("+json")
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    let known = matches!(kind, "" | "application/json" | "text/json" | "text/plain")
        || kind.strip_prefix("application/").is_some_and(suffixed);
    known && !["form-", "multipart"].iter().any(|word| lower.contains(word))
}

/// Whether no reader can find another charset than UTF-8 in a Content-Type,
/// however it splits parameters: each `charset` must be followed by `=utf-8`.
pub(crate) fn is_utf8(content_type: &str) -> bool {
    if content_type == "application/json" {
        return true;
    }
    let lower = content_type.to_ascii_lowercase();
    lower.split("charset").skip(1).all(|after| {
        let Some(value) = after.trim_start().strip_prefix('=') else { return false };
        let value = value.trim_start().trim_start_matches(['"', '\'']);
        value.strip_prefix("utf-8").or(value.strip_prefix("utf8")).is_some_and(|rest| {
            let rest = rest.trim_start_matches(['"', '\'']).trim_start();
            rest.is_empty() || rest.starts_with(';')
        })
    })
}
