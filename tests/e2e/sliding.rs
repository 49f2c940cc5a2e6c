//! The sliding window by a real clock.

use std::time::{Duration, Instant};

use mcp_rig::client::http1::Connection;
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{code, counted, passed, spread};

const MAX: usize = 20;
const WINDOW: Duration = Duration::from_secs(1);
const CLIENTS: usize = 4;
/// How long clients call without a pause: what is tested takes time.
const LASTING: Duration = Duration::from_secs(5);

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

    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let connection = Connection::open(gateway.addr()).await;
        clients.spawn(call_without_a_pause(connection));
    }
    let admitted: Vec<Admitted> = clients.join_all().await.concat();

    for first in &admitted {
        // Those that were surely admitted no earlier than the first was sent,
        // and no later than a window after it: with the first, in one interval.
        let end = first.sent + WINDOW;
        let within = |call: &&Admitted| first.sent <= call.sent && call.answered <= end;
        let within = admitted.iter().filter(within).count();
        assert!(within <= MAX, "{within} from {first:?}");
    }
    // Neither does it starve: room comes back after a window and a sixteenth.
    let rounds = LASTING.as_millis() / (WINDOW + WINDOW / 16).as_millis();
    let expected = MAX * usize::try_from(rounds).expect("a few");
    assert!(admitted.len() >= expected, "{} of {expected}", admitted.len());
}

async fn call_without_a_pause(mut connection: Connection) -> Vec<Admitted> {
    let start = Instant::now();
    let mut admitted = Vec::new();
    while start.elapsed() < LASTING {
        let sent = Instant::now();
        let response = connection.send(&counted()).await;
        match passed(&response) {
            true => admitted.push(Admitted { sent, answered: Instant::now() }),
            false => assert_eq!(code(&response), 429, "{response:?}"),
        }
    }
    admitted
}
