//! Questions that a test writes into the name of the tool that it calls: for tests of the
//! pause alone. No build that is shipped has it.
//!
//! `ask:` is followed by questions between bars, each of four words and a text: `grpc` or
//! `http`, or `3*grpc` to ask it three times, the cluster, the milliseconds, `deny`, `allow` or `shed` for no answer, and
//! the bytes. The answer `ok` leads to the next question, `over N` is a limit without
//! room for N seconds, and any other is not an answer.

use super::{Counted, Denied, Next};
use crate::exchange::question::{Answer, Question, Service};
use crate::policy::Reason;
use std::collections::VecDeque;

/// The rule of all denials.
const RULE: &str = "(script)";

/// The questions that are left.
#[derive(Debug)]
pub struct Script {
    left: VecDeque<Line>,
    /// The line of the question that was asked.
    last: Option<OnFailure>,
}

#[derive(Debug)]
struct Line {
    question: Question,
    on_failure: OnFailure,
}

/// The treatment of a request about which a question gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnFailure {
    /// It is refused.
    Deny,
    /// It goes on.
    Allow,
    /// The next question is asked.
    Shed,
}

impl Script {
    pub(super) fn parse(tool: &str) -> Option<Self> {
        let mut left = VecDeque::new();
        for text in tool.strip_prefix("ask:")?.split('|') {
            let (times, text) = text.split_once('*').unwrap_or(("1", text));
            for _ in 0..times.parse::<u8>().ok()? {
                left.push_back(line(text)?);
            }
        }
        Some(Self { left, last: None })
    }

    pub(super) fn next(&mut self, answer: Option<Answer>) -> Next {
        let text = match answer {
            None => Some("ok".into()),
            Some(Answer::Grpc(bytes) | Answer::Http { status: 200, body: bytes, .. }) => {
                String::from_utf8(bytes).ok()
            }
            Some(_) => None,
        };
        let over = text.as_deref().and_then(|text| text.strip_prefix("over ")?.parse().ok());
        if let Some(seconds) = over {
            let (reason, message) = (Reason::RateLimited, "No room.");
            return deny(reason, message, Some(seconds));
        }
        match (text.as_deref(), self.last) {
            (Some("ok"), _) | (_, Some(OnFailure::Shed)) => self.ask(),
            (_, Some(OnFailure::Allow)) => Next::Pass(Counted::Process, None),
            _ => deny(Reason::CounterContended, "No answer.", None),
        }
    }

    fn ask(&mut self) -> Next {
        let Some(Line { question, on_failure }) = self.left.pop_front() else {
            return Next::Pass(Counted::Process, None);
        };
        self.last = Some(on_failure);
        Next::Ask(Box::new(question))
    }

    pub(super) fn size(&self) -> usize {
        self.left.iter().map(|line| line.question.bytes.len()).fold(0, usize::saturating_add)
    }
}

fn deny(reason: Reason, message: &'static str, retry_after: Option<u64>) -> Next {
    Next::Deny(Denied { call: 0, reason, rule: RULE.into(), message: message.into(), retry_after })
}

fn line(line: &str) -> Option<Line> {
    let mut words = line.splitn(5, ' ');
    let mut word = || words.next();
    let (protocol, cluster, timeout) = (word()?, word()?, word()?.parse().ok()?);
    let on_failure = match word()? {
        "deny" => OnFailure::Deny,
        "allow" => OnFailure::Allow,
        "shed" => OnFailure::Shed,
        _ => return None,
    };
    let service = match protocol {
        "grpc" => Service::Grpc { authority: None, service: "test.Questions", method: "Ask" },
        "http" => Service::Http {
            authority: "questions".into(),
            path: "/ask".into(),
            headers: vec![("x-question", "yes".into())],
        },
        _ => return None,
    };
    let bytes = word().unwrap_or_default().as_bytes().to_vec();
    Some(Line {
        question: Question { cluster: cluster.into(), service, bytes, timeout },
        on_failure,
    })
}
