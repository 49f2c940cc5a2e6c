//! Tests as they are played, whatever language they were written in.

use super::policies::{Policies, Tested, Unusable};
use super::{cases, tables};
use crate::document::position;
use crate::failure::Failure;
use crate::finding::{Finding, Severity, Source};
use crate::input;
use mcp_policy_filter::simulate::notation::Ask;
use mcp_policy_filter::simulate::table::{Act, Line};
use std::rc::Rc;

/// The tests of a file.
#[derive(Debug)]
pub(super) struct Suite {
    /// The file.
    pub(super) source: Rc<Source>,
    /// Groups, each with counts and a clock of its own.
    pub(super) groups: Vec<Group>,
    /// The faults of the file, each of which is a failed test.
    pub(super) faults: Vec<Fault>,
}

/// A fault of a file with tests.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// Its byte in the file.
    pub(super) at: usize,
    /// The fault, and the remedy.
    pub(super) message: String,
    /// The errors of the policy, if it is at fault.
    pub(super) beneath: Vec<String>,
}

/// Tests on one stage, one after the other.
#[derive(Debug)]
pub(super) struct Group {
    /// The policy that is in force at first.
    pub(super) policy: Rc<Tested>,
    /// The tests.
    pub(super) tests: Vec<Test>,
}

/// One test, which passes or fails.
#[derive(Debug)]
pub(super) struct Test {
    /// Its name.
    pub(super) name: String,
    /// Its byte in the file.
    pub(super) at: usize,
    /// Its steps, of which each must have its outcome.
    pub(super) steps: Vec<Step>,
}

/// One step.
#[derive(Debug)]
pub(super) struct Step {
    /// Its byte in the file.
    pub(super) at: usize,
    /// The moment of it.
    pub(super) time: Time,
    /// The work.
    pub(super) work: Work,
}

/// The moment of a step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Time {
    /// Another day, in seconds since 1970.
    pub(super) day: Option<u64>,
    /// Another time of day, in seconds.
    pub(super) clock: Option<u64>,
}

/// The work of a step.
#[derive(Debug)]
pub(super) enum Work {
    /// Another policy takes over; the counts stay.
    Push(Rc<Tested>),
    /// Time passes.
    Wait,
    /// A request whose outcome is not a part of the test, and the server's response.
    Send(Box<Ask>, Option<cases::Response>),
    /// A line of a table.
    Line(Box<Line>),
    /// An act of a case.
    Act(Box<Doing>),
}

/// An act of a case, and its outcome.
#[derive(Debug)]
pub(super) struct Doing {
    /// The act.
    pub(super) act: Act,
    /// The number of times.
    pub(super) times: u64,
    /// The response of the server, if one comes.
    pub(super) response: Option<cases::Response>,
    /// The outcome.
    pub(super) expect: cases::Expect,
}

impl Suite {
    /// The tests of a file. One that cannot be read is a suite with a fault.
    pub(super) fn read(file: &str, policies: &mut Policies) -> Self {
        let (text, unread) = match input::text(file) {
            Ok(text) => (input::without_mark(text), None),
            Err(Failure::Told(words)) => (String::new(), Some(words)),
            Err(other) => (String::new(), Some(other.to_string())),
        };
        let source = Rc::new(Source { name: file.to_owned(), text });
        let mut suite = Self { source: Rc::clone(&source), groups: Vec::new(), faults: Vec::new() };
        if let Some(words) = unread {
            // It begins with the file's name, as every place does.
            let words = words.strip_prefix(&format!("{file}: ")).map_or(words.clone(), Into::into);
            suite.fault(0, words);
        } else if file.ends_with(".md") {
            tables::read_page(&mut suite, policies);
        } else if [".yaml", ".yml", ".json"].iter().any(|ending| file.ends_with(ending)) {
            cases::read(&mut suite, policies);
        } else {
            tables::read(&mut suite, policies);
        }
        if suite.groups.is_empty() && suite.faults.is_empty() {
            suite.fault(0, "the file has no tests");
        }
        suite
    }

    /// Adds a fault.
    pub(super) fn fault(&mut self, at: usize, message: impl Into<String>) {
        self.faults.push(Fault { at, message: message.into(), beneath: Vec::new() });
    }

    /// A policy, unless it cannot be used, which is a fault at this byte.
    pub(super) fn usable(
        &mut self,
        at: usize,
        read: Result<Rc<Tested>, Unusable>,
    ) -> Option<Rc<Tested>> {
        let (message, beneath) = match read {
            Ok(tested) => return Some(tested),
            Err(Unusable::Unread(words)) => (words, Vec::new()),
            Err(Unusable::Invalid(findings)) => {
                let is_error = |one: &&Finding| one.severity == Severity::Error;
                let lines = findings.iter().filter(is_error).map(ToString::to_string).collect();
                ("the policy is invalid".to_owned(), lines)
            }
        };
        self.faults.push(Fault { at, message, beneath });
        None
    }

    /// The line and column of a byte.
    pub(super) fn place(&self, at: usize) -> (usize, usize) {
        position(&self.source.text, at)
    }
}
