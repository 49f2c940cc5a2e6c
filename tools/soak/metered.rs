//! Clients that call more often than the limits let them.

use std::sync::Arc;
use std::time::SystemTime;

use mcp_rig::client::{Request, http1};

use crate::asks::{answer, call, is_refused, is_result};
use crate::ledger::{Admitted, Fate};
use crate::wire::{PACE, Stage, Wire, closes};

/// The tools with limits.
pub const TOOLS: [&str; 2] = ["metered", "sliding"];

const METERED: &str = "calls under limits";

pub async fn run(stage: Arc<Stage>, wire: Wire) {
    let ledger = &stage.ledger;
    let mut tools = TOOLS.into_iter().cycle();
    while stage.meters() {
        let Some(mut connection) = wire.open(&stage).await else { continue };
        for tool in tools.by_ref() {
            if !stage.meters() {
                break;
            }
            let number = ledger.number();
            ledger.fate(number, Fate::Unknown);
            let request = Request::mcp(call(number, tool, "json").to_string());
            let request = request.header("x-agent-id", wire.caller());
            let sent = SystemTime::now();
            let Ok(response) = connection.send(&request).await else {
                ledger.metered_cut_off();
                ledger.broken_off(METERED);
                break;
            };
            let answered = SystemTime::now();
            let answer = answer(&response);
            if is_result(&answer, number) {
                ledger.fate(number, Fate::Ran);
                ledger.admitted(Admitted { tool, caller: wire.caller(), sent, answered });
                ledger.right(METERED);
            } else if is_refused(&answer, number, 429, ledger) {
                ledger.fate(number, Fate::Refused);
                ledger.right(METERED);
            } else {
                ledger.wrong(format!("{wire:?} {tool} {number}: {}", response.text()));
            }
            if closes(&response) {
                break;
            }
            tokio::time::sleep(PACE).await;
        }
    }
}

/// The state of the counter of all metered calls, by the number of further ones that it lets
/// through under a policy that lets it come to `most`.
pub async fn counted(stage: &Stage, most: u64) -> u64 {
    let ledger = &stage.ledger;
    for more in 0..=most {
        let number = ledger.number();
        ledger.fate(number, Fate::Unknown);
        let request = Request::mcp(call(number, TOOLS[0], "json").to_string());
        let request = request.header("x-agent-id", Wire::Http1.caller());
        let response = http1::send(stage.addr, &request).await;
        let answer = answer(&response);
        if is_refused(&answer, number, 429, ledger) {
            ledger.fate(number, Fate::Refused);
            return most - more;
        }
        if !is_result(&answer, number) {
            ledger.wrong(format!("counting {number}: {}", response.text()));
        }
        ledger.fate(number, Fate::Ran);
    }
    0
}
