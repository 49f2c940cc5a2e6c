//! Cases in YAML or JSON.
//!
//! A file is an object with `policy` and `cases`. A case has a `name`, and is one step or
//! has `steps`, which share counts and a clock. Every other key is an error at its line
//! and column: a key that is not read would be a test that tests nothing.

mod expect;
mod object;
mod request;

pub(super) use expect::{Expect, Got};
pub(super) use request::Response;

use super::policies::{Policies, Tested, Unusable};
use super::suite::{Doing, Group, Step, Suite, Test, Time, Work};
use crate::document::{self, Node, Value};
use crate::policy::find;
use core::ops::Range;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::document::moment_of;
use mcp_policy_filter::simulate::table;
use object::{Object, Wrong};
use std::rc::Rc;

/// The keys of a file, of a case, and of a step.
const FILE: [&str; 2] = ["policy", "cases"];
const CASE: [&str; 3] = ["name", "policy", "steps"];
const STEP: [&str; 20] = [
    "at",
    "push",
    "as",
    "headers",
    "claims",
    "payload",
    "certificate",
    "route",
    "method",
    "path",
    "call",
    "message",
    "body",
    "trailers",
    "ends",
    "approve",
    "deny",
    "list",
    "response",
    "times",
];

/// Reads a file of cases.
pub(super) fn read(suite: &mut Suite, policies: &mut Policies) {
    let source = Rc::clone(&suite.source);
    let (_, documents) = match document::read(&source.name, &source.text) {
        Ok(read) => read,
        Err(fault) => return suite.fault(fault.at, fault.message),
    };
    for node in &documents {
        let mut others = Vec::new();
        configurations(node, &mut others);
        let is_ours = |at: usize| others.iter().all(|other: &Range<usize>| !other.contains(&at));
        for doubt in node.doubts() {
            if is_ours(doubt.span.start) {
                suite.fault(doubt.span.start, doubt.message());
            }
        }
    }
    if suite.faults.is_empty() {
        for node in documents {
            Reader { suite, policies }.file(&node);
        }
    }
}

/// The configurations in the place of a policy, at the top, in a case or in a step. Their
/// readers take a word like `127.0.0.1` for what it is; of the policy in them, doubts are
/// its errors.
fn configurations(node: &Node, found: &mut Vec<Range<usize>>) {
    for key in ["policy", "push"] {
        let given = node.get(key).filter(|given| matches!(given.value, Value::Object(_)));
        found.extend(given.filter(|given| !find::is_policy(given)).map(|given| given.span.clone()));
    }
    for list in ["cases", "steps"] {
        let elements = node.get(list).map(Node::elements).unwrap_or_default();
        elements.iter().for_each(|element| configurations(element, found));
    }
}

struct Reader<'a> {
    suite: &'a mut Suite,
    policies: &'a mut Policies,
}

impl Reader<'_> {
    fn fault(&mut self, wrong: Wrong) {
        self.suite.fault(wrong.at, wrong.message);
    }

    fn file(&mut self, node: &Node) {
        if node.get("version").is_some() && FILE.iter().all(|key| node.get(key).is_none()) {
            let words = "the file is a policy, which `mcp-policy check` checks; a file of tests \
                         names it under `policy`";
            return self.suite.fault(node.span.start, words);
        }
        let object = match Object::new(node, &[&FILE]) {
            Ok(object) => object,
            Err(all) => return all.into_iter().for_each(|wrong| self.fault(wrong)),
        };
        let policy = match object.get("policy") {
            Some(node) => match self.policy(node) {
                // One fault is enough of a policy that cannot be used.
                None => return,
                policy => policy,
            },
            None => None,
        };
        let Some(cases) = object.get("cases") else {
            return self.suite.fault(node.span.start, "`cases` is missing: a list of cases");
        };
        let Value::List(cases) = &cases.value else {
            return self.suite.fault(cases.span.start, "`cases` is a list of cases");
        };
        for case in cases {
            if let Err(all) = self.case(case, policy.as_ref()) {
                all.into_iter().for_each(|wrong| self.fault(wrong));
            }
        }
    }

    /// A policy by the path of its file, or as an object; else a fault is added.
    fn policy(&mut self, node: &Node) -> Option<Rc<Tested>> {
        let read: Result<Rc<Tested>, Unusable> = match &node.value {
            Value::Text(file) => self.policies.of_file(&self.suite.source.name, file),
            Value::Object(_) => Tested::within(Rc::clone(&self.suite.source), node).map(Rc::new),
            _ => {
                self.suite.fault(node.span.start, "a policy is the path of a file, or an object");
                return None;
            }
        };
        self.suite.usable(node.span.start, read)
    }

    fn case(&mut self, node: &Node, policy: Option<&Rc<Tested>>) -> Result<(), Vec<Wrong>> {
        let has_steps = node.get("steps").is_some();
        let keys: &[&[&str]] = if has_steps { &[&CASE] } else { &[&CASE, &STEP, &["expect"]] };
        let object = Object::new(node, keys)?;
        let name = object.text("name")?;
        let name =
            name.ok_or_else(|| Wrong::new(node, "`name` is missing: what the case shows"))?;
        let own = object.get("policy").map(|node| self.policy(node));
        let policy = match own {
            // The fault is told.
            Some(None) => return Ok(()),
            Some(Some(policy)) => policy,
            None => match policy {
                Some(policy) => Rc::clone(policy),
                None => return Err(vec![Wrong::new(node, "`policy` is missing: a file")]),
            },
        };
        let mut steps = Vec::new();
        let mut in_force = Rc::clone(&policy);
        if let Some(list) = object.get("steps") {
            let Value::List(list) = &list.value else {
                return Err(vec![Wrong::new(list, "`steps` is a list of steps")]);
            };
            for node in list {
                let object = Object::new(node, &[&STEP, &["expect"]])?;
                self.step(node, &object, &mut in_force, &mut steps)?;
            }
        } else {
            self.step(node, &object, &mut in_force, &mut steps)?;
        }
        let is_empty = !steps.iter().any(|step| matches!(step.work, Work::Act(_)));
        if is_empty {
            return Err(vec![Wrong::new(node, "the case expects nothing; give it a `call`")]);
        }
        let test = Test { name: name.to_owned(), at: node.span.start, steps };
        self.suite.groups.push(Group { policy, tests: vec![test] });
        Ok(())
    }

    fn step(
        &mut self,
        node: &Node,
        object: &Object<'_>,
        policy: &mut Rc<Tested>,
        steps: &mut Vec<Step>,
    ) -> Result<(), Vec<Wrong>> {
        let at = node.span.start;
        let mut time = time(object)?;
        if let Some(file) = object.get("push") {
            // A policy that cannot be used is a fault already.
            let Some(pushed) = self.policy(file) else { return Ok(()) };
            *policy = Rc::clone(&pushed);
            steps.push(Step { at, time, work: Work::Push(pushed) });
            time = Time::default();
        }
        let act = request::act(node, object, &policy.policy)?;
        let expect = object.get("expect").map(Expect::read).transpose()?;
        let times = match object.get("times") {
            None => 1,
            Some(node) => match object::number(node) {
                Some(times @ 1..) => times,
                _ => return Err(vec![Wrong::new(node, "`times` is a whole number from 1")]),
            },
        };
        match (act, expect) {
            (Some((act, response)), Some(expect)) => {
                let doing = Doing { act, times, response, expect };
                steps.push(Step { at, time, work: Work::Act(Box::new(doing)) });
            }
            (None, None) if object.get("push").is_some() => {}
            (None, None) if object.get("at").is_some() => {
                steps.push(Step { at, time, work: Work::Wait });
            }
            (None, _) => {
                let needs = "a step needs `call`, `message`, `body`, `method`, `list`, `approve` \
                             or `deny`";
                return Err(vec![Wrong::new(node, needs)]);
            }
            (Some(_), None) => {
                return Err(vec![Wrong::new(node, "`expect` is missing: the outcome")]);
            }
        }
        Ok(())
    }
}

/// The nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// The moment of a step: a time of day, seconds after midnight, or a moment with its
/// day.
fn time(object: &Object<'_>) -> Result<Time, Vec<Wrong>> {
    let Some(node) = object.get("at") else { return Ok(Time::default()) };
    let found = match &node.value {
        Value::Number(_) => {
            object::number(node).map(|clock| Time { day: None, clock: Some(clock) })
        }
        Value::Text(text) => match (table::clock(text), moment_of(text)) {
            (Some(clock), _) => Some(Time { day: None, clock: Some(clock) }),
            // The clock of a stage has whole seconds.
            (None, Some(Nanos(moment))) if moment.is_multiple_of(SECOND) => {
                let seconds = moment.checked_div(SECOND).unwrap_or_default();
                let clock = seconds.checked_rem(86_400).unwrap_or_default();
                Some(Time { day: seconds.checked_sub(clock), clock: Some(clock) })
            }
            (None, _) => None,
        },
        _ => None,
    };
    found.ok_or_else(|| {
        let words = "`at` is a time of day (\"00:01:30\"), a number of seconds after midnight, or \
                     a moment in whole seconds (\"2026-03-01T12:00:00Z\")";
        vec![Wrong::new(node, words)]
    })
}
