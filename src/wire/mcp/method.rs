//! JSON-RPC methods, as data.

use crate::wire::json::{Text, fold_ascii};
use crate::wire::jsonrpc::DecodeErrorKind;
use std::borrow::Cow;

/// The one method that policy judges.
pub const TOOLS_CALL: &str = "tools/call";

/// The method whose answers are lists of tools.
pub const TOOLS_LIST: &str = "tools/list";

/// The requests that clients send in the revisions 2024-11-05, 2025-03-26,
/// 2025-06-18, 2025-11-25 and 2026-07-28, besides `tools/call`.
pub const KNOWN_METHODS: [&str; 19] = [
    "initialize",
    "ping",
    TOOLS_LIST,
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "prompts/list",
    "prompts/get",
    "completion/complete",
    "logging/setLevel",
    "tasks/get",
    "tasks/list",
    "tasks/result",
    "tasks/update",
    "tasks/cancel",
    "subscriptions/listen",
    "server/discover",
];

/// Whether a method besides `tools/call` reads prompts or resources, or names of them.
pub fn is_governed(method: &str) -> bool {
    method.starts_with("prompts/")
        || method.starts_with("resources/")
        || matches!(method, "completion/complete" | "subscriptions/listen")
}

/// Whether the answer to a method may hold the result of an earlier call of a tool.
pub fn is_task_result(method: &str) -> bool {
    matches!(method, "tasks/get" | "tasks/result")
}

/// A method, decoded and free of look-alikes.
#[derive(Debug)]
pub enum Method<'a> {
    /// `tools/call`
    ToolsCall,
    /// Any other, which passes or not by `settings.methods`.
    Other(Cow<'a, str>),
}

impl<'a> Method<'a> {
    /// Reads a method's name.
    ///
    /// # Errors
    /// The name is a known method except for case or surrounding space: some
    /// dispatchers trim or fold, and would run a call that was not judged. Or
    /// it holds a control character.
    pub fn parse(name: Text<'a>) -> Result<Self, DecodeErrorKind> {
        let name = name.decode();
        if name == TOOLS_CALL {
            return Ok(Self::ToolsCall);
        }
        let trimmed =
            name.trim_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}');
        let known = core::iter::once(TOOLS_CALL).chain(KNOWN_METHODS).find(|known| {
            name != *known && trimmed.chars().map(fold_ascii).eq(known.chars().map(fold_ascii))
        });
        match known {
            Some(known) => Err(DecodeErrorKind::LookAlikeMethod(known)),
            // To some servers, a text ends at its first NUL.
            None if name.chars().any(char::is_control) => Err(DecodeErrorKind::MethodText),
            None => Ok(Self::Other(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json::{Kind, Reader};
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_method_is_itself_or_refused() {
        let parse = |json: &str| {
            let mut reader = Reader::new(json.as_bytes(), 1).unwrap();
            let Kind::String(text) = reader.value().unwrap().kind else { panic!("no string") };
            Method::parse(text).map(|method| match method {
                Method::ToolsCall => TOOLS_CALL.to_owned(),
                Method::Other(name) => name.into_owned(),
            })
        };
        for json in [r#""tools/call""#, r#""\u0074ools\/call""#] {
            assert_eq!(parse(json).as_deref(), Ok("tools/call"));
        }
        assert_eq!(parse(r#""tools/list""#).as_deref(), Ok("tools/list"));
        assert_eq!(parse(r#""tools/call/x""#).as_deref(), Ok("tools/call/x"));
        for json in [
            r#""Tools/Call""#,
            r#"" tools/call""#,
            r#""tools/call\n""#,
            r#""tools/call\u0000""#,
            r#""tools/call\u00a0""#,
            r#""tool\u017f/call""#,
        ] {
            assert_eq!(parse(json), Err(DecodeErrorKind::LookAlikeMethod(TOOLS_CALL)), "{json}");
        }
        for json in [r#""tools/call\u0000x""#, r#""x\ny""#, r#""\u009b""#] {
            assert_eq!(parse(json), Err(DecodeErrorKind::MethodText), "{json}");
        }
        assert_eq!(parse(r#""PING""#), Err(DecodeErrorKind::LookAlikeMethod("ping")));
    }
}
