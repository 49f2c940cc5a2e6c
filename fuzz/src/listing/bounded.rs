//! Responses whose size has a bound, in any pieces.

use mcp_policy_filter::exchange::listing::HeadStep;
use mcp_policy_filter::simulate::{Body, Ending, Gateway, pairs};

/// The bound, below which an event is small and above which an input still is.
const BOUND: usize = 24;
const CALL: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x"}}"#;
/// The length of an error with its event.
const ERROR_BYTES: usize = 400;

/// Checks that nothing longer than the bound goes on, and all else as it came.
pub(super) fn check(choice: u8, body: &[u8], sizes: &[usize]) {
    thread_local! {
        static GATEWAY: Gateway = Gateway::new(
            r#"{"version": "1", "default": "allow", "tools": {"x": {"max_result_bytes": 24}}}"#,
        )
        .expect("a policy");
    }
    let events = choice & 1 != 0;
    let kind = if events { "text/event-stream" } else { "application/json" };
    let ending = if choice & 2 != 0 { Ending::Trailers } else { Ending::Empty };
    GATEWAY.with(|gateway| {
        let pass = |sizes: &[usize]| {
            let mut sent = gateway.post(CALL).expect("it goes on");
            let listing = sent.exchange.listing().expect("it is watched");
            let body = Body { bytes: body, sizes, ending };
            let received = gateway.host().receive(listing, pairs(&[("content-type", kind)]), &body);
            assert!(matches!(received.head, HeadStep::Hold | HeadStep::Stream));
            assert!(!received.is_cut && received.held.is_empty());
            received.body
        };
        let got = pass(sizes);
        if body.len() <= BOUND {
            // Trailers end the body, and an incomplete event is lost.
            assert!(body.starts_with(&got) && (got == body || ending == Ending::Trailers));
        } else if !events {
            assert!(got.starts_with(b"{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":"));
        } else {
            let same = got.iter().zip(body).take_while(|(a, b)| a == b).count();
            assert!(got.len() - same < ERROR_BYTES, "{}", String::from_utf8_lossy(&got));
        }
        if !events || ending == Ending::Empty {
            assert_eq!(got, pass(&[1]), "in single bytes");
        }
    });
}
