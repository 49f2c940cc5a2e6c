//! Envoy's administration interface.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;

use crate::client::{Request, http1};

/// The administration interface of one Envoy.
#[derive(Clone, Copy, Debug)]
pub struct Admin {
    addr: SocketAddr,
}

impl Admin {
    /// The one at `addr`.
    pub fn new(addr: SocketAddr) -> Self {
        Self { addr }
    }

    /// Its address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The text under `path`, or `None` where Envoy does not answer or not
    /// with 200.
    pub async fn get(&self, path: &str) -> Option<String> {
        let response = http1::try_send(self.addr, &Request::new("GET", path)).await.ok()?;
        (response.status == 200).then(|| response.text())
    }

    /// The counters and gauges whose names match `filter`, a regular
    /// expression of characters that a URL can hold.
    pub async fn stats(&self, filter: &str) -> BTreeMap<String, u64> {
        let text = self.get(&format!("/stats?filter={filter}")).await.unwrap_or_default();
        let numbers = text.lines().filter_map(|line| {
            let (name, value) = line.rsplit_once(": ")?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        numbers.collect()
    }

    /// The counter or gauge of exactly this name, if Envoy has it.
    pub async fn stat(&self, name: &str) -> Option<u64> {
        self.stats(name).await.get(name).copied()
    }

    /// Whether Envoy calls itself ready and its workers run.
    pub async fn ready(&self) -> bool {
        self.get("/ready").await.is_some()
            && self.stat("listener_manager.workers_started").await == Some(1)
    }

    /// The address of the listener called `name`, once it has one.
    pub async fn listener(&self, name: &str) -> Option<SocketAddr> {
        let text = self.get("/listeners?format=json").await?;
        let json: Value = serde_json::from_str(&text).ok()?;
        let mut listeners = json["listener_statuses"].as_array()?.iter();
        let socket =
            &listeners.find(|status| status["name"] == name)?["local_address"]["socket_address"];
        let address = socket["address"].as_str()?.parse().ok()?;
        let port = socket["port_value"].as_u64()?.try_into().ok()?;
        Some(SocketAddr::new(address, port))
    }
}
