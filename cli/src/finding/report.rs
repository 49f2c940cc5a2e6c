//! The findings of a run, bounded, and what it looked at.

use super::{Finding, Severity, github, human, json, junit, sarif};
use crate::failure::Failure;
use crate::output::{output, say};
use std::collections::HashSet;
use std::io::Write as _;

/// The most findings that are kept; more are counted.
const MAX_FINDINGS: usize = 1_000;

/// The forms of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Lines with excerpts of the files.
    Human,
    /// One JSON object.
    Json,
    /// Workflow commands of GitHub Actions.
    Github,
    /// SARIF 2.1.0.
    Sarif,
    /// JUnit's XML, a suite for each file.
    Junit,
}

/// The findings of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The first findings.
    pub(crate) findings: Vec<Finding>,
    /// The file, the place and the words of each.
    seen: HashSet<(String, usize, String)>,
    /// The number of findings beyond those.
    pub(crate) more: usize,
    /// The number of errors.
    pub(crate) errors: usize,
    /// The number of warnings.
    pub(crate) warnings: usize,
    /// The files in which something was checked.
    pub(crate) files: Vec<String>,
    /// The number of policies.
    pub(crate) policies: usize,
    /// The number of files of folders that hold nothing to check.
    pub(crate) skipped: usize,
}

impl Report {
    /// Adds a finding, unless one that is kept says the same of the same place, as two
    /// filters of one connection manager do.
    pub(crate) fn add(&mut self, finding: Finding) {
        let Finding { source, span, pointer, .. } = &finding;
        let key = (source.name.clone(), span.start, format!("{pointer}\n{}", finding.message));
        if self.seen.contains(&key) {
            return;
        }
        let count = match finding.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count = count.saturating_add(1);
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
            self.seen.insert(key);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// Counts findings of which nothing but their number is known.
    pub(crate) fn count(&mut self, severity: Severity, number: usize) {
        let count = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count = count.saturating_add(number);
        self.more = self.more.saturating_add(number);
    }

    /// Brings the findings of each file into the order of their places.
    pub(crate) fn sort(&mut self) {
        self.findings.sort_by(|a, b| {
            let key = |one: &Finding| one.span.start;
            a.source.name.cmp(&b.source.name).then_with(|| key(a).cmp(&key(b)))
        });
    }

    /// Prints the findings, and in the human form a summary on standard error.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(crate) fn print(&self, format: Format) -> Result<(), Failure> {
        let mut out = output();
        match format {
            Format::Human => human::write(&mut out, self)?,
            Format::Json => json::write(&mut out, self)?,
            Format::Github => github::write(&mut out, self)?,
            Format::Sarif => sarif::write(&mut out, self)?,
            Format::Junit => junit::write(&mut out, self)?,
        }
        out.flush()?;
        if matches!(format, Format::Human | Format::Github) {
            say(self.summary());
        }
        Ok(())
    }

    /// One line about all of it.
    fn summary(&self) -> String {
        let counted = |count: usize, one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {many}"),
        };
        let mut summary = format!(
            "{} in {}: {}, {}",
            counted(self.policies, "policy", "policies"),
            counted(self.files.len(), "file", "files"),
            counted(self.errors, "error", "errors"),
            counted(self.warnings, "warning", "warnings"),
        );
        if self.more > 0 {
            summary += &format!(" ({} of them are not shown)", self.more);
        }
        if self.skipped > 0 {
            summary += &format!("; {} without any", counted(self.skipped, "file", "files"));
        }
        summary
    }
}
