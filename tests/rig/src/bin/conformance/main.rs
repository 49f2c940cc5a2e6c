//! The official conformance suite against one server: alone, behind an Envoy
//! without the filter, and behind the filter under a policy that allows all,
//! with and without held headers. The filter must change nothing.
//!
//! `make conformance` runs it, from the repository's root. `NODE` has to name
//! Node.js, `ENVOY_BIN` Envoy and `MODULE` the module; the suite and the server
//! are under `target/conformance`, where everything that was seen is kept.

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

/// Where the suite is installed, and where its results go.
const DIRECTORY: &str = "target/conformance";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
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
    let node = env::var_os("NODE").map(PathBuf::from);
    let node = node.ok_or("NODE is not set; `make conformance` sets it")?;
    let suite = Suite::new(node.clone()).await?;
    let fixture = Fixture::start(&node).await;

    let mut runs = Vec::new();
    for way in Way::ALL {
        eprintln!("conformance: {}", way.title());
        runs.push((way, way.run(&suite, fixture.addr()).await?));
    }
    report::table(&suite, &runs);
    Ok(report::verdict(&suite, &runs))
}
