//! A question of a server to its client's user, in revision 2026-07-28: the server
//! answers a call with it, and the client makes the call again with the answer. Whether
//! the client can show a user an address, it says in each request.

use crate::wire::json::{Kind, Raw};
use crate::wire::jsonrpc::Params;

/// The member of `params._meta` that says what the client can do.
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// The method by which a client is asked.
pub const ELICIT: &str = "elicitation/create";

/// An answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// The user has opened the address, or is about to.
    Accepted,
    /// Anything else: the user will not, or the answer is none.
    Otherwise,
}

/// Whether the client that makes a call can show its user an address.
pub fn shows_urls(params: &Params<'_>) -> bool {
    let path = [CAPABILITIES, "elicitation", "url"];
    let found = path.into_iter().try_fold(params.meta, |value, key| Some(value?.member(key)));
    matches!(found.flatten(), Some(Raw { kind: Kind::Object, .. }))
}

/// The answer to a question that was asked under this key, if a call brings one.
pub fn answer(params: &Params<'_>, key: &str) -> Option<Answered> {
    let answer = params.all?.member("inputResponses")?.member(key)?;
    Some(match answer.member("action") {
        Some(Raw { kind: Kind::String(action), .. }) if action.is("accept") => Answered::Accepted,
        _ => Answered::Otherwise,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::jsonrpc::{Message, decode};
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn with<T>(params: &str, look: impl FnOnce(&Params<'_>) -> T) -> T {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a",{params}}}}}"#
        );
        let Message::Call(call) = decode(body.as_bytes(), 64).unwrap() else { panic!("no call") };
        look(&call.params)
    }

    #[test]
    fn a_client_shows_urls_if_it_says_so() {
        let shows = |capabilities: &str| {
            let key = r#""io.modelcontextprotocol/clientCapabilities""#;
            with(&format!(r#""_meta":{{{key}:{capabilities}}}"#), shows_urls)
        };
        assert!(shows(r#"{"elicitation":{"form":{},"url":{}}}"#));
        assert!(shows(r#"{"elicitation":{"\u0075rl":{"later":1}}}"#));
        for none in [
            "{}",
            "null",
            "[]",
            r#""url""#,
            r#"{"elicitation":{}}"#,
            r#"{"elicitation":{"form":{}}}"#,
            r#"{"elicitation":{"url":true}}"#,
            r#"{"elicitation":{"url":null}}"#,
            r#"{"elicitation":["url"]}"#,
            r#"{"sampling":{"url":{}}}"#,
        ] {
            assert!(!shows(none), "{none}");
        }
        for none in [
            r#""_meta":null"#,
            r#""_meta":{}"#,
            r#""arguments":{"_meta":{}}"#,
            r#""_meta":{"clientCapabilities":{"elicitation":{"url":{}}}}"#,
        ] {
            assert!(!with(none, shows_urls), "{none}");
        }
    }

    #[test]
    fn an_answer_is_accepted_by_its_action_alone() {
        let read = |responses: &str| {
            with(&format!(r#""inputResponses":{responses}"#), |params| answer(params, "own"))
        };
        for (responses, expected) in [
            ("{}", None),
            ("null", None),
            (r#"["own"]"#, None),
            (r#"{"other":{"action":"accept"}}"#, None),
            (r#"{"own":{"action":"accept"}}"#, Some(Answered::Accepted)),
            (r#"{"own":{"action":"\u0061ccept","content":{}}}"#, Some(Answered::Accepted)),
            (r#"{"other":{},"own":{"action":"decline"}}"#, Some(Answered::Otherwise)),
            (r#"{"own":{"action":"cancel"}}"#, Some(Answered::Otherwise)),
            (r#"{"own":{"action":"Accept"}}"#, Some(Answered::Otherwise)),
            (r#"{"own":{"action":["accept"]}}"#, Some(Answered::Otherwise)),
            (r#"{"own":{}}"#, Some(Answered::Otherwise)),
            (r#"{"own":"accept"}"#, Some(Answered::Otherwise)),
            (r#"{"own":null}"#, Some(Answered::Otherwise)),
        ] {
            assert_eq!(read(responses), expected, "{responses}");
        }
    }
}
