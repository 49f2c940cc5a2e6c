//! The tools of a server against the lock of a policy.

use super::listed::Tool;
use super::members::{Kind, differing};
use crate::output::shown;
use mcp_policy_filter::text;
use serde_json::{Value, json};
use std::io::{self, Write};

/// The most members of a tool that are named.
const MAX_MEMBERS: usize = 8;
/// The most bytes of a name or a pointer that are shown.
const MAX_SHOWN: usize = 96;

/// The things that the tools of a server are compared with.
#[derive(Debug)]
pub(super) struct Kept<'a> {
    /// The lock.
    pub(super) lock: &'a Value,
    /// Whether `_meta` is left out of its digests.
    pub(super) ignores: bool,
    /// The definitions as they were locked, if they were kept.
    pub(super) saved: Option<&'a [Tool]>,
}

/// A tool with another definition than the locked one.
#[derive(Debug)]
struct Changed {
    tool: String,
    /// The members that differ; none where that is not known.
    members: Vec<(String, Kind)>,
    /// The reason for which they are not known.
    why: Option<String>,
}

/// The outcome of a comparison.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    same: usize,
    changed: Vec<Changed>,
    new: Vec<String>,
    gone: Vec<String>,
}

impl Comparison {
    /// Compares the tools of a server.
    pub(super) fn of(kept: &Kept<'_>, tools: &[Tool]) -> Self {
        let mut comparison = Self::default();
        let locked = kept.lock.get("tools").and_then(Value::as_object);
        let digest_of = |name: &str| locked?.get(name)?.get("digest")?.as_str();
        for tool in tools {
            match digest_of(&tool.name) {
                None => comparison.new.push(tool.name.clone()),
                Some(digest) if tool.digest(kept.ignores).as_deref() == Ok(digest) => {
                    comparison.same = comparison.same.saturating_add(1);
                }
                Some(digest) => comparison.changed.push(Changed::of(kept, tool, digest)),
            }
        }
        let names = locked.into_iter().flat_map(|locked| locked.keys());
        let gone = names.filter(|name| !tools.iter().any(|tool| tool.name == **name));
        comparison.gone = gone.cloned().collect();
        comparison
    }

    /// Whether both are the same.
    pub(super) fn is_same(&self) -> bool {
        self.changed.is_empty() && self.new.is_empty() && self.gone.is_empty()
    }

    /// Writes a line for each difference.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn tell(&self, out: &mut impl Write) -> io::Result<()> {
        for changed in &self.changed {
            writeln!(out, "changed  {}: {}", cut(&changed.tool), changed.words())?;
        }
        for tool in &self.new {
            writeln!(out, "new      {}: is not in the lock", cut(tool))?;
        }
        for tool in &self.gone {
            writeln!(out, "gone     {}: the server does not list it", cut(tool))?;
        }
        let many =
            |count: usize| if count == 1 { "1 tool".into() } else { format!("{count} tools") };
        match self.same {
            0 if !self.is_same() => Ok(()),
            same => writeln!(out, "same     {}", many(same)),
        }
    }

    /// The comparison for programs.
    pub(super) fn json(&self) -> Value {
        let members = |changed: &Changed| -> Vec<Value> {
            let members = changed.members.iter();
            members.map(|(pointer, kind)| json!({ "path": pointer, "is": kind.as_str() })).collect()
        };
        let changed = self.changed.iter().map(|changed| {
            json!({ "tool": changed.tool, "members": members(changed), "unknown": changed.why })
        });
        json!({
            "same": self.same,
            "changed": changed.collect::<Vec<_>>(),
            "new": self.new,
            "gone": self.gone,
        })
    }
}

impl Changed {
    fn of(kept: &Kept<'_>, tool: &Tool, digest: &str) -> Self {
        let name = tool.name.clone();
        let unknown = |why: &str| (Vec::new(), Some(why.to_owned()));
        let saved = kept.saved.map(|saved| saved.iter().find(|other| other.name == name));
        let (members, why) = match (tool.digest(kept.ignores), saved) {
            (Err(why), _) => unknown(&format!("the definition {why}, so no lock can have it")),
            (Ok(_), None) => {
                unknown("the definition is another one (--saved tells which of its members)")
            }
            (Ok(_), Some(None)) => unknown("the definition is another one, and none was saved"),
            (Ok(_), Some(Some(saved))) if saved.digest(kept.ignores).as_deref() != Ok(digest) => {
                unknown("the definition is another one, and the saved one is not the locked one")
            }
            (Ok(_), Some(Some(saved))) => {
                let read = |tool: &Tool| serde_json::from_str(&tool.text).unwrap_or_default();
                let (old, new): (Value, Value) = (read(saved), read(tool));
                (differing(&old, &new, kept.ignores), None)
            }
        };
        Self { tool: name, members, why }
    }

    /// The difference on one line.
    fn words(&self) -> String {
        if let Some(why) = &self.why {
            return why.clone();
        }
        let shown = self.members.iter().take(MAX_MEMBERS);
        let shown = shown.map(|(pointer, kind)| format!("{} is {}", cut(pointer), kind.as_str()));
        let shown: Vec<String> = shown.collect();
        match self.members.len().saturating_sub(shown.len()) {
            0 if shown.is_empty() => "a number is spelt in another way".into(),
            0 => shown.join(", "),
            more => format!("{}, and {more} more", shown.join(", ")),
        }
    }
}

/// A text of the server, safe to show and not too long.
fn cut(name: &str) -> String {
    let name = shown(name);
    let start = text::start(&name, MAX_SHOWN);
    if start.len() < name.len() { format!("{start}…") } else { name.into_owned() }
}
