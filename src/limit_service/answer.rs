//! A `RateLimitResponse`, read by what it proves.
//!
//! Fields that are not asked for are skipped. A message that is cut, a field of another
//! type, and a value that is given twice make the whole unreadable.

use super::header::{self, Applied};
use super::{Engine, Failure, Left, MAX_ANSWER_BYTES, Question, Sent, Verdict, unit};
use crate::wire::protobuf::{Fields, Payload};

/// The codes of the whole and of each status.
const OK: u64 = 1;
const OVER: u64 = 2;

/// An answer, as far as its question asks for it.
#[derive(Debug, Default)]
pub(super) struct Answer<'a> {
    /// The code of the whole; unknown if there is none.
    code: Option<u64>,
    /// The number of statuses.
    statuses: usize,
    /// The place of the first status that is over.
    over: Option<usize>,
    /// The longest wait of those that are over, in seconds.
    wait: Option<u64>,
    /// The rest of each limit that was applied.
    pub(super) left: Vec<Left>,
    /// Limitador's headers.
    limit: Option<&'a [u8]>,
    reset: Option<&'a [u8]>,
}

/// The answer about one descriptor.
#[derive(Debug, Default)]
struct Status {
    code: Option<u64>,
    /// The units and the unit of time of the limit that was applied.
    applied: Option<[u64; 2]>,
    left: Option<u64>,
    wait: Option<u64>,
}

/// Takes a value that may be given once.
fn once<T>(known: &mut Option<T>, value: T) -> Option<()> {
    known.replace(value).is_none().then_some(())
}

/// The first two fields of a message, both numbers, which are 0 if they are absent.
fn pair(message: &[u8]) -> Option<[u64; 2]> {
    let (mut first, mut second) = (None, None);
    for field in Fields::new(message) {
        match field.ok()? {
            (1, Payload::Number(value)) => once(&mut first, value)?,
            (2, Payload::Number(value)) => once(&mut second, value)?,
            (1 | 2, _) => return None,
            _ => {}
        }
    }
    Some([first.unwrap_or_default(), second.unwrap_or_default()])
}

/// A `google.protobuf.Duration` in seconds, rounded up.
fn seconds(message: &[u8]) -> Option<u64> {
    let [seconds, nanos] = pair(message)?;
    // A negative number is a large one here.
    let fits = i64::try_from(seconds).is_ok() && nanos < 1_000_000_000;
    fits.then(|| seconds.saturating_add(u64::from(nanos > 0)))
}

impl Status {
    fn read(message: &[u8]) -> Option<Self> {
        let mut status = Self::default();
        for field in Fields::new(message) {
            match field.ok()? {
                (1, Payload::Number(code)) => once(&mut status.code, code)?,
                (2, Payload::Bytes(limit)) => once(&mut status.applied, pair(limit)?)?,
                (3, Payload::Number(left)) => once(&mut status.left, left)?,
                (4, Payload::Bytes(wait)) => once(&mut status.wait, seconds(wait)?)?,
                (1..=4, _) => return None,
                _ => {}
            }
        }
        Some(status)
    }
}

impl<'a> Answer<'a> {
    /// Reads the answer to a question; `None` if the bytes are not one.
    pub(super) fn read(bytes: &'a [u8], question: &Question) -> Option<Self> {
        if bytes.len() > MAX_ANSWER_BYTES {
            return None;
        }
        let mut answer = Self::default();
        for field in Fields::new(bytes) {
            match field.ok()? {
                (1, Payload::Number(code)) => once(&mut answer.code, code)?,
                (2, Payload::Bytes(status)) => answer.add(&Status::read(status)?, question),
                (3, Payload::Bytes(header)) => answer.header(header)?,
                (1..=3, _) => return None,
                _ => {}
            }
        }
        Some(answer)
    }

    fn add(&mut self, status: &Status, question: &Question) {
        let Status { code, applied, left, wait } = *status;
        if code == Some(OVER) {
            self.over = self.over.or(Some(self.statuses));
            self.wait = self.wait.max(wait);
        }
        let sent = question.limits.get(self.statuses);
        self.statuses = self.statuses.saturating_add(1);
        // One that was not applied leaves the list too short.
        if let Some(sent) = sent
            && code == Some(OK)
            && applied == Some([sent.max.into(), unit(sent.window).into()])
            && let Ok(units) = u32::try_from(left.unwrap_or_default())
        {
            self.left.push(Left { units, wait: wait.unwrap_or_default() });
        }
    }

    fn header(&mut self, message: &'a [u8]) -> Option<()> {
        let (mut key, mut value) = (None, None);
        for field in Fields::new(message) {
            match field.ok()? {
                (1, Payload::Bytes(text)) => once(&mut key, text)?,
                (2, Payload::Bytes(text)) => once(&mut value, text)?,
                (1 | 2, _) => return None,
                _ => {}
            }
        }
        let (key, value) = (key.unwrap_or_default(), value.unwrap_or_default());
        let known = if key.eq_ignore_ascii_case(b"x-ratelimit-limit") {
            &mut self.limit
        } else if key.eq_ignore_ascii_case(b"x-ratelimit-reset") {
            &mut self.reset
        } else {
            return Some(());
        };
        once(known, value)
    }

    /// The outcome for the limits of the question.
    pub(super) fn verdict(&self, question: &Question) -> Verdict {
        let sent = &*question.limits;
        // An engine in shadow mode says OK to the whole, with a status that is over.
        if self.code == Some(OVER) || self.over.is_some() {
            let at = self.over.filter(|_| self.statuses == sent.len()).unwrap_or_default();
            let wait = match question.engine {
                Engine::Ratelimit => self.wait,
                Engine::Limitador => self.reset.and_then(header::number),
            };
            return over(sent, at, wait);
        }
        if self.code != Some(OK) {
            return Verdict::Failed(Failure::Unknown);
        }
        let pairs = || sent.iter().zip(&self.left);
        let is_proven = match question.engine {
            Engine::Ratelimit => {
                self.statuses == sent.len()
                    && self.left.len() == sent.len()
                    && pairs().all(|(sent, left)| sent.shows(*left, question.looks))
            }
            Engine::Limitador => {
                self.limit.and_then(Applied::read).is_some_and(|mut all| all.take_each(sent))
            }
        };
        if !is_proven {
            return Verdict::Failed(Failure::Unproven);
        }
        if question.looks {
            let is_short = |(sent, left): &(&Sent, &Left)| sent.units > left.units.into();
            if let Some(at) = pairs().position(|pair| is_short(&pair)) {
                let waits = pairs().filter(is_short).map(|(_, left)| left.wait);
                return over(sent, at, waits.max());
            }
        }
        Verdict::Ok(pairs().map(|(sent, left)| (sent.index, left.units)).collect())
    }
}

/// No room at one of the limits of a question. No wait is longer than its windows, and
/// one of no seconds is not known.
fn over(sent: &[Sent], at: usize, wait: Option<u64>) -> Verdict {
    let longest = sent.iter().map(|sent| u64::from(sent.window)).max().unwrap_or_default();
    Verdict::Over {
        index: sent.get(at).map_or(0, |sent| sent.index),
        retry_after: wait.filter(|wait| *wait > 0).map(|wait| wait.min(longest)),
    }
}
