//! The answers to questions, which proxy-wasm hands to the stream that asked.

use super::envoy::Envoy;
use super::host::{self, Buffer, HostError};
use crate::exchange::permit::Permit;
use crate::exchange::question::{Answer, Failure, MOST_ANSWER};
use crate::policy::Policy;
use crate::shell::{Course, Flow};

/// Takes what came for a call of gRPC: a status, and `size` bytes where it is zero.
pub(super) fn answered(
    course: &mut Course,
    envoy: &mut Envoy,
    policy: &Policy,
    (status, size): (u32, usize),
) {
    let answer = match status {
        0 if size > MOST_ANSWER => Answer::Failed(Failure::TooLarge),
        0 => match host::buffer(Buffer::GrpcAnswer, size) {
            Ok(bytes) if bytes.len() == size => Answer::Grpc(bytes),
            _ => Answer::Failed(Failure::Transport),
        },
        status => Answer::Failed(Failure::from_status(status)),
    };
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
