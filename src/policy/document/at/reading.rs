//! The settings that say how the rest of a document is read.

use super::super::tree::Node;

/// These settings.
#[derive(Clone, Copy, Debug)]
pub(in crate::policy::document) struct Reading {
    /// Whether tools may have names that MCP does not allow.
    pub(in crate::policy::document) unusual_tool_names: bool,
    /// Whether every text of the arguments is a text, also one that is JSON.
    pub(in crate::policy::document) literal: bool,
    /// Whether a denial says what the policy asks for.
    pub(in crate::policy::document) explains: bool,
}

impl Reading {
    /// Looks the settings up before anything is read. One that is wrong is
    /// reported where it is read.
    pub(super) fn new(root: &Node<'_>) -> Self {
        let settings = member(root, "settings");
        let setting = |key| settings.and_then(|settings| member(settings, key));
        Self {
            unusual_tool_names: matches!(setting("unusual_tool_names"), Some(Node::Bool(true))),
            literal: matches!(setting("json_texts"), Some(Node::String(way)) if way == "text"),
            explains: !matches!(setting("explain_denials"), Some(Node::Bool(false))),
        }
    }
}

fn member<'n, 'a>(node: &'n Node<'a>, key: &str) -> Option<&'n Node<'a>> {
    let Node::Object(members) = node else { return None };
    members.iter().find(|(name, _)| name == key).map(|(_, value)| value)
}
