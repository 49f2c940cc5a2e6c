//! The parameters of a `tools/call`.

use crate::wire::json::{Kind, Raw};
use crate::wire::jsonrpc::{DecodeErrorKind, Params};
use std::borrow::Cow;

/// The longest name of a tool, in bytes: tools are named by people, and a name
/// goes into messages and records.
pub const MAX_TOOL_NAME: usize = 256;

/// A call of one tool.
#[derive(Debug)]
pub struct ToolCall<'a> {
    /// The tool's name as decoded: 1 to 256 bytes without control characters.
    pub tool: Cow<'a, str>,
    /// `params.arguments`, if there is an object.
    pub arguments: Option<Raw<'a>>,
}

impl<'a> ToolCall<'a> {
    /// Reads the parameters of a `tools/call`.
    ///
    /// # Errors
    /// The problem, and its byte offset.
    pub fn parse(params: &Params<'a>) -> Result<Self, (DecodeErrorKind, usize)> {
        let refuse = |what, at| Err((DecodeErrorKind::Params(what), at));
        let Some(all @ Raw { kind: Kind::Object, .. }) = params.all else {
            return refuse("`params` must be an object", params.all.map_or(0, |raw| raw.at));
        };
        let Some(name) = params.name else {
            return refuse("`params.name` is missing", all.at);
        };
        let Kind::String(tool) = name.kind else {
            return refuse("`params.name` must be a string", name.at);
        };
        let tool = tool.decode();
        if let Some(fault) = tool_name_fault(&tool) {
            return refuse(fault, name.at);
        }
        let arguments = match params.arguments {
            None | Some(Raw { kind: Kind::Null, .. }) => None,
            Some(raw @ Raw { kind: Kind::Object, .. }) => Some(raw),
            Some(other) => return refuse("`params.arguments` must be an object", other.at),
        };
        Ok(Self { tool, arguments })
    }
}

/// The reason why a text cannot be the name of a tool, if it cannot.
pub fn tool_name_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("`params.name` is empty")
    } else if name.len() > MAX_TOOL_NAME {
        Some("`params.name` is longer than 256 bytes")
    } else if name.chars().any(char::is_control) {
        Some("`params.name` holds a control character")
    } else {
        None
    }
}
