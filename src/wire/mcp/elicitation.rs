//! A question of a server to its client's user, in revision 2026-07-28: the server
//! answers a call with it, and the client makes the call again with the answer. Whether
//! the client can show a user an address, it says in each request.

use crate::wire::json::{Kind, Raw, Reader, Text};
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

/// Whether a value is an answer to a question that shows an address, and holds nothing
/// besides its action.
pub fn is_plain_answer(value: Raw<'_>) -> bool {
    let is_action = |action: Text<'_>| {
        ["accept", "decline", "cancel"].into_iter().any(|known| action.is(known))
    };
    let mut plain = true;
    let read = Reader::again(value).object(|reader, key, _| {
        let value = reader.value()?;
        plain &= key.is("action") && matches!(value.kind, Kind::String(text) if is_action(text));
        Ok(())
    });
    read.is_ok() && plain && value.member("action").is_some()
}

/// Whether a call belongs to a round of questions that the server has asked: it brings a
/// state, or more than a plain answer to the question under this key.
pub fn answers_others(params: &Params<'_>, key: &str) -> bool {
    let of = |name| params.all.and_then(|all| all.member(name));
    let mut others = of("requestState").is_some();
    let Some(responses) = of("inputResponses") else { return others };
    let read = Reader::again(responses).object(|reader, name, _| {
        let value = reader.value()?;
        others |= !name.is(key) || !is_plain_answer(value);
        Ok(())
    });
    others || read.is_err()
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

    #[test]
    fn a_plain_answer_is_an_action_and_nothing_else() {
        let plain = |answer: &str| {
            with(&format!(r#""inputResponses":{answer}"#), |params| {
                is_plain_answer(params.all.unwrap().member("inputResponses").unwrap())
            })
        };
        for answer in [
            r#"{"action":"accept"}"#,
            r#"{ "\u0061ction" : "\u0061ccept" }"#,
            r#"{"action":"decline"}"#,
            r#"{"action":"cancel"}"#,
        ] {
            assert!(plain(answer), "{answer}");
        }
        for other in [
            "{}",
            "null",
            "[]",
            r#""accept""#,
            r#"["action"]"#,
            r#"{"action":"Accept"}"#,
            r#"{"action":null}"#,
            r#"{"action":{"accept":1}}"#,
            r#"{"action":"accept","content":{}}"#,
            r#"{"content":{},"action":"accept"}"#,
            r#"{"content":{"action":"accept"}}"#,
        ] {
            assert!(!plain(other), "{other}");
        }
    }

    #[test]
    fn a_call_of_a_servers_own_round_is_told_by_what_it_brings() {
        let others = |members: &str| with(members, |params| answers_others(params, "own"));
        for members in [
            r#""arguments":{"requestState":"x","inputResponses":{"k":1}}"#,
            r#""inputResponses":{}"#,
            r#""inputResponses":{"own":{"action":"accept"}}"#,
            r#""inputResponses":{"\u006fwn":{"action":"decline"}}"#,
        ] {
            assert!(!others(members), "{members}");
        }
        for members in [
            r#""requestState":"x""#,
            r#""requestState":null"#,
            r#""requestState":"x","inputResponses":{"own":{"action":"accept"}}"#,
            r#""inputResponses":{"theirs":{"action":"accept"}}"#,
            r#""inputResponses":{"own":{"action":"accept"},"theirs":1}"#,
            r#""inputResponses":{"theirs":1,"own":{"action":"accept"}}"#,
            r#""inputResponses":{"own":{"action":"accept","content":{}}}"#,
            r#""inputResponses":{"own":7}"#,
            r#""inputResponses":null"#,
            r#""inputResponses":["own"]"#,
        ] {
            assert!(others(members), "{members}");
        }
    }
}
