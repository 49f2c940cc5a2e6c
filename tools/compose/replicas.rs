//! One budget over two gateways: calls through each in turn, until both refuse.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mcp_rig::client::http1;
use mcp_rig::client::mcp::{CallError, McpClient};
use mcp_rig::wait::{LIMIT, until};
use serde_json::json;

use crate::client::{Checked, address, minute, ran, resolved, variable_of};

/// The calls of `send_command` that the policy allows in a minute, through all gateways.
const MAX: usize = 5;
const TOOL: &str = "send_command";

/// Runs the check, and prints its outcome as cargo does.
pub async fn run() -> Result<(), String> {
    let checked = one_budget().await;
    let (word, why) = match &checked {
        Ok(()) => ("ok", String::new()),
        Err(why) => ("FAILED", format!("\n    {why}")),
    };
    println!("test compose::two_gateways_share_one_budget ... {word}{why}");
    checked.map_err(|_| "compose: the check of the profile replicas failed".to_owned())
}

/// The outcome of one call.
enum Outcome {
    Ran,
    /// The budget is used up; there is room after this many seconds.
    Full(u64),
}

/// Within one minute by the clock, in which the service counts as well. After another
/// client of this minute's, or when the minute ends meanwhile, in the next one.
async fn one_budget() -> Checked {
    let (names, calls) = (variable_of("GATEWAYS"), address("CALLS").await);
    let mut gateways = Vec::new();
    for name in names.split_whitespace() {
        let addr = resolved(name).await;
        until(name, async || http1::Connection::try_open(addr).await.ok().map(drop)).await;
        gateways.push((name, McpClient::connect(addr).await));
    }
    for _ in 0..3 {
        let (started, before) = (minute(), commands(calls).await?);
        let mut passed = vec![0; gateways.len()];
        let mut full = 0;
        let mut wait = 1;
        // In turn: each that is full is asked again after the others.
        for (at, (name, client)) in gateways.iter().enumerate().cycle() {
            match call(client).await.map_err(|why| format!("{name}: {why}"))? {
                Outcome::Ran => {
                    passed[at] += 1;
                    full = 0;
                }
                Outcome::Full(seconds) => {
                    full += 1;
                    wait = seconds;
                }
            }
            if full == gateways.len() || passed.iter().sum::<usize>() > 3 * MAX {
                break;
            }
        }
        let ran = commands(calls).await? - before;
        if ran != passed.iter().sum::<usize>() {
            return Err(format!("the server ran {ran} calls, and {passed:?} were answered"));
        }
        if minute() == started && ran >= MAX {
            let by: Vec<_> = gateways.iter().map(|(name, _)| name).zip(&passed).collect();
            println!("    of {MAX} calls a minute, these went through each gateway: {by:?}");
            let each = passed.iter().all(|passed| *passed >= MAX / gateways.len());
            return match (ran == MAX, each) {
                (true, true) => Ok(()),
                (true, false) => Err("one gateway was refused what the other got".into()),
                (false, _) => Err(format!("{ran} calls ran in a minute, and {MAX} may")),
            };
        }
        println!("    {ran} calls were left of this minute; the next is in {wait} s");
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
    Err(format!("never {MAX} calls within a minute"))
}

/// The calls of the tool that the server ran since it started.
async fn commands(calls: SocketAddr) -> Result<usize, String> {
    Ok(ran(calls).await?.iter().filter(|call| call[0] == TOOL).count())
}

/// One call. Until the service has come up, a gateway refuses to let it go uncounted.
async fn call(client: &McpClient) -> Result<Outcome, String> {
    let start = Instant::now();
    loop {
        match client.call_text(TOOL, json!({ "session_id": "s1", "input": "ls" })).await {
            Ok(_) => return Ok(Outcome::Ran),
            Err(CallError::JsonRpc { code: 429, data, .. }) => {
                let wait = data["retry_after"].as_u64().filter(|wait| (1..=60).contains(wait));
                return wait.map(Outcome::Full).ok_or(format!("no retry_after in {data}"));
            }
            Err(CallError::JsonRpc { code: 503, data, .. })
                if data["reason"] == "limit_service" && start.elapsed() < LIMIT =>
            {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Err(other) => return Err(format!("{other:?}")),
        }
    }
}
