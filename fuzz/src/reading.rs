//! The readings of one text by servers of different habits: the first or the last of two
//! keys, keys in any case, keys and names that end at a NUL, and with all of them several
//! documents, batches, and texts that begin with a byte order mark or are in UTF-16.

use crate::lenient::{self, Member, Node, Value};
use std::borrow::Cow;

/// The habits of one server.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Of equal keys, the last one counts.
    last: bool,
    keys: Keys,
}

/// The way in which a server compares keys and the names of methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keys {
    Exact,
    /// By Unicode's lower case.
    Lower,
    /// By Unicode's upper case, which is another relation: `ſ` has one, the
    /// Kelvin sign has only the other.
    Upper,
    /// In C: a text ends at its first NUL.
    Cut,
}

pub const READINGS: [Reading; 8] = {
    const fn reading(last: bool, keys: Keys) -> Reading {
        Reading { last, keys }
    }
    [
        reading(false, Keys::Exact),
        reading(true, Keys::Exact),
        reading(false, Keys::Lower),
        reading(true, Keys::Lower),
        reading(false, Keys::Upper),
        reading(true, Keys::Upper),
        reading(false, Keys::Cut),
        reading(true, Keys::Cut),
    ]
};

/// The members that a message may have.
const MEMBERS: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

/// A message as a server sees it. Raw values are the bytes as they came.
#[derive(Debug, PartialEq, Eq)]
pub struct Message<'a> {
    pub method: Option<String>,
    pub id: Option<&'a [u8]>,
    /// `params.name`, where it is a string.
    pub name: Option<String>,
    pub raw_name: Option<&'a [u8]>,
    pub raw_arguments: Option<&'a [u8]>,
    pub has_result: bool,
    /// Whether it has members besides those of a message.
    pub has_others: bool,
}

/// A call of a tool, as a server would run it.
#[derive(Debug)]
pub struct ToolCall<'n, 'a> {
    pub tool: String,
    pub arguments: Option<&'n Node<'a>>,
}

/// The ways of turning bytes into text, each with all its documents.
pub fn texts(body: &[u8]) -> Vec<Cow<'_, [u8]>> {
    let utf16 = lenient::from_utf16(body).map(Cow::Owned);
    core::iter::once(Cow::Borrowed(body)).chain(utf16).collect()
}

impl Reading {
    /// Whether this server compares keys as they are.
    pub fn is_exact(self) -> bool {
        self.keys == Keys::Exact
    }

    /// Whether texts end at a NUL for this server.
    pub fn cuts(self) -> bool {
        self.keys == Keys::Cut
    }

    /// The value of a member of an object.
    pub fn get<'n, 'a>(self, object: &'n Node<'a>, word: &str) -> Option<&'n Node<'a>> {
        self.member(object, word).map(|member| &member.node)
    }

    /// A member of an object.
    pub fn member<'n, 'a>(self, object: &'n Node<'a>, word: &str) -> Option<&'n Member<'a>> {
        let mut found = object.members().iter().filter(|member| self.same(&member.key, word));
        if self.last { found.next_back() } else { found.next() }
    }

    /// Every message in `documents`, those in arrays too.
    pub fn messages<'a>(self, documents: &[Node<'a>]) -> Vec<Message<'a>> {
        flat(documents).into_iter().map(|object| self.message(object)).collect()
    }

    /// Every call of a tool in `documents`.
    pub fn tool_calls<'n, 'a>(self, documents: &'n [Node<'a>]) -> Vec<ToolCall<'n, 'a>> {
        let calls = flat(documents).into_iter().filter(|object| {
            let method = self.get(object, "method").and_then(Node::text);
            method.is_some_and(|method| self.is_tool_call(method))
        });
        calls.filter_map(|object| self.tool_call(object)).collect()
    }

    /// Whether a server with these habits runs `method` as `tools/call`. White
    /// space around it never helps.
    pub fn is_tool_call(self, method: &str) -> bool {
        let blank = |c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}';
        self.same(method.trim_matches(blank), "tools/call")
    }

    fn message<'a>(self, object: &Node<'a>) -> Message<'a> {
        let text = |node: Option<&Node<'a>>| node.and_then(Node::text).map(str::to_owned);
        let params = self.get(object, "params");
        let inner = |word| params.and_then(|params| self.get(params, word));
        let has = |word| self.get(object, word).is_some();
        let known = |key: &str| MEMBERS.iter().any(|word| self.same(key, word));
        Message {
            method: text(self.get(object, "method")),
            id: self.get(object, "id").map(|node| node.raw),
            name: text(inner("name")),
            raw_name: inner("name").map(|node| node.raw),
            raw_arguments: inner("arguments").map(|node| node.raw),
            has_result: has("result") || has("error"),
            has_others: object.members().iter().any(|member| !known(&member.key)),
        }
    }

    fn tool_call<'n, 'a>(self, object: &'n Node<'a>) -> Option<ToolCall<'n, 'a>> {
        let params = self.get(object, "params")?;
        let tool = self.cut(self.get(params, "name")?.text()?).to_owned();
        Some(ToolCall { tool, arguments: self.get(params, "arguments") })
    }

    fn same(self, text: &str, word: &str) -> bool {
        match self.keys {
            Keys::Exact => text == word,
            Keys::Lower => text == word || text.to_lowercase() == word.to_lowercase(),
            Keys::Upper => text == word || text.to_uppercase() == word.to_uppercase(),
            Keys::Cut => self.cut(text) == word,
        }
    }

    fn cut(self, text: &str) -> &str {
        match text.split_once('\0') {
            Some((cut, _)) if self.keys == Keys::Cut => cut,
            _ => text,
        }
    }
}

/// The objects in `nodes` and in the arrays among them.
fn flat<'n, 'a>(nodes: &'n [Node<'a>]) -> Vec<&'n Node<'a>> {
    let mut objects = Vec::new();
    for node in nodes {
        match &node.value {
            Value::Map(_) => objects.push(node),
            Value::List(nodes) => objects.extend(flat(nodes)),
            Value::Word | Value::Text(_) => {}
        }
    }
    objects
}

#[cfg(test)]
mod tests;
