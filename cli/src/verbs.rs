//! The verbs, one module each: its arguments, its help, its work.

mod approvals;
mod check;
mod completions;
mod convert;
mod explain;
mod init;
mod lock;
mod man;
mod render;
mod replay;
mod report;
mod test;

use crate::Outcome;
use crate::failure::Failure;
use crate::output::Color;
use clap::{Parser, Subcommand};

/// The arguments of the command.
#[derive(Debug, Parser)]
#[command(
    name = "mcp-policy",
    version,
    about = "Checks, explains, tests and writes policies on MCP tool calls",
    after_help = "Exit status: 0 all is well, 1 there are findings, 2 it could not run.",
    max_term_width = 100
)]
pub(crate) struct Face {
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    /// The verb.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// See requests for approval, and decide about them
    Approvals(approvals::Arguments),
    /// Find the errors and warnings of policies
    Check(check::Arguments),
    /// Show step by step what one call meets, and why
    Explain(Box<explain::Arguments>),
    /// Run the tests of policies
    Test(test::Arguments),
    /// Write a first policy for a server, by the tools that it has
    Init(init::Arguments),
    /// Write the digests of a server's tools, or compare them with a policy's
    Lock(Box<lock::Arguments>),
    /// Write a policy of another gateway in this language
    Convert(convert::Arguments),
    /// Write the configuration of Envoy, Istio or Envoy Gateway that carries a policy, or the
    /// file of the engine that counts for it
    Render(Box<render::Arguments>),
    /// Print a script by which a shell completes arguments
    Completions(completions::Arguments),
    /// Print the manual
    Man(man::Arguments),
    /// Run recorded traffic through a policy, and list the decisions that change
    Replay(replay::Arguments),
    /// Show the denials in logs, and the limits that callers come near to
    Report(report::Arguments),
}

impl Verb {
    /// Does the work of the verb.
    ///
    /// # Errors
    /// It could not run.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        match self {
            Self::Approvals(arguments) => approvals::run(&arguments),
            Self::Check(arguments) => check::run(&arguments),
            Self::Explain(arguments) => explain::run(&arguments),
            Self::Test(arguments) => test::run(&arguments),
            Self::Init(arguments) => init::run(&arguments),
            Self::Lock(arguments) => lock::run(&arguments),
            Self::Convert(arguments) => convert::run(&arguments),
            Self::Render(arguments) => render::run(&arguments),
            Self::Completions(arguments) => completions::run(&arguments),
            Self::Man(arguments) => man::run(&arguments),
            Self::Replay(arguments) => replay::run(&arguments),
            Self::Report(arguments) => report::run(&arguments),
        }
    }
}
