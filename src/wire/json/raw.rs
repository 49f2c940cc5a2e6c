//! Values as spelt in the text, once a reader has let them pass.

use super::text::Text;

/// A validated value as spelt in the text.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// The value's own characters, without the white space around it.
    pub text: &'a str,
    /// Byte offset of its first character.
    pub at: usize,
    /// The kind of value.
    pub kind: Kind<'a>,
}

/// The kinds of JSON values.
#[derive(Clone, Copy, Debug)]
pub enum Kind<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number; its spelling is the value's text.
    Number,
    /// A string.
    String(Text<'a>),
    /// An array.
    Array,
    /// An object.
    Object,
}

impl Kind<'_> {
    /// The value's type, for messages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number => "a number",
            Self::String(_) => "a string",
            Self::Array => "a list",
            Self::Object => "an object",
        }
    }
}
