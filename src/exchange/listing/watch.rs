//! The entries of lists that a caller is shown, and what a message says of the tools of a
//! lock.
//!
//! A message is read twice where there is a lock. Of a tool that is listed in two ways no
//! entry may pass, so nothing of it can go on before all of it was seen.

use super::changes::Change;
use super::message::{self, Listed};
use super::{Listing, MAX_DEPTH, Reading};
use crate::limits::{Store, StoreError};
use crate::policy::{Lock, News, Sightings};
use crate::wire::json::JsonError;
use crate::wire::mcp::{List, Lists};

/// The reason why it is not known which tools of a message may be shown.
#[derive(Debug)]
pub(super) enum Unread {
    /// The text is not JSON, or two readers may read it differently.
    Text,
    /// The tools that have changed are not known.
    State,
}

impl From<JsonError> for Unread {
    fn from(_: JsonError) -> Self {
        Self::Text
    }
}

impl From<StoreError> for Unread {
    fn from(_: StoreError) -> Self {
        Self::State
    }
}

impl Listing {
    /// The changes after which a message lists only what the caller is shown.
    ///
    /// # Errors
    /// It is not known which these are.
    pub(super) fn changes(
        &self,
        lent: &Reading<'_, impl Store>,
        text: &[u8],
    ) -> Result<Vec<Change>, Unread> {
        let policy = lent.policy;
        let lock = policy.lock();
        let news = match lock {
            Some(lock) => Some(self.watch(lent, lock, text)?),
            None => None,
        };
        let changes = match self.conceals() {
            false => Vec::new(),
            true => {
                let enforced = lock.zip(news.as_ref()).filter(|(lock, _)| lock.enforces());
                message::changes(text, MAX_DEPTH, self.lists, &mut |tool| {
                    if tool.kind != List::Tools {
                        let caller = self.caller.as_ref();
                        let shows = |name: &str| {
                            caller.is_some_and(|caller| policy.shows_in(caller, tool.kind, name))
                        };
                        return tool.names.iter().all(|name| shows(name));
                    }
                    let shows = |name: &str| {
                        self.caller.as_ref().is_some_and(|caller| policy.shows(caller, name))
                            && enforced.is_none_or(|(lock, news)| lock.shows(news, name))
                    };
                    // One without a name cannot be called, but it can be read.
                    (enforced.is_none() || !tool.names.is_empty())
                        && tool.names.iter().all(|name| shows(name))
                })?
            }
        };
        if let Some(news) = news {
            let mut all = self.news.borrow_mut();
            all.get_or_insert_default().join(news);
        }
        Ok(changes)
    }

    /// Holds the lists of a message against a lock, for all workers.
    fn watch(
        &self,
        lent: &Reading<'_, impl Store>,
        lock: &Lock,
        text: &[u8],
    ) -> Result<News, Unread> {
        let mut sightings = Sightings::default();
        let tools = Lists::default().with(List::Tools);
        message::changes(text, MAX_DEPTH, tools, &mut |tool: &Listed<'_, '_>| {
            lock.see(&mut sightings, tool.list, tool.raw, tool.names.iter().map(|name| &**name));
            true
        })?;
        let now = (lent.now)().ok_or(Unread::State)?;
        Ok(lock.keep(lent.store, &sightings, self.began, now)?)
    }
}
