//! The answer that a server will owe to a body, where the policy bounds its size.

use super::Judge;
use crate::exchange::awaited::{Awaited, Owed};
use crate::limits::Store;

impl<S: Store> Judge<'_, S> {
    /// Adds the answer to a message, if its size may have a bound. Of a body that is
    /// refused, none is awaited.
    pub(super) fn awaits(&self, to: &Owed<'_>) {
        if !self.policy.bounds_results() {
            return;
        }
        let Ok(caller) = self.caller else { return };
        let answer = Awaited::new(self.policy, caller, self.head.accepts_mcp, to);
        self.awaited.set(Some(match self.awaited.take() {
            Some(mut all) => {
                all.join(answer);
                all
            }
            None => Box::new(answer),
        }));
    }
}
