//! The reasons, on standard error: one line for each tool, the most severe first, so
//! that whoever reviews the policy begins where it matters.

use super::draft::{Judged, Treatment};
use super::merge::Written;
use crate::classes::Class;
use crate::output::shown;
use anstyle::{AnsiColor, Style};
use mcp_policy_filter::text;
use serde_json::Value;
use std::io::{self, Write};

/// The most bytes of a tool's name in the table.
const MAX_NAME: usize = 48;
/// The most names in a line.
const MAX_LISTED: usize = 20;
const HEAD: [&str; 5] = ["TOOL", "CLASS", "RISK", "RULE", "FROM THE TOOL'S DEFINITION"];

/// The circumstances of a run that are told besides the tools.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course<'a> {
    /// Whether the policy is one that was there.
    pub(super) merged: bool,
    /// The path of the server's URL.
    pub(super) path: Option<&'a str>,
    /// The file that has the policy now.
    pub(super) output: Option<&'a str>,
}

/// Writes the table, and what is to be known besides.
///
/// # Errors
/// It cannot be written.
pub(super) fn tell(
    out: &mut impl Write,
    tools: &[Judged],
    written: &Written,
    course: &Course<'_>,
) -> io::Result<()> {
    let mut rows: Vec<(Class, [String; 5])> = Vec::new();
    for (one, treatment) in tools.iter().zip(&written.treatments) {
        let row = [
            name(&one.tool.name),
            one.class.as_str().into(),
            one.class.risk().into(),
            rule(treatment),
            match treatment {
                Treatment::LeftOut(why) => (*why).into(),
                _ => shown(&one.sign.to_string()).into_owned(),
            },
        ];
        rows.push((one.class, row));
    }
    rows.sort_by_key(|(class, _)| core::cmp::Reverse(*class));
    let mut widths = HEAD.map(str::len);
    for (_, row) in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    line(out, &HEAD.map(String::from), &widths, Style::new().bold())?;
    for (class, row) in &rows {
        line(out, row, &widths, style(*class))?;
    }
    writeln!(out)?;
    counts(out, tools, written)?;
    if course.merged {
        merged(out, tools, written)?;
    }
    notes(out, written, course)?;
    match course.output {
        Some(file) => writeln!(out, "The policy is in {}.", shown(file)),
        None => Ok(()),
    }
}

fn line(
    out: &mut impl Write,
    row: &[String; 5],
    widths: &[usize; 5],
    style: Style,
) -> io::Result<()> {
    let [tool, class, risk, rule, why] = row;
    let [a, b, c, d, _] = widths;
    writeln!(
        out,
        "{tool:<a$}  {style}{class:<b$}  {risk:<c$}{style:#}  {rule:<d$}  {why}",
        a = *a,
        b = *b,
        c = *c,
        d = *d
    )
}

fn style(class: Class) -> Style {
    let color = match class {
        Class::Read => return Style::new(),
        Class::Write => AnsiColor::Cyan,
        Class::Execute => AnsiColor::Yellow,
        Class::Destructive | Class::Financial => AnsiColor::Red,
    };
    Style::new().fg_color(Some(color.into()))
}

fn name(name: &str) -> String {
    let name = shown(name);
    let start = text::start(&name, MAX_NAME);
    if start.len() < name.len() { format!("{start}…") } else { name.into_owned() }
}

fn rule(treatment: &Treatment) -> String {
    match treatment {
        Treatment::Allowed => "allowed".into(),
        Treatment::Limited(max) => format!("{max} a minute"),
        Treatment::Hidden => "hidden".into(),
        Treatment::Denied => "denied".into(),
        Treatment::Approved => "a person approves".into(),
        Treatment::Kept(pattern) => format!("kept: {}", name(pattern)),
        Treatment::LeftOut(_) => "left out".into(),
    }
}

fn counts(out: &mut impl Write, tools: &[Judged], written: &Written) -> io::Result<()> {
    let count = |class| tools.iter().filter(|one| one.class == class).count();
    let classes = [Class::Financial, Class::Destructive, Class::Execute, Class::Write, Class::Read];
    let counts: Vec<String> = classes
        .into_iter()
        .map(|class| (count(class), class))
        .filter(|(count, _)| *count > 0)
        .map(|(count, class)| format!("{count} {}", class.as_str()))
        .collect();
    let many = if tools.len() == 1 { "" } else { "s" };
    let colon = if counts.is_empty() { "" } else { ": " };
    write!(out, "{} tool{many}{colon}{}.", tools.len(), counts.join(", "))?;
    let default = written.policy.get("default").and_then(Value::as_str);
    writeln!(out, "{}", if default == Some("deny") { " Every other tool is denied." } else { "" })
}

fn merged(out: &mut impl Write, tools: &[Judged], written: &Written) -> io::Result<()> {
    let added: Vec<&str> = (tools.iter().zip(&written.treatments))
        .filter(|(_, one)| !matches!(one, Treatment::Kept(_) | Treatment::LeftOut(_)))
        .map(|(one, _)| one.tool.name.as_str())
        .collect();
    let gone: Vec<&str> = written.gone.iter().map(String::as_str).collect();
    writeln!(out, "Added: {}.", listed(&added))?;
    writeln!(out, "In the policy, and not on the server: {}.", listed(&gone))
}

fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(MAX_LISTED).map(|one| name(one)).collect();
    match names.len().saturating_sub(MAX_LISTED) {
        _ if names.is_empty() => "none".into(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn notes(out: &mut impl Write, written: &Written, course: &Course<'_>) -> io::Result<()> {
    if written.treatments.contains(&Treatment::Denied) {
        writeln!(
            out,
            "note: Financial tools are denied, since the policy names nobody who approves their \
             calls; give it `identity`, and `settings.approvals` with `path` and `approvers`, and \
             their entries the action `require_approval`"
        )?;
    }
    let settings = written.policy.get("settings");
    if settings.and_then(|settings| settings.get("paths")).is_none() {
        let path = shown(course.path.unwrap_or("/mcp"));
        let remedy = if course.merged {
            format!("give it `\"settings\": {{\"paths\": [\"{path}\"]}}`")
        } else {
            format!("give --path {path}")
        };
        writeln!(
            out,
            "note: the policy does not say where MCP is, so requests to any other path pass \
             unjudged; {remedy}, if that is where clients will reach the server"
        )?;
    }
    Ok(())
}
