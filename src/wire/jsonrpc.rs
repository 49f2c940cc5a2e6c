//! JSON-RPC 2.0 messages as MCP's Streamable HTTP transport carries them: one
//! message in the body of one POST.
//!
//! [`decode`] turns a body into a [`Message`] in one pass, or tells why readers
//! may not agree on it ([`DecodeError`]). The meaning of the message to MCP is
//! left to [`crate::wire::mcp`]; [`reply`] makes the answers.

mod decode;
mod keys;
pub mod reply;
mod undecodable;

pub use decode::{decode, decode_batch, outline, outline_batch};
pub use undecodable::UndecodableKind;

use crate::wire::json::{JsonErrorKind, Kind, Members, Raw, Reader, Text};
use core::fmt;
use std::borrow::Cow;

/// A JSON-RPC id: a string or a whole number, kept as the bytes that the
/// client sent. Clients hang on an answer whose id differs in type or
/// spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id<'a>(&'a str);

impl<'a> Id<'a> {
    /// The id as a reader takes it. Where two of these are equal, some reader
    /// may take the ids for the same one.
    fn value(self) -> Option<IdValue<'a>> {
        let raw = Reader::new(self.0.as_bytes(), 1).ok()?.value().ok()?;
        match raw.kind {
            Kind::String(text) => Some(IdValue::Text(text.decode())),
            _ => self.0.parse().ok().map(IdValue::Number),
        }
    }

    /// The id with this JSON text, which was once [`Self::as_json`].
    pub(crate) const fn new(json: &'a str) -> Self {
        Self(json)
    }

    /// The id's JSON text.
    pub const fn as_json(self) -> &'a str {
        self.0
    }
}

/// An id as read.
#[derive(PartialEq)]
enum IdValue<'a> {
    Text(Cow<'a, str>),
    Number(f64),
}

/// One decoded message.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it lives for one request, on the stack")]
pub enum Message<'a> {
    /// A request (with an id) or a notification (without).
    Call(Call<'a>),
    /// A client's answer to a request of the server.
    Response,
}

/// A request or a notification.
#[derive(Debug)]
pub struct Call<'a> {
    /// The id; `None` makes it a notification.
    pub id: Option<Id<'a>>,
    /// The method.
    pub method: Text<'a>,
    /// The parameters that policy looks at.
    pub params: Params<'a>,
}

/// The members of `params` that decide what is called. Everything else in
/// `params` has been validated and is not looked at.
#[derive(Debug, Default)]
pub struct Params<'a> {
    /// `params` itself.
    pub all: Option<Raw<'a>>,
    /// `params.name`: the tool or prompt.
    pub name: Option<Raw<'a>>,
    /// `params.arguments`.
    pub arguments: Option<Raw<'a>>,
    /// Its members, if it is an object.
    pub members: Members<'a>,
    /// `params.uri`: the resource.
    pub uri: Option<Raw<'a>>,
    /// `params._meta`.
    pub meta: Option<Raw<'a>>,
}

/// The reason why a body is not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError<'a> {
    /// The JSON-RPC error code.
    pub code: i32,
    /// The id, where it could be read unambiguously.
    pub id: Option<Id<'a>>,
    /// The problem.
    pub problem: DecodeErrorKind,
    /// Byte offset of the problem.
    pub at: usize,
}

/// The ways in which a body can fail to be one JSON-RPC message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// The JSON itself.
    Json(JsonErrorKind),
    /// An array: several messages in one body.
    Batch,
    /// An array without messages, or of too many.
    BatchSize,
    /// An array in which two messages have one id.
    BatchIds,
    /// JSON, but not an object.
    NotAnObject,
    /// A key that only some readers take for a key of the protocol.
    LookAlikeKey(&'static str),
    /// A member that no message has: a server that takes other requests too may
    /// take the body for one of those.
    Member,
    /// `jsonrpc` is not the string `2.0`.
    Version,
    /// `method` is not a string.
    Method,
    /// `method` holds a control character.
    MethodText,
    /// `method` is a known one except for case or surrounding space.
    LookAlikeMethod(&'static str),
    /// `id` is neither a string nor a whole number.
    Id,
    /// Neither a request nor exactly one of `result` and `error`.
    Shape,
    /// `params` is not what the method needs.
    Params(&'static str),
}

/// JSON-RPC's code for a text that is not JSON.
pub const PARSE_ERROR: i32 = -32700;
/// JSON-RPC's code for JSON that is not a request.
pub const INVALID_REQUEST: i32 = -32600;
/// JSON-RPC's code for a method that is not available.
pub const METHOD_NOT_FOUND: i32 = -32601;
/// JSON-RPC's code for parameters that do not fit the method.
pub const INVALID_PARAMS: i32 = -32602;
/// JSON-RPC's code for failures of the answering side.
pub const INTERNAL_ERROR: i32 = -32603;

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(kind) => kind.fmt(f),
            Self::Batch => f.write_str("a batch of messages is not accepted"),
            Self::BatchSize => f.write_str("a batch has 1 to 64 messages"),
            Self::BatchIds => f.write_str("two messages of a batch have the same id"),
            Self::NotAnObject => f.write_str("a message must be an object"),
            Self::LookAlikeKey(key) => write!(f, "a key differs from `{key}` only in its spelling"),
            Self::Member => f.write_str(
                "a message has no members but `jsonrpc`, `id`, `method`, `params`, `result` and `error`",
            ),
            Self::Version => f.write_str("`jsonrpc` must be the string `2.0`"),
            Self::Method => f.write_str("`method` must be a string"),
            Self::MethodText => f.write_str("`method` holds a control character"),
            Self::LookAlikeMethod(method) => {
                write!(f, "the method differs from `{method}` only in its spelling")
            }
            Self::Id => f.write_str("`id` must be a string or a whole number"),
            Self::Shape => f.write_str(
                "a message has a `method`, or an `id` and exactly one of `result` and `error`",
            ),
            Self::Params(what) => f.write_str(what),
        }
    }
}
