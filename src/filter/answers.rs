//! The answers to questions, which proxy-wasm hands to the stream that asked.

use super::envoy::Envoy;
use super::headers::Headers;
use super::host::{self, Buffer, HostError, Map};
use crate::exchange::permit::Permit;
use crate::exchange::question::{Answer, Failure, MOST_ANSWER};
use crate::policy::Policy;
use crate::shell::{Course, Flow};

/// The answer to a call of gRPC: a status, and `size` bytes where it is zero.
pub(super) fn of_grpc(status: u32, size: usize) -> Answer {
    match status {
        0 if size > MOST_ANSWER => Answer::Failed(Failure::TooLarge),
        0 => match host::buffer(Buffer::GrpcAnswer, size) {
            Ok(bytes) if bytes.len() == size => Answer::Grpc(bytes),
            _ => Answer::Failed(Failure::Transport),
        },
        status => Answer::Failed(Failure::from_status(status)),
    }
}

/// The answer to a call of HTTP, of this many headers and bytes. One that failed has no
/// headers, and asking for them would be an error.
pub(super) fn of_http(headers: usize, size: usize) -> Answer {
    if headers == 0 {
        return Answer::Failed(Failure::Transport);
    }
    if size > MOST_ANSWER {
        return Answer::Failed(Failure::TooLarge);
    }
    http(size).unwrap_or(Answer::Failed(Failure::Transport))
}

fn http(size: usize) -> Option<Answer> {
    let map = Headers::parse(host::headers(Map::CallAnswer).ok()?)?;
    let mut lines = map.iter().filter(|(name, _)| *name == b":status");
    let (Some((_, status)), None) = (lines.next(), lines.next()) else { return None };
    let status = core::str::from_utf8(status).ok()?.parse().ok()?;
    let body = host::buffer(Buffer::CallAnswer, size).ok().filter(|body| body.len() == size)?;
    let headers = map.iter().filter(|(name, _)| *name != b":status");
    let headers = headers.map(|(name, value)| (name.into(), value.into())).collect();
    Some(Answer::Http { status, headers, body })
}

/// Takes the answer to the call that was made last.
pub(super) fn answered(course: &mut Course, envoy: &mut Envoy, policy: &Policy, answer: Answer) {
    if let Flow::Continue(permit) = course.answered(envoy, policy, answer)
        && let Err(error) = resume(permit)
    {
        log::error!("mcp-policy-filter: a request was not continued: status {}", error.0);
        course.stuck(envoy, policy);
    }
}

/// The only way on for a request that was asked about.
fn resume(_: Permit) -> Result<(), HostError> {
    host::continue_request()
}
