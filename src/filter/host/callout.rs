//! Calls of other services, and the way on for a request that waited for one.

use super::{HostError, done, imports};
use proxy_wasm::hostcalls::dispatch_grpc_call;
use std::time::Duration;

/// The status of a call with an argument that cannot be.
const BAD_ARGUMENT: u32 = 2;

/// Calls a method of a gRPC service; the answer comes to the stream's context under the
/// number that this returns. The SDK hands an answer on only if it knows the number, which
/// nobody else can tell it; it panics on no status that Envoy has for such a call.
pub(in crate::filter) fn grpc_call(
    cluster: &str,
    service: &str,
    method: &str,
    message: &[u8],
    timeout: u32,
) -> Result<u32, HostError> {
    let timeout = Duration::from_millis(u64::from(timeout));
    let Some(target) = target(cluster) else { return Err(HostError(BAD_ARGUMENT)) };
    dispatch_grpc_call(&target, service, method, Vec::new(), Some(message), timeout)
        .map_err(|status| HostError(status as u32))
}

/// The longest name of a cluster that a call can have. The length of a longer one takes
/// two bytes in the message, which are no text, and the SDK takes a text.
const LONGEST: usize = 125;

/// The cluster as a `GrpcService` message, `envoy_grpc { cluster_name }`. Envoy takes the
/// bare name too, but tries to read it as this message first: `envoy` is one, without any
/// target, and its status makes the SDK panic.
fn target(cluster: &str) -> Option<String> {
    if cluster.len() > LONGEST {
        return None;
    }
    let mut message = cluster.to_owned();
    for _ in 0..2 {
        // Field 1, of a length.
        let length = u8::try_from(message.len()).ok()?;
        message.insert(0, char::from(length));
        message.insert(0, '\n');
    }
    Some(message)
}

/// Has the stream's request go on.
pub(in crate::filter) fn continue_request() -> Result<(), HostError> {
    const REQUEST: u32 = 0;
    // SAFETY: only a number.
    done(unsafe { imports::proxy_continue_stream(REQUEST) })
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, target};

    #[test]
    fn a_cluster_is_named_in_a_message_that_no_name_can_be_taken_for() {
        assert_eq!(target("ratelimit").unwrap().as_bytes(), b"\n\x0b\n\x09ratelimit");
        for name in ["", "envoy", "x", &"y".repeat(LONGEST), "\n\x05envoy"] {
            let message = target(name).unwrap();
            let [10, outer, 10, inner, rest @ ..] = message.as_bytes() else {
                panic!("{message:?}");
            };
            assert_eq!((usize::from(*outer), usize::from(*inner)), (rest.len() + 2, rest.len()));
            assert_eq!(rest, name.as_bytes());
        }
        assert_eq!(target(&"y".repeat(LONGEST + 1)), None);
    }
}
