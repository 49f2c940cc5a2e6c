//! The two ends of `envoy/docker-compose.yaml`: an MCP server to protect, and
//! a client that tries the policy of `envoy/compose/envoy.yaml` from outside.
//!
//! ```text
//! compose server    MCP on port 9100; on port 9101, the calls that it ran
//! compose replicas  uses up the one budget of both GATEWAYS, and asks CALLS what ran
//! compose client    tries what GATEWAY lets through and METRICS shows, and asks
//!                   CALLS what ran, and PROMETHEUS, if there is one, what it
//!                   scraped
//! ```
//!
//! Both run in containers whose libraries are unknown, so `scripts/compose-test`
//! links this program without any.

mod client;
mod prometheus;
mod replicas;
mod server;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let done = match std::env::args().nth(1).as_deref() {
        Some("server") => server::run().await,
        Some("client") => client::run().await,
        Some("replicas") => replicas::run().await,
        _ => Err("compose server, compose client or compose replicas?".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
