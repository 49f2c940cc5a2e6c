//! Waiting with a bound, never sleeping and hoping.

use std::time::{Duration, Instant};

/// The longest that anything may take on a slow and busy machine.
pub const LIMIT: Duration = Duration::from_secs(30);

const STEP: Duration = Duration::from_millis(10);

/// Asks `check` again and again until it has a value, and returns it.
///
/// # Panics
///
/// When [`LIMIT`] is over, naming `what` was waited for.
pub async fn until<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = check().await {
            return value;
        }
        assert!(start.elapsed() < LIMIT, "{what}: not within {} s", LIMIT.as_secs());
        tokio::time::sleep(STEP).await;
    }
}
