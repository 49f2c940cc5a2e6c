//! The signs by which a text may be one with a list. Texts without them need not be read,
//! and those that cannot be read may pass.

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
            b'\\' => self.0.iter().any(|list| has_letter(text, at, list)),
            _ => false,
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

/// Whether the escape of a letter of the key is here.
fn has_letter(text: &[u8], at: usize, list: List) -> bool {
    let Some(escape) = text.get(at..at.saturating_add(ESCAPE)) else { return false };
    let is = |letter: &&[u8; ESCAPE]| letter.eq_ignore_ascii_case(escape);
    match list {
        List::Tools => TOOLS.iter().any(is),
        List::Prompts => PROMPTS.iter().any(is),
        List::Resources => RESOURCES.iter().any(is),
        List::Templates => RESOURCES.iter().chain(TEMPLATES).any(is),
    }
}

/// Bytes of an escape.
const ESCAPE: usize = 6;

/// The escapes of the letters of `tools`, and of the `ſ` that some clients read as an `s`.
const TOOLS: &[&[u8; ESCAPE]] = &[
    br"\u0074", br"\u006f", br"\u006c", br"\u0073", br"\u0054", br"\u004f", br"\u004c", br"\u0053",
    br"\u017f",
];
/// The same of `prompts`.
const PROMPTS: &[&[u8; ESCAPE]] = &[
    br"\u0070", br"\u0072", br"\u006f", br"\u006d", br"\u0074", br"\u0073", br"\u0050", br"\u0052",
    br"\u004f", br"\u004d", br"\u0054", br"\u0053", br"\u017f",
];
/// The same of `resources`.
const RESOURCES: &[&[u8; ESCAPE]] = &[
    br"\u0072", br"\u0065", br"\u0073", br"\u006f", br"\u0075", br"\u0063", br"\u0052", br"\u0045",
    br"\u0053", br"\u004f", br"\u0055", br"\u0043", br"\u017f",
];
/// The letters of `resourceTemplates` that `resources` does not have.
const TEMPLATES: &[&[u8; ESCAPE]] = &[
    br"\u0074", br"\u006d", br"\u0070", br"\u006c", br"\u0061", br"\u0054", br"\u004d", br"\u0050",
    br"\u004c", br"\u0041",
];

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
