//! Suites, played: each group on a stage of its own.

use super::cases::Got;
use super::coverage::Coverage;
use super::explanation;
use super::policies::Tested;
use super::suite::{Group, Step, Suite, Test, Work};
use crate::output::shown;
use mcp_policy_filter::simulate::stage::{Stage, Untrue};
use mcp_policy_filter::simulate::table::Act;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// A test that was played.
#[derive(Debug)]
pub(super) struct Played {
    /// The file.
    pub(super) file: String,
    /// The line and the column of the test.
    pub(super) place: (usize, usize),
    /// Its name.
    pub(super) name: String,
    /// The failure, unless it passed.
    pub(super) failure: Option<Failed>,
}

/// The failure of a test.
#[derive(Debug)]
pub(super) struct Failed {
    /// The line and the column of the step that failed.
    pub(super) place: (usize, usize),
    /// The outcome that it must have; none where the file is at fault.
    pub(super) expected: Option<String>,
    /// The outcome that it had, or the fault.
    pub(super) found: String,
    /// Lines beneath.
    pub(super) beneath: Vec<String>,
}

/// Plays the tests of a file that are asked for.
pub(super) fn suite(
    suite: &Suite,
    only: Option<&str>,
    mut coverage: Option<&mut Coverage>,
    all: &mut Vec<Played>,
) {
    let file = &suite.source.name;
    for fault in &suite.faults {
        let failure = Failed {
            place: suite.place(fault.at),
            expected: None,
            found: shown(&fault.message).into_owned(),
            beneath: fault.beneath.clone(),
        };
        let (place, name) = (failure.place, String::new());
        all.push(Played { file: file.clone(), place, name, failure: Some(failure) });
    }
    let mut places = Places::new(&suite.source.text);
    for group in &suite.groups {
        // The tests of a group are played up to the last one that is asked for, since
        // each finds the counts of those before it.
        let is_asked =
            |test: &Test| only.is_none_or(|text| format!("{file}: {}", test.name).contains(text));
        let Some(last) = group.tests.iter().rposition(is_asked) else { continue };
        let tests = group.tests.get(..=last).unwrap_or_default();
        let mut played = Vec::new();
        let mut differences = BTreeMap::new();
        let mut playing = Playing::new(group, coverage.as_deref_mut());
        for (index, test) in tests.iter().enumerate() {
            let difference = playing.test(test).filter(|_| is_asked(test));
            if let Some(difference) = difference {
                differences.insert((index, difference.step, difference.time), difference);
            }
            if is_asked(test) {
                played.push((index, test));
            }
        }
        let mut explanations = match differences.is_empty() {
            true => BTreeMap::new(),
            false => explanations(group, tests, &differences),
        };
        for (index, test) in played {
            let of_test = (index, 0, 0)..=(index, usize::MAX, u64::MAX);
            let failure = differences.range(of_test).next().map(|(call, difference)| Failed {
                place: places.of(difference.at),
                expected: Some(shown(&difference.expected).into_owned()),
                found: shown(&difference.found).into_owned(),
                beneath: explanations.remove(call).unwrap_or_default(),
            });
            let place = places.of(test.at);
            all.push(Played { file: file.clone(), place, name: test.name.clone(), failure });
        }
    }
}

/// A call of a group: the number of its test, of its step, and of its time.
type Call = (usize, usize, u64);

/// A step that had another outcome than it must have.
struct Difference {
    /// The number of the step, and of the time.
    step: usize,
    time: u64,
    /// The byte of the step.
    at: usize,
    expected: String,
    found: String,
}

/// The explanations of the calls that differ. All tests are played again on another
/// stage, so that each explanation finds the counts that its call found.
fn explanations(
    group: &Group,
    tests: &[Test],
    differences: &BTreeMap<Call, Difference>,
) -> BTreeMap<Call, Vec<String>> {
    let mut explanations = BTreeMap::new();
    let mut tested = &group.policy;
    let mut stage = Stage::under(Arc::clone(&tested.policy));
    for (index, test) in tests.iter().enumerate() {
        for (number, step) in test.steps.iter().enumerate() {
            step.begin(&mut stage);
            if let Work::Push(policy) = &step.work {
                tested = policy;
            }
            for time in 1..=step.times() {
                let call = (index, number, time);
                if differences.contains_key(&call)
                    && let Some(Act::Ask(ask)) = step.act()
                {
                    explanations.insert(call, explanation::lines(tested, &stage, ask));
                }
                // The rest of a test that fails is not played.
                if step.once(&mut stage, time).is_some() && differences.contains_key(&call) {
                    break;
                }
            }
        }
    }
    explanations
}

/// A group that is played.
struct Playing<'g, 'c> {
    stage: Stage,
    /// The policy in force.
    policy: &'g Rc<Tested>,
    coverage: Option<&'c mut Coverage>,
}

impl<'g, 'c> Playing<'g, 'c> {
    fn new(group: &'g Group, coverage: Option<&'c mut Coverage>) -> Self {
        let stage = Stage::under(Arc::clone(&group.policy.policy));
        let mut playing = Self { stage, policy: &group.policy, coverage };
        playing.cover(&group.policy);
        playing
    }

    /// Puts a policy in force, and its rules among those that may be reached.
    fn cover(&mut self, policy: &'g Rc<Tested>) {
        self.policy = policy;
        if let Some(coverage) = &mut self.coverage {
            coverage.add(policy);
        }
    }

    /// Plays a test up to the first step that has another outcome.
    fn test(&mut self, test: &'g Test) -> Option<Difference> {
        for (number, step) in test.steps.iter().enumerate() {
            step.begin(&mut self.stage);
            if let Work::Push(policy) = &step.work {
                self.cover(policy);
            }
            for time in 1..=step.times() {
                if let Some(coverage) = &mut self.coverage
                    && let Some(Act::Ask(ask)) = step.act()
                {
                    coverage.reach(self.policy, &self.stage, ask);
                }
                if let Some((expected, found)) = step.once(&mut self.stage, time) {
                    return Some(Difference { step: number, time, at: step.at, expected, found });
                }
            }
        }
        None
    }
}

impl Step {
    /// Sets the clock, and the policy.
    fn begin(&self, stage: &mut Stage) {
        stage.day = self.time.day.unwrap_or(stage.day);
        stage.clock = self.time.clock.unwrap_or(stage.clock);
        if let Work::Push(policy) = &self.work {
            stage.policy = Arc::clone(&policy.policy);
        }
    }

    const fn times(&self) -> u64 {
        match &self.work {
            Work::Line(line) => line.times,
            Work::Act(doing) => doing.times,
            Work::Send(..) => 1,
            Work::Push(_) | Work::Wait => 0,
        }
    }

    fn act(&self) -> Option<&Act> {
        match &self.work {
            Work::Line(line) => Some(&line.act),
            Work::Act(doing) => Some(&doing.act),
            Work::Send(..) | Work::Push(_) | Work::Wait => None,
        }
    }

    /// Does it once; the outcome that it must have, and the one it had, if they differ.
    fn once(&self, stage: &mut Stage, time: u64) -> Option<(String, String)> {
        let (expected, found) = match &self.work {
            Work::Push(_) | Work::Wait => return None,
            Work::Send(ask, response) => match stage.send(ask) {
                Ok(sent) => {
                    Got::of_sent(sent, &stage.host(), response.as_ref());
                    return None;
                }
                Err(step) => (String::new(), Untrue::OutOfTurn(Box::new(step)).to_string()),
            },
            Work::Line(line) => match stage.act(&line.act) {
                Ok((found, _)) if line.is_met(&found) => return None,
                Ok((found, _)) if line.is_about_http() => (line.to_string(), format!("{found:#}")),
                Ok((found, _)) => (line.to_string(), found.to_string()),
                Err(untrue) => (line.to_string(), untrue.to_string()),
            },
            Work::Act(doing) => {
                let got = match &doing.act {
                    Act::Ask(ask) => stage
                        .send(ask)
                        .map(|sent| Got::of_sent(sent, &stage.host(), doing.response.as_ref()))
                        .map_err(|step| Untrue::OutOfTurn(Box::new(step))),
                    Act::Decide(decision) => stage.decide(decision).map(Got::of_decision),
                };
                match got {
                    Ok(got) => (doing.expect.unmet(&got)?, got.shown()),
                    Err(untrue) => (doing.expect.to_string(), untrue.to_string()),
                }
            }
        };
        Some((expected, if time > 1 { format!("{found}, at time {time}") } else { found }))
    }
}

/// Lines and columns of bytes that mostly grow, without reading the text from its
/// beginning each time.
struct Places<'t> {
    text: &'t str,
    at: usize,
    line: usize,
}

impl<'t> Places<'t> {
    const fn new(text: &'t str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    fn of(&mut self, at: usize) -> (usize, usize) {
        if at < self.at {
            (self.at, self.line) = (0, 1);
        }
        let between = self.text.get(self.at..at).unwrap_or_default();
        let newlines = between.bytes().filter(|byte| *byte == b'\n').count();
        (self.at, self.line) = (at, self.line.saturating_add(newlines));
        let before = self.text.get(..at).unwrap_or(self.text);
        let start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
        let column = before.get(start..).unwrap_or_default().chars().count().saturating_add(1);
        (self.line, column)
    }
}
