//! JSON by the reader of the core, which is the one that reads a policy in Envoy.

use super::{Fault, Member, Node, Value};
use mcp_policy_filter::simulate::tree;

/// The one document of a JSON text.
pub(super) fn read(text: &str) -> Result<Node, Fault> {
    let read = tree::read(text).map(Node::from);
    read.map_err(|error| {
        let mut message = error.kind.to_string();
        if error.at == 0 && text.starts_with('\u{feff}') {
            message.push_str("; save the file without one");
        }
        Fault { at: error.at, message }
    })
}

impl From<tree::Node> for Node {
    fn from(node: tree::Node) -> Self {
        let value = match node.value {
            tree::Value::Null => Value::Null,
            tree::Value::Bool(value) => Value::Bool(value),
            tree::Value::Number(number) => Value::Number(number),
            tree::Value::Text(text) => Value::Text(text),
            tree::Value::List(elements) => {
                Value::List(elements.into_iter().map(Self::from).collect())
            }
            tree::Value::Object(members) => {
                Value::Object(members.into_iter().map(Member::from).collect())
            }
        };
        Self { span: node.span, value }
    }
}

impl From<tree::Member> for Member {
    fn from(member: tree::Member) -> Self {
        let tree::Member { key, key_span, value } = member;
        Self { key, key_span, doubt: None, value: value.into() }
    }
}
