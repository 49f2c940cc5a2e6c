//! Policies, good and broken in turn.

use std::collections::{BTreeMap, BTreeSet};

use mcp_rig::gateway::{Gateway, Push};
use serde_json::{Value, json};

use crate::asks::LARGEST;
use crate::ledger::Ledger;
use crate::server::HIDDEN;

/// The calls that the limits admit in a second, of all callers.
pub const A_SECOND: usize = 20;
/// The calls that the limits admit in any ten seconds, of one caller.
pub const TEN_SECONDS: usize = 50;

/// The policies that were pushed, and their outcomes.
#[derive(Debug)]
pub struct Pushes {
    number: u64,
    /// Policies that were in force, by the name that refusals give them.
    pub known: BTreeMap<String, u64>,
    pub accepted: u64,
    pub refused: u64,
}

impl Pushes {
    /// Before the first one.
    pub fn new(log: &str) -> Self {
        let known = names(log).into_iter().map(|name| (name, 0)).collect();
        Self { number: 0, known, accepted: 0, refused: 0 }
    }

    /// Pushes the last one, under which that many metered calls are admitted in
    /// all, and at once.
    pub async fn push_last(&mut self, gateway: &Gateway, ledger: &Ledger, in_all: u64) {
        let number = self.number + 2;
        self.accept(gateway, ledger, number, &policy(number, "the last", &[all(in_all)])).await;
    }

    /// Pushes the next one.
    pub async fn push(&mut self, gateway: &Gateway, ledger: &Ledger) {
        self.number += 1;
        let number = self.number / 2;
        if self.number.is_multiple_of(2) {
            return self.accept(gateway, ledger, number, &valid(number)).await;
        }
        let (policy, why) = broken(number);
        match gateway.push_policy(&policy).await {
            Push::Rejected(log) if log.contains(why) && self.unknown(&log).is_empty() => {
                self.refused += 1;
            }
            push => ledger.wrong(format!("{policy} is not refused for {why}: {push:?}")),
        }
    }

    /// Policies that came into force by a log and that no push has named:
    /// workers may speak of the push before.
    fn unknown(&self, log: &str) -> BTreeSet<String> {
        names(log).into_iter().filter(|name| !self.known.contains_key(name)).collect()
    }

    async fn accept(&mut self, gateway: &Gateway, ledger: &Ledger, number: u64, policy: &str) {
        let logged = gateway.log().len();
        if gateway.push_policy(policy).await != Push::Accepted {
            return ledger.wrong(format!("a good policy is refused: push {}", self.number));
        }
        let names = self.unknown(gateway.log().get(logged..).unwrap_or_default());
        if names.len() != 1 {
            ledger.wrong(format!("push {} is in force as {names:?}", self.number));
        }
        self.known.extend(names.into_iter().map(|name| (name, number)));
        self.accepted += 1;
    }
}

/// Policies that came into force, by a log.
fn names(log: &str) -> BTreeSet<String> {
    let name = |line: &str| {
        let (_, rest) = line.split_once("mcp-policy-filter: policy ")?;
        Some(rest.strip_suffix(" is in force")?.to_owned())
    };
    log.lines().filter_map(name).collect()
}

/// A good one.
pub fn valid(number: u64) -> String {
    policy(
        number,
        &format!("push {number}"),
        &[
            json!({ "counter": "rate", "window": "second", "max": A_SECOND, "scope": "global" }),
            all(1_000_000_000),
        ],
    )
}

/// The limit of all metered calls of a soak.
fn all(max: u64) -> Value {
    json!({ "counter": "all", "window": 2_678_400, "max": max, "scope": "global" })
}

fn policy(number: u64, description: &str, metered: &[Value]) -> String {
    let turn = if number.is_multiple_of(2) { "allow" } else { "deny" };
    let policy = json!({
        "version": "1",
        "description": description,
        "default": "deny",
        "hide": ["secret_*"],
        "identity": [{ "header": "x-agent-id" }],
        "tools": {
            "work": {},
            "turn": { "action": turn },
            HIDDEN: {},
            "metered": { "limits": metered },
            "sliding": { "limits": [
                { "counter": "slide", "window": 10, "max": TEN_SECONDS, "algorithm": "sliding" },
            ] },
        },
        "settings": {
            // Either way is good where Envoy lets bodies through to a filter
            // that holds the headers.
            "hold_request_headers": number % 4 < 2,
            "batches": "judge",
            "max_body_bytes": LARGEST,
            "audit_log": "off",
        },
    });
    policy.to_string()
}

/// One that would allow everything, and why it is refused. No two are the
/// same: one that Envoy knows to be refused it refuses unread.
fn broken(number: u64) -> (String, &'static str) {
    let all = json!({ "version": "1", "default": "allow", "description": number.to_string() });
    let with = |key: &str, value: Value| {
        let mut policy = all.clone();
        policy[key] = value;
        policy.to_string()
    };
    match number % 4 {
        0 => (with("version", json!("2")), "/version: "),
        1 => (with("tols", json!({})), "/tols: unknown key"),
        2 => (with("tools", json!({ "a": { "rate_limit": "0/minute" } })), "/tools/a/rate_limit"),
        _ => (all.to_string().replace('}', ""), "line 1 column "),
    }
}
