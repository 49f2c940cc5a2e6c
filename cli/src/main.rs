//! The command `mcp-policy`: a policy checked, explained, tried and written without
//! an Envoy.
//!
//! It decides with the code that decides in Envoy: the core of `mcp-policy-filter`,
//! driven by its gateway in memory. No rule of the language is known here a second
//! time.
//!
//! | module | holds |
//! | --- | --- |
//! | `verbs` | one module for each verb: its arguments, its help, its work |
//! | [`classes`] | the class of a tool, by its definition |
//! | [`document`] | JSON and YAML as trees whose every node knows its place in the file |
//! | [`request`] | a request as it is typed |
//! | [`explanation`] | the explanation of a request in words, and for programs |
//! | [`layer`] | files, and the texts within them that hold documents themselves |
//! | [`input`] | files and standard input, bounded |
//! | [`interrupt`] | Ctrl-C while a file is written |
//! | [`log`] | logs, line by line, and the records in them |
//! | [`policy`] | a policy read from a file, its findings at their places |
//! | [`finding`] | findings at places, and the forms in which they are printed |
//! | [`output`] | standard output, colour, texts from outside made safe to show |
//! | [`trust`] | the certificates by which servers are trusted |
//! | [`failure`] | the reasons why a verb could not run |
//!
//! The exit status is 0 if all is well, 1 if there are findings (an invalid policy, a
//! failed test, a changed decision), and 2 if the verb could not run.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::string_slice,
        reason = "tests fail by panicking"
    )
)]

mod classes;
mod document;
mod explained;
mod failure;
mod finding;
mod input;
mod interrupt;
mod layer;
mod log;
mod output;
mod policy;
mod request;
mod secrets;
mod trust;
mod verbs;

use clap::Parser as _;
use failure::Failure;
use std::process::ExitCode;

/// The end of a verb that could run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Clean,
    /// There are findings.
    Findings,
}

fn main() -> ExitCode {
    let run = match verbs::Face::try_parse() {
        Ok(face) => {
            face.color.write_global();
            face.verb.run()
        }
        // The help and the version are errors of the parser too, which it can print.
        Err(told) if told.use_stderr() => {
            let _ = told.print();
            return ExitCode::from(2);
        }
        Err(told) => told.print().map(|()| Outcome::Clean).map_err(Failure::from),
    };
    match run {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        // The reader has what it wanted, as in `mcp-policy report x.log | head`.
        Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Err(Failure::Interrupted) => ExitCode::from(130),
        Err(failure) => {
            output::say(format_args!("mcp-policy: {failure}"));
            ExitCode::from(2)
        }
    }
}
