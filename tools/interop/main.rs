//! The clients that people use, each through Envoy with the filter: what they
//! see of a denial, of a limit, of a list and of a stream, how they get prompts and
//! resources, how they sign in, and how they get a call approved, also by asking their
//! user. And a server that people use, with the policy that is shipped for it.
//!
//! `make interop` runs it, from the repository's root. It prints the table of
//! `tests/interop/README.md`, and fails if something is not as it has to be, or
//! not as the table says; with `UPDATE_GOLDEN=1` it writes the table. With the word
//! `offers`, `asking`, `sign-in`, `files` or `queries` it runs and prints that part alone.
//!
//! `NODE` and `PYTHON` have to name the programs, `SDK_SERVERS` and `INTEROP`
//! the directories of the packages, `ENVOY_BIN` Envoy, and `MODULE` the module.

mod approving;
mod asking;
mod authorization;
mod client;
mod files;
mod inspector;
mod listening;
mod matrix;
mod offers;
mod packages;
mod page;
mod plan;
mod queries;
mod rust;
mod sign_in;
mod told;

use std::process::ExitCode;

use packages::Packages;

#[tokio::main]
async fn main() -> ExitCode {
    let packages = Packages::from_env();
    // A part alone, to be looked at.
    if let Some(part) = std::env::args().nth(1) {
        let (tables, others) = match &*part {
            "offers" => (offered(&packages).await, true),
            "asking" => (Vec::from(asking::run(&packages).await), true),
            "sign-in" => (Vec::from(sign_in::run(&packages).await), true),
            "files" => (Vec::new(), files::run(&packages).await),
            "queries" => (Vec::new(), queries::run(&packages).await),
            other => {
                panic!("no part `{other}`; there are offers, asking, sign-in, files and queries")
            }
        };
        page::print(&tables);
        let sound = others && tables.iter().all(|table| table.is_sound());
        return if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let signing_in = sign_in::run(&packages).await;
    let mut tables = Vec::from(matrix::run(&packages).await);
    tables.extend(offered(&packages).await);
    tables.extend(signing_in);
    tables.push(approving::run(&packages).await);
    tables.extend(asking::run(&packages).await);
    let files = files::run(&packages).await;
    let queries = queries::run(&packages).await;
    match page::agrees(&tables) && tables.iter().all(|table| table.is_sound()) && files && queries {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Prompts, resources, and streams of their changes.
async fn offered(packages: &Packages) -> Vec<matrix::Table> {
    let mut tables = Vec::from(offers::run(packages).await);
    tables.push(listening::run(packages).await);
    tables
}
