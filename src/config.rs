//! The policy document as its author wrote it: one type for each of its
//! objects, checked for everything that can be checked without knowing what a
//! policy does. [`crate::policy`] compiles it.
//!
//! Reading is done by hand, over [`document::Node`], and not by a derived
//! deserializer: an author gets all the errors of a document at once, with the
//! path of each, a duplicate key is one of them, and numbers keep their exact
//! value. All of the language's shape stands in this folder.

mod document;
mod error;
mod limits;
mod settings;
mod tools;

pub use error::{ConfigError, Errors};
pub use limits::Limit;
pub use settings::{Counters, ExemptPath, Settings};
pub use tools::{Action, AllTools, ToolRule};

use crate::policy::Pattern;
use document::{At, Document};

/// The most that a policy may weigh. Envoy hands it over in one piece, and
/// every worker keeps what it compiles to.
pub const MAX_POLICY_BYTES: usize = 8 << 20;

/// The answer for a tool that no entry matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// The call goes on.
    Allow,
    /// The call is denied.
    Deny,
}

/// A whole document.
#[derive(Debug)]
pub struct Config {
    /// What decides.
    pub body: Body,
    /// How the filter behaves.
    pub settings: Settings,
}

/// The part of a document that decides.
#[derive(Debug)]
pub struct Body {
    /// `default`
    pub default: Default,
    /// `hide`
    pub hide: Vec<Pattern>,
    /// `tools`
    pub tools: Vec<(Pattern, ToolRule)>,
    /// `all_tools`
    pub all_tools: AllTools,
}

const TOP_LEVEL: [&str; 8] =
    ["$schema", "version", "description", "default", "hide", "tools", "all_tools", "settings"];
const RESERVED: [&str; 3] = ["mode", "identity", "grants"];

impl Config {
    /// Reads a document.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, Errors> {
        let document = Document::parse(text)?;
        let root = document.root();
        let config = Self::read(&root);
        document.into_errors().or(config)
    }

    fn read(root: &At<'_>) -> Option<Self> {
        let top = root.object(&TOP_LEVEL, &RESERVED)?;
        top.get("$schema").map(|at| at.string());
        top.get("description").map(|at| at.string());
        if let Some(version) = top.required("version") {
            version.choice(&[("1", ())]);
        }
        let default = top
            .required("default")
            .and_then(|at| at.choice(&[("allow", Default::Allow), ("deny", Default::Deny)]));
        let hide = top.get("hide").map(|at| at.each(tools::pattern)).unwrap_or_default();
        let tools = top.get("tools").map(|at| tools::read(at)).unwrap_or_default();
        let all_tools = top.get("all_tools").map(|at| AllTools::read(at)).unwrap_or_default();
        let settings = top.get("settings").map(|at| Settings::read(at)).unwrap_or_default();
        Some(Self { body: Body { default: default?, hide, tools, all_tools }, settings })
    }
}

#[cfg(test)]
mod tests;
