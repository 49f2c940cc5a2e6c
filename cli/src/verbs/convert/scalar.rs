//! Scalars and keys of a file, as the programs read them that the file is for.

use super::said::{List, Topic};
use crate::document::{Member, Node, Value};
use std::borrow::Cow;
use std::collections::HashSet;

/// A scalar as Go's YAML reader decodes it into a text: `version: 1` is `"1"`, and a
/// null is the empty text.
pub(super) fn text_of(node: &Node) -> Option<Cow<'_, str>> {
    match &node.value {
        Value::Text(text) | Value::Number(text) | Value::Doubtful(text, _) => Some(text.into()),
        Value::Bool(value) => Some(value.to_string().into()),
        Value::Null => Some("".into()),
        Value::List(_) | Value::Object(_) => None,
    }
}

/// The text of a key; empty without one. A list or an object is an error.
pub(super) fn field<'n>(object: &'n Node, key: &str, list: &mut List) -> Cow<'n, str> {
    let Some(node) = object.get(key) else { return "".into() };
    text_of(node).unwrap_or_else(|| {
        list.error(&node.span, format!("`{key}` is a text"));
        "".into()
    })
}

/// The elements of a key; none without one. Anything else is an error.
pub(super) fn elements<'n>(object: &'n Node, key: &str, list: &mut List) -> &'n [Node] {
    let Some(node) = object.get(key) else { return &[] };
    if !matches!(node.value, Value::List(_) | Value::Null) {
        list.error(&node.span, format!("`{key}` is a list"));
    }
    node.elements()
}

/// The members of a key; none without one. Anything else is an error.
pub(super) fn members<'n>(object: &'n Node, key: &str, list: &mut List) -> &'n [Member] {
    let Some(node) = object.get(key) else { return &[] };
    if !matches!(node.value, Value::Object(_) | Value::Null) {
        list.error(&node.span, format!("`{key}` is an object"));
    }
    node.members()
}

/// Says which keys of an object are left out, because the dialect does not have them.
pub(super) fn keys(object: &Node, known: &[&str], list: &mut List) {
    if !matches!(object.value, Value::Object(_) | Value::Null) {
        list.error(&object.span, "an object is expected here");
    }
    for member in object.members().iter().filter(|member| !known.contains(&&*member.key)) {
        let words = format!(
            "the dialect does not have the key `{}` here; it has no effect there and is left out",
            member.key
        );
        list.say(Topic::UnknownKey, &member.key_span, words);
    }
}

/// Says which keys are given twice, and which scalars readers of YAML differ about.
pub(super) fn faults(node: &Node, list: &mut List) {
    for doubt in node.doubts() {
        list.error(&doubt.span, doubt.message());
    }
    twice(node, list);
}

fn twice(node: &Node, list: &mut List) {
    let mut known = HashSet::new();
    for member in node.members() {
        if !known.insert(&*member.key) {
            list.error(&member.key_span, format!("the key `{}` is given twice", member.key));
        }
        twice(&member.value, list);
    }
    node.elements().iter().for_each(|element| twice(element, list));
}
