//! `check`: every error and warning of policies.

use crate::failure::Failure;
use crate::finding::{Finding, Severity};
use crate::output::output;
use crate::{Outcome, policy};
use std::io::Write as _;

/// The arguments of `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Files with policies, in JSON or YAML; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Treat warnings as errors
    #[arg(long)]
    strict: bool,
}

/// Checks each file.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let mut findings: Vec<Finding> = Vec::new();
    for file in &arguments.files {
        match policy::load(file)? {
            Ok(loaded) => findings.extend(loaded.warnings),
            Err(errors) => findings.extend(errors),
        }
    }
    let mut out = output();
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    out.flush()?;
    let fails = |one: &Finding| one.severity == Severity::Error || arguments.strict;
    Ok(if findings.iter().any(fails) { Outcome::Findings } else { Outcome::Clean })
}
