//! The signs by which a text may be one with a list. Texts without them need not be read,
//! and those that cannot be read may pass.

use crate::wire::json::fold_ascii;
use crate::wire::mcp::{List, Lists};

/// The signs of some lists.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signs(Lists);

impl Signs {
    pub(super) const fn new(lists: Lists) -> Self {
        Self(lists)
    }

    /// Whether a text may have the key of one of the lists, however it is spelt.
    pub(super) fn are_in(self, text: &[u8]) -> bool {
        text.iter().enumerate().any(|(at, byte)| match byte {
            b'"' => self.0.iter().any(|list| has_key(text, at, list.key())),
            b'\\' => has_letter(text, at, self.0),
            _ => false,
        })
    }

    /// Whether a text may be an object or an array with the key of one of the lists, without
    /// quotes: Kotlin's SDK reads such a text. No other does, and JSON is not one.
    pub(super) fn are_bare_in(self, text: &[u8]) -> bool {
        matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
            && self.0.iter().any(|list| {
                let key = list.key().as_bytes();
                text.windows(key.len()).enumerate().any(|(at, word)| {
                    let rest = text.get(at.saturating_add(key.len())..).unwrap_or_default();
                    word == key && rest.trim_ascii_start().first() == Some(&b':')
                })
            })
    }

    /// The longest of the texts that [`Self::are_in`] looks for.
    pub(super) fn longest(self) -> usize {
        // Two quotes, and one byte more for each of at most three `s`.
        let sign = |list: List| list.key().len().saturating_add(5);
        self.0.iter().map(sign).max().unwrap_or_default()
    }
}

/// Whether a key is here that some client reads as this word, and that ends or continues
/// with an escape: some clients end it at a NUL.
fn has_key(text: &[u8], quote: usize, word: &str) -> bool {
    let mut at = quote.saturating_add(1);
    for letter in word.bytes() {
        at = at.saturating_add(match text.get(at..) {
            Some([byte, ..]) if byte.eq_ignore_ascii_case(&letter) => 1,
            // `ſ`, which some clients read as an `s`.
            Some([0xc5, 0xbf, ..]) if letter == b's' => 2,
            _ => return false,
        });
    }
    matches!(text.get(at), Some(b'"' | b'\\'))
}

/// Whether the escape of a letter of a key is here, or of a character that some clients
/// read as one.
fn has_letter(text: &[u8], at: usize, keys: Lists) -> bool {
    let escape = text.get(at..at.saturating_add(ESCAPE)).and_then(|text| text.strip_prefix(b"\\u"));
    let number = escape.and_then(|digits| core::str::from_utf8(digits).ok());
    let number = number.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let Some(letter) = number.and_then(char::from_u32).map(fold_ascii) else { return false };
    keys.iter().any(|list| list.key().contains(letter))
}

/// Bytes of an escape.
const ESCAPE: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn signs(list: List) -> Signs {
        Signs::new(Lists::default().with(list))
    }

    #[test]
    fn a_key_is_seen_however_it_is_spelt() {
        for (list, spellings) in [
            (
                List::Tools,
                &["\"tools\":", "\"TOOLſ\":", r#""to\u006Fls":"#, r#""tools\u0000":"#][..],
            ),
            (List::Prompts, &["\"prompts\":", "\"Promptſ\":", r#""\u0050rompts":"#]),
            (List::Resources, &["\"resources\":", "\"reſourceſ\":", r#""res\u004Furces":"#]),
            (
                List::Templates,
                &[
                    "\"resourceTemplates\":",
                    "\"reſourceTEMPLATEſ\":",
                    r#""resourceTempl\u0061tes":"#,
                ],
            ),
        ] {
            for spelling in spellings {
                assert!(signs(list).are_in(spelling.as_bytes()), "{spelling}");
            }
            for other in List::ALL.into_iter().filter(|other| *other != list) {
                let key = format!(r#""{}":"#, other.key());
                assert!(!signs(list).are_in(key.as_bytes()), "{key}");
            }
            let none = br#"{"result":{"tool":1,"\u007a":"resourcesx","prompt":"resource"}}"#;
            assert!(!signs(list).are_in(none));
        }
        assert!(!Signs::new(Lists::default()).are_in(br#""tools""#));
    }

    #[test]
    fn the_longest_sign_is_kept() {
        for list in List::ALL {
            let key = format!(r#""{}""#, list.key().replace('s', "ſ"));
            assert!(signs(list).are_in(key.as_bytes()), "{key}");
            assert!(key.len() <= signs(list).longest(), "{key}");
            assert!(signs(list).longest() >= ESCAPE);
        }
    }
}
