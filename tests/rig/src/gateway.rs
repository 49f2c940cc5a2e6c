//! A real Envoy with the module in it.
//!
//! [`Gateway::builder`] says what is special about it, [`Builder::start`]
//! starts it on free ports, and dropping the [`Gateway`] stops it. The policy
//! is handed over byte for byte, as a `google.protobuf.StringValue`, unless
//! [`Builder::policy_as_struct`] says otherwise.
//!
//! ```no_run
//! # async fn example(upstream: std::net::SocketAddr) {
//! use mcp_rig::gateway::{Gateway, Push};
//!
//! let deny = r#"{"version":"1","default":"deny"}"#;
//! let gateway = Gateway::builder().upstream(upstream).policy(deny).dynamic().start().await;
//! let push = gateway.push_policy(r#"{"version":"2","default":"deny"}"#).await;
//! assert!(matches!(push, Push::Rejected(log) if log.contains("version")));
//! # }
//! ```
//!
//! Variables of the environment say what is run: `ENVOY_BIN`, and `MODULE` or, with
//! `MCP_SHELL=native`, `NATIVE_MODULE`. Relative paths are relative to the workspace.
//!
//! Each gateway has a directory under `target/rig/`, with its configuration
//! and its logs; it stays there when the test fails.

mod admin;
mod bootstrap;
mod builder;
mod process;
pub(crate) mod run;
mod shell;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::ExitStatus;

use tokio::sync::Mutex;

pub use admin::Admin;
pub use builder::Builder;
pub use process::Process;
pub use shell::Shell;

use crate::wait::until;
use run::Run;

/// A running Envoy; killed when dropped.
#[derive(Debug)]
pub struct Gateway {
    // Fields are dropped in this order: Envoy has to end before its files go.
    process: Process,
    run: Run,
    builder: Builder,
    admin: Admin,
    addr: SocketAddr,
    pushes: Mutex<u64>,
}

/// The outcome of a pushed policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    /// New connections are under it. Envoy drains the older ones for a second.
    Accepted,
    /// The policy before stays in force; this is what Envoy logged about it.
    Rejected(String),
}

/// The end of an Envoy that was not meant to stay.
#[derive(Clone, Debug)]
pub struct Exit {
    /// Its exit status.
    pub status: ExitStatus,
    /// All that it logged.
    pub log: String,
}

impl Gateway {
    /// A gateway to describe further and to start.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The address for clients: HTTP/1.1 and HTTP/2 with prior knowledge.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its administration interface.
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// The filter's counts so far, by their names without `mcp_policy_` and `_total`:
    /// `passed`, `refused_crowded`. A native module has the word at the end as a label,
    /// and no such count before the first.
    pub async fn counts(&self) -> BTreeMap<String, u64> {
        let all = self.admin.stats("mcp_policy_.*_total").await;
        let named = all.into_iter().filter_map(|(name, count)| {
            let (_, name) = name.split_once("mcp_policy_")?;
            let (family, label) = name.split_once("_total")?;
            // `.reason.crowded`
            let word = label.strip_prefix('.').and_then(|label| label.split_once('.'));
            let name = word.map_or(family.to_owned(), |(_, word)| format!("{family}_{word}"));
            Some((name, count))
        });
        named.collect()
    }

    /// One of [`Self::counts`], if there is one.
    pub async fn count(&self, name: &str) -> Option<u64> {
        self.counts().await.get(name).copied()
    }

    /// Envoy's process id, for measuring it.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// All that Envoy and the module have logged so far.
    pub fn log(&self) -> String {
        self.run.log()
    }

    /// Waits until the log holds `text`, and returns the log.
    pub async fn log_with(&self, text: &str) -> String {
        let what = format!("`{text}` in Envoy's log");
        until(&what, async || Some(self.log()).filter(|log| log.contains(text))).await
    }

    /// The access log's lines so far: one for each ended request, up to 50 ms
    /// late.
    pub fn access_log(&self) -> Vec<String> {
        self.run.read("access.log").lines().map(str::to_owned).collect()
    }

    /// Waits until the access log has at least `count` lines, and returns them.
    pub async fn access_log_of(&self, count: usize) -> Vec<String> {
        let what = format!("{count} lines in the access log");
        until(&what, async || Some(self.access_log()).filter(|lines| lines.len() >= count)).await
    }

    /// Replaces the policy of a [`Builder::dynamic`] gateway, and waits until
    /// Envoy has taken or refused it.
    pub async fn push_policy(&self, policy: &str) -> Push {
        assert!(self.builder.dynamic, "push_policy needs Builder::dynamic");
        // One push at a time, or the counters below would mean nothing.
        let mut pushes = self.pushes.lock().await;
        *pushes += 1;
        let before = self.admin.stats("listener_manager").await;
        let logged = self.log().len();
        self.run
            .replace("lds.json", &bootstrap::listeners(&self.builder, &self.run, policy, *pushes));

        let rose = async |name: &str| {
            let name = format!("listener_manager.lds.{name}");
            self.admin.stat(&name).await > before.get(&name).copied()
        };
        until("Envoy's answer to a push", async || {
            // Rejected is what Envoy understands and refuses; failed, what it
            // cannot even read.
            if rose("update_rejected").await || rose("update_failure").await {
                let log = self.log();
                return Some(Push::Rejected(log[logged.min(log.len())..].to_owned()));
            }
            let warming = self.admin.stat("listener_manager.total_listeners_warming").await;
            (rose("update_success").await && warming == Some(0)).then_some(Push::Accepted)
        })
        .await
    }
}
