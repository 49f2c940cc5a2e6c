//! The canonical text of a call that needs approval is one for all spellings of the
//! call, and its own canonical text.

use crate::lenient::{Node, Value, documents};
use mcp_policy_filter::approvals::{Call, TooLarge};
use mcp_policy_filter::wire::json::Raw;
use mcp_policy_filter::wire::jsonrpc::{Message, decode};

/// The longest text that the settings can ask for.
const MOST: usize = 16_384;
/// The shortest bound that the settings can ask for.
const LEAST: usize = 256;

/// Checks the text of the parameters that a strict reader let pass.
pub fn check(params: Raw<'_>, depth: usize) {
    let Ok(call) = Call::new(Some(params), MOST) else { return };
    let text = call.text();
    assert!(text.len() <= MOST);
    assert!(!text.bytes().any(|byte| byte < b' '), "a control character in {text:?}");
    if text.len() > LEAST {
        let within = |most| Call::new(Some(params), most).map(|call| call.text().len());
        assert_eq!(within(text.len()), Ok(text.len()), "the last byte does not fit");
        assert_eq!(within(text.len() - 1), Err(TooLarge));
    }
    assert_eq!(again(text, depth), text, "the text is not its own");
    let value: serde_json::Value = serde_json::from_str(text).expect("the text is JSON");
    if let Some(arguments) = call.arguments() {
        let arguments: serde_json::Value = serde_json::from_str(arguments).expect("JSON");
        assert_eq!(value["arguments"], arguments);
    }
    for node in documents(params.text.as_bytes()) {
        let mut other = String::new();
        respell(&node, 0, true, &mut other);
        assert_eq!(again(&other, depth), text, "{other}");
    }
}

/// The canonical text of parameters.
fn again(params: &str, depth: usize) -> String {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{params}}}"#);
    match decode(body.as_bytes(), depth) {
        Ok(Message::Call(call)) => Call::new(call.params.all, MOST).expect("it fits").text().into(),
        other => panic!("{other:?}: {body}"),
    }
}

/// Writes the same with white space and escapes, and with the members of `params`
/// and of `arguments` in the opposite order.
fn respell(node: &Node<'_>, depth: usize, turns: bool, out: &mut String) {
    match &node.value {
        Value::Word => out.push_str(&String::from_utf8_lossy(node.raw)),
        Value::Text(text) => escape(text, out),
        Value::List(nodes) => {
            out.push_str("[ ");
            for (at, node) in nodes.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "\n, " });
                respell(node, depth + 1, false, out);
            }
            out.push(']');
        }
        Value::Map(members) => {
            out.push('{');
            let mut members: Vec<_> = members.iter().collect();
            if turns {
                members.reverse();
            }
            for (at, member) in members.into_iter().enumerate() {
                out.push_str(if at == 0 { "\t" } else { " , " });
                match depth {
                    0 => out.push_str(&String::from_utf8_lossy(member.raw_key)),
                    _ => escape(&member.key, out),
                }
                out.push_str(" :\r\n");
                let turns = depth == 0 && member.key == "arguments";
                respell(&member.node, depth + 1, turns, out);
            }
            out.push('}');
        }
    }
}

/// Writes a text in which every letter is escaped.
fn escape(text: &str, out: &mut String) {
    out.push('"');
    text.encode_utf16().for_each(|unit| out.push_str(&format!("\\u{unit:04X}")));
    out.push('"');
}
