//! The results of a run, in the three forms.

use super::coverage::{Coverage, Kind, Place};
use super::play::{Failed, Played};
use super::{Format, Results};
use crate::failure::Failure;
use crate::output::{output, shown, write_json};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value, json};
use std::io::Write;

/// Prints the results.
///
/// # Errors
/// Standard output cannot be written to.
pub(super) fn write(format: Format, results: &Results) -> Result<(), Failure> {
    let mut out = output();
    match format {
        Format::Human => human(&mut out, results)?,
        Format::Json => write_json(&mut out, &json(results))?,
        Format::Junit => writeln!(out, "{}", junit(results)?)?,
    }
    out.flush()?;
    Ok(())
}

fn human(out: &mut impl Write, results: &Results) -> Result<(), Failure> {
    for played in &results.played {
        let Some(failed) = &played.failure else { continue };
        let (line, column) = failed.place;
        writeln!(out, "{}:{line}:{column}: {}", shown(&played.file), words(played, failed))?;
        for line in &failed.beneath {
            writeln!(out, "{}", indented(line))?;
        }
    }
    if let Some(coverage) = &results.coverage {
        for place in coverage.rules() {
            let Some(gap) = gap(&place) else { continue };
            let (line, column) = place.place;
            let (file, pointer) = (shown(place.file), shown(place.pointer));
            writeln!(out, "{file}:{line}:{column}: {pointer}: {gap}")?;
        }
        writeln!(out, "{coverage}{}", least(results, coverage))?;
    }
    let failed = results.failed();
    let passed = results.played.len().saturating_sub(failed);
    writeln!(out, "{passed} passed, {failed} failed")?;
    Ok(())
}

/// A line beneath another.
fn indented(line: &str) -> String {
    if line.is_empty() { String::new() } else { format!("    {line}") }
}

/// The remark that too little was reached.
fn least(results: &Results, coverage: &Coverage) -> String {
    match coverage.percent() < results.least {
        true => format!(", of which at least {} % are asked for", results.least),
        false => String::new(),
    }
}

/// The remark about a rule that no test tries in full.
fn gap(place: &Place<'_>) -> Option<String> {
    let kind = place.rule.kind;
    match (place.rule.reached, place.rule.denied) {
        (false, _) if kind == Kind::Hide => Some("no test calls a tool that this hides".to_owned()),
        (false, _) => Some(format!("no test reaches this {}", kind.as_str())),
        (true, false) if kind != Kind::Entry => {
            Some(format!("no test fails this {}", kind.as_str()))
        }
        _ => None,
    }
}

/// A failure on one line.
fn words(played: &Played, failed: &Failed) -> String {
    match &failed.expected {
        Some(expected) => {
            format!("{}: expected {expected}; found {}", shown(&played.name), failed.found)
        }
        None => failed.found.clone(),
    }
}

fn json(results: &Results) -> Value {
    let failure = |failed: &Failed| {
        let (line, column) = failed.place;
        json!({
            "line": line,
            "column": column,
            "expected": failed.expected,
            "found": failed.found,
            "explanation": failed.beneath,
        })
    };
    let test = |played: &Played| {
        let (line, column) = played.place;
        json!({
            "file": played.file,
            "line": line,
            "column": column,
            "name": played.name,
            "passed": played.failure.is_none(),
            "failure": played.failure.as_ref().map(failure),
        })
    };
    let coverage = |coverage: &Coverage| {
        let (reached, all) = coverage.count();
        let rule = |place: Place<'_>| {
            let (line, column) = place.place;
            json!({
                "file": place.file,
                "line": line,
                "column": column,
                "pointer": place.pointer,
                "kind": place.rule.kind.as_str(),
                "reached": place.rule.reached,
                "denied": place.rule.denied,
            })
        };
        let rules: Vec<Value> = coverage.rules().into_iter().map(rule).collect();
        json!({"reached": reached, "all": all, "percent": coverage.percent(), "rules": rules})
    };
    let failed = results.failed();
    json!({
        "passed": results.played.len().saturating_sub(failed),
        "failed": failed,
        "tests": results.played.iter().map(test).collect::<Vec<_>>(),
        "coverage": results.coverage.as_ref().map(coverage),
    })
}

fn junit(results: &Results) -> Result<String, Failure> {
    let mut report = Report::new("mcp-policy test");
    for file in results.played.chunk_by(|one, other| one.file == other.file) {
        let name = file.first().map(|played| shown(&played.file)).unwrap_or_default();
        let mut suite = TestSuite::new(name);
        for played in file {
            suite.add_test_case(case(played));
        }
        report.add_test_suite(suite);
    }
    if let Some(coverage) = &results.coverage {
        let mut status = TestCaseStatus::success();
        if results.is_thin() {
            status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(format!("{coverage}{}", least(results, coverage)));
        }
        let mut case = TestCase::new("coverage", status);
        let line = |place: &Place<'_>| {
            let (line, column) = place.place;
            let (file, pointer) = (shown(place.file), shown(place.pointer));
            gap(place).map(|gap| format!("{file}:{line}:{column}: {pointer}: {gap}"))
        };
        let lines: Vec<String> = coverage.rules().iter().filter_map(line).collect();
        if !lines.is_empty() {
            case.set_system_out(lines.join("\n"));
        }
        let mut suite = TestSuite::new("coverage");
        suite.add_test_case(case);
        report.add_test_suite(suite);
    }
    report.to_string().map_err(|error| Failure::new(format!("cannot write JUnit: {error}")))
}

fn case(played: &Played) -> TestCase {
    let status = match &played.failure {
        None => TestCaseStatus::success(),
        Some(failed) => {
            let is_fault = failed.expected.is_none();
            let kind = if is_fault { NonSuccessKind::Error } else { NonSuccessKind::Failure };
            let mut status = TestCaseStatus::non_success(kind);
            let ((line, column), words) = (failed.place, words(played, failed));
            let file = shown(&played.file);
            let beneath = failed.beneath.iter().map(|line| format!("\n{}", indented(line)));
            status.set_description(
                format!("{file}:{line}:{column}: {words}") + &beneath.collect::<String>(),
            );
            status.set_message(words);
            status
        }
    };
    let name = if played.name.is_empty() { "(the file)" } else { &played.name };
    let mut case = TestCase::new(shown(name).into_owned(), status);
    let file = shown(&played.file).into_owned();
    case.set_classname(file.clone());
    case.extra.insert("file".into(), file.into());
    case.extra.insert("line".into(), played.place.0.to_string().into());
    case
}
