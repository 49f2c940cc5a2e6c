//! The Content-Type with which a judged body goes on.

use super::host::{HOST, REQUEST_HEADERS, fail, forget_counts, heal};
use super::worker::{Manner, PLAIN, Worker, holding};
use super::{ONE_A_MINUTE, call};
use crate::corpus::{self, Outcome, Request};

/// The values that the last request went on with.
fn types() -> Vec<String> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    HOST.with_borrow(|host| {
        let lines = host.maps[&REQUEST_HEADERS].iter();
        let types = lines.filter(|(name, _)| name == b"content-type");
        types.map(|(_, value)| text(value)).collect()
    })
}

/// A call with these header lines.
fn typed(values: &[&str]) -> Request {
    let mut request = call("a");
    request.headers.extend(values.iter().map(|value| ("content-type".into(), (*value).into())));
    request
}

#[test]
fn a_body_without_a_type_goes_on_as_json() {
    let limits = ONE_A_MINUTE.replace("1/minute", "100/minute");
    let exempting = limits.replacen('{', r#"{"settings": {"exempt_paths": ["/healthz"]}, "#, 1);
    for manner in [PLAIN, Manner { holds: true, piece: 7 }] {
        let policy = if manner.holds { holding(&exempting) } else { exempting.clone() };
        let worker = Worker::configure(&policy, manner).unwrap();
        for values in [&[][..], &[""], &[" "], &["\t"], &[";"], &["; charset=utf-8"]] {
            for trailers in [false, true] {
                let request = Request { trailers, ..typed(values) };
                assert!(matches!(worker.send(&request), Outcome::Forwarded), "{values:?}");
                assert_eq!(types(), ["application/json"], "{values:?}");
            }
        }
        for value in ["text/plain", "Application/JSON", "application/json;charset=utf-8"] {
            assert!(matches!(worker.send(&typed(&[value])), Outcome::Forwarded), "{value}");
            assert_eq!(types(), [value]);
        }
        // What carries no message needs none.
        let exempt = Request { path: "/healthz".into(), ..call("b") };
        let get = Request { method: "GET".into(), body: Vec::new(), ..call("b") };
        for request in [exempt, get] {
            assert!(matches!(worker.send(&request), Outcome::Forwarded));
            assert_eq!(types(), Vec::<String>::new());
        }
    }
}

#[test]
fn a_body_whose_type_cannot_be_set_is_refused() {
    for manner in [PLAIN, Manner { holds: true, ..PLAIN }] {
        forget_counts();
        let policy = if manner.holds { holding(ONE_A_MINUTE) } else { ONE_A_MINUTE.to_owned() };
        let worker = Worker::configure(&policy, manner).unwrap();
        fail("replace_header", 10);
        for values in [&[][..], &[""], &["; charset=utf-8"]] {
            let outcome = worker.send(&typed(values));
            let expect = serde_json::json!({"status": 500, "reason": "internal"});
            assert_eq!(corpus::check(&outcome, &expect), Ok(()), "{values:?}");
        }
        // The call is not made where a type is given.
        let outcome = worker.send(&typed(&["application/json"]));
        assert!(matches!(outcome, Outcome::Forwarded), "{outcome:?}");
        heal();
    }
}
