//! The head of a response.

use crate::exchange::head::is_utf8;

/// The head of a response, as far as it tells how to read its body.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) success: bool,
    /// Its status can answer a head alone: it leads elsewhere, or is an error.
    pub(super) fits_a_head: bool,
    pub(super) events: bool,
    pub(super) json: bool,
    /// It is compressed, although the request did not allow that.
    pub(super) encoded: bool,
    /// It names another charset than JSON has.
    pub(super) recoded: bool,
    /// The length of its body, if it says it.
    pub(super) length: Option<usize>,
}

impl Seen {
    pub(super) fn read<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut seen = Self::default();
        for (name, value) in headers {
            match name {
                b":status" => {
                    seen.success = value.first() == Some(&b'2');
                    seen.fits_a_head = matches!(value.first(), Some(b'3'..=b'5'));
                }
                b"content-type" => {
                    let kind = String::from_utf8_lossy(value).to_ascii_lowercase();
                    seen.events |= kind.contains("text/event-stream");
                    seen.json |= kind.contains("json");
                    seen.recoded |= !is_utf8(&kind);
                }
                b"content-encoding" => {
                    let value = value.trim_ascii();
                    seen.encoded |= !value.is_empty() && !value.eq_ignore_ascii_case(b"identity");
                }
                b"content-length" => {
                    let length =
                        core::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                    seen.length = length.max(seen.length);
                }
                _ => {}
            }
        }
        seen
    }
}
