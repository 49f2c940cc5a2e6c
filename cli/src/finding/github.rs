//! Findings as workflow commands of GitHub Actions, which shows them at their lines.

use super::{Finding, Report};
use mcp_policy_filter::text::disturbs;
use std::io::{self, Write};

/// Writes all findings.
pub(super) fn write(out: &mut impl Write, report: &Report) -> io::Result<()> {
    report.findings.iter().try_for_each(|finding| writeln!(out, "{}", command(finding)))
}

/// One command. GitHub's runner decodes these escapes and no others.
fn command(finding: &Finding) -> String {
    let data = |text: &str| {
        let safe =
            |c| if disturbs(c) && !"\r\n".contains(c) { char::REPLACEMENT_CHARACTER } else { c };
        let text: String = text.chars().map(safe).collect();
        text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
    };
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let ((line, column), (end_line, end_column)) = (finding.start(), finding.end());
    // Columns count within one line alone.
    let columns = match end_line == line {
        true => format!(",col={column},endColumn={}", end_column.max(column)),
        false => String::new(),
    };
    format!(
        "::{} file={},line={line},endLine={end_line}{columns},title={}::{}",
        finding.severity.as_str(),
        property(&finding.source.name),
        property(finding.code),
        data(&finding.told()),
    )
}

#[cfg(test)]
mod tests {
    use super::command;
    use crate::finding::{Finding, Severity, Source};
    use std::rc::Rc;

    #[test]
    fn what_the_runner_would_read_as_its_own_is_escaped() {
        let source = Source { name: "a,b:50%\u{9b}\u{202e}\n.json".into(), text: "{\n}".into() };
        let finding = Finding {
            source: Rc::new(source),
            span: 0..3,
            severity: Severity::Error,
            code: "invalid-policy",
            pointer: "/a%0Ab".into(),
            message: "100%::x".into(),
        };
        assert_eq!(
            command(&finding),
            "::error file=a%2Cb%3A50%25��%0A.json,line=1,endLine=2,title=invalid-policy::/a%250Ab: 100%25::x"
        );
    }
}
