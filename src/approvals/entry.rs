//! One request for approval, and its stored form.

use super::Id;
use crate::limits::StoreError;
use crate::limits::window::Nanos;

/// The state of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for a decision.
    Pending,
    /// The call may run, once.
    Approved,
    /// The call is refused until the entry expires.
    Denied,
    /// The call ran.
    Used,
}

impl State {
    const ALL: [(u8, Self); 4] =
        [(1, Self::Pending), (2, Self::Approved), (3, Self::Denied), (4, Self::Used)];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Used => "used",
        }
    }
}

/// A request for approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its state.
    pub state: State,
    /// Different approvers that it takes.
    pub need: u8,
    /// The time of the request.
    pub made: Nanos,
    /// The time at which the entry is over.
    pub expires: Nanos,
    /// The seconds for which a request waits.
    pub wait: u64,
    /// The seconds for which an approval can be used.
    pub valid: u64,
    /// The notice to people about it.
    pub notice: Sent,
    /// The digest of the call.
    pub digest: [u8; 32],
    /// The hash of the rule that asks for approval.
    pub rule_hash: [u8; 32],
    /// Its id.
    pub id: Id,
    /// The fingerprint of the policy under which it was made.
    pub policy: String,
    /// The caller's id.
    pub caller: String,
    /// Envoy's name of the route.
    pub route: String,
    /// The host that the client named.
    pub authority: String,
    /// The path with its query.
    pub path: String,
    /// The tool.
    pub tool: String,
    /// The pointers of the rules that ask for approval, the first of which decides.
    pub rules: Vec<String>,
    /// The canonical text of the call; empty once it was denied or used.
    pub params: String,
    /// The ids of those who approved.
    pub approved_by: Vec<String>,
    /// The reason of a denial.
    pub reason: String,
    /// The terms of the edge that asks, where another Envoy does.
    pub edge: Option<Edge>,
    /// The number of the edge's question by which it was used; zero where there is none.
    pub used_by: Nonce,
    /// The second in which an approval of this call was last used by a question, by the
    /// later one of both clocks; zero where there is none. Requests that follow keep it.
    pub used_at: u64,
}

/// A number of a question, which has no other.
pub type Nonce = [u8; 16];

/// The terms of a request that another Envoy makes, by the policy there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The hash of the ways in which it makes ids.
    pub identity: [u8; 32],
    /// The patterns of the approvers.
    pub approvers: Vec<String>,
}

/// The notice about a request, as far as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Nobody was told.
    Never,
    /// Sent at this time. It is not known whether it came.
    Tried(Nanos),
    /// Its receiver has it.
    Came,
}

/// The seconds after which a notice is sent again, if it did not come.
const AGAIN_SECONDS: u64 = 60;

impl Sent {
    /// Whether it has to be sent, first or again.
    pub fn is_due(self, now: Nanos) -> bool {
        match self {
            Self::Never => true,
            Self::Tried(at) => at <= now.earlier(AGAIN_SECONDS),
            Self::Came => false,
        }
    }

    const fn read(number: u64) -> Self {
        match number {
            0 => Self::Never,
            u64::MAX => Self::Came,
            at => Self::Tried(Nanos(at)),
        }
    }

    fn number(self) -> u64 {
        match self {
            Self::Never => 0,
            Self::Tried(at) => at.0.max(1),
            Self::Came => u64::MAX,
        }
    }
}

/// The furthest that an entry may have been made ahead of the clock.
const AHEAD_SECONDS: u64 = 60;

/// The least time for which a denial holds, so that a short wait does not make it
/// one that is soon forgotten.
pub(super) const LEAST_DENIAL: u64 = 3_600;

impl Entry {
    /// Whether it is over, so that its slot is free.
    pub fn is_over(&self, now: Nanos) -> bool {
        self.expires <= now
    }

    /// Whether it was made, or decided, too far in the future for the clock to be right.
    pub(super) fn is_ahead(&self, now: Nanos) -> bool {
        let left = match self.state {
            State::Pending => self.wait,
            State::Approved => self.valid,
            State::Denied => self.wait.max(LEAST_DENIAL),
            // It lets nothing through.
            State::Used => u64::MAX,
        };
        self.made.earlier(AHEAD_SECONDS) > now
            || self.expires > now.later(left.saturating_add(AHEAD_SECONDS))
    }

    /// The seconds until it is over, rounded up.
    pub const fn expires_in(&self, now: Nanos) -> u64 {
        self.expires.0.saturating_sub(now.0).div_ceil(1_000_000_000)
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// The bytes are not an entry of this layout.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut rest = bytes;
        Self::parse(&mut rest).filter(|_| rest.is_empty()).ok_or(StoreError::Damaged)
    }

    fn parse(rest: &mut &[u8]) -> Option<Self> {
        let [state, need] = take(rest)?;
        let (_, state) = State::ALL.into_iter().find(|(byte, _)| *byte == state)?;
        Some(Self {
            state,
            need,
            made: Nanos(number(rest)?),
            expires: Nanos(number(rest)?),
            wait: number(rest)?,
            valid: number(rest)?,
            notice: Sent::read(number(rest)?),
            digest: take(rest)?,
            rule_hash: take(rest)?,
            id: Id(take(rest)?),
            policy: text(rest)?,
            caller: text(rest)?,
            route: text(rest)?,
            authority: text(rest)?,
            path: text(rest)?,
            tool: text(rest)?,
            rules: texts(rest)?,
            params: text(rest)?,
            approved_by: texts(rest)?,
            reason: text(rest)?,
            edge: match take(rest)? {
                [0] => None,
                [1] => Some(Edge { identity: take(rest)?, approvers: texts(rest)? }),
                _ => return None,
            },
            used_by: take(rest)?,
            used_at: number(rest)?,
        })
    }

    /// The bytes to store.
    pub(super) fn write(&self) -> Vec<u8> {
        let byte = State::ALL.iter().find(|(_, state)| *state == self.state);
        let mut bytes = Vec::with_capacity(self.params.len().saturating_add(1024));
        bytes.extend([byte.map_or(0, |(byte, _)| *byte), self.need]);
        for number in [self.made.0, self.expires.0, self.wait, self.valid, self.notice.number()] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.digest);
        bytes.extend(self.rule_hash);
        bytes.extend(self.id.0);
        for text in
            [&self.policy, &self.caller, &self.route, &self.authority, &self.path, &self.tool]
        {
            put(&mut bytes, text);
        }
        put_all(&mut bytes, &self.rules);
        put(&mut bytes, &self.params);
        put_all(&mut bytes, &self.approved_by);
        put(&mut bytes, &self.reason);
        bytes.push(u8::from(self.edge.is_some()));
        if let Some(Edge { identity, approvers }) = &self.edge {
            bytes.extend(identity);
            put_all(&mut bytes, approvers);
        }
        bytes.extend(self.used_by);
        bytes.extend(self.used_at.to_le_bytes());
        bytes
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*taken)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    take(rest).map(u64::from_le_bytes)
}

fn length(rest: &mut &[u8]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(take(rest)?)).ok()
}

fn text(rest: &mut &[u8]) -> Option<String> {
    let length = length(rest)?;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    core::str::from_utf8(text).ok().map(str::to_owned)
}

fn texts(rest: &mut &[u8]) -> Option<Vec<String>> {
    // Each takes bytes of its own, so that a number cannot ask for more memory than
    // the entry has.
    (0..length(rest)?).map(|_| text(rest)).collect()
}

fn put_length(bytes: &mut Vec<u8>, length: usize) {
    bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

fn put(bytes: &mut Vec<u8>, text: &str) {
    put_length(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

fn put_all(bytes: &mut Vec<u8>, texts: &[String]) {
    put_length(bytes, texts.len());
    for text in texts {
        put(bytes, text);
    }
}
