//! Sending many cases, on a few connections at a time.

use std::collections::BTreeMap;
use std::io::Result;
use std::net::SocketAddr;
use std::time::Duration;

use mcp_rig::client::http1::Connection;

use crate::case::{Case, Kind};

/// The time to wait for the answer to a hostile case. One that does not come is not a
/// failure: a server may wait for ever for bytes that a case never sends.
const HASTE: Duration = Duration::from_secs(2);

/// The answers, by the case's name: for people who read of a failure.
pub type Answers = BTreeMap<String, String>;

/// In how many pieces a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// PHP's own server misreads heads that come in pieces.
    One,
    Two,
}

/// A connection that is still good, and what was answered on it.
type Exchanged = (Option<Connection>, String);

/// Sends all cases.
pub async fn send(addr: SocketAddr, cases: &[Case], writes: Writes) -> Answers {
    let lane = |first: usize| lane(addr, cases.iter().skip(first).step_by(4), writes);
    let (a, b, c, d) = tokio::join!(lane(0), lane(1), lane(2), lane(3));
    [a, b, c, d].into_iter().flatten().collect()
}

async fn lane(addr: SocketAddr, cases: impl Iterator<Item = &Case>, writes: Writes) -> Answers {
    let mut answers = Answers::new();
    let mut open = None;
    for case in cases {
        let (connection, fresh) = match open.take() {
            Some(connection) => (connection, false),
            None => (Connection::open(addr).await, true),
        };
        let mut exchanged = exchange(connection, case, writes).await;
        // The case before may have cost the connection. An honest case is
        // never sent twice, since its runs are counted.
        if exchanged.is_err() && !fresh && case.kind == Kind::Hostile {
            exchanged = exchange(Connection::open(addr).await, case, writes).await;
        }
        let (connection, answer) = exchanged.unwrap_or_else(|error| (None, error.to_string()));
        answers.insert(case.name.clone(), answer);
        open = connection;
    }
    answers
}

async fn exchange(connection: Connection, case: &Case, writes: Writes) -> Result<Exchanged> {
    match case.kind {
        Kind::Hostile => tokio::time::timeout(HASTE, answers(connection, case, writes)).await?,
        Kind::Honest | Kind::Batch => answers(connection, case, writes).await,
    }
}

async fn answers(mut connection: Connection, case: &Case, writes: Writes) -> Result<Exchanged> {
    // Cut at a place that depends on nothing but the case.
    let cut = case.bytes.iter().fold(7, |sum: usize, byte| sum * 31 % 65_521 + usize::from(*byte));
    let (first, second) = case.bytes.split_at(match writes {
        Writes::One => case.bytes.len(),
        Writes::Two => cut % case.bytes.len(),
    });
    for part in [first, second] {
        // The answer may come, with a close, before all is sent.
        if connection.send_raw(part).await.is_err() {
            break;
        }
    }
    if !case.is_post() {
        // Its answer may be a stream without an end.
        return Ok((None, connection.head().await?.start));
    }
    let (mut open, mut answer) = (true, String::new());
    for _ in 0..case.answers() {
        let response = connection.response().await?;
        let close = response.header("connection").is_some_and(|value| value == "close");
        open = !close && response.status < 500;
        answer = format!("{} {}", response.status, response.text());
    }
    Ok((open.then_some(connection), answer))
}
