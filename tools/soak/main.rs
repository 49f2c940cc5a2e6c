//! `make soak`: an Envoy with the module under mixed and hostile traffic, while
//! its policy is replaced every other second, for as long as is asked.
//!
//! The outcomes are counted while it runs and judged at the end: every answer is as it has
//! to be, every call that was admitted ran once and no other ran, no limit was passed,
//! memory stays, and Envoy's log has no sign of a trap. The table is printed, and written to
//! `target/soak/report.md` beside Envoy's log.

mod asks;
mod ledger;
mod metered;
mod pushes;
mod report;
mod rude;
mod server;
mod standing;
mod steady;
mod vitals;
mod wire;

use std::env;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcp_rig::client::Request;
use mcp_rig::client::http1;
use mcp_rig::gateway::Gateway;
use mcp_rig::wait::until;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use ledger::Ledger;
use pushes::Pushes;
use report::Report;
use server::Server;
use vitals::Vitals;
use wire::{END, LAST_CONNECTIONS, Stage, UNMETERED, Wire};

const DIRECTORY: &str = "target/soak";
const MINUTES: &str = "SOAK_MINUTES";

#[tokio::main]
async fn main() -> ExitCode {
    let minutes = env::var(MINUTES).unwrap_or_default();
    let minutes: f64 = match minutes.as_str() {
        "" => 5.0,
        text => match text.parse() {
            Ok(minutes) if (0.5..=10_000.0).contains(&minutes) => minutes,
            _ => {
                eprintln!("soak: {MINUTES}={text} is no number of minutes from 0.5 on");
                return ExitCode::FAILURE;
            }
        },
    };
    let report = soak(Duration::from_secs_f64(60.0 * minutes)).await;
    let text = report.to_string();
    println!("{text}");
    keep("report.md", &text);
    match report.holds() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

async fn soak(lasting: Duration) -> Report {
    let server = Server::start().await;
    let policy = pushes::valid(0);
    let gateway = Gateway::builder().policy(policy).upstream(server.addr());
    let gateway = gateway.hold_request_headers(true).http1_trailers().concurrency(2);
    let gateway = Arc::new(gateway.edit_listener(wire::spread).dynamic().start().await);
    let stage = Arc::new(Stage::new(gateway.addr()));

    let (mut traffic, mut metered) = (JoinSet::new(), JoinSet::new());
    for wire in Wire::BOTH {
        traffic.spawn(steady::run(stage.clone(), wire));
        traffic.spawn(steady::run(stage.clone(), wire));
        metered.spawn(metered::run(stage.clone(), wire));
        traffic.spawn(rude::run(stage.clone(), wire));
        traffic.spawn(standing::run(stage.clone(), wire));
    }
    let mut pushes = Pushes::new(&gateway.log());
    let mut vitals = Vitals::new(&gateway).await;
    let start = Instant::now();
    let mut told = 0;
    while start.elapsed() < lasting {
        pushes.push(&gateway, &stage.ledger).await;
        vitals.sample(&gateway).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        let minute = start.elapsed().as_secs() / 60;
        if minute > told {
            told = minute;
            eprintln!("soak: minute {minute}: {}", stage.ledger.summary());
        }
    }
    let ledger = &stage.ledger;
    stage.enter(UNMETERED);
    join(metered, ledger).await;
    let (results, cut_off) = (ledger.metered_results(), ledger.metered_unknown());
    let most = results + cut_off + 5;
    pushes.push_last(&gateway, ledger, most).await;
    let counted = metered::counted(&stage, most).await;
    drain(&gateway, &stage).await;
    join(traffic, ledger).await;
    vitals.ended(&gateway).await;
    let mut report = Report::new(lasting, ledger, &vitals);
    report.arrived(ledger, &server.ran());
    report.policies(ledger, &pushes);
    report.limits(ledger);
    report.counted(counted, results, cut_off);
    report.log(&gateway.log());
    keep("envoy.log", &gateway.log());
    report
}

/// Has Envoy drain its listener while calls run: they end, and new connections
/// are refused.
async fn drain(gateway: &Gateway, stage: &Stage) {
    stage.enter(LAST_CONNECTIONS);
    let drain = Request::new("POST", "/drain_listeners?graceful");
    let drained = http1::send(gateway.admin().addr(), &drain).await;
    if drained.status != 200 {
        stage.ledger.wrong(format!("the listener does not drain: {}", drained.text()));
    }
    until("no more connections", async || {
        TcpStream::connect(gateway.addr()).await.is_err().then_some(())
    })
    .await;
    stage.enter(END);
}

fn keep(file: &str, text: &str) {
    let kept = fs::create_dir_all(DIRECTORY)
        .and_then(|()| fs::write(Path::new(DIRECTORY).join(file), text));
    if let Err(error) = kept {
        eprintln!("soak: {DIRECTORY}/{file}: {error}");
    }
}

async fn join(mut clients: JoinSet<()>, ledger: &Ledger) {
    while let Some(ended) = clients.join_next().await {
        if let Err(error) = ended {
            ledger.wrong(format!("a client did not end well: {error}"));
        }
    }
}
