//! Sending many cases, on a few connections at a time.

use std::io::Result;
use std::net::SocketAddr;
use std::time::Duration;

use mcp_rig::client::http1::Connection;

use crate::case::{Case, Kind};

/// How long an answer is waited for. One that does not come is no failure: a
/// server may well wait for ever for what a case never sends.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of a case, and of its connection.
enum End {
    Open(Connection),
    Closed,
    NoAnswer,
}

/// Sends all cases. What is answered does not matter here, but that it comes
/// before the next case on its connection.
pub async fn send(addr: SocketAddr, cases: &[Case]) {
    let lane = |first: usize| lane(addr, cases.iter().skip(first).step_by(4));
    tokio::join!(lane(0), lane(1), lane(2), lane(3));
}

async fn lane(addr: SocketAddr, cases: impl Iterator<Item = &Case>) {
    let mut end = End::Closed;
    for case in cases {
        let (connection, fresh) = match end {
            End::Open(connection) => (connection, false),
            _ => (Connection::open(addr).await, true),
        };
        end = exchange(connection, case).await;
        // The case before may have cost the connection. An honest case is
        // never sent twice, since its runs are counted.
        if matches!(end, End::NoAnswer) && !fresh && case.kind == Kind::Hostile {
            end = exchange(Connection::open(addr).await, case).await;
        }
    }
}

async fn exchange(connection: Connection, case: &Case) -> End {
    match tokio::time::timeout(PATIENCE, answers(connection, case)).await {
        Ok(Ok(end)) => end,
        Ok(Err(_)) | Err(_) => End::NoAnswer,
    }
}

async fn answers(mut connection: Connection, case: &Case) -> Result<End> {
    // In two writes, cut at a place that depends on nothing but the case.
    let cut = case.bytes.iter().fold(7, |sum: usize, byte| sum * 31 % 65_521 + usize::from(*byte));
    let (first, second) = case.bytes.split_at(cut % case.bytes.len());
    for part in [first, second] {
        // The answer may come, with a close, before all is sent.
        if connection.send_raw(part).await.is_err() {
            break;
        }
    }
    if !case.is_post() {
        // Its answer may be a stream without an end.
        connection.head().await?;
        return Ok(End::Closed);
    }
    let mut open = true;
    for _ in 0..case.answers() {
        let response = connection.response().await?;
        let close = response.header("connection").is_some_and(|value| value == "close");
        open = !close && response.status < 500;
    }
    Ok(if open { End::Open(connection) } else { End::Closed })
}
