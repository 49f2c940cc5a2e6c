//! The part of the mirroring headers that is kept until the body arrives:
//! enough to decide whether they agree with it, and no more. A request without
//! its body occupies this memory for as long as it waits.

use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// The headers that mirror the body.
#[derive(Debug, Default)]
pub struct RevisionHeaders {
    /// `MCP-Protocol-Version`
    pub(super) version: Version,
    /// `Mcp-Method`
    pub(super) method: Mirror,
    /// `Mcp-Name`
    pub(super) name: Mirror,
}

impl RevisionHeaders {
    /// The parts to keep of the headers' values.
    pub fn new(version: Option<&str>, method: Option<&str>, name: Option<&str>) -> Self {
        Self {
            version: Version::new(version),
            method: method.map_or(Mirror::Absent, Mirror::new),
            name: name.map_or(Mirror::Absent, |name| {
                decode_header(name).map_or(Mirror::Unreadable, |name| Mirror::new(&name))
            }),
        }
    }

    /// The version alone, for a caller who is refused in any case. It decides the form
    /// of the answer.
    #[must_use]
    pub fn version_only(self) -> Self {
        Self { version: self.version, ..Self::default() }
    }

    /// The version that the header names, if it is a date.
    pub fn version(&self) -> Option<&str> {
        self.version.as_str().filter(|version| !version.is_empty())
    }

    /// The bytes kept besides the value itself, about.
    pub fn size(&self) -> usize {
        self.method.size().saturating_add(self.name.size())
    }
}

/// A protocol version as a header names it.
#[derive(Debug, Default)]
pub(super) enum Version {
    #[default]
    Absent,
    /// Not of the form YYYY-MM-DD: different from every version that is.
    Odd,
    Date([u8; 10]),
}

impl Version {
    fn new(version: Option<&str>) -> Self {
        match version {
            None => Self::Absent,
            Some(version) if is_date(version) => {
                version.as_bytes().try_into().map_or(Self::Odd, Self::Date)
            }
            Some(_) => Self::Odd,
        }
    }

    /// The version; an empty text for one that is not a date.
    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Absent => None,
            Self::Odd => Some(""),
            Self::Date(date) => Some(core::str::from_utf8(date).unwrap_or_default()),
        }
    }
}

/// The longest header value that is kept as it is: most methods and names of
/// tools. Of a longer one the hash is kept.
const SHORT: usize = 64;

/// A header that repeats a text of the body.
#[derive(Debug, Default)]
pub(super) enum Mirror {
    #[default]
    Absent,
    Text(Box<str>),
    /// The SHA-256 of a text longer than [`SHORT`].
    Hash(Box<[u8; 32]>),
    /// The header does not decode.
    Unreadable,
}

impl Mirror {
    fn new(text: &str) -> Self {
        match text.len() {
            ..=SHORT => Self::Text(text.into()),
            _ => Self::Hash(Box::new(Sha256::digest(text).into())),
        }
    }

    /// Whether the header says what the body says; only requests must have it.
    pub(super) fn agrees(&self, body: Option<&str>, required: bool) -> Option<()> {
        let agrees = match (self, body) {
            (Self::Absent, _) => !required,
            (Self::Text(header), Some(body)) => **header == *body,
            (Self::Hash(header), Some(body)) => {
                body.len() > SHORT && **header == <[u8; 32]>::from(Sha256::digest(body))
            }
            (Self::Unreadable, _) | (_, None) => false,
        };
        agrees.then_some(())
    }

    fn size(&self) -> usize {
        match self {
            Self::Absent | Self::Unreadable => 0,
            Self::Text(text) => text.len(),
            Self::Hash(hash) => hash.len(),
        }
    }
}

/// Whether a version is of the form YYYY-MM-DD. Dates of this form order as
/// text.
pub(super) fn is_date(version: &str) -> bool {
    version.len() == 10
        && version.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// A header's value: as written, or base64 of UTF-8 between `=?base64?` and
/// `?=`. `None` where that does not decode.
fn decode_header(value: &str) -> Option<Cow<'_, str>> {
    let encoded = value.strip_prefix("=?base64?").and_then(|value| value.strip_suffix("?="));
    match encoded {
        None => Some(Cow::Borrowed(value)),
        Some(encoded) => String::from_utf8(base64(encoded)?).ok().map(Cow::Owned),
    }
}

/// Decodes padded base64 in the standard alphabet; nothing else is accepted.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut groups = text.as_bytes().chunks_exact(4);
    let mut ended = false;
    for group in &mut groups {
        if ended {
            return None;
        }
        let data = group.iter().position(|&byte| byte == b'=').unwrap_or(4);
        if data < 2 || group.iter().skip(data).any(|&byte| byte != b'=') {
            return None;
        }
        ended = data < 4;
        let mut bits = 0_u32;
        for &byte in group.iter().take(data) {
            bits = (bits << 6) | sextet(byte)?;
        }
        let unused = 4_usize.saturating_sub(data);
        bits <<= unused.saturating_mul(6);
        let [_, whole @ ..] = bits.to_be_bytes();
        let used = data.saturating_sub(1);
        if whole.iter().skip(used).any(|&byte| byte != 0) {
            return None;
        }
        bytes.extend(whole.iter().take(used));
    }
    groups.remainder().is_empty().then_some(bytes)
}

fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte.wrapping_sub(b'A'),
        b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
        b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn long_values_agree_by_their_hashes_and_take_little_room() {
        for length in [1, SHORT, SHORT + 1, 4_000] {
            let name = "n".repeat(length);
            let headers = RevisionHeaders::new(Some("2026-07-28"), Some(&name), Some(&name));
            assert!(headers.size() <= 2 * SHORT, "{length}");
            for mirror in [&headers.method, &headers.name] {
                assert_eq!(mirror.agrees(Some(&name), true), Some(()), "{length}");
                for other in [name.replacen('n', "N", 1), format!("{name}n"), String::new()] {
                    assert_eq!(mirror.agrees(Some(&other), true), None, "{length} {other}");
                }
                assert_eq!(mirror.agrees(None, false), None);
            }
        }
    }

    #[test]
    fn base64_is_read_strictly() {
        for (text, expected) in [
            ("", Some("")),
            ("YQ==", Some("a")),
            ("YWI=", Some("ab")),
            ("YWJj", Some("abc")),
            ("w6k=", Some("é")),
            ("YQ", None),
            ("YR==", None),
            ("Y===", None),
            ("====", None),
            ("YQ==YQ==", None),
            ("YW-_", None),
            ("YW Jj", None),
        ] {
            assert_eq!(base64(text).as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }
}
