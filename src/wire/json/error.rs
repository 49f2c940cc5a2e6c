//! Faults of a JSON text, with their offsets.

use core::fmt;

/// A fault that makes a text unfit to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Byte offset into the text.
    pub at: usize,
    /// The kind of fault.
    pub kind: JsonErrorKind,
}

/// The ways in which a text can be unfit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonErrorKind {
    /// Not UTF-8 (UTF-16, overlong forms and encoded surrogates included).
    NotUtf8,
    /// The text begins with a byte order mark, which some readers skip.
    ByteOrderMark,
    /// Something else is expected here.
    Expected(&'static str),
    /// A raw control character within a string.
    ControlCharacter,
    /// A backslash followed by an unknown escape.
    Escape,
    /// Half of a surrogate pair, which has no meaning of its own.
    LoneSurrogate,
    /// More text after the one document.
    TrailingText,
    /// A key that its object already has, compared as decoded.
    DuplicateKey,
    /// A key with U+0000, which some readers take for its end.
    NulInKey,
    /// A key that one library keeps for itself, and replaces by its value.
    LibraryKey,
    /// A number with more characters than readers agree on.
    NumberLength,
    /// A number with an exponent that honest numbers do not need.
    NumberExponent,
    /// A number that overflows a double.
    NumberRange,
    /// Nesting beyond the limit.
    Depth,
}

impl JsonErrorKind {
    /// Whether the text is not JSON at all, as opposed to ambiguous JSON.
    pub const fn is_syntax(self) -> bool {
        match self {
            Self::NotUtf8
            | Self::ByteOrderMark
            | Self::Expected(_)
            | Self::ControlCharacter
            | Self::Escape
            | Self::LoneSurrogate
            | Self::TrailingText => true,
            Self::DuplicateKey
            | Self::NulInKey
            | Self::LibraryKey
            | Self::NumberLength
            | Self::NumberExponent
            | Self::NumberRange
            | Self::Depth => false,
        }
    }
}

impl fmt::Display for JsonErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUtf8 => "the text is not UTF-8",
            Self::ByteOrderMark => "the text begins with a byte order mark",
            Self::Expected(what) => return write!(f, "expected {what}"),
            Self::ControlCharacter => "a raw control character in a string",
            Self::Escape => "an unknown escape in a string",
            Self::LoneSurrogate => "a lone surrogate in a string",
            Self::TrailingText => "more text after the JSON document",
            Self::DuplicateKey => "a key is given twice",
            Self::NulInKey => "a key holds a NUL",
            Self::LibraryKey => "a key begins with `$serde_json::private::`",
            Self::NumberLength => "a number is longer than 128 characters",
            Self::NumberExponent => "an exponent is beyond 400",
            Self::NumberRange => "a number is too large for a double",
            Self::Depth => "values are nested too deeply",
        })
    }
}
