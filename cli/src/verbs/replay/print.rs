//! The two forms of the result of a replay.

use super::Replayed;
use super::call::Word;
use super::changes::{Change, Lack, MAX_ROWS, Row, Table};
use crate::failure::Failure;
use crate::output::{output, shown, write_json};
use serde_json::{Value, json};
use std::io::Write;

/// Prints the result for people.
pub(super) fn text(replayed: &Replayed, top: usize) -> Result<(), Failure> {
    let Replayed { counts, missed, order, changes, is_by_log } = replayed;
    let mut out = output();
    let span = changes.span().map_or(String::new(), |(from, to)| format!(" from {from} to {to}"));
    writeln!(out, "{}, {}{span}", many(counts.lines, "line"), many(changes.calls, "call"))?;
    for (count, what, why) in [
        (missed.without, "line", "without a call"),
        (missed.broken, "line", "that cannot be read"),
        (missed.several, "line", "with several texts that look like a record, left out"),
        (counts.too_long, "line", "longer than 4 MiB, left out"),
        (missed.answers, "message", "of servers, or answers to them"),
        (missed.not_by_rule, "record", "of requests that no rule decided about, left out"),
        (missed.of_approvers, "decision", "of approvers, left out"),
        (missed.untimed, "call", "without a time, judged at the time of the one before"),
        (order.moved, "call", "not in the order of their time"),
        (order.late, "call", "too late to be put in order, judged at the time of the one before"),
    ] {
        if count > 0 {
            writeln!(out, "{} {why}", many(count, what))?;
        }
    }
    let what = if *is_by_log { "the log" } else { "the other policy" };
    writeln!(out, "{} decided as by {what}", many(changes.same, "call"))?;
    if changes.by_another_rule > 0 {
        writeln!(out, "{} of them denied by another rule", changes.by_another_rule)?;
    }
    writeln!(out, "\n{} decided otherwise", many(changes.changed.all, "call"))?;
    changed(&mut out, &changes.changed, top)?;
    if changes.unknown.all > 0 {
        writeln!(
            out,
            "\n{} cannot be judged by what the log has",
            many(changes.unknown.all, "call")
        )?;
        lacking(&mut out, &changes.unknown, top)?;
    }
    out.flush()?;
    Ok(())
}

fn changed(out: &mut impl Write, table: &Table<Change>, top: usize) -> Result<(), Failure> {
    let rows = table.sorted();
    for (change, row) in rows.iter().take(top) {
        let Change { tool, caller, was, is } = change;
        let by = if caller.is_empty() { String::new() } else { format!(" by {}", shown(caller)) };
        writeln!(out, "{:>5}  {}{by}", row.calls, name(tool))?;
        writeln!(out, "       was  {}", decision(was))?;
        writeln!(out, "       is   {}", decision(is))?;
        if !row.message.is_empty() {
            writeln!(out, "            {}", shown(&row.message))?;
        }
    }
    rests(out, rows.get(top..).unwrap_or_default(), table.others)
}

fn lacking(out: &mut impl Write, table: &Table<Lack>, top: usize) -> Result<(), Failure> {
    let rows = table.sorted();
    for (Lack { tool, rule, what }, row) in rows.iter().take(top) {
        let rule = if rule.is_empty() { String::new() } else { format!("{} needs ", shown(rule)) };
        writeln!(out, "{:>5}  {}: {rule}{}", row.calls, name(tool), shown(what))?;
    }
    rests(out, rows.get(top..).unwrap_or_default(), table.others)
}

/// The calls that no line shows.
fn rests<K>(out: &mut impl Write, rest: &[(&K, &Row)], others: u64) -> Result<(), Failure> {
    if !rest.is_empty() {
        let calls: u64 = rest.iter().map(|(_, row)| row.calls).sum();
        let rows = u64::try_from(rest.len()).unwrap_or(u64::MAX);
        writeln!(out, "{calls:>5}  in {}; `--top` shows more", many(rows, "further line"))?;
    }
    if others > 0 {
        writeln!(out, "{others:>5}  in others, which were not told apart: {MAX_ROWS} are kept")?;
    }
    Ok(())
}

fn decision((word, reason, rule): &(Word, String, String)) -> String {
    let mut text = word.as_str().to_owned();
    for more in [reason, rule] {
        if !more.is_empty() {
            text.extend(["  ", &shown(more)]);
        }
    }
    text
}

fn name(text: &str) -> String {
    if text.is_empty() { "-".into() } else { shown(text).into_owned() }
}

fn many(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Prints the result for programs.
pub(super) fn json(replayed: &Replayed, top: usize) -> Result<(), Failure> {
    let Replayed { counts, missed, order, changes, is_by_log } = replayed;
    let span = changes.span();
    let (changed, unknown) = (&changes.changed, &changes.unknown);
    let result = json!({
        "lines": counts.lines,
        "calls": changes.calls,
        "left_out": {
            "without_call": missed.without,
            "broken": missed.broken,
            "several_records": missed.several,
            "too_long": counts.too_long,
            "answers": missed.answers,
            "not_by_rule": missed.not_by_rule,
            "of_approvers": missed.of_approvers,
        },
        "no_time": missed.untimed,
        "out_of_order": order.moved,
        "too_late": order.late,
        "from": span.as_ref().map(|(from, _)| from),
        "to": span.as_ref().map(|(_, to)| to),
        "compared_with": if *is_by_log { "log" } else { "policy" },
        "same": changes.same,
        "by_another_rule": changes.by_another_rule,
        "changed": {
            "calls": changed.all,
            "rows": changed.sorted().iter().take(top).map(|(change, row)| json!({
                "calls": row.calls,
                "tool": change.tool,
                "caller": Some(&change.caller).filter(|caller| !caller.is_empty()),
                "was": decided(&change.was, ""),
                "is": decided(&change.is, &row.message),
            })).collect::<Vec<_>>(),
            "others": others(changed, top),
        },
        "cannot_be_judged": {
            "calls": unknown.all,
            "rows": unknown.sorted().iter().take(top).map(|(lack, row)| json!({
                "calls": row.calls,
                "tool": lack.tool,
                "rule": Some(&lack.rule).filter(|rule| !rule.is_empty()),
                "needs": lack.what,
            })).collect::<Vec<_>>(),
            "others": others(unknown, top),
        },
    });
    let mut out = output();
    write_json(&mut out, &result)?;
    out.flush()?;
    Ok(())
}

fn others<K: Clone + Eq + std::hash::Hash + Ord>(table: &Table<K>, top: usize) -> u64 {
    let rows = table.sorted();
    let rest = rows.get(top..).unwrap_or_default();
    rest.iter().fold(table.others, |all, (_, row)| all.saturating_add(row.calls))
}

fn decided((word, reason, rule): &(Word, String, String), message: &str) -> Value {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    json!({
        "decision": word.as_str(),
        "reason": some(reason),
        "rule": some(rule),
        "message": some(message),
    })
}
