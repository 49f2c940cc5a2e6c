//! Limitador's headers: its statuses are always empty, and these alone tell which limits
//! it applied.

use super::Sent;

/// The most limits that a header may list.
const MAX_LISTED: usize = 1_024;

/// The limits that were applied, each by its `max` and the seconds of its window.
#[derive(Debug)]
pub(super) struct Applied(Vec<Option<(u64, u64)>>);

impl Applied {
    /// Reads `X-RateLimit-Limit`, as in `20, 20;w=3600;name="a", 1000;w=86400`: the `max`
    /// of the tightest, then each of them. `None` if it is anything else.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let mut items = unquoted(value, b',').map(<[u8]>::trim_ascii);
        number(items.next()?)?;
        let mut all = Vec::new();
        for item in items {
            let mut parts = unquoted(item, b';');
            let max = number(parts.next()?)?;
            let mut seconds = None;
            for part in parts {
                if let Some(digits) = part.trim_ascii().strip_prefix(b"w=") {
                    // Given twice, it is nothing to rely on.
                    if seconds.replace(number(digits)?).is_some() {
                        return None;
                    }
                }
            }
            all.push(Some((max, seconds?)));
            if all.len() > MAX_LISTED {
                return None;
            }
        }
        Some(Self(all))
    }

    /// Takes one for each of the limits; `false` if there are not enough.
    pub(super) fn take_each(&mut self, limits: &[Sent]) -> bool {
        limits.iter().all(|sent| {
            let limit = Some((sent.max.into(), sent.window.into()));
            self.0.iter_mut().find(|applied| **applied == limit).and_then(Option::take).is_some()
        })
    }
}

/// The parts of a text between separators outside of quotes. A quote within a name is
/// not escaped: Limitador writes another character for it.
fn unquoted(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    text.split(move |byte| {
        is_quoted ^= *byte == b'"';
        *byte == separator && !is_quoted
    })
}

/// A whole number as it is written, in digits alone and without zeros before it, as
/// readers differ over the rest.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    match digits {
        [b'0', _, ..] => None,
        _ if !digits.iter().all(u8::is_ascii_digit) => None,
        _ => core::str::from_utf8(digits).ok()?.parse().ok(),
    }
}
