//! Envoy's metrics and the alarms in Prometheus, by its own word.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mcp_rig::client::{Request, http1};
use mcp_rig::wait::LIMIT;
use serde_json::Value;

use crate::client::Checked;

/// The alarms that it is to load.
const ALARMS: &str = include_str!("../../envoy/prometheus/alerts.yml");

/// A Prometheus, which may not have come up yet.
#[derive(Clone, Copy)]
pub struct Prometheus {
    pub addr: SocketAddr,
}

impl Prometheus {
    /// Checks that it has scraped the figures of the checks before this one, with the
    /// labels that Envoy's `stats_tags` make.
    pub async fn has_the_figures(self) -> Checked {
        for series in [
            "mcp_policy_evaluations_total",
            "mcp_policy_allowed_calls_total",
            r#"mcp_policy_refused_total{reason="default_deny"}"#,
            r#"mcp_policy_refused_total{reason="hidden"}"#,
            r#"mcp_policy_digest{plugin="mcp-policy"}"#,
        ] {
            let path = format!("/api/v1/query?query={}", escaped(series));
            // It scrapes every five seconds, and is not told to hurry.
            let counted = |data: &Value| {
                let value = data["result"][0]["value"][1].as_str().unwrap_or_default();
                value.parse::<f64>().is_ok_and(|value| value >= 1.0)
            };
            self.until(&path, counted).await.map_err(|last| format!("{series}: {last}"))?;
        }
        Ok(())
    }

    /// The alarms of `envoy/prometheus`, each of which it can evaluate.
    pub async fn has_the_alarms(self) -> Checked {
        let lines = ALARMS.lines().map(str::trim);
        let expected: Vec<_> = lines.filter_map(|line| line.strip_prefix("- alert: ")).collect();
        let data = self.until("/api/v1/rules", |_| true).await?;
        let groups = data["groups"].as_array().into_iter().flatten();
        let rules: Vec<_> =
            groups.flat_map(|group| group["rules"].as_array().into_iter().flatten()).collect();
        let loaded: Vec<_> = rules.iter().filter_map(|rule| rule["name"].as_str()).collect();
        if loaded != expected || expected.is_empty() {
            return Err(format!("alarms: expected {expected:?}, found {loaded:?}"));
        }
        match rules.iter().find(|rule| rule["health"] == "err") {
            Some(rule) => Err(format!("an alarm that fails: {rule}")),
            None => Ok(()),
        }
    }

    /// Asks until the data of the answer is as it should be, and returns it; or
    /// the last, when there was time enough.
    async fn until(self, path: &str, fits: impl Fn(&Value) -> bool) -> Result<Value, String> {
        let start = Instant::now();
        loop {
            let data = self.get(path).await;
            match data {
                Some(data) if fits(&data) => return Ok(data),
                other if start.elapsed() > LIMIT => return Err(format!("{path}: {other:?}")),
                _ => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// The data of an answer; none while it does not answer.
    async fn get(self, path: &str) -> Option<Value> {
        drop(http1::Connection::try_open(self.addr).await.ok()?);
        let response = http1::send(self.addr, &Request::new("GET", path)).await;
        if response.status != 200 {
            return None;
        }
        let answer: Value = serde_json::from_str(&response.text()).ok()?;
        Some(answer["data"].clone())
    }
}

/// A text for the query of a URL.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
