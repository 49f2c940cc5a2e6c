//! Clients that ask everything in turn, and check every answer.

use std::sync::Arc;

use mcp_rig::client::Request;
use serde_json::Value;

use crate::asks::{ASKS, Ask, answer, call, is_refused, is_result};
use crate::ledger::Fate;
use crate::wire::{Connection, PACE, Stage, Wire, closes};

const TURNS: &str = "calls that every other policy allows";

pub async fn run(stage: Arc<Stage>, wire: Wire) {
    let mut asks = ASKS.iter().copied().cycle();
    while stage.opens() {
        let Some(mut connection) = wire.open(&stage).await else { continue };
        if !turn(&stage, &mut connection, wire).await {
            continue;
        }
        for ask in asks.by_ref() {
            if !stage.runs() || !exchange(&stage, &mut connection, wire, ask).await {
                break;
            }
            tokio::time::sleep(PACE).await;
        }
    }
}

/// One exchange; whether the connection goes on.
async fn exchange(stage: &Stage, connection: &mut Connection, wire: Wire, ask: Ask) -> bool {
    let ledger = &stage.ledger;
    let number = ledger.number();
    if let Some(fate) = ask.fate() {
        ledger.fate(number, fate);
    }
    match connection.send(&ask.request(number, wire.caller())).await {
        Ok(response) => match ask.check(number, &response, ledger) {
            Ok(()) => {
                ledger.right(ask.kind());
                !closes(&response)
            }
            Err(what) => {
                ledger.wrong(format!("{wire:?} {what}"));
                false
            }
        },
        Err(_) if ask.breaks_off() => {
            ledger.right(ask.kind());
            // A stream of HTTP/2 ends by itself.
            wire == Wire::Http2
        }
        Err(_) => {
            ledger.broken_off(ask.kind());
            false
        }
    }
}

/// Whether one connection knows one policy: a refusal names it, and so says
/// what becomes of a call that every other policy allows.
async fn turn(stage: &Stage, connection: &mut Connection, wire: Wire) -> bool {
    let ledger = &stage.ledger;
    let (refused, number) = (ledger.number(), ledger.number());
    ledger.fate(refused, Fate::Refused);
    ledger.fate(number, Fate::Unknown);
    let request = |number, tool| {
        let body = call(number, tool, "json").to_string();
        Request::mcp(body).header("x-agent-id", wire.caller())
    };
    let mut answers = Vec::new();
    for (number, tool) in [(refused, "unnamed"), (number, "turn"), (refused, "unnamed")] {
        match connection.send(&request(number, tool)).await {
            Ok(response) => answers.push((response.status, answer(&response))),
            Err(_) => {
                ledger.broken_off(TURNS);
                return false;
            }
        }
    }
    let policy = |(_, answer): &(u16, Value)| answer["error"]["data"]["policy"].clone();
    let (before, (_, turn), after) = (policy(&answers[0]), &answers[1], policy(&answers[2]));
    let allowed = is_result(turn, number);
    if allowed {
        ledger.fate(number, Fate::Ran);
    } else if is_refused(turn, number, 403, ledger) {
        ledger.fate(number, Fate::Refused);
    } else {
        ledger.wrong(format!("{wire:?} turn {number}: {turn}"));
    }
    match before.as_str() {
        Some(policy) if before == after => {
            ledger.judged(policy, Some(allowed));
            ledger.right(TURNS);
        }
        _ => ledger.wrong(format!("{wire:?}: {before}, then {after} on one connection")),
    }
    true
}
