//! Values that are probably meant as patterns. No operator knows `*`.

use super::{Literal, Test};

impl Test {
    /// Whether the policy's value has a `*` that is probably meant as any text: behind a
    /// word or a folder, or in front of an ending. In `SELECT *`, `*/*` or `files:*` it is
    /// not.
    pub fn is_starred(&self) -> bool {
        match self {
            Self::Eq(value) | Self::Neq(value) => is_starred(value),
            Self::In(values) | Self::NotIn(values) => values.iter().any(is_starred),
            Self::StartsWith(text) => ends_starred(text),
            Self::EndsWith(text) => begins_starred(text),
            Self::Within(_) => self.mentions("*"),
            _ => false,
        }
    }

    /// Whether it is an expression that ends with `/*`, which is any number of slashes, and
    /// probably meant as all that is in a folder.
    pub fn is_starred_expression(&self) -> bool {
        matches!(self, Self::Regex(regex, _) if regex.as_str().ends_with("/*"))
    }
}

fn is_starred(value: &Literal) -> bool {
    matches!(value, Literal::String(text) if begins_starred(text) || ends_starred(text))
}

fn begins_starred(text: &str) -> bool {
    let rest = text.strip_prefix("*.").unwrap_or_default();
    rest.starts_with(char::is_alphanumeric) && !rest.contains([' ', '*'])
}

fn ends_starred(text: &str) -> bool {
    let before = text.strip_suffix('*').unwrap_or_default();
    let word = before.trim_end_matches('*');
    let word = word.strip_suffix('/').unwrap_or(word);
    word.ends_with(|c: char| c.is_alphanumeric() || "-_.".contains(c)) && !word.contains([' ', '*'])
}
