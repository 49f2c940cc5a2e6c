//! Findings as SARIF 2.1.0, which code scanning services read.

use super::{Finding, Report, Severity};
use crate::output::write_json;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Writes all findings.
pub(super) fn write(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let mut rules: Vec<&'static str> = report.findings.iter().map(|one| one.code).collect();
    rules.sort_unstable();
    rules.dedup();
    let results: Vec<Value> = report.findings.iter().map(|one| result(one, &rules)).collect();
    let rules: Vec<Value> = rules.iter().map(|code| json!({"id": code})).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": env!("CARGO_PKG_NAME"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    write_json(out, &log)
}

fn result(finding: &Finding, rules: &[&str]) -> Value {
    let ((line, column), (end_line, end_column)) = (finding.start(), finding.end());
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut location = json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(&finding.source.name)},
        "region": {
            "startLine": line,
            "startColumn": column,
            "endLine": end_line,
            "endColumn": end_column,
        },
    }});
    if let (false, Some(location)) = (finding.pointer.is_empty(), location.as_object_mut()) {
        let logical = json!([{"fullyQualifiedName": finding.pointer, "kind": "member"}]);
        location.insert("logicalLocations".into(), logical);
    }
    json!({
        "ruleId": finding.code,
        "ruleIndex": rules.iter().position(|code| *code == finding.code),
        "level": level,
        "message": {"text": finding.told()},
        "locations": [location],
    })
}

/// A path as a reference of RFC 3986.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            byte => uri += &format!("%{byte:02X}"),
        }
    }
    uri
}
