//! The parts of a policy that a converted entry is made of.

use super::said::{List, Topic};
use super::scalar::{elements, text_of};
use crate::document::{Member, Node, Value};
use core::ops::Range;
use mcp_policy_filter::policy::Policy;

/// A rule that cannot be said here.
#[derive(Debug)]
pub(super) struct Lost {
    /// Its place.
    pub(super) at: Range<usize>,
    /// The reason.
    pub(super) words: String,
}

impl Lost {
    /// A rule that cannot be said here.
    pub(super) fn new(at: &Range<usize>, words: impl Into<String>) -> Self {
        Self { at: at.clone(), words: words.into() }
    }
}

/// The rules of one tool, or of all of them, in this language.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// The message of the denial, if every call is denied.
    denied: Option<Option<String>>,
    /// `require`
    pub(super) require: Vec<Node>,
    /// `limits`
    pub(super) limits: Vec<Node>,
}

impl Entry {
    /// Denies every call. The first rule that does gives the message.
    pub(super) fn deny(&mut self, name: &str, on_deny: Option<&str>) {
        let by_name = || (!name.is_empty()).then(|| format!("Denied by rule \"{name}\""));
        let words = on_deny.map(str::to_owned).or_else(by_name);
        self.denied.get_or_insert(words);
    }

    /// Denies every call, because a rule cannot be said here.
    pub(super) fn deny_lost(&mut self, name: &str, on_deny: Option<&str>) {
        let words = match name {
            "" => "A rule for this tool was lost when the policy was converted.".to_owned(),
            name => format!("The rule \"{name}\" was lost when the policy was converted."),
        };
        self.denied.get_or_insert_with(|| Some(on_deny.map_or(words, str::to_owned)));
    }

    /// The entry of one tool.
    pub(super) fn for_tool(self) -> Node {
        match self.denied {
            Some(reason) => Node::of_members([
                ("action", Some(Node::of_text("deny"))),
                ("reason", reason.map(Node::of_text)),
            ]),
            None => {
                Node::of_members([("require", list(self.require)), ("limits", list(self.limits))])
            }
        }
    }

    /// The part of a policy about all tools.
    pub(super) fn for_all_tools(self) -> Node {
        let deny_if = self.denied.map(|on_deny| {
            // A check without conditions always holds.
            let check = Node::of_members([
                ("conditions", Some(Node::of_list(Vec::new()))),
                ("on_deny", on_deny.map(Node::of_text)),
            ]);
            Node::of_list(vec![check])
        });
        Node::of_members([
            ("require", list(self.require)),
            ("deny_if", deny_if),
            ("limits", list(self.limits)),
        ])
    }
}

fn list(elements: Vec<Node>) -> Option<Node> {
    (!elements.is_empty()).then(|| Node::of_list(elements))
}

/// A policy.
pub(super) fn policy(
    description: Option<&str>,
    default: &str,
    hide: Vec<Node>,
    tools: Vec<(&Member, Node)>,
    all_tools: Option<Node>,
) -> Node {
    let usual = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./*".contains(&byte))
    };
    let names = tools.iter().map(|(tool, _)| tool.key.as_str());
    let unusual = names.chain(hide.iter().filter_map(Node::text)).any(|name| !usual(name));
    let settings = Node::of_members([("unusual_tool_names", Some(Node::new(Value::Bool(true))))]);
    let tools = tools.into_iter().map(|(tool, node)| (tool.key.as_str(), Some(node)));
    Node::of_members([
        ("version", Some(Node::of_text("1"))),
        ("description", description.map(Node::of_text)),
        ("default", Some(Node::of_text(default))),
        ("hide", list(hide)),
        ("tools", Some(Node::of_members(tools))),
        ("all_tools", all_tools.filter(|node| !node.members().is_empty())),
        ("settings", unusual.then_some(settings)),
    ])
}

/// The names that are hidden. `*` means every tool in all dialects, and no tool has a name
/// with a `*` in it.
pub(super) fn hidden(file: &Node, list: &mut List) -> Vec<Node> {
    let mut hidden: Vec<Node> = Vec::new();
    for node in elements(file, "hide", list) {
        let Some(name) = text_of(node).filter(|name| !name.trim().is_empty()) else {
            list.error(&node.span, "the name of a tool is expected here");
            continue;
        };
        if name != "*" && name.contains('*') {
            let words = format!(
                "`{name}` is a name there, which no tool has, and would be a pattern here; it is \
                 left out, so write it into the policy if you meant a pattern"
            );
            list.say(Topic::Star, &node.span, words);
        } else if hidden.iter().any(|other| other.text() == Some(&name)) {
            list.error(&node.span, format!("`{name}` is hidden twice"));
        } else {
            hidden.push(Node::of_text(name));
        }
    }
    hidden
}

/// The name of a check, if it can have this one.
pub(super) fn named(
    name: &str,
    others: &[Node],
    at: &Range<usize>,
    list: &mut List,
) -> Option<Node> {
    if name.is_empty() {
        return None;
    }
    let taken = others.iter().any(|check| check.get("name").and_then(Node::text) == Some(name));
    let fits = name.len() <= 256
        && !name.chars().any(char::is_control)
        && !name.bytes().all(|byte| byte.is_ascii_digit());
    if taken || !fits {
        let words = format!(
            "the rule's name is left out: `{name}` is another rule's, or cannot name a check here"
        );
        list.say(Topic::Words, at, words);
        return None;
    }
    Some(Node::of_text(name))
}

/// The reason why this language cannot say a part of an entry.
pub(super) fn fault(key: &str, part: &Node) -> Option<String> {
    let tool = Node::of_members([(key, Some(Node::of_list(vec![part.clone()])))]);
    let policy = Node::of_members([
        ("version", Some(Node::of_text("1"))),
        ("default", Some(Node::of_text("deny"))),
        ("tools", Some(Node::of_members([("tool", Some(tool))]))),
    ]);
    let errors = Policy::parse(policy.to_json().as_bytes(), "").err()?;
    errors.iter().next().map(|one| one.message.clone())
}
