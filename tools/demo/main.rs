//! The policy at work, to watch or to try.
//!
//! ```text
//! demo        shows a call allowed, one denied, one over its limit; checks all
//! demo run    leaves the gateway running and says what to paste
//! ```
//!
//! Both start an MCP server and Envoy with `envoy/envoy.yaml`, the very file
//! that a user copies, from the repository's root. The story is about the policy
//! in it as shipped; `run` says nothing that another would make false. `ENVOY_BIN` has to name
//! Envoy; `MODULE`, `PORT`, `ADMIN_PORT` and `UPSTREAM_PORT` may differ from
//! what the file says.
//!
//! Whatever ends it, a signal included, ends Envoy too.

mod page;
mod settings;
mod stand;
mod story;

use std::process::ExitCode;

use settings::{SHIPPED, Settings};
use stand::Stand;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    let mode = std::env::args().nth(1);
    let done = match mode.as_deref() {
        None | Some("demo") => unless_stopped(demo(), Err("stopped before the end".into())).await,
        Some("run") => unless_stopped(run(), Ok(())).await,
        Some(other) => Err(format!("no mode `{other}`; there are `demo` and `run`")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("demo: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn demo() -> Result<(), String> {
    let mut stand = Stand::start(Settings::from_env()?, stand::AccessLog::File).await?;
    page::opening(&stand.settings);
    let told = story::tell(&stand).await;
    told.map_err(|why| match stand.post_mortem() {
        Some(log) => format!("{why}\n{log}"),
        None => {
            format!(
                "{why}\nThe demo needs the policy as shipped in {SHIPPED}; `make run` takes any."
            )
        }
    })
}

async fn run() -> Result<(), String> {
    let mut stand = Stand::start(Settings::from_env()?, stand::AccessLog::Terminal).await?;
    page::opening(&stand.settings);
    page::to_paste(&stand.settings);
    // Ends with Envoy, or by a signal.
    stand.ended().await
}

/// Runs `work` unless a signal says to stop, which makes it `stopped`. What
/// `work` holds is dropped then, and Envoy with it.
async fn unless_stopped(
    work: impl Future<Output = Result<(), String>>,
    stopped: Result<(), String>,
) -> Result<(), String> {
    let listen = |kind| signal(kind).map_err(|error| format!("listening for signals: {error}"));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    tokio::select! {
        done = work => done,
        _ = interrupt.recv() => stopped,
        _ = terminate.recv() => stopped,
        _ = hangup.recv() => stopped,
    }
}
