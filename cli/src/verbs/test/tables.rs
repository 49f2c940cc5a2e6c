//! Tables of calls: files of their own, and fences on Markdown pages.
//!
//! A file has, besides lines of calls (`mcp_policy_filter::simulate::table`):
//!
//! | line | meaning |
//! | --- | --- |
//! | `policy FILE` | the policy; counts and clock begin anew |
//! | `push FILE` | another policy takes over; the counts stay |
//! | `case NAME` | counts and clock begin anew, under the last `policy` |
//! | `day YYYY-MM-DD` | the day of what follows |
//! | `# ..`, nothing | nothing |
//!
//! A line of calls has two columns or more, and each of these has one.

use super::cases::Response;
use super::policies::{Policies, Tested};
use super::suite::{Group, Step, Suite, Test, Time, Work};
use crate::document;
use crate::finding::Source;
use core::fmt::Display;
use mcp_policy_filter::simulate::notation::{Ask, NotationError, NotationErrorKind};
use mcp_policy_filter::simulate::stage;
use mcp_policy_filter::simulate::table::{self, Line};
use std::rc::Rc;

/// A table as it is read.
#[derive(Default)]
struct Reading {
    policy: Option<Rc<Tested>>,
    /// Steps before the next line of calls.
    before: Vec<Step>,
    groups: Vec<Group>,
    case: String,
    is_new: bool,
}

impl Reading {
    /// Counts and clock begin anew.
    fn anew(&mut self) {
        self.before.clear();
        self.is_new = true;
    }

    fn line(&mut self, at: usize, text: &str, line: Line) -> Result<(), &'static str> {
        let call = text.trim().split("  ").map(str::trim).filter(|column| !column.is_empty());
        let is_clock = |column: &&str| table::clock(column).is_some();
        let call = call.clone().find(|column| !is_clock(column)).unwrap_or_default();
        let name = match &*self.case {
            "" => call.to_owned(),
            case => format!("{case}: {call}"),
        };
        let time = Time { day: None, clock: line.clock };
        let work = Work::Line(Box::new(line));
        self.test(name, at, Step { at, time, work })
    }

    fn test(&mut self, name: String, at: usize, step: Step) -> Result<(), &'static str> {
        let policy = self.policy.as_ref().ok_or("no policy above; begin with `policy FILE`")?;
        if self.is_new || self.groups.is_empty() {
            self.groups.push(Group { policy: Rc::clone(policy), tests: Vec::new() });
            self.is_new = false;
        }
        let mut steps = core::mem::take(&mut self.before);
        steps.push(step);
        if let Some(group) = self.groups.last_mut() {
            group.tests.push(Test { name, at, steps });
        }
        Ok(())
    }

    /// Reads a line that is the same in every table and has no call: an empty one, a
    /// comment, `case NAME` or `day YYYY-MM-DD`. Says whether it was one.
    fn between(&mut self, suite: &mut Suite, start: usize, text: &str) -> bool {
        let line = text.trim();
        if line.is_empty() || line.starts_with('#') {
            return true;
        }
        let at = start.saturating_add(indent(text));
        match words(line) {
            Some(("case", name)) => {
                self.case = name.to_owned();
                self.anew();
            }
            Some(("day", day)) => match stage::day(day) {
                Some(day) => {
                    let time = Time { day: Some(day), clock: None };
                    self.before.push(Step { at, time, work: Work::Wait });
                }
                None => suite.fault(at, format!("`{day}` is not a day; write `day YYYY-MM-DD`")),
            },
            _ => return false,
        }
        true
    }

    /// Reads a line of calls.
    fn calls(&mut self, suite: &mut Suite, start: usize, text: &str) {
        let at = start.saturating_add(indent(text));
        let read = match Line::parse(text) {
            Ok(line) => self.line(at, text, line),
            // Whatever the one column is taken for, a second one is missing.
            Err(_) if !text.trim().contains("  ") => {
                let missing = NotationErrorKind::Column("outcome");
                let missing = NotationError { at: text.trim_end().len(), kind: missing };
                return suite.fault(start.saturating_add(missing.at), missing.to_string());
            }
            Err(error) => return suite.fault(start.saturating_add(error.at), error.to_string()),
        };
        if let Err(why) = read {
            suite.fault(at, why);
        }
    }
}

/// The bytes of white space before a line.
const fn indent(text: &str) -> usize {
    text.len().saturating_sub(text.trim_ascii_start().len())
}

/// The word that begins a line of one column, and the rest.
fn words(line: &str) -> Option<(&str, &str)> {
    line.split_once(' ').filter(|_| !line.contains("  "))
}

/// The lines of a text, each with the byte at which it starts.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0_usize;
    text.split_inclusive('\n').map(move |line| {
        let start = next;
        next = next.saturating_add(line.len());
        (start, line.trim_end_matches(['\n', '\r']))
    })
}

/// Reads a file that is a table.
pub(super) fn read(suite: &mut Suite, policies: &mut Policies) {
    let source = Rc::clone(&suite.source);
    let mut reading = Reading::default();
    // One fault is enough of a policy that cannot be used.
    let mut is_lost = false;
    for (start, text) in lines(&source.text) {
        if reading.between(suite, start, text) {
            continue;
        }
        let at = start.saturating_add(indent(text));
        match words(text.trim()) {
            Some(("policy", file)) => {
                let policy = policies.of_file(&source.name, file);
                reading.policy = suite.usable(at, policy);
                is_lost = reading.policy.is_none();
                reading.case.clear();
                reading.anew();
            }
            Some(("push", file)) => {
                let policy = policies.of_file(&source.name, file);
                if let Some(policy) = suite.usable(at, policy) {
                    let work = Work::Push(policy);
                    reading.before.push(Step { at, time: Time::default(), work });
                }
            }
            _ if is_lost => {}
            _ => reading.calls(suite, start, text),
        }
    }
    suite.groups = reading.groups;
}

/// Whether a page has tables of calls.
pub(super) fn has_fences(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("```text calls"))
}

/// Reads the tables of a Markdown page. Its fences are those of the reference:
///
/// | fence | meaning |
/// | --- | --- |
/// | `json policy`, `yaml policy` | the policy; counts and clock begin anew |
/// | `json pushed policy` | another one takes over; the counts stay |
/// | `json added to the policy` | the policy above with these members takes over |
/// | `text calls` | lines of calls |
/// | `text calls of FILE` | the same under the policy of a file |
/// | `json request (WITH)` | one more request, which is not a test |
/// | `json list (WITH)`, `json list of METHOD (WITH)` | a list as the server sends it |
pub(super) fn read_page(suite: &mut Suite, policies: &mut Policies) {
    let source = Rc::clone(&suite.source);
    let mut reading = Reading::default();
    let mut fence: Option<(usize, &str, usize)> = None;
    for (start, line) in lines(&source.text) {
        let after = start.saturating_add(line.len()).saturating_add(1);
        match (line.strip_prefix("```"), fence.take()) {
            (Some(info), None) => fence = Some((start, info, after)),
            (Some(_), Some((at, info, from))) => {
                let text = source.text.get(from..start).unwrap_or_default();
                read_fence(suite, policies, &mut reading, at, info, (from, text));
            }
            (None, open) => fence = open,
        }
    }
    suite.groups = reading.groups;
}

fn read_fence(
    suite: &mut Suite,
    policies: &mut Policies,
    reading: &mut Reading,
    at: usize,
    info: &str,
    (from, text): (usize, &str),
) {
    let push = |reading: &mut Reading, policy: Option<Rc<Tested>>| {
        if let Some(policy) = policy {
            reading.policy = Some(Rc::clone(&policy));
            let work = Work::Push(policy);
            reading.before.push(Step { at, time: Time::default(), work });
        }
    };
    match info {
        "json policy" | "yaml policy" => {
            reading.policy = within(suite, at, from, text);
            reading.case.clear();
            reading.anew();
        }
        "json pushed policy" => {
            let policy = within(suite, at, from, text);
            push(reading, policy);
        }
        "json added to the policy" => {
            let Some(policy) = reading.policy.clone() else {
                return suite.fault(at, "no policy above");
            };
            match added(&policy.json, text) {
                Ok(json) => {
                    let policy = within(suite, at, from, &json);
                    push(reading, policy);
                }
                Err(why) => suite.fault(from, why),
            }
        }
        "text calls" if reading.policy.is_some() => calls(suite, reading, from, text),
        "text calls" => suite.fault(at, "no policy above"),
        _ => {
            if let Some(file) = info.strip_prefix("text calls of ") {
                let read = policies.of_file(&suite.source.name, file);
                // The reference names files from the folder in which it is tested.
                let read = read.or_else(|why| policies.of_file("", file).map_err(|_| why));
                reading.policy = suite.usable(at, read);
                reading.case.clear();
                reading.anew();
                if reading.policy.is_some() {
                    calls(suite, reading, from, text);
                }
            } else {
                read_request(suite, reading, at, info, text);
            }
        }
    }
}

/// Reads a fence that holds a request, or a list with which the server answers one.
fn read_request(suite: &mut Suite, reading: &mut Reading, at: usize, info: &str, text: &str) {
    if let Some(with) = info.strip_prefix("json request") {
        send(suite, reading, at, Ask::post(text).with_parenthesis(with), None);
    } else if let Some(words) = info.strip_prefix("json list") {
        let (method, with) = match words.strip_prefix(" of ") {
            Some(words) => words.split_once(' ').unwrap_or((words, "")),
            None => ("tools/list", words),
        };
        let response = Response {
            status: 200,
            headers: vec![("content-type".into(), "application/json".into())],
            body: text.trim().into(),
            trailers: false,
        };
        send(suite, reading, at, Ask::rpc(method).with_parenthesis(with), Some(response));
    }
}

/// Adds a request that is not a test, with the server's response.
fn send(
    suite: &mut Suite,
    reading: &mut Reading,
    at: usize,
    ask: Result<Ask, impl Display>,
    response: Option<Response>,
) {
    match ask {
        Ok(ask) => {
            let work = Work::Send(Box::new(ask), response);
            reading.before.push(Step { at, time: Time::default(), work });
        }
        Err(error) => suite.fault(at, error.to_string()),
    }
}

fn calls(suite: &mut Suite, reading: &mut Reading, from: usize, text: &str) {
    for (start, line) in lines(text) {
        let start = from.saturating_add(start);
        if !reading.between(suite, start, line) {
            reading.calls(suite, start, line);
        }
    }
}

/// A policy on a page. Its places are those of the page: what is before it counts as
/// white space.
fn within(suite: &mut Suite, at: usize, from: usize, text: &str) -> Option<Rc<Tested>> {
    let before = suite.source.text.get(..from).unwrap_or_default();
    let blank = before.chars().map(|c| if c == '\n' { "\n" } else { " " }.repeat(c.len_utf8()));
    let padded = blank.collect::<String>() + text;
    let source = Rc::new(Source { name: suite.source.name.clone(), text: padded });
    let is_json = text.trim_start().starts_with('{');
    let read = match document::read(if is_json { "a.json" } else { "a.yaml" }, &source.text) {
        Ok((_, mut documents)) => match documents.pop() {
            Some(node) if documents.is_empty() => {
                // As it is put into Envoy's file.
                let carried = node.get("configuration").and_then(|plugin| plugin.get("value"));
                let node = carried.cloned().unwrap_or(node);
                Tested::within(source, &node).map(Rc::new)
            }
            _ => {
                suite.fault(at, "a policy is one document");
                return None;
            }
        },
        Err(fault) => {
            suite.fault(fault.at, fault.message);
            return None;
        }
    };
    suite.usable(at, read)
}

/// A policy with further members, those of objects among the members that are there.
fn added(policy: &str, members: &str) -> Result<String, String> {
    use serde_json::Value;
    fn merge(into: &mut Value, members: Value) {
        match (into, members) {
            (Value::Object(into), Value::Object(members)) => {
                for (key, value) in members {
                    merge(into.entry(key).or_insert(Value::Null), value);
                }
            }
            (into, value) => *into = value,
        }
    }
    let read = |text| serde_json::from_str::<Value>(text).map_err(|error| error.to_string());
    let mut policy = read(policy)?;
    merge(&mut policy, read(members)?);
    Ok(policy.to_string())
}
