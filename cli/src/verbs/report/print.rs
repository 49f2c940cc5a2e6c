//! The two forms of a report.

use super::tally::{Limit, Row, Table, Tally};
use crate::failure::Failure;
use crate::log::moment::written;
use crate::output::{output, shown, write_json};
use mcp_policy_filter::limits::window::Nanos;
use serde_json::{Value, json};
use std::io::Write;

/// Prints a report for people.
pub(super) fn text(tally: &Tally, top: usize) -> Result<(), Failure> {
    let mut out = output();
    let counts = tally.counts;
    let span = tally.span.map_or(String::new(), |(first, last)| {
        format!(" from {} to {}", written(first), written(last))
    });
    writeln!(out, "{}, {}{span}", many(counts.lines, "line"), many(tally.records, "record"))?;
    if !tally.policies.is_empty() {
        let names: Vec<&str> = tally.policies.iter().map(String::as_str).collect();
        let more = if tally.more_policies { ", …" } else { "" };
        writeln!(out, "policies: {}{more}", shown(&names.join(", ")))?;
    }
    for (count, one, several) in [
        (tally.without, "has no record", "have no record"),
        (tally.broken, "has a record that cannot be read", "have a record that cannot be read"),
        (
            tally.several,
            "has several texts that look like a record, and was left out",
            "have several texts that look like a record, and were left out",
        ),
        (
            counts.too_long,
            "is longer than 4 MiB, and was left out",
            "are longer than 4 MiB, and were left out",
        ),
    ] {
        if count > 0 {
            writeln!(out, "{} {}", many(count, "line"), if count == 1 { one } else { several })?;
        }
    }
    for (count, one, several) in [
        (tally.out_of_time, "is of another time", "are of another time"),
        (tally.untimed, "has no time, and was left out", "have no time, and were left out"),
    ] {
        if count > 0 {
            writeln!(out, "{} {}", many(count, "record"), if count == 1 { one } else { several })?;
        }
    }
    writeln!(out, "{} allowed", many(tally.allowed, "call"))?;
    if tally.of_approvers > 0 {
        writeln!(out, "{} of approvers", many(tally.of_approvers, "decision"))?;
    }
    let tables = [
        ("In shadow mode: enforcing would break", &tally.shadow),
        ("By rules in shadow: enforcing them would break", &tally.beside),
        ("Denied:", &tally.denied),
    ];
    for (title, table) in tables {
        writeln!(out, "\n{title} {}", many(table.all, "call"))?;
        denials(&mut out, table, top)?;
    }
    limits(&mut out, tally, top)?;
    out.flush()?;
    Ok(())
}

fn denials(out: &mut impl Write, table: &Table, top: usize) -> Result<(), Failure> {
    if table.all == 0 {
        return Ok(());
    }
    let rows = table.sorted();
    let cells = |row: &&Row| {
        [
            row.calls.to_string(),
            name(&row.tool),
            name(&row.rule),
            name(&row.reason),
            name(&row.caller),
        ]
    };
    let head = ["calls", "tool", "rule", "reason", "caller"];
    let cells: Vec<_> = rows.iter().take(top).map(cells).collect();
    let widths = widths(&head, &cells);
    line(out, &head.map(String::from), &widths)?;
    for (row, cells) in rows.iter().zip(&cells) {
        line(out, cells, &widths)?;
        if !row.message.is_empty() {
            writeln!(out, "{:>7}{}", "", shown(&row.message))?;
        }
    }
    let rest = rows.get(top..).unwrap_or_default();
    rests(out, rest.len(), rest.iter().map(|row| row.calls).sum(), table.others)
}

fn limits(out: &mut impl Write, tally: &Tally, top: usize) -> Result<(), Failure> {
    let rows = tally.limits.sorted();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nLimits, the nearest first")?;
    let cells = |row: &&Limit| {
        let (least, most) = match row.left {
            Some((least, most)) => (least.to_string(), most.to_string()),
            None => ("-".into(), "-".into()),
        };
        let (full, charged) = (row.full.to_string(), row.charged.to_string());
        [full, least, most, charged, name(&row.rule), name(&row.caller)]
    };
    let head = ["full", "least left", "most left", "charged", "limit", "caller"];
    let cells: Vec<_> = rows.iter().take(top).map(cells).collect();
    let widths = widths(&head, &cells);
    line(out, &head.map(String::from), &widths)?;
    for cells in &cells {
        line(out, cells, &widths)?;
    }
    let rest = rows.get(top..).unwrap_or_default();
    let calls = rest.iter().map(|row| row.charged.saturating_add(row.full)).sum();
    rests(out, rest.len(), calls, tally.limits.others)
}

/// The calls that no line shows.
fn rests(out: &mut impl Write, rows: usize, calls: u64, others: u64) -> Result<(), Failure> {
    if rows > 0 {
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        writeln!(out, "{calls:>5}  in {}; `--top` shows more", many(rows, "further line"))?;
    }
    if others > 0 {
        let most = super::tally::MAX_ROWS;
        writeln!(out, "{others:>5}  in others, which were not told apart: {most} are kept")?;
    }
    Ok(())
}

/// The widths of columns.
fn widths<const N: usize>(head: &[&str; N], rows: &[[String; N]]) -> [usize; N] {
    let mut widths = head.map(|word| word.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    widths
}

/// A line of a table: numbers to the right, up to the last column.
fn line<const N: usize>(
    out: &mut impl Write,
    cells: &[String; N],
    widths: &[usize; N],
) -> Result<(), Failure> {
    let mut text = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        if !text.is_empty() {
            text.push_str("  ");
        }
        let is_number = text.is_empty() || cell.parse::<f64>().is_ok();
        let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
        if is_number {
            text.extend([pad.as_str(), cell]);
        } else {
            text.extend([cell, pad.as_str()]);
        }
    }
    writeln!(out, "{}", text.trim_end())?;
    Ok(())
}

fn name(text: &str) -> String {
    if text.is_empty() { "-".into() } else { shown(text).into_owned() }
}

fn many(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Prints a report for programs.
pub(super) fn json(tally: &Tally, top: usize) -> Result<(), Failure> {
    let rows = tally.limits.sorted();
    let rest = rows.get(top..).unwrap_or_default().iter();
    let report = json!({
        "lines": tally.counts.lines,
        "records": tally.records,
        "left_out": {
            "without_record": tally.without,
            "broken": tally.broken,
            "several_records": tally.several,
            "too_long": tally.counts.too_long,
            "other_time": tally.out_of_time,
            "no_time": tally.untimed,
        },
        "from": first(tally.span),
        "to": last(tally.span),
        "policies": tally.policies,
        "more_policies": tally.more_policies,
        "allowed": tally.allowed,
        "of_approvers": tally.of_approvers,
        "shadow": table(&tally.shadow, top),
        "rules_in_shadow": table(&tally.beside, top),
        "denied": table(&tally.denied, top),
        "limits": {
            "rows": rows.iter().take(top).map(|row| limit(row)).collect::<Vec<_>>(),
            "others": rest.fold(tally.limits.others, |all, row| {
                all.saturating_add(row.charged).saturating_add(row.full)
            }),
        },
    });
    let mut out = output();
    write_json(&mut out, &report)?;
    out.flush()?;
    Ok(())
}

fn table(table: &Table, top: usize) -> Value {
    let rows = table.sorted();
    let rest: u64 = rows.get(top..).unwrap_or_default().iter().map(|row| row.calls).sum();
    json!({
        "calls": table.all,
        "rows": rows.iter().take(top).map(|row| json!({
            "calls": row.calls,
            "tool": some(&row.tool),
            "rule": row.rule,
            "reason": row.reason,
            "caller": some(&row.caller),
            "message": some(&row.message),
            "from": first(row.span),
            "to": last(row.span),
        })).collect::<Vec<_>>(),
        "others": table.others.saturating_add(rest),
    })
}

fn limit(row: &Limit) -> Value {
    json!({
        "limit": row.rule,
        "caller": some(&row.caller),
        "full": row.full,
        "charged": row.charged,
        "least_left": row.left.map(|(least, _)| least),
        "most_left": row.left.map(|(_, most)| most),
    })
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn first(span: Option<(Nanos, Nanos)>) -> Option<String> {
    span.map(|(first, _)| written(first))
}

fn last(span: Option<(Nanos, Nanos)>) -> Option<String> {
    span.map(|(_, last)| written(last))
}
