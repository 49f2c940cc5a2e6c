//! The canonical form of a JSON value by RFC 8785, by which all texts of one
//! value have one digest.
//!
//! Keys are sorted by their UTF-16 units, numbers have the form of ECMAScript,
//! texts have the fewest escapes, and there is no white space. A number that is not
//! the value of a double's shortest spelling keeps its digits, where RFC 8785 rounds
//! it. The form is handed on piece by piece, as a hasher takes it, and never stored.

mod number;

pub use number::{is_certain, of_double};

use crate::order;

/// Writes a value in its canonical form.
///
/// ```
/// use mcp_policy_filter::wire::json::Canonical;
///
/// let mut form = Vec::new();
/// let mut sink = |piece: &[u8]| form.extend_from_slice(piece);
/// Canonical::new(&mut sink).object(&[("b", "1.50"), ("a", "1e2")], |form, text| {
///     form.number(text);
/// });
/// assert_eq!(form, br#"{"a":100,"b":1.5}"#);
/// ```
pub struct Canonical<'s> {
    sink: &'s mut dyn FnMut(&[u8]),
}

impl<'s> Canonical<'s> {
    /// Writes to `sink`.
    pub fn new(sink: &'s mut dyn FnMut(&[u8])) -> Self {
        Self { sink }
    }

    fn put(&mut self, text: &str) {
        (self.sink)(text.as_bytes());
    }

    /// `null`
    pub fn null(&mut self) {
        self.put("null");
    }

    /// `true` or `false`
    pub fn boolean(&mut self, value: bool) {
        self.put(if value { "true" } else { "false" });
    }

    /// A number that the reader let pass.
    pub fn number(&mut self, text: &str) {
        self.put(&number::canonical(text));
    }

    /// A text, as decoded.
    pub fn text(&mut self, text: &str) {
        self.put("\"");
        let mut rest = text;
        while let Some(at) = rest.find(|c| matches!(c, '"' | '\\' | '\0'..='\u{1f}')) {
            let (plain, special) = rest.split_at(at);
            self.put(plain);
            let mut chars = special.chars();
            match chars.next() {
                Some('"') => self.put("\\\""),
                Some('\\') => self.put("\\\\"),
                Some('\u{8}') => self.put("\\b"),
                Some('\t') => self.put("\\t"),
                Some('\n') => self.put("\\n"),
                Some('\u{c}') => self.put("\\f"),
                Some('\r') => self.put("\\r"),
                Some(other) => self.put(&format!("\\u{:04x}", u32::from(other))),
                None => {}
            }
            rest = chars.as_str();
        }
        self.put(rest);
        self.put("\"");
    }

    /// A list, each of whose elements `write` writes.
    pub fn list<T>(
        &mut self,
        elements: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        let mut before = "[";
        for element in elements {
            self.put(before);
            write(self, element);
            before = ",";
        }
        self.put(if before == "[" { "[]" } else { "]" });
    }

    /// An object, each of whose values `write` writes.
    pub fn object<T>(&mut self, members: &[(&str, T)], mut write: impl FnMut(&mut Self, &T)) {
        let units = |at: usize| members.get(at).map(|(key, _)| key.encode_utf16());
        let compare = |a: usize, b: usize| match (units(a), units(b)) {
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        let mut before = "{";
        for at in order::indexes(members.len(), &compare) {
            let Some((key, value)) = members.get(at) else { continue };
            self.put(before);
            self.text(key);
            self.put(":");
            write(self, value);
            before = ",";
        }
        self.put(if before == "{" { "{}" } else { "}" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// The form that `write` writes.
    fn form(write: impl FnOnce(&mut Canonical<'_>)) -> String {
        let mut form = Vec::new();
        write(&mut Canonical::new(&mut |piece| form.extend_from_slice(piece)));
        String::from_utf8(form).unwrap()
    }

    #[test]
    fn texts_have_the_fewest_escapes() {
        // Section 3.2.2 of RFC 8785.
        let text = "\u{20ac}$\u{f}\nA'B\"\\\\\"/";
        assert_eq!(form(|form| form.text(text)), r#""€$\u000f\nA'B\"\\\\\"/""#);
        let controls = "\u{0}\u{8}\t\u{c}\r\u{1f}\u{7f}\u{2028}";
        assert_eq!(
            form(|form| form.text(controls)),
            "\"\\u0000\\b\\t\\f\\r\\u001f\u{7f}\u{2028}\""
        );
        assert_eq!(form(|form| form.text("")), r#""""#);
    }

    #[test]
    fn keys_are_sorted_by_utf_16_units() {
        // Section 3.2.3 of RFC 8785.
        let members = [
            ("\u{20ac}", "Euro Sign"),
            ("\r", "Carriage Return"),
            ("\u{fb33}", "Hebrew Letter Dalet With Dagesh"),
            ("1", "One"),
            ("\u{1f600}", "Emoji: Grinning Face"),
            ("\u{80}", "Control"),
            ("\u{f6}", "Latin Small Letter O With Diaeresis"),
        ];
        let mut written = Vec::new();
        form(|form| {
            form.object(&members, |form, value| {
                written.push(*value);
                form.text(value);
            });
        });
        assert_eq!(
            written,
            [
                "Carriage Return",
                "One",
                "Control",
                "Latin Small Letter O With Diaeresis",
                "Euro Sign",
                "Emoji: Grinning Face",
                "Hebrew Letter Dalet With Dagesh",
            ]
        );
    }

    #[test]
    fn lists_and_objects_have_no_white_space() {
        let found = form(|form| {
            form.object(&[("b", 2), ("a", 0), ("", 1)], |form, count| {
                form.list(0..*count, |form, _| form.boolean(true));
            });
        });
        assert_eq!(found, r#"{"":[true],"a":[],"b":[true,true]}"#);
        assert_eq!(form(|form| form.object(&[], |form, ()| form.null())), "{}");
    }
}
