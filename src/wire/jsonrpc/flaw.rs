//! The kinds of what cannot be read, for metrics: each is one of the words
//! below, whatever was sent.

use super::Problem;
use crate::wire::json::FaultKind;

/// A kind of what makes a request `undecodable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The head says that the body cannot be read, or says it twice.
    Head,
    /// Not plain UTF-8.
    Encoding,
    /// No JSON.
    NotJson,
    /// More text after the document.
    TrailingText,
    /// A key given twice.
    DuplicateKey,
    /// A key or a method that only some readers take for one of MCP's.
    LookAlike,
    /// A number on whose value readers differ.
    Number,
    /// Nested too deeply.
    Depth,
    /// JSON, but no message of JSON-RPC.
    NotJsonrpc,
    /// A message whose parameters are not those of its method.
    Params,
}

impl Flaw {
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

    /// The kind of a problem; none of a batch, which is refused for that alone.
    pub const fn of(problem: Problem) -> Option<Self> {
        Some(match problem {
            Problem::Batch | Problem::BatchSize | Problem::BatchIds => return None,
            Problem::Json(FaultKind::NotUtf8 | FaultKind::ByteOrderMark) => Self::Encoding,
            Problem::Json(
                FaultKind::Expected(_)
                | FaultKind::ControlCharacter
                | FaultKind::Escape
                | FaultKind::LoneSurrogate,
            ) => Self::NotJson,
            Problem::Json(FaultKind::TrailingText) => Self::TrailingText,
            Problem::Json(FaultKind::DuplicateKey) => Self::DuplicateKey,
            Problem::Json(FaultKind::NulInKey | FaultKind::LibraryKey)
            | Problem::LookAlikeKey(_)
            | Problem::LookAlikeMethod(_) => Self::LookAlike,
            Problem::Json(
                FaultKind::NumberLength | FaultKind::NumberExponent | FaultKind::NumberRange,
            ) => Self::Number,
            Problem::Json(FaultKind::Depth) => Self::Depth,
            Problem::NotAnObject
            | Problem::Member
            | Problem::Version
            | Problem::Method
            | Problem::MethodText
            | Problem::Id
            | Problem::Shape => Self::NotJsonrpc,
            Problem::Params(_) => Self::Params,
        })
    }
}
