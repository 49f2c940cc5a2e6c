//! Lines of a table of calls: requests, and the outcome that each must have.
//!
//! ```text
//! [HH:MM:SS]  CALL[, N times]  allowed | shadow | served | REASON  [MORE ..]
//! ```
//!
//! Columns are set apart by two spaces or more. MORE is the rule, `HTTP N`,
//! `NAME: VALUE` for a header, `again in N s`, the reason of what shadow mode lets
//! pass, or a part of the message in double quotes.
//!
//! In a path, `ID` is the request for approval that an answer named last.
//! `approve it (WITH)` and `deny it: REASON (WITH)` are decisions about it. Their
//! outcome is the state of the request, or `refused`.

use crate::policy::Reason;
use crate::simulate::notation::{self, Ask, NotationError, NotationErrorKind};
use core::fmt;

/// A line of a table.
#[derive(Clone, Debug)]
pub struct Line {
    /// The time of day from here on, in seconds.
    pub clock: Option<u64>,
    /// The act.
    pub act: Act,
    /// The number of times that it is done.
    pub times: u64,
    /// The outcome that it must have each time.
    pub outcome: String,
    /// Further facts about the answer.
    pub more: Vec<String>,
}

/// An act of a line.
#[derive(Clone, Debug)]
pub enum Act {
    /// A request.
    Ask(Box<Ask>),
    /// A decision about the request for approval that was named last.
    Decide(Box<Decision>),
}

/// A person's decision.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The path below the request for approval: `/approve`.
    pub below: String,
    /// The request without its method, its path and its body.
    pub by: Ask,
}

/// Facts that a line may state of an answer, and its message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The outcome.
    pub outcome: String,
    /// Everything else.
    pub more: Vec<String>,
    /// The message.
    pub message: String,
}

/// The outcomes that are not reasons, those of decisions among them.
const OUTCOMES: [&str; 8] =
    ["allowed", "shadow", "served", "refused", "pending", "approved", "denied", "used"];

/// "00:01:30" as seconds.
pub fn clock(text: &str) -> Option<u64> {
    let mut parts = text.split(':');
    let mut part = |most: u64| {
        let part = parts.next().filter(|part| part.len() == 2)?;
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|part| digits && *part <= most)
    };
    let (hours, minutes, seconds): (u64, u64, u64) = (part(99)?, part(59)?, part(59)?);
    let minutes = hours.checked_mul(60)?.checked_add(minutes)?;
    let clock = minutes.checked_mul(60)?.checked_add(seconds)?;
    parts.next().is_none().then_some(clock)
}

/// Whether a column is probably meant as a time of day: hardly a tool has such a name.
fn is_like_a_time(column: &str) -> bool {
    column.contains(':') && column.bytes().all(|byte| byte.is_ascii_digit() || byte == b':')
}

impl Decision {
    /// Consent, by a person whom these words describe, or another decision.
    ///
    /// # Errors
    /// See [`Ask::with_words`].
    pub fn new(below: String, with: &str) -> Result<Self, NotationError> {
        let by = Ask::post("").with_parenthesis(with)?;
        Ok(Self { below, by })
    }

    /// The path below a request of a denial with this reason.
    pub fn denial(reason: &str) -> String {
        let mut path = String::from("/deny?reason=");
        for byte in reason.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    path.push(char::from(byte));
                }
                byte => path.push_str(&format!("%{byte:02X}")),
            }
        }
        path
    }

    /// Reads a decision; `None` if a cell is not one.
    fn parse(cell: &str) -> Result<Option<Self>, NotationError> {
        let split = cell.strip_suffix(')').and_then(|cell| cell.rsplit_once(" ("));
        let (words, with) = split.unwrap_or((cell, ""));
        let below = match words {
            "approve it" => "/approve".to_owned(),
            "deny it" => "/deny".to_owned(),
            _ => match words.strip_prefix("deny it: ") {
                Some(reason) => Self::denial(reason),
                None => return Ok(None),
            },
        };
        Self::new(below, with).map(Some).map_err(|mut error| {
            error.at = error.at.saturating_add(notation::place(cell, with));
            error
        })
    }
}

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    /// The line is not in the notation.
    pub fn parse(line: &str) -> Result<Self, NotationError> {
        let read = Self::parse_open(line)?;
        let missing = NotationErrorKind::Column("outcome");
        match &*read.outcome {
            "" => Err(NotationError { at: line.trim_end().len(), kind: missing }),
            _ => Ok(read),
        }
    }

    /// Reads a line that may end with its call. Its outcome is then empty, and no answer
    /// meets it.
    ///
    /// # Errors
    /// The line is not in the notation.
    pub fn parse_open(line: &str) -> Result<Self, NotationError> {
        let mut columns = line.split("  ").map(str::trim).filter(|column| !column.is_empty());
        let end = line.trim_end().len();
        let mut column = || {
            let missing = NotationErrorKind::Column("call");
            columns.next().ok_or(NotationError { at: end, kind: missing })
        };
        let mut cell = column()?;
        let clock = clock(cell);
        if clock.is_some() {
            cell = column()?;
        } else if is_like_a_time(cell) {
            return notation::fault(line, cell, NotationErrorKind::Time(cell.into()));
        }
        let outcome = columns.next();
        let within = |mut error: NotationError| {
            error.at = error.at.saturating_add(notation::place(line, cell));
            error
        };
        let (call, times) = match cell.strip_suffix(" times").and_then(|c| c.rsplit_once(", ")) {
            Some((call, times)) => match times.parse() {
                Ok(1..) if times.starts_with(|digit: char| digit.is_ascii_digit()) => {
                    (call, times.parse().unwrap_or(1))
                }
                _ => return notation::fault(line, times, NotationErrorKind::Times(times.into())),
            },
            None => (cell, 1),
        };
        let act = match Decision::parse(call).map_err(within)? {
            Some(decision) => Act::Decide(Box::new(decision)),
            None => Act::Ask(Box::new(Ask::parse(call).map_err(within)?)),
        };
        let outcome = match outcome {
            Some(word) if !is_outcome(word) => {
                return notation::fault(line, word, NotationErrorKind::Outcome(word.into()));
            }
            outcome => outcome.unwrap_or_default(),
        };
        let mut more = Vec::new();
        for column in columns {
            if !is_fact(column) {
                return notation::fault(line, column, NotationErrorKind::Fact(column.into()));
            }
            more.push(column.to_owned());
        }
        Ok(Self { clock, act, times, outcome: outcome.into(), more })
    }

    /// Whether the line states the status or a header of the answer.
    pub fn is_about_http(&self) -> bool {
        self.more.iter().any(|fact| fact.starts_with("HTTP ") || fact.contains(": "))
    }

    /// Whether an answer has the outcome and every fact of the line.
    pub fn is_met(&self, found: &Facts) -> bool {
        let is_so = |column: &String| match column.strip_prefix('"') {
            Some(part) => found.message.contains(part.trim_end_matches('"')),
            None => found.more.contains(column),
        };
        found.outcome == self.outcome && self.more.iter().all(is_so)
    }
}

/// Whether an answer may have this outcome.
pub fn is_outcome(word: &str) -> bool {
    OUTCOMES.contains(&word) || is_reason(word)
}

/// Whether a refusal may have this reason.
pub fn is_reason(word: &str) -> bool {
    Reason::ALL.iter().any(|reason| reason.as_str() == word)
}

/// Whether some answer might have this fact. One that none can have would be a slip of
/// the pen, and is told apart from a failure.
fn is_fact(column: &str) -> bool {
    let is_rule = column.starts_with('/') || (column.starts_with('(') && column.ends_with(')'));
    let is_message = column.len() > 1 && column.starts_with('"') && column.ends_with('"');
    let number = column.strip_prefix("HTTP ");
    let number = number.or_else(|| column.strip_prefix("again in ")?.strip_suffix(" s"));
    let is_number = number.is_some_and(|number| number.parse::<u64>().is_ok());
    is_rule || is_message || is_number || is_reason(column) || column.contains(": ")
}

impl fmt::Display for Line {
    /// The expectation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.outcome)?;
        self.more.iter().try_for_each(|column| write!(f, "  {column}"))
    }
}

/// The answer in a line; without `#`, leaving out facts that nearly every answer has and
/// those that are said in other words.
impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.outcome)?;
        let usual = ["HTTP 200", "content-type: application/json"];
        let is_usual = |fact: &str| usual.contains(&fact) || fact.starts_with("retry-after: ");
        let is_said = |fact: &&String| !fact.is_empty() && (f.alternate() || !is_usual(fact));
        let said: Vec<&String> = self.more.iter().filter(is_said).collect();
        said.into_iter().try_for_each(|fact| write!(f, "  {fact}"))?;
        match &*self.message {
            "" => Ok(()),
            message => write!(f, "  \"{message}\""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> (usize, String) {
        let error = Line::parse(line).unwrap_err();
        (error.at, error.to_string())
    }

    #[test]
    fn faults_have_their_places() {
        assert_eq!(refused("pay").0, 3);
        assert_eq!(refused("  pay  (x)").0, 7);
        assert_eq!(refused("  pay 5  allowed").0, 2);
        assert_eq!(refused("00:00:01  pay (x-id)  allowed").0, 15);
        assert_eq!(refused("pay (claim sub)  allowed").0, 11);
        assert_eq!(refused("pay (claim sub = x)  allowed").0, 17);
        assert_eq!(refused("pay (ends XX)  allowed").0, 10);
        assert_eq!(refused("pay, 0 times  allowed").0, 5);
        assert_eq!(refused("approve it (y)  approved").0, 12);
        assert_eq!(refused("pay  denyed").0, 5);
        assert_eq!(refused("pay  denied  tools/pay").0, 13);
    }

    #[test]
    fn a_slip_in_a_time_arguments_or_a_claim_is_told_with_its_remedy() {
        for (line, at, told) in [
            ("00:00:99  pay  allowed", 0, "`00:00:99` is not a time; write HH:MM:SS"),
            ("  0:00:10  pay {}  allowed", 2, "`0:00:10` is not a time; write HH:MM:SS"),
            (
                "pay {\"a\": one}  allowed",
                10,
                "the arguments of pay are not JSON: expected value; write a call as \
                 `pay {\"name\": 1}`",
            ),
            (
                "pay {\"a\": 1  allowed",
                11,
                "the arguments of pay are not JSON: EOF while parsing an object; write a call as \
                 `pay {\"name\": 1}`",
            ),
            (
                "POST /mcp a/b {a} (x-id: b)  allowed",
                15,
                "the arguments of a/b are not JSON: key must be a string; write a call as \
                 `a/b {\"name\": 1}`",
            ),
            (
                "pay {} 3 times  allowed",
                7,
                "`3 times` is not known behind arguments; expected `(NAME: VALUE)`, or `, N times` \
                 in a table",
            ),
            (
                "pay (claim a.b = ann)  allowed",
                17,
                "the value of a claim is JSON: write `claim a.b = \"ann\"`",
            ),
            (
                "pay (claim a = [1)  allowed",
                15,
                "the value of a claim is JSON: EOF while parsing a list",
            ),
        ] {
            assert_eq!(refused(line), (at, told.to_owned()), "{line}");
        }
        // A call that the filter refuses is one that a client can send.
        assert!(Line::parse(r#"pay {"a": 1, "a": "\ud800"}  undecodable"#).is_ok());
    }

    #[test]
    fn an_open_line_ends_with_its_call() {
        let line = Line::parse_open("00:00:01  pay {\"a\": 1} (x-id: b), 2 times").unwrap();
        assert_eq!((line.clock, line.times, &*line.outcome), (Some(1), 2, ""));
        let line = Line::parse_open("pay  denied  /tools/pay/action").unwrap();
        assert_eq!(
            (&*line.outcome, &*line.more),
            ("denied", &["/tools/pay/action".to_owned()][..])
        );
        assert_eq!(Line::parse_open("00:00:01").unwrap_err().at, 8);
        assert_eq!(Line::parse_open("pay  denyed").unwrap_err().at, 5);
    }

    #[test]
    fn a_time_of_day_is_two_digits_each() {
        assert_eq!(clock("00:01:30"), Some(90));
        assert_eq!(clock("48:00:00"), Some(172_800));
        for text in ["0:1:30", "00:60:00", "00:00", "00:00:00:00", "+1:00:00"] {
            assert_eq!(clock(text), None, "{text}");
        }
    }
}
