//! The lock: the definitions of a server's tools as somebody approved them, by digest.
//!
//! A model reads every word of a tool's definition, and a server can change it at any time,
//! after everybody has looked at it. So each list that comes back is held against the lock.
//! A tool of which any list has another definition is changed for all workers, until lists
//! have shown it as locked again for a while. The lock is of definitions, not of behaviour:
//! calls that come before the first list are calls of an unchanged tool.

mod state;

use super::bodies::Applied;
use super::{Denial, Policy, Reason};
use crate::limits::window::Nanos;
use crate::limits::{Store, StoreError, Table, Tag};
use crate::policy::document::{self, escape};
use crate::wire::json::Raw;
use crate::wire::mcp::digest_of_definition;
use state::State;

/// The pointer of the rule that refuses a tool without a definition.
const TOOLS: &str = "/lock/tools";

/// A lock, as compiled.
#[derive(Debug)]
pub struct Lock {
    enforces: bool,
    ignores_meta: bool,
    /// By name.
    tools: Vec<Locked>,
    /// The key in shared data that has the tools which changed.
    key: Vec<u8>,
}

/// A tool and its definition.
#[derive(Debug)]
struct Locked {
    name: String,
    pointer: String,
    digest: [u8; 32],
    /// The tool and its definition in shared data: under a policy that locks another
    /// definition, nothing of it has changed.
    tag: Tag,
}

/// The number of a tool of a lock.
type Number = usize;

/// The value to store in the place of the one that was shown, if it is another one.
type Step = Result<Option<Vec<u8>>, StoreError>;

/// The tools that a message lists, held against a lock.
#[derive(Debug, Default)]
pub struct Sightings {
    /// By the numbers of the tools; empty as long as none was seen.
    tools: Vec<Sighting>,
    /// Whether a tool is not in the lock.
    has_unknown: bool,
}

/// A tool of a lock in the lists of a message.
#[derive(Clone, Copy, Debug, Default)]
struct Sighting {
    /// The number of the last list in which it was; they are counted from 1.
    list: usize,
    /// Whether a list has the definition that is locked.
    is_same: bool,
    /// Whether a list has another one, or two.
    is_changed: bool,
}

/// The outcome of holding lists against a lock.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct News {
    /// The tools that are changed, in the order of their numbers.
    changed: Vec<Number>,
    /// Those among them that were not before.
    pub blocked: Vec<Number>,
    /// The tools that are changed no longer.
    pub reopened: Vec<Number>,
    /// Whether a list has a tool with another definition than the locked one.
    pub shows_changed: bool,
    /// Whether a list has a tool that is not in the lock.
    pub shows_unknown: bool,
}

impl Lock {
    pub(super) fn new(lock: document::Lock, table: &Table) -> Self {
        let document::Lock { enforces, tools, ignores_meta } = lock;
        let locked = |(name, digest): (String, [u8; 32])| Locked {
            pointer: format!("{TOOLS}/{}", escape(&name)),
            tag: Tag::new(&[b"lock", name.as_bytes(), &digest, &[u8::from(ignores_meta)]]),
            name,
            digest,
        };
        let tools = tools.into_iter().map(locked).collect();
        Self { enforces, ignores_meta, tools, key: table.lock_key() }
    }

    /// Whether it refuses calls and hides tools, or is only recorded.
    pub const fn enforces(&self) -> bool {
        self.enforces
    }

    /// The number of a tool, if it is in the lock.
    fn find(&self, tool: &str) -> Option<Number> {
        self.tools.binary_search_by(|other| other.name.as_str().cmp(tool)).ok()
    }

    /// Whether a tool is in the lock.
    pub fn names(&self, tool: &str) -> bool {
        self.find(tool).is_some()
    }

    /// The name of a tool, and the pointer of its definition.
    pub fn tool(&self, number: Number) -> Option<(&str, &str)> {
        self.tools.get(number).map(|tool| (&*tool.name, &*tool.pointer))
    }

    /// Asks whether a tool is in the lock.
    ///
    /// # Errors
    /// It is not.
    pub(super) fn check(&self, tool: &str) -> Result<(), Denial<'static>> {
        if self.names(tool) {
            return Ok(());
        }
        Err(Denial {
            reason: Reason::ToolUnknown,
            rule: TOOLS,
            message: format!("The tool {tool} is not among those that were approved.").into(),
            retry_after: None,
        })
    }

    /// Asks whether any list had another definition of a tool. One that is not in the lock
    /// has none.
    ///
    /// # Errors
    /// One had, or it cannot be known.
    fn unchanged(&self, tool: &str, store: &impl Store) -> Result<(), Denial<'_>> {
        let Some(locked) = self.find(tool).and_then(|number| self.tools.get(number)) else {
            return Ok(());
        };
        let mut is_changed = false;
        let read = self.update(store, &mut |stored| {
            is_changed = State::has(stored, locked.tag)?;
            Ok(None)
        });
        let (reason, rule, message) = match read {
            Ok(()) if !is_changed => return Ok(()),
            Ok(()) => (
                Reason::ToolChanged,
                &*locked.pointer,
                format!("The definition of the tool {tool} is not the one that was approved."),
            ),
            Err(_) => (
                Reason::Internal,
                &*locked.pointer,
                "The gateway cannot tell whether the tool has changed.".into(),
            ),
        };
        Err(Denial { reason, rule, message: message.into(), retry_after: None })
    }

    /// Holds a listed tool against its definition. `list` is the number of the list in its
    /// message, and `names` has the tool's name, however some client finds it.
    pub fn see<'n>(
        &self,
        sightings: &mut Sightings,
        list: usize,
        tool: Raw<'_>,
        names: impl Iterator<Item = &'n str>,
    ) {
        let mut digest = None;
        let mut is_named = false;
        for name in names {
            is_named = true;
            let Some(number) = self.find(name) else {
                sightings.has_unknown = true;
                continue;
            };
            let digest =
                digest.get_or_insert_with(|| digest_of_definition(tool, self.ignores_meta));
            let is_same = self.tools.get(number).is_some_and(|tool| *digest == Ok(tool.digest));
            sightings.note(self.tools.len(), number, list, is_same);
        }
        sightings.has_unknown |= !is_named;
    }

    /// Keeps what lists have shown, for all workers. The response is to a request that the
    /// server got at the moment `began`, if it is to one for a list.
    ///
    /// # Errors
    /// The store failed: it is not known what has changed.
    pub fn keep(
        &self,
        store: &impl Store,
        sightings: &Sightings,
        began: Option<Nanos>,
        now: Nanos,
    ) -> Result<News, StoreError> {
        let mut news = News::default();
        self.update(store, &mut |stored| {
            let mut state = State::read(stored)?;
            news = News::default();
            for (number, (tool, seen)) in self.tools.iter().zip(&sightings.tools).enumerate() {
                if seen.is_changed {
                    if state.change(tool.tag, now) {
                        news.blocked.push(number);
                    }
                } else if seen.is_same && state.reopen(tool.tag, began, now) {
                    news.reopened.push(number);
                }
            }
            if !state.is_empty() {
                for (number, tool) in self.tools.iter().enumerate() {
                    if state.has_own(tool.tag) {
                        news.changed.push(number);
                    }
                }
            }
            Ok(state.written(now))
        })?;
        news.shows_changed = sightings.tools.iter().any(|seen| seen.is_changed);
        news.shows_unknown = sightings.has_unknown;
        Ok(news)
    }

    /// Shows `step` the stored value, and stores the one that it returns. One function for
    /// all steps, so that it is compiled once.
    fn update(
        &self,
        store: &impl Store,
        step: &mut dyn FnMut(Option<&[u8]>) -> Step,
    ) -> Result<(), StoreError> {
        store.update(&self.key, |stored| match step(stored) {
            Ok(new) => (new, Ok(())),
            Err(error) => (None, Err(error)),
        })?
    }

    /// Whether lists show a tool, by what is kept of it.
    pub fn shows(&self, news: &News, tool: &str) -> bool {
        self.find(tool).is_some_and(|number| news.changed.binary_search(&number).is_err())
    }
}

impl Sightings {
    fn note(&mut self, tools: usize, number: Number, list: usize, is_same: bool) {
        self.tools.resize(tools, Sighting::default());
        if let Some(seen) = self.tools.get_mut(number) {
            let is_twice = core::mem::replace(&mut seen.list, list) == list;
            seen.is_same |= is_same;
            seen.is_changed |= is_twice || !is_same;
        }
    }
}

impl News {
    /// Adds those of a later message of the same response, whose state is the newer one.
    pub fn join(&mut self, later: Self) {
        self.changed = later.changed;
        self.blocked.extend(later.blocked);
        self.reopened.extend(later.reopened);
        self.shows_changed |= later.shows_changed;
        self.shows_unknown |= later.shows_unknown;
    }
}

impl Policy {
    /// The lock, if the policy has one.
    pub const fn lock(&self) -> Option<&Lock> {
        self.lock.as_ref()
    }

    /// The lock, if it refuses calls and hides tools.
    pub(super) fn enforced(&self) -> Option<&Lock> {
        self.lock.as_ref().filter(|lock| lock.enforces)
    }

    /// Asks whether a tool has changed. One that these rules hide is denied as that.
    ///
    /// # Errors
    /// It has.
    pub(super) fn unchanged(
        &self,
        rules: Applied<'_>,
        tool: &str,
        store: &impl Store,
    ) -> Result<(), Denial<'_>> {
        match self.enforced() {
            Some(lock) if !rules.hides(tool) => lock.unchanged(tool, store),
            _ => Ok(()),
        }
    }

    /// The rule of a lock that a call would not pass, and that is only recorded.
    pub fn reported(&self, tool: &str, store: &impl Store) -> Option<(&str, Reason)> {
        let lock = self.lock.as_ref().filter(|lock| !lock.enforces)?;
        let denial = lock.check(tool).and_then(|()| lock.unchanged(tool, store)).err()?;
        Some((denial.rule, denial.reason))
    }
}

#[cfg(test)]
mod tests;
