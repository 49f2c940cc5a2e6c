//! The sliding window by a real clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mcp_rig::client::http1::Connection;
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{code, counted, in_time, passed, spread};

const MAX: usize = 20;
const WINDOW: Duration = Duration::from_secs(1);
const CLIENTS: usize = 4;
/// The calls that have to be admitted before the clients end: those of five windows.
const ENOUGH: usize = 5 * MAX;

/// A call that was admitted: at some moment between these two.
#[derive(Clone, Copy, Debug)]
struct Admitted {
    sent: Instant,
    answered: Instant,
}

#[tokio::test]
async fn in_no_interval_of_a_windows_length_is_more_than_max_admitted() {
    let upstream = Upstream::start().await;
    let policy = json!({ "version": "1", "default": "deny", "tools": { "a": { "limits": [
        { "counter": "calls", "window": "second", "max": MAX, "algorithm": "sliding" },
    ] } } });
    let builder = Gateway::builder().policy(policy.to_string()).upstream(upstream.addr());
    let gateway = builder.concurrency(2).edit_listener(spread).start().await;

    let (mut clients, so_far) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
    for _ in 0..CLIENTS {
        let connection = Connection::open(gateway.addr()).await;
        clients.spawn(call_without_a_pause(connection, Arc::clone(&so_far)));
    }
    // A window that starves its callers has no end.
    let admitted: Vec<Admitted> = in_time(clients.join_all()).await.concat();
    assert!(admitted.len() >= ENOUGH, "{}", admitted.len());

    for first in &admitted {
        // Those that were surely admitted no earlier than the first was sent,
        // and no later than a window after it: with the first, in one interval.
        let end = first.sent + WINDOW;
        let within = |call: &&Admitted| first.sent <= call.sent && call.answered <= end;
        let within = admitted.iter().filter(within).count();
        assert!(within <= MAX, "{within} from {first:?}");
    }
}

/// Calls until all clients together have been admitted often enough.
async fn call_without_a_pause(
    mut connection: Connection,
    so_far: Arc<AtomicUsize>,
) -> Vec<Admitted> {
    let mut admitted = Vec::new();
    while so_far.load(Ordering::Relaxed) < ENOUGH {
        let sent = Instant::now();
        let response = connection.send(&counted()).await;
        match passed(&response) {
            true => {
                admitted.push(Admitted { sent, answered: Instant::now() });
                so_far.fetch_add(1, Ordering::Relaxed);
            }
            false => assert_eq!(code(&response), 429, "{response:?}"),
        }
    }
    admitted
}
