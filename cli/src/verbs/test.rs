//! `test`: tests of policies. Tables of calls, as the reference has them, in files of
//! their own or on pages; and cases in YAML for what a table cannot hold.

mod cases;
mod coverage;
mod explanation;
mod find;
mod play;
mod policies;
mod report;
mod suite;
mod tables;
mod watch;

use crate::Outcome;
use crate::failure::Failure;
use crate::output::{heard, shown};
use coverage::Coverage;
use play::Played;
use policies::Policies;
use suite::Suite;

/// The arguments of `test`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mcp-policy test                               what is in tests/, or below this folder
  mcp-policy test tests/refunds.calls           one file
  mcp-policy test --only refund --watch         some tests, again at each change
  mcp-policy test --coverage                    and what no test reached
  mcp-policy test --format junit > report.xml   for CI

A folder is searched for *.calls, *.test.yaml, *.test.yml, *.test.json, and *.md with
fences ```text calls.

Exit status: 0 all tests pass, 1 some fail, 2 there are none, or it could not run.")]
pub(crate) struct Arguments {
    /// Files and folders with tests [default: tests, or . without such a folder]
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// Run the tests that have this in FILE: NAME
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// The form of the results
    #[arg(long, value_name = "FORM", default_value = "human")]
    format: Format,
    /// List the rules that no test reached
    #[arg(long)]
    coverage: bool,
    /// Fail if less than this share of them is reached
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    coverage_min: Option<u8>,
    /// Run again when a test or a policy changes, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

/// The forms of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Lines for people
    Human,
    /// One JSON object
    Json,
    /// JUnit's XML
    Junit,
}

/// The results of one run.
#[derive(Debug)]
struct Results {
    played: Vec<Played>,
    coverage: Option<Coverage>,
    /// The least share of `coverage` that is enough.
    least: u8,
}

impl Results {
    fn failed(&self) -> usize {
        self.played.iter().filter(|played| played.failure.is_some()).count()
    }

    /// Whether fewer rules were reached than have to be.
    fn is_thin(&self) -> bool {
        self.coverage.as_ref().is_some_and(|coverage| coverage.percent() < self.least)
    }

    fn outcome(&self) -> Outcome {
        let is_clean = self.failed() == 0 && !self.is_thin();
        if is_clean { Outcome::Clean } else { Outcome::Findings }
    }
}

/// Runs the tests.
///
/// # Errors
/// There are no tests, or a file that was named cannot be read.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    if arguments.watch {
        return watch::run(arguments);
    }
    let results = once(arguments, &mut Policies::default())?;
    heard(report::write(arguments.format, &results))?;
    Ok(results.outcome())
}

/// One run.
fn once(arguments: &Arguments, policies: &mut Policies) -> Result<Results, Failure> {
    let (looked, files) = find::files(&arguments.paths)?;
    let mut suites = Vec::new();
    for file in &files {
        suites.push(Suite::read(file, policies));
    }
    let least = arguments.coverage_min.unwrap_or_default();
    let is_covering = arguments.coverage || arguments.coverage_min.is_some();
    let mut coverage = is_covering.then(Coverage::default);
    let mut played = Vec::new();
    for suite in &suites {
        play::suite(suite, arguments.only.as_deref(), coverage.as_mut(), &mut played);
    }
    if played.is_empty() {
        let places: Vec<_> = looked.iter().map(|place| shown(place)).collect();
        let places = places.join(", ");
        return Err(Failure::new(match &arguments.only {
            Some(text) if !files.is_empty() => {
                format!("no test in {places} has `{}` in FILE: NAME", shown(text))
            }
            _ => format!("no tests in {places}; looked for {}", find::ENDINGS),
        }));
    }
    Ok(Results { played, coverage, least })
}
