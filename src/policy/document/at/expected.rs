//! The words for a value in the place of another: what was found, and what to write.

use super::super::tree::Node;
use super::super::wording::quote;
use super::At;

/// The most bytes of a text that is shown as a list.
const MAX_LISTED: usize = 40;
/// The keys of lists that hold objects, where no list of a text is right.
const OF_OBJECTS: [&str; 13] = [
    "allOf",
    "all",
    "any",
    "anyOf",
    "approve_if",
    "approver_require",
    "conditions",
    "deny_if",
    "groups",
    "limits",
    "oneOf",
    "require",
    "when",
];

impl At<'_> {
    /// Names the value, for messages.
    fn found(&self) -> String {
        match self.node {
            Node::Null => "null".into(),
            Node::Bool(value) => format!("`{value}`"),
            Node::Number(_) | Node::String(_) if self.secret => "something else".into(),
            Node::Number(text) => quote(text),
            Node::String(text) => quote(&format!("\"{text}\"")),
            Node::List(_) => "a list".into(),
            Node::Object(_) => "an object".into(),
        }
    }

    /// Notes that `what` was expected here.
    pub(in crate::policy::document) fn expected(&self, what: &str) {
        let mut message = format!("expected {what}, found {}", self.found());
        if let Some(list) = self.as_list().filter(|_| what.starts_with("a list")) {
            message.push_str("; write ");
            message.push_str(&list);
        }
        self.wrong(message);
    }

    /// The list of a text alone, where a short text is in the place of a list of texts.
    fn as_list(&self) -> Option<String> {
        let key = self.path.rsplit('/').next().unwrap_or_default();
        let text = self.as_string().filter(|_| !self.secret && !OF_OBJECTS.contains(&key))?;
        let is_odd = |c: char| c.is_control() || matches!(c, '"' | '\\');
        let is_plain = text.len() <= MAX_LISTED && !text.contains(is_odd);
        is_plain.then(|| quote(&format!("[\"{text}\"]")))
    }
}
