//! The outcome that a message must have, worked out on trees of values.

use crate::lenient::{Node, Value as Lenient, documents};
use serde_json::Value;
use std::collections::BTreeSet;

/// The outcome that a message must have.
pub(super) enum Due {
    /// It stays, byte for byte.
    Same,
    /// It becomes another that reads as this.
    Value(Value),
    /// It can be read, but readers may differ: any JSON will do that shows
    /// nothing hidden.
    Either,
    /// It cannot be read: it is an error, or as it was if it is not a list.
    Unknown,
}

/// Words that say what a message is.
const WORDS: [&str; 5] = ["result", "tools", "name", "cacheScope", "id"];

impl Due {
    pub(super) fn of(text: &[u8], hides: fn(&str) -> bool) -> Self {
        let Ok(value) = serde_json::from_slice::<Value>(text) else { return Self::Unknown };
        if !documents(text).iter().all(|node| is_clear(node, 100)) {
            return Self::Either;
        }
        let mut after = value.clone();
        match &mut after {
            Value::Array(all) => all.iter_mut().for_each(|message| filter(message, hides)),
            message => filter(message, hides),
        }
        if after == value { Self::Same } else { Self::Value(after) }
    }
}

fn filter(message: &mut Value, hides: fn(&str) -> bool) {
    let Some(Value::Object(result)) = message.get_mut("result") else { return };
    let Some(Value::Array(tools)) = result.get_mut("tools") else { return };
    let name = |tool: &Value| tool.get("name").and_then(Value::as_str).map(str::to_owned);
    tools.retain(|tool| !name(tool).is_some_and(|name| hides(&name)));
    if let Some(scope) = result.get_mut("cacheScope") {
        *scope = "private".into();
    }
}

/// Whether all readers see the same in it, and none a word in another spelling.
fn is_clear(node: &Node<'_>, room: usize) -> bool {
    match &node.value {
        // Of numbers, only those that nobody rounds.
        Lenient::Word => {
            node.raw.len() < 15 && !node.raw.contains(&b'e') && !node.raw.contains(&b'E')
                || matches!(node.raw, b"true" | b"false")
        }
        Lenient::Text(_) => true,
        Lenient::List(nodes) => room > 0 && nodes.iter().all(|node| is_clear(node, room - 1)),
        Lenient::Map(members) => {
            let keys: BTreeSet<&str> = members.iter().map(|member| &*member.key).collect();
            let disguised = |key: &&str| {
                WORDS.iter().any(|word| {
                    key != word
                        && (key.to_lowercase() == word.to_lowercase()
                            || key.to_uppercase() == word.to_uppercase())
                })
            };
            room > 0
                && keys.len() == members.len()
                && !keys.iter().any(|key| key.contains('\0') || disguised(key))
                && members.iter().all(|member| is_clear(&member.node, room - 1))
        }
    }
}
