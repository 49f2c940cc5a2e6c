//! Values that are probably meant as patterns. No operator knows `*`.

use super::{Literal, Test};

impl Test {
    /// Whether the policy's value has a `*` that is probably meant as any text. In a text
    /// such as `SELECT *` it is not.
    pub fn is_starred(&self) -> bool {
        match self {
            Self::Eq(value) | Self::Neq(value) => is_starred(value),
            Self::In(values) | Self::NotIn(values) => values.iter().any(is_starred),
            Self::StartsWith(text) => ends_starred(text),
            Self::EndsWith(text) => text.starts_with('*'),
            Self::Within(_) => self.mentions("*"),
            _ => false,
        }
    }

    /// Whether it is an expression by which `/*` is probably meant as all that is in a
    /// folder, and is any number of slashes.
    pub fn is_starred_expression(&self) -> bool {
        matches!(self, Self::Regex(regex, _) if regex.as_str().trim_end_matches('$').ends_with("/*"))
    }
}

fn is_starred(value: &Literal) -> bool {
    matches!(value, Literal::String(text) if text.starts_with('*') || ends_starred(text))
}

fn ends_starred(text: &str) -> bool {
    text.ends_with('*') && !text.ends_with(" *")
}
