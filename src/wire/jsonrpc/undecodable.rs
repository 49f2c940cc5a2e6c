//! The kinds of requests that cannot be read, for metrics: each is one of the
//! words below, whatever was sent.

use super::DecodeErrorKind;
use crate::wire::json::JsonErrorKind;

/// A kind of `undecodable` request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndecodableKind {
    /// A header says that the body cannot be read, or a header about the body is given
    /// twice.
    Head,
    /// Not plain UTF-8.
    Encoding,
    /// Not JSON.
    NotJson,
    /// More text after the document.
    TrailingText,
    /// A key given twice.
    DuplicateKey,
    /// A key or a method that only some readers take for one of MCP's.
    LookAlike,
    /// A number on which readers differ.
    Number,
    /// Nested too deeply.
    Depth,
    /// JSON, but not a message of JSON-RPC.
    NotJsonrpc,
    /// A message whose parameters are not those of its method.
    Params,
}

impl UndecodableKind {
    /// Every kind, for tables that have one row each.
    pub const ALL: [Self; 10] = [
        Self::Head,
        Self::Encoding,
        Self::NotJson,
        Self::TrailingText,
        Self::DuplicateKey,
        Self::LookAlike,
        Self::Number,
        Self::Depth,
        Self::NotJsonrpc,
        Self::Params,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Encoding => "encoding",
            Self::NotJson => "not_json",
            Self::TrailingText => "trailing_text",
            Self::DuplicateKey => "duplicate_key",
            Self::LookAlike => "look_alike",
            Self::Number => "number",
            Self::Depth => "depth",
            Self::NotJsonrpc => "not_jsonrpc",
            Self::Params => "params",
        }
    }

    /// The kind of a problem; none for a batch, which is refused for that
    /// alone.
    pub const fn new(problem: DecodeErrorKind) -> Option<Self> {
        Some(match problem {
            DecodeErrorKind::Batch | DecodeErrorKind::BatchSize | DecodeErrorKind::BatchIds => {
                return None;
            }
            DecodeErrorKind::Json(JsonErrorKind::NotUtf8 | JsonErrorKind::ByteOrderMark) => {
                Self::Encoding
            }
            DecodeErrorKind::Json(
                JsonErrorKind::Expected(_)
                | JsonErrorKind::ControlCharacter
                | JsonErrorKind::Escape
                | JsonErrorKind::LoneSurrogate,
            ) => Self::NotJson,
            DecodeErrorKind::Json(JsonErrorKind::TrailingText) => Self::TrailingText,
            DecodeErrorKind::Json(JsonErrorKind::DuplicateKey) => Self::DuplicateKey,
            DecodeErrorKind::Json(JsonErrorKind::NulInKey | JsonErrorKind::LibraryKey)
            | DecodeErrorKind::LookAlikeKey(_)
            | DecodeErrorKind::LookAlikeMethod(_) => Self::LookAlike,
            DecodeErrorKind::Json(
                JsonErrorKind::NumberLength
                | JsonErrorKind::NumberExponent
                | JsonErrorKind::NumberRange,
            ) => Self::Number,
            DecodeErrorKind::Json(JsonErrorKind::Depth) => Self::Depth,
            DecodeErrorKind::NotAnObject
            | DecodeErrorKind::Member
            | DecodeErrorKind::Version
            | DecodeErrorKind::Method
            | DecodeErrorKind::MethodText
            | DecodeErrorKind::Id
            | DecodeErrorKind::Shape => Self::NotJsonrpc,
            DecodeErrorKind::Params(_) => Self::Params,
        })
    }
}
