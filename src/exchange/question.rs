//! Questions to other services, and the answers.
//!
//! A question is bytes and a deadline, so that the core has no calls of the host: a shell
//! sends it, and reports what came of it. Each question gets one answer, which is a
//! failure where the service gives none.

use crate::limits::window::Nanos;
use std::borrow::Cow;

/// The most bytes of an answer. A service that sends more has failed: all that one has to
/// say takes a few hundred.
pub const MOST_ANSWER: usize = 64 << 10;

/// A question to another service.
#[derive(Debug, PartialEq, Eq)]
pub struct Question {
    /// Envoy's name of the cluster.
    pub cluster: Box<str>,
    /// The service there.
    pub service: Service,
    /// The message, or the body.
    pub bytes: Vec<u8>,
    /// Milliseconds until an answer is of no use.
    pub timeout: u32,
}

impl Question {
    /// The moment from which an answer that is not there is late: a little before the
    /// deadline, since Envoy's timers and its clock are not one.
    pub(super) const fn deadline(&self, now: Nanos) -> Nanos {
        const NANOS_A_MILLISECOND: u64 = 1_000_000;
        let late = self.timeout.saturating_sub(self.timeout.div_ceil(8));
        Nanos(now.0.saturating_add((late as u64).saturating_mul(NANOS_A_MILLISECOND)))
    }
}

/// A service, by its protocol.
#[derive(Debug, PartialEq, Eq)]
pub enum Service {
    /// A unary call of gRPC. The bytes are its message, without the frame.
    Grpc {
        /// The `:authority`, unless it is the cluster's name.
        authority: Option<Box<str>>,
        /// The name of the service, with its package.
        service: &'static str,
        /// The name of the method.
        method: &'static str,
    },
    /// A POST. The bytes are its body.
    Http {
        /// The `:authority`.
        authority: Box<str>,
        /// The `:path`.
        path: Box<str>,
        /// Further headers.
        headers: Vec<(&'static str, Cow<'static, str>)>,
    },
}

/// The lines of an answer's headers.
pub type Lines = Vec<(Box<[u8]>, Box<[u8]>)>;

/// The answer to a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// The message of a gRPC service. One of no bytes has every field at its default.
    Grpc(Vec<u8>),
    /// The response of an HTTP service.
    Http {
        /// The status.
        status: u16,
        /// All headers, in lower case, each line of a repeated one by itself.
        headers: Lines,
        /// The body.
        body: Vec<u8>,
    },
    /// There is none.
    Failed(Failure),
    /// There is no service, as in a simulation: the count of this process is that of all.
    #[cfg(any(test, not(target_os = "wasi")))]
    Simulated,
}

impl Answer {
    /// The same, where it came before the deadline. When that has passed, Envoy reports a
    /// failure like any other.
    pub(super) fn in_time(self, is_late: bool) -> Self {
        match self {
            Self::Failed(Failure::Transport | Failure::Status(_)) if is_late => {
                Self::Failed(Failure::Timeout)
            }
            answer => answer,
        }
    }
}

/// The ways in which a question gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The host does not send the question: it has no such cluster, or no room.
    Dispatch,
    /// Too many requests wait for answers.
    Crowded,
    /// The deadline passed.
    Timeout,
    /// The connection failed, or what came back is not of the protocol.
    Transport,
    /// The service refused to answer, with this status of gRPC.
    Status(u32),
    /// The answer is too long.
    TooLarge,
}

impl Failure {
    /// The failure that a status of gRPC other than zero reports.
    pub const fn from_status(status: u32) -> Self {
        const DEADLINE_EXCEEDED: u32 = 4;
        match status {
            DEADLINE_EXCEEDED => Self::Timeout,
            status => Self::Status(status),
        }
    }
}
