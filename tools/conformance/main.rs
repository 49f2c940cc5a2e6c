//! The official conformance suite against a server and a client: with nothing
//! between them and the suite, with an Envoy without the filter, and with the
//! filter under a policy that allows all. The filter must change nothing.
//!
//! ```text
//! conformance                   runs all and compares
//! conformance client WAY URL    what the suite starts as the client
//! ```
//!
//! `make conformance` runs it, from the repository's root. `NODE` has to name
//! Node.js, `ENVOY_BIN` Envoy and `MODULE` the module; the suite, the server and
//! the client are under `target/conformance`, where what was seen is kept.

mod client;
mod fixture;
mod report;
mod suite;
mod way;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use fixture::Fixture;
use suite::Suite;
use way::Way;

/// The folder of the suite and of its results.
const DIRECTORY: &str = "target/conformance";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match *arguments {
        [] => run().await,
        ["client", way, url] => client::run(&node(), way, url).await,
        _ => Err("what is to be done? `make conformance` knows".to_owned()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("conformance: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every scenario passes, and passes the same way everywhere.
async fn run() -> Result<bool, String> {
    let suite = Suite::new(node()).await?;
    let fixture = Fixture::start(&node()).await;

    let mut runs = Vec::new();
    for way in Way::ALL {
        eprintln!("conformance: {}", way.title());
        runs.push((way, way.run(&suite, fixture.addr()).await?));
    }
    report::table(&suite, &runs);
    Ok(report::verdict(&suite, &runs))
}

/// The program that `NODE` names, or that is in PATH.
fn node() -> PathBuf {
    env::var_os("NODE").map_or("node".into(), PathBuf::from)
}
