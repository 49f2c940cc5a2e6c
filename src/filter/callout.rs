//! Calls of other services, for which the SDK's own wrappers are needed.

use super::host::HostError;
use proxy_wasm::hostcalls::{dispatch_grpc_call, dispatch_http_call};
use std::borrow::Cow;
use std::time::Duration;

/// The status of a call with an argument that cannot be.
const BAD_ARGUMENT: u32 = 2;

/// Calls a method of a gRPC service; the answer comes to the stream's context under the
/// number that this returns. The SDK hands an answer on only if it knows the number, which
/// nobody else can tell it; it panics on no status that Envoy has for such a call.
pub(super) fn grpc_call(
    (cluster, authority): (&str, Option<&str>),
    (service, method): (&str, &str),
    message: &[u8],
    timeout: u32,
) -> Result<u32, HostError> {
    let timeout = Duration::from_millis(u64::from(timeout));
    let Some(target) = target(cluster, authority) else { return Err(HostError(BAD_ARGUMENT)) };
    dispatch_grpc_call(&target, service, method, Vec::new(), Some(message), timeout)
        .map_err(|status| HostError(status as u32))
}

/// Sends a POST; the answer comes to the stream's context under the number that this
/// returns. A call whose stream is gone ends by itself, since Envoy makes all calls for the
/// root context. It is not cancelled: the SDK would keep its number, and panic when that
/// comes round. Neither a missing cluster nor one
/// without a host, an overflow or a withheld capability has a status on which it panics.
pub(super) fn http_call(
    cluster: &str,
    (authority, path): (&str, &str),
    further: &[(&'static str, Cow<'static, str>)],
    body: &[u8],
    timeout: u32,
) -> Result<u32, HostError> {
    let timeout = Duration::from_millis(u64::from(timeout));
    let mut headers = vec![(":method", "POST"), (":path", path), (":authority", authority)];
    headers.extend(further.iter().map(|(name, value)| (*name, &**value)));
    dispatch_http_call(cluster, headers, Some(body), Vec::new(), timeout)
        .map_err(|status| HostError(status as u32))
}

/// The field `max_receive_message_length`, of 65,602 bytes. By default Envoy keeps an answer
/// of any length before it hands it on; this length is the least above the longest answer
/// whose bytes are a text, which the SDK takes.
const AT_MOST: &str = "\x22\x04\x08\u{80}\x04";

/// The cluster as a `GrpcService` message, `envoy_grpc { cluster_name, authority,
/// max_receive_message_length }`. Envoy takes the bare name too, but tries to read it as
/// this message first: `envoy` is one, without any target, and its status makes the SDK
/// panic. `None` if a length would take two bytes, which are not a text: policies keep to
/// shorter names.
fn target(cluster: &str, authority: Option<&str>) -> Option<String> {
    let mut inner = field('\n', cluster)?;
    if let Some(authority) = authority {
        inner += &field('\x12', authority)?;
    }
    inner += AT_MOST;
    field('\n', &inner)
}

/// A field with this tag.
fn field(tag: char, value: &str) -> Option<String> {
    let length = u8::try_from(value.len()).ok().filter(u8::is_ascii)?;
    let mut field = String::from(tag);
    field.push(char::from(length));
    field.push_str(value);
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::target;
    use crate::policy::document::MAX_SERVICE_NAMES;

    #[test]
    fn a_cluster_is_named_in_a_message_that_no_name_can_be_taken_for() {
        let rest: &[u8] = b"\x22\x04\x08\xc2\x80\x04";
        let inner = [b"\n\x0bratelimit.m\x12\x01a", rest].concat();
        let message = [&[10, u8::try_from(inner.len()).unwrap()], &*inner].concat();
        assert_eq!(target("ratelimit.m", Some("a")).unwrap().as_bytes(), message);
        for name in ["", "envoy", "x", &"y".repeat(MAX_SERVICE_NAMES), "\n\x05envoy"] {
            let message = target(name, None).unwrap();
            let [10, outer, 10, inner, body @ ..] = message.as_bytes() else {
                panic!("{message:?}");
            };
            assert_eq!(usize::from(*outer), body.len() + 2);
            assert_eq!(body, [name.as_bytes(), rest].concat());
            assert_eq!(usize::from(*inner), name.len());
        }
        let half = "y".repeat(MAX_SERVICE_NAMES / 2);
        assert!(target(&half, Some(&half)).is_some());
        assert_eq!(target(&"y".repeat(MAX_SERVICE_NAMES + 3), None), None);
    }
}
