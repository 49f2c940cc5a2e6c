//! Counts under load: as many calls as a limit allows, to the call, on any
//! number of workers.
//!
//! `COUNTING_CALLS` and `COUNTING_SECONDS` in the environment make the runs
//! longer than `make test` has time for.

use std::collections::BTreeMap;
use std::env;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcp_rig::gateway::{Gateway, Push};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::flood::{Answers, Flood};
use crate::support::{answer_alone, body, counted, spread};

const CALLERS: [&str; 4] = ["ann", "bob", "cid", "dee"];
/// Connections of each caller: more than workers, so that all have some.
const CONNECTIONS: usize = 4;
/// The number that a push adds to a limit, to show its count.
const MORE: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn one_worker_admits_exactly_what_the_limits_allow() {
    exactly(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_admit_exactly_what_the_limits_allow() {
    exactly(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_workers_admit_exactly_what_the_limits_allow() {
    exactly(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_workers_admit_exactly_what_the_limits_allow() {
    exactly(8).await;
}

/// Calls that were sent together and answered together.
#[derive(Clone, Copy, Debug)]
struct Batch {
    /// Before the first was sent.
    sent: SystemTime,
    /// After the last was answered.
    answered: SystemTime,
    answers: Answers,
}

/// Calls of four callers, who have a limit each and one together.
async fn exactly(workers: u32) {
    let calls = setting("COUNTING_CALLS", 32_000);
    let (all, each) = (calls / 4, calls / 12);
    let gateway = start(workers, &limits(each, all)).await;
    let admitted = load(gateway.addr(), calls).await;
    // The callers' own limits add up to more, so it is the common one that
    // ends it, in the middle of what each of them may.
    assert_eq!(admitted.values().sum::<usize>(), all, "{admitted:?}");
    assert!(admitted.values().all(|admitted| *admitted <= each), "{admitted:?}");
    assert_eq!(passed(&gateway).await, all);
    // A call may also give up after many races lost to other workers.
    let contended = stat(&gateway, "refused_counter_contended").await;
    assert_eq!(stat(&gateway, "refused_rate_limited").await, calls - all - contended);
    assert!(contended < calls / 100, "{contended}");

    // The common count is what was admitted: that many more, and not one besides.
    push(&gateway, &limits(calls, all + MORE)).await;
    let more = load(gateway.addr(), calls / 20).await;
    assert_eq!(more.values().sum::<usize>(), MORE, "{more:?}");
    // And so is every caller's, though calls were taken back that found the
    // common limit full after their own had been charged.
    push(&gateway, &limits(each + MORE, 10 * calls)).await;
    let rest = load(gateway.addr(), calls / 2).await;
    for caller in CALLERS {
        let sum = admitted[caller] + more[caller] + rest[caller];
        assert_eq!(sum, each + MORE, "{caller}: {admitted:?}, {more:?}, {rest:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_that_turn_under_load_admit_no_call_too_many_and_lose_none() {
    const A_SECOND: usize = 300;
    let lasting = Duration::from_secs(setting("COUNTING_SECONDS", 6) as u64);
    let rules = |seconds: usize, days: usize| {
        policy(json!([
            { "counter": "rate", "window": "second", "max": seconds, "scope": "global" },
            { "counter": "all", "window": 2_678_400, "max": days, "scope": "global" },
        ]))
    };
    let gateway = start(4, &rules(A_SECOND, 100_000_000)).await;
    let start = SystemTime::now();
    let batches = clients(gateway.addr(), move |caller, mut flood: Flood| async move {
        let mut batches = Vec::new();
        while start.elapsed().expect("a clock") < lasting {
            let sent = SystemTime::now();
            let answers = call(&mut flood, caller, 20).await;
            batches.push(Batch { sent, answered: SystemTime::now(), answers });
        }
        batches
    });
    let batches = batches.await.concat();

    // By window, what was surely admitted in it, and whether it was surely
    // full: a call was refused whose sending and answer both fall into it.
    let mut windows: BTreeMap<u64, (usize, bool)> = BTreeMap::new();
    for batch in &batches {
        let (sent, answered) = (second(batch.sent), second(batch.answered));
        let (count, full) = windows.entry(sent).or_default();
        if sent == answered {
            *count += batch.answers.admitted;
            *full |= batch.answers.limited > 0;
        }
        windows.entry(answered).or_default();
    }
    assert!(windows.values().all(|(count, _)| *count <= A_SECOND), "{windows:?}");
    let admitted: usize = batches.iter().map(|batch| batch.answers.admitted).sum();
    let full = windows.values().filter(|(_, full)| *full).count();
    assert!(full > 2, "{windows:?}");
    let bounds = full * A_SECOND..=windows.len() * A_SECOND;
    assert!(bounds.contains(&admitted), "{admitted} of {bounds:?}: {windows:?}");
    assert_eq!(passed(&gateway).await, admitted);

    // The count without end has every one of them.
    push(&gateway, &rules(1_000_000, admitted + MORE)).await;
    assert_eq!(load(gateway.addr(), 1_000).await.values().sum::<usize>(), MORE);
}

fn limits(each: usize, all: usize) -> Value {
    policy(json!([
        { "counter": "each", "window": 2_678_400, "max": each, "scope": "grant" },
        { "counter": "spent", "window": 2_678_400, "max": 10 * each, "scope": "grant",
          "algorithm": "sliding" },
        { "counter": "all", "window": 2_678_400, "max": all, "scope": "global" },
    ]))
}

fn policy(limits: Value) -> Value {
    json!({
        "version": "1",
        "default": "deny",
        "identity": [{ "header": "x-agent-id" }],
        "tools": { "a": { "limits": limits } },
        "settings": { "hold_request_headers": true, "audit_log": "off" },
    })
}

async fn start(workers: u32, policy: &Value) -> Gateway {
    let builder = Gateway::builder().policy(policy.to_string()).hold_request_headers(true);
    let builder = builder.edit_listener(answer_alone).edit_listener(spread);
    builder.concurrency(workers).dynamic().start().await
}

async fn push(gateway: &Gateway, policy: &Value) {
    assert_eq!(gateway.push_policy(&policy.to_string()).await, Push::Accepted);
}

/// Makes that many calls, in equal parts by all callers at once; what was
/// admitted of each.
async fn load(addr: SocketAddr, calls: usize) -> BTreeMap<&'static str, usize> {
    let share = calls / CALLERS.len() / CONNECTIONS;
    let client = move |caller, mut flood: Flood| async move {
        (caller, call(&mut flood, caller, share).await)
    };
    let mut admitted = BTreeMap::new();
    for (caller, answers) in clients(addr, client).await {
        *admitted.entry(caller).or_default() += answers.admitted;
    }
    admitted
}

async fn call(flood: &mut Flood, caller: &str, calls: usize) -> Answers {
    flood.call(&body(&counted()), (0..calls).map(|_| caller.to_owned())).await
}

/// Runs `client` on every connection of every caller at once.
async fn clients<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    addr: SocketAddr,
    client: impl Fn(&'static str, Flood) -> F,
) -> Vec<T> {
    // All are open before the first one calls, and so on all workers.
    let mut floods = Vec::new();
    for caller in CALLERS {
        for _ in 0..CONNECTIONS {
            floods.push((caller, Flood::open(addr).await));
        }
    }
    let mut running = JoinSet::new();
    for (caller, flood) in floods {
        running.spawn(client(caller, flood));
    }
    running.join_all().await
}

async fn passed(gateway: &Gateway) -> usize {
    stat(gateway, "passed").await
}

async fn stat(gateway: &Gateway, name: &str) -> usize {
    gateway.count(name).await.and_then(|count| count.try_into().ok()).expect(name)
}

fn second(moment: SystemTime) -> u64 {
    moment.duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn setting(name: &str, default: usize) -> usize {
    env::var(name).map_or(default, |value| value.parse().expect(name))
}
