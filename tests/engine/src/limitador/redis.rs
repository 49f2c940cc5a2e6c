//! Limitador's counts on Redis: which limits apply, and what is told of them, is the
//! crate's; reading and adding is what its storage does. All counters are looked at, and
//! then all are added to, or none. The two are not one step, so calls that come at once
//! can exceed a limit. A window begins with its first call.

use std::sync::Arc;
use std::time::Duration;

use limitador::CheckResult;
use limitador::counter::Counter;
use limitador::limit::{Context, Limit as Rule};
use redis::aio::ConnectionManager;

use crate::Status;

/// The limits, and the connection to Redis.
pub(super) struct Redis {
    rules: Vec<Arc<Rule>>,
    manager: ConnectionManager,
}

impl Redis {
    pub(super) async fn new(url: &str, rules: impl Iterator<Item = Rule>) -> Self {
        Self { rules: rules.map(Arc::new).collect(), manager: crate::connect(url).await }
    }

    pub(super) async fn check_and_update(
        &self,
        namespace: &str,
        context: &Context<'_>,
        delta: u64,
    ) -> Result<CheckResult, Status> {
        let mut counters = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.namespace().as_ref() == namespace) {
            if rule.applies(context) {
                let counter = Counter::new(Arc::clone(rule), context);
                counters.extend(counter.map_err(|_| Status::UNAVAILABLE)?);
            }
        }
        let mut result = CheckResult { limited: false, counters, limit_name: None };
        if result.counters.is_empty() {
            return Ok(result);
        }
        let keys: Vec<String> = result.counters.iter().map(key).collect();
        let mut look = redis::pipe();
        for key in &keys {
            look.get(key).pttl(key);
        }
        let found = look.query_async::<Vec<Option<i64>>>(&mut self.manager.clone()).await;
        let found = found.map_err(|_| Status::UNAVAILABLE)?;
        for (counter, pair) in result.counters.iter_mut().zip(found.chunks(2)) {
            let count = pair[0].and_then(|count| u64::try_from(count).ok()).unwrap_or_default();
            let lives = pair[1].and_then(|left| u64::try_from(left).ok());
            counter.set_remaining(counter.max_value().saturating_sub(count));
            counter.set_expires_in(lives.map_or(counter.window(), Duration::from_millis));
            result.limited |= count.saturating_add(delta) > counter.max_value();
        }
        if result.limited {
            return Ok(result);
        }
        let mut add = redis::pipe();
        for (key, counter) in keys.iter().zip(&mut result.counters) {
            add.incr(key, delta).ignore();
            // Only the first call of a window says when that ends.
            add.cmd("EXPIRE").arg(key).arg(counter.window().as_secs()).arg("NX").ignore();
            let left = counter.remaining().unwrap_or_default();
            counter.set_remaining(left.saturating_sub(delta));
        }
        let added = add.query_async::<()>(&mut self.manager.clone()).await;
        added.map_err(|_| Status::UNAVAILABLE)?;
        Ok(result)
    }
}

/// The key of a counter: its limit, which is known by all but its `max`, and the values
/// of its variables.
fn key(counter: &Counter) -> String {
    let mut conditions: Vec<String> = counter.limit().conditions().into_iter().collect();
    conditions.sort();
    let seconds = counter.window().as_secs();
    let of = serde_json::json!([conditions, seconds, counter.set_variables()]);
    format!("namespace:{{{}}},counter:{of}", counter.namespace().as_ref())
}
