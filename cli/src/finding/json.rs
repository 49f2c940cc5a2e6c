//! Findings as one JSON object. `docs/command/check.md` has it by field.

use super::{Finding, Report};
use crate::output::write_json;
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct Form<'r> {
    findings: Vec<One<'r>>,
    more: usize,
    errors: usize,
    warnings: usize,
    files: &'r [String],
    policies: usize,
    skipped: usize,
}

#[derive(Serialize)]
struct One<'r> {
    file: &'r str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    severity: &'static str,
    code: &'static str,
    pointer: &'r str,
    message: &'r str,
}

/// Writes all findings.
pub(super) fn write(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let Report { findings, more, errors, warnings, files, policies, skipped, .. } = report;
    let form = Form {
        findings: findings.iter().map(one).collect(),
        more: *more,
        errors: *errors,
        warnings: *warnings,
        files,
        policies: *policies,
        skipped: *skipped,
    };
    write_json(out, &form)
}

fn one(finding: &Finding) -> One<'_> {
    let ((line, column), (end_line, end_column)) = (finding.start(), finding.end());
    One {
        file: &finding.source.name,
        line,
        column,
        end_line,
        end_column,
        severity: finding.severity.as_str(),
        code: finding.code,
        pointer: &finding.pointer,
        message: &finding.message,
    }
}
