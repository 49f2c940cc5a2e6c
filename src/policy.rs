//! A policy: compiled once, immutable, asked for every call.
//!
//! [`Policy::parse`] is the only way from a document to a policy. What can be
//! prepared is prepared there: patterns are ordered, every rule has its
//! pointer, every limit knows its counter. [`Policy::decide`] then looks one
//! name up and either denies or says what is to be charged.

mod compile;
mod decide;
mod denial;
mod pattern;

pub use decide::Ruling;
pub use denial::{Denial, Reason};
pub use pattern::{Pattern, PatternMap};

use crate::config::{Default, ExemptPath};
use crate::counters::{Holder, Table, Tag};
use crate::quota::{Scope, Window};

/// A compiled policy.
#[derive(Debug)]
pub struct Policy {
    /// The first twelve hexadecimal digits of the SHA-256 of the document.
    pub digest: String,
    /// What is worth telling its author without refusing it.
    pub warnings: Vec<String>,
    /// How the filter behaves.
    pub settings: Settings,
    /// Where its counts stand.
    pub table: Table,
    body: Body,
}

/// How the filter behaves, compiled from [`crate::config::Settings`].
#[derive(Debug)]
pub struct Settings {
    /// Requests that are not MCP.
    pub exempt_paths: Vec<ExemptPath>,
    /// Whether nothing goes upstream before the request is judged.
    pub hold_request_headers: bool,
    /// The largest body that is judged.
    pub max_body_bytes: usize,
    /// How deep JSON may be nested.
    pub max_depth: usize,
    methods: PatternMap<()>,
}

/// The rules for one set of callers.
#[derive(Debug)]
struct Body {
    default: Default,
    hide: PatternMap<()>,
    tools: PatternMap<Rule>,
    /// What a tool is charged that only `default` speaks of.
    all_tools: Vec<Limit>,
}

/// One entry of `tools`.
#[derive(Debug)]
struct Rule {
    pointer: String,
    /// The reason of a denial.
    denied: Option<Option<String>>,
    /// The tool's own limits and those of all tools; each counter once.
    limits: Vec<Limit>,
}

/// A limit, ready to be charged.
#[derive(Clone, Debug)]
pub struct Limit {
    /// The rule's pointer.
    pub pointer: String,
    /// What is limited: a tool, a pattern or "all tools".
    pub subject: String,
    /// The counter.
    pub tag: Tag,
    /// Who shares a count.
    pub scope: Scope,
    /// The window.
    pub window: Window,
    /// Calls that a window admits.
    pub max: u64,
    /// The one holder of a `global` counter.
    everyone: Holder,
}

/// Who is calling.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Where the caller's counts stand.
    pub holder: Holder,
}

impl Caller {
    /// The one caller where no identity is configured. Nothing that a client
    /// can vary makes a second one.
    pub fn anonymous() -> Self {
        Self { holder: Holder::caller("anonymous") }
    }
}

impl Limit {
    /// Whose count a call of `caller` is charged to.
    pub fn holder(&self, caller: &Caller) -> Holder {
        match self.scope {
            Scope::Grant => caller.holder,
            Scope::Global => self.everyone,
        }
    }
}

impl Settings {
    /// Whether a JSON-RPC method besides `tools/call` passes.
    pub fn passes(&self, method: &str) -> bool {
        self.methods.get(method).is_some()
    }
}
