//! Envoy's memory, its virtual machines, and the requests it has in hand.

use std::fs;
use std::time::Duration;

use mcp_rig::gateway::{Gateway, Shell};

/// The figures of Envoy at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// Its memory by the kernel's count.
    pub resident: u64,
    /// Its memory outside of the virtual machines, by its own count.
    pub allocated: u64,
    /// Virtual machines.
    pub machines: u64,
}

/// The figures of a whole run.
#[derive(Debug)]
pub struct Vitals {
    pub samples: Vec<Sample>,
    /// Virtual machines before the first push.
    pub machines_before: u64,
    /// Virtual machines at the end, once those of older policies had time to end.
    pub machines_after: u64,
    /// Requests in hand when all clients are gone.
    pub requests_after: u64,
    /// Resets and closes within a request that Envoy saw.
    pub vanished: u64,
}

const ALLOCATED: &str = "server.memory_allocated";
const MACHINES: &str = "wasm.envoy.wasm.runtime.v8.active";
const REQUESTS: &str = "http.mcp.downstream_rq_active";
/// Streams that clients reset, and connections that they closed in the middle.
const BROKEN_OFF: [&str; 2] =
    ["http.mcp.downstream_rq_rx_reset", "http.mcp.downstream_cx_destroy_remote_active_rq"];

impl Vitals {
    pub async fn new(gateway: &Gateway) -> Self {
        let machines_before = machines(gateway).await;
        Self {
            samples: Vec::new(),
            machines_before,
            machines_after: 0,
            requests_after: 0,
            vanished: 0,
        }
    }

    pub async fn sample(&mut self, gateway: &Gateway) {
        let status = fs::read_to_string(format!("/proc/{}/status", gateway.pid()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let resident = 1_024 * kilobytes.and_then(|text| text.parse().ok()).unwrap_or(0);
        let allocated = stat(gateway, ALLOCATED).await;
        let machines = machines(gateway).await;
        self.samples.push(Sample { resident, allocated, machines });
    }

    /// Waits, with a bound, until Envoy has come to rest.
    pub async fn ended(&mut self, gateway: &Gateway) {
        for name in BROKEN_OFF {
            self.vanished = self.vanished.saturating_add(stat(gateway, name).await);
        }
        for _ in 0..300 {
            self.requests_after = stat(gateway, REQUESTS).await;
            self.machines_after = machines(gateway).await;
            if self.requests_after == 0 && self.machines_after <= self.machines_before {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The median of a number in the first third and in the last one of what
    /// comes after the warm-up, which is the first third of all.
    pub fn medians(&self, number: fn(&Sample) -> u64) -> (u64, u64) {
        let warm = &self.samples[self.samples.len() / 3..];
        let third = warm.len() / 3;
        let median = |samples: &[Sample]| {
            let mut numbers: Vec<u64> = samples.iter().map(number).collect();
            numbers.sort_unstable();
            numbers.get(numbers.len() / 2).copied().unwrap_or_default()
        };
        (median(&warm[..third]), median(&warm[warm.len() - third..]))
    }

    /// The most of a number.
    pub fn most(&self, number: fn(&Sample) -> u64) -> u64 {
        self.samples.iter().map(number).max().unwrap_or_default()
    }
}

/// The virtual machines, of which a native module has none.
async fn machines(gateway: &Gateway) -> u64 {
    match Shell::under_test() {
        Shell::Wasm => stat(gateway, MACHINES).await,
        Shell::Native => 0,
    }
}

/// No value is worse than any: a gateway that is gone has not come to rest.
async fn stat(gateway: &Gateway, name: &str) -> u64 {
    gateway.admin().stat(name).await.unwrap_or(u64::MAX)
}
