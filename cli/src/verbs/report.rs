//! `report`: the denials in logs, by tool, rule and caller, and the limits that callers
//! come near to.
//!
//! A week of shadow mode has to be read before a policy is enforced. All that is said
//! here is in the records; nothing is judged again.

mod print;
mod tally;

use crate::Outcome;
use crate::failure::Failure;
use crate::log::{find, lines, moment};
use crate::output::Format;
use tally::Tally;

/// The arguments of `report`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mcp-policy report access.log
  mcp-policy report --since 2026-11-20 --top 10 access.log access.log.1.gz
  kubectl logs deploy/gateway | mcp-policy report --format json -

The log's format needs %FILTER_STATE(wasm.mcp_audit:PLAIN)%.")]
pub(crate) struct Arguments {
    /// Logs of Envoy with records, or records as JSON Lines, also compressed by gzip; `-` is
    /// standard input
    #[arg(required = true, value_name = "LOG")]
    logs: Vec<String>,
    /// Leave out what was decided before this moment
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Leave out what was decided at this moment or later
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Show at most this many lines of each table
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// The form of the report
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Format,
}

/// Reads the logs and prints the report.
///
/// # Errors
/// A log cannot be read, or no line of it has a record.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let since = arguments.since.as_deref().map(moment::argument).transpose()?;
    let until = arguments.until.as_deref().map(moment::argument).transpose()?;
    // No record is of such a time, and a report of none looks like a good one.
    if since.zip(until).is_some_and(|(since, until)| since >= until) {
        return Err(Failure::new("--since is not before --until, so no moment is between them"));
    }
    let mut tally = Tally::new(since, until);
    tally.counts = lines::each(&arguments.logs, |line| {
        if let Err(miss) = find::records(line.bytes, |records| tally.add(records)) {
            tally.miss(miss);
        }
        Ok(())
    })?;
    if tally.counts.lines > 0 && tally.records == 0 {
        return Err(Failure::new(format!(
            "none of {} lines has a record; the log's format needs \
             %FILTER_STATE(wasm.mcp_audit:PLAIN)%",
            tally.counts.lines
        )));
    }
    match arguments.format {
        Format::Text => print::text(&tally, arguments.top)?,
        Format::Json => print::json(&tally, arguments.top)?,
    }
    Ok(Outcome::Clean)
}
