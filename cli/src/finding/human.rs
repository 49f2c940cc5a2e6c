//! Findings for people: a line that editors follow, and the excerpt beneath it.

use super::{Finding, Report, Severity};
use crate::output::shown;
use crate::secrets;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anstyle::{AnsiColor, Effects, Style};
use mcp_policy_filter::text::disturbs;
use std::io::{self, Write};

/// The most characters of a line on each side of a finding.
const AROUND: usize = 100;

/// Writes all findings.
pub(super) fn write(out: &mut impl Write, report: &Report) -> io::Result<()> {
    for finding in &report.findings {
        one(out, finding)?;
    }
    Ok(())
}

/// Writes one finding.
fn one(out: &mut impl Write, finding: &Finding) -> io::Result<()> {
    let (line, column) = finding.start();
    let (style, level) = match finding.severity {
        Severity::Error => (AnsiColor::BrightRed, Level::ERROR),
        Severity::Warning => (AnsiColor::Yellow, Level::WARNING),
    };
    let style = Style::new().fg_color(Some(style.into())).effects(Effects::BOLD);
    let (name, severity) = (shown(&finding.source.name), finding.severity.as_str());
    writeln!(out, "{name}:{line}:{column}: {style}{severity}{style:#}: {}", finding.told())?;
    let Some((text, span)) = excerpt(finding) else { return Ok(()) };
    let snippet =
        Snippet::source(text).line_start(line).annotation(AnnotationKind::Primary.span(span));
    let group = Group::with_level(level).element(snippet);
    writeln!(out, "{}", Renderer::styled().render(&[group]))
}

/// The line of a finding, or what is around it in a long one, with everything replaced
/// that would disturb a terminal; and the bytes of it that the finding is about. A line
/// that may have a secret is not shown.
fn excerpt(finding: &Finding) -> Option<(String, core::ops::Range<usize>)> {
    let text = &*finding.source.text;
    let at = finding.span.start;
    let (before, after) = text.split_at_checked(at)?;
    let start = before.rfind('\n').map_or(0, |end| end.saturating_add(1));
    // Of a long line no more is looked at than is shown.
    let most = AROUND.saturating_mul(2).saturating_add(1);
    let after =
        after.char_indices().nth(most).map_or(after, |(at, _)| after.get(..at).unwrap_or(after));
    let line = after.split(['\n', '\r']).next().unwrap_or_default();
    let about = finding.span.end.saturating_sub(at).min(line.len());
    let safe = |text: &str| -> String {
        let shown = |c| if disturbs(c) { char::REPLACEMENT_CHARACTER } else { c };
        text.chars().map(|c| if c == '\t' { ' ' } else { shown(c) }).collect()
    };
    let before = before.get(start..)?;
    if secrets::names_one(&finding.pointer) || secrets::are_near(text, at) {
        return None;
    }
    let near = before.char_indices().rev().take(AROUND).last().map_or(0, |(at, _)| at);
    let mut excerpt: String = if near > 0 { "… ".into() } else { String::new() };
    excerpt += &safe(before.get(near..)?);
    let from = excerpt.len();
    let about: String = line.get(..about)?.chars().take(AROUND).collect();
    excerpt += &safe(&about);
    let to = excerpt.len();
    let rest: String = line.get(about.len()..)?.chars().take(AROUND).collect();
    excerpt += &safe(&rest);
    if line.len() > about.len().saturating_add(rest.len()) {
        excerpt += " …";
    }
    (!excerpt.trim().is_empty()).then_some((excerpt, from..to))
}
