//! Findings as JUnit's XML: a suite for each file, and in it a case for each finding, of
//! which errors fail, or one case that passes.

use super::{Finding, Report, Severity};
use crate::output::shown;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Writes all findings.
pub(super) fn write(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let mut files: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for file in &report.files {
        files.entry(file).or_default();
    }
    for finding in &report.findings {
        files.entry(&finding.source.name).or_default().push(finding);
    }
    let mut junit = quick_junit::Report::new("mcp-policy check");
    for (file, findings) in files {
        let file = shown(file);
        let mut suite = TestSuite::new(&*file);
        if findings.is_empty() {
            suite.add_test_case(TestCase::new("no findings", TestCaseStatus::success()));
        }
        for finding in findings {
            let (line, column) = finding.start();
            let name = format!("{file}:{line}:{column}: {}", finding.code);
            suite.add_test_case(case(name, finding));
        }
        junit.add_test_suite(suite);
    }
    junit.serialize(&mut *out).map_err(io::Error::other)
}

fn case(name: String, finding: &Finding) -> TestCase {
    if finding.severity == Severity::Warning {
        let mut case = TestCase::new(name, TestCaseStatus::success());
        case.set_system_out(finding.to_string());
        return case;
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(finding.told());
    status.set_type(finding.code);
    status.set_description(finding.to_string());
    TestCase::new(name, status)
}
