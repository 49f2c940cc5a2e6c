//! The protocol of rate limit services, Envoy's own: how limits are counted across
//! replicas, by an engine that people already run.
//!
//! Nothing here calls anything. A [`Plan`] has the questions of a call, each as the bytes
//! of a `RateLimitRequest`, and reads the answer to each. Two engines speak the protocol
//! and differ in it:
//!
//! - `ratelimit` is told each limit with the question, so that the policy is the truth,
//!   and weighs each by itself. It charges a call that it refuses. So a call that weighs
//!   more than one, or has several limits, is first asked about with no weight at all.
//! - `limitador` has limits of its own, whose conditions are about the first descriptor
//!   of a question: there is no other way to write them that holds wherever one is in the
//!   list. So there is a question for each limit, the lightest first.
//!
//! An engine without configuration says OK to everything. So an OK counts only if the
//! answer proves that each limit was applied.

mod answer;
mod header;
mod request;

use crate::order;
use answer::Answer;

/// The service of the protocol.
pub const SERVICE: &str = "envoy.service.ratelimit.v3.RateLimitService";
/// Its method.
pub const METHOD: &str = "ShouldRateLimit";
/// The largest answer that is read.
pub const MAX_ANSWER_BYTES: usize = 64 << 10;
/// The key of a descriptor's entry that names the counter.
pub const COUNTER: &str = "mcp_counter";
/// The key of the entry behind it that names the caller.
pub const CALLER: &str = "mcp_caller";
/// The start of the key of a caller's count at `ratelimit`, which escapes nothing: no
/// name of a counter may hold it.
pub const CALLER_IN_KEY: &str = "_mcp_caller_";

/// The engines that are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// envoyproxy/ratelimit.
    Ratelimit,
    /// Kuadrant's Limitador.
    Limitador,
}

impl Engine {
    /// The word for it in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ratelimit => "ratelimit",
            Self::Limitador => "limitador",
        }
    }

    /// Whether it counts by windows of this length.
    pub const fn counts_by(self, seconds: u32) -> bool {
        matches!(self, Self::Limitador) || unit(seconds) != 0
    }
}

/// The protocol's number for a unit of time, 0 for any other.
const fn unit(seconds: u32) -> u8 {
    match seconds {
        1 => 1,
        60 => 2,
        3_600 => 3,
        86_400 => 4,
        _ => 0,
    }
}

/// A limit of a call, as the service counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge<'a> {
    /// The counter's name.
    pub counter: &'a str,
    /// The caller, if each has a count.
    pub caller: Option<&'a str>,
    /// The units that a window admits.
    pub max: u32,
    /// The length of the window, in seconds.
    pub window: u32,
    /// The units that the call takes.
    pub units: u64,
}

/// The outcome of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All limits of the question have room, and the rest of each where the engine
    /// tells it: the limit's index and units.
    Ok(Vec<(usize, u32)>),
    /// One has no room.
    Over {
        /// The limit's index.
        index: usize,
        /// The seconds until there may be room again, if the engine tells them.
        retry_after: Option<u64>,
    },
    /// It cannot be told whether the call was counted.
    Failed(Failure),
}

/// The reasons why an answer counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The bytes are not an answer, or are too many.
    Unreadable,
    /// The engine does not know.
    Unknown,
    /// The engine says OK, and nothing shows that it applied each limit.
    Unproven,
}

/// A question to the service, which owns what it takes to read the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// A serialized `RateLimitRequest`.
    pub bytes: Vec<u8>,
    engine: Engine,
    /// Whether nothing is charged.
    looks: bool,
    limits: Vec<Sent>,
}

/// A limit of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sent {
    /// Its index among those of the call.
    index: usize,
    max: u32,
    window: u32,
    units: u64,
    /// The rest that a look found before the charge.
    before: Option<Left>,
}

/// The rest of a limit, as `ratelimit` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Left {
    units: u32,
    /// The seconds until its window ends.
    wait: u64,
}

/// The questions about a call, to be asked one after another until one is not answered
/// with [`Verdict::Ok`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    questions: Vec<Question>,
    next: usize,
}

impl Plan {
    /// The questions about a call with these charges. Those to one count are one charge,
    /// under the smallest `max`; those of no units are left out.
    ///
    /// # Errors
    /// The index of a limit of which the charges alone are more than it admits.
    pub fn new(engine: Engine, domain: &str, charges: &[Charge<'_>]) -> Result<Self, usize> {
        let mut all: Vec<(usize, Charge<'_>)> = Vec::new();
        for (index, charge) in charges.iter().enumerate().filter(|(_, charge)| charge.units > 0) {
            let same = |(_, other): &&mut (usize, Charge<'_>)| {
                other.counter == charge.counter && other.caller == charge.caller
            };
            match all.iter_mut().find(same) {
                Some((first, other)) => {
                    other.units = other.units.saturating_add(charge.units);
                    if charge.max < other.max {
                        (*first, other.max) = (index, charge.max);
                    }
                }
                None => all.push((index, *charge)),
            }
        }
        if let Some((index, _)) = all.iter().find(|(_, all)| all.units > u64::from(all.max)) {
            return Err(*index);
        }
        let question = |looks, part: &[(usize, Charge<'_>)]| Question {
            bytes: request::write(engine, domain, looks, part),
            engine,
            looks,
            limits: part.iter().map(|(index, charge)| Sent::new(*index, charge)).collect(),
        };
        let mut questions = Vec::new();
        match (engine, &*all) {
            (_, []) => {}
            (Engine::Limitador, _) => {
                let all = order::sorted(all, |(_, a), (_, b)| a.units.cmp(&b.units));
                questions.extend(all.chunks(1).map(|one| question(false, one)));
            }
            (Engine::Ratelimit, _) => {
                if !matches!(*all, [(_, Charge { units: 1, .. })]) {
                    questions.push(question(true, &all));
                }
                questions.push(question(false, &all));
            }
        }
        Ok(Self { questions, next: 0 })
    }

    /// The question to ask next; none if the service counted all.
    pub fn question(&self) -> Option<&Question> {
        self.questions.get(self.next)
    }

    /// The index of the limit that the first question beyond these is about, if there is
    /// one.
    pub fn beyond(&self, questions: usize) -> Option<usize> {
        Some(self.questions.get(questions)?.limits.first()?.index)
    }

    /// The bytes that it keeps besides itself, about.
    pub fn size(&self) -> usize {
        let sizes = self.questions.iter().map(|question| {
            let limits = question.limits.len().saturating_mul(size_of::<Sent>());
            question.bytes.len().saturating_add(limits).saturating_add(size_of::<Question>())
        });
        sizes.fold(0, usize::saturating_add)
    }

    /// Reads the answer to [`Self::question`]. After [`Verdict::Ok`], there may be another
    /// question.
    pub fn answered(&mut self, answer: &[u8]) -> Verdict {
        let unreadable = Verdict::Failed(Failure::Unreadable);
        let Some(question) = self.question() else { return unreadable };
        let Some(answer) = Answer::read(answer, question) else { return unreadable };
        let verdict = answer.verdict(question);
        if matches!(verdict, Verdict::Ok(_)) {
            let looked = question.looks;
            self.next = self.next.saturating_add(1);
            if looked && let Some(charging) = self.questions.get_mut(self.next) {
                for (sent, left) in charging.limits.iter_mut().zip(&answer.left) {
                    sent.before = Some(*left);
                }
            }
        }
        verdict
    }
}

impl Sent {
    const fn new(index: usize, charge: &Charge<'_>) -> Self {
        let Charge { max, window, units, .. } = *charge;
        Self { index, max, window, units, before: None }
    }

    /// Whether this rest after a charge shows that the whole weight was charged, or after
    /// a look that it may be the rest at all. A `ratelimit` of before 2025 reads no weight
    /// of a descriptor, and charges 1 for any.
    fn shows(&self, left: Left, looks: bool) -> bool {
        let rest = |before: u32| u64::from(before).checked_sub(self.units);
        let at_most = match self.before {
            _ if looks => Some(self.max.into()),
            // In the same window. One of a second ends in a second at any time.
            Some(before) if left.wait <= before.wait && self.window > 1 => rest(before.units),
            _ => rest(self.max),
        };
        at_most.is_some_and(|most| u64::from(left.units) <= most)
    }
}

#[cfg(test)]
mod tests;
