//! A worker of Envoy, which drives the filter's callbacks as Envoy would.

use super::abi;
use super::call;
use super::host::{
    CALL_ANSWER, CALL_RESPONSE_HEADERS, GRPC_ANSWER, HOST, Host, Lines, PLUGIN_CONFIGURATION,
    REQUEST_BODY, REQUEST_HEADERS, heal, log,
};
use crate::core::MIDNIGHT;
use crate::corpus::{Client, Outcome, PAYLOAD_STATE, Request, Script};
use serde_json::Value;
use std::cell::Cell;
use std::collections::BTreeMap;

/// The settings and the habits of Envoy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Envoy's `allow_on_headers_stop_iteration`.
    pub(super) holds: bool,
    /// The size of the pieces in which bodies come.
    pub(super) piece: usize,
}

/// Envoy as it comes, and bodies in one piece.
pub(super) const PLAIN: Manner = Manner { holds: false, piece: usize::MAX };

pub(super) const PAUSE: u32 = 1;

/// A worker with the filter in it.
pub(super) struct Worker {
    root: u32,
    pub(super) manner: Manner,
}

thread_local! {
    static CONTEXTS: Cell<u32> = const { Cell::new(1) };
}

fn context() -> u32 {
    CONTEXTS.set(CONTEXTS.get() + 1);
    CONTEXTS.get()
}

#[allow(unsafe_code, reason = "the ABI is a C one")]
impl Worker {
    /// Starts a VM, unless this thread has one, and configures a plugin.
    pub(super) fn configure(policy: &str, manner: Manner) -> Result<Self, Vec<String>> {
        let first = CONTEXTS.get() == 1;
        let root = context();
        HOST.with_borrow_mut(|host| {
            host.buffers = BTreeMap::from([(PLUGIN_CONFIGURATION, policy.as_bytes().to_vec())]);
            host.log.clear();
        });
        let good = unsafe {
            if first {
                abi::_initialize();
            }
            abi::proxy_on_context_create(root, 0);
            abi::proxy_on_vm_start(root, 0) && abi::proxy_on_configure(root, policy.len())
        };
        if good { Ok(Self { root, manner }) } else { Err(log()) }
    }

    /// Configures a plugin while the host fails: it must not say that it failed,
    /// for then Envoy would take it out, and it must let nothing through. What
    /// it logged.
    pub(super) fn configure_closed(policy: &str) -> Vec<String> {
        let worker = Self::configure(policy, PLAIN).unwrap_or_else(|log| panic!("{log:?}"));
        let log = log();
        heal();
        let get = Request { method: "GET".into(), body: Vec::new(), ..call("a") };
        for request in [call("a"), get] {
            let outcome = worker.send(&request);
            assert!(matches!(outcome, Outcome::Replied { status: 503, .. }), "{outcome:?}");
        }
        log
    }

    /// Takes one request through the filter, as Envoy does.
    pub(super) fn send(&self, request: &Request) -> Outcome {
        self.send_after(request, |_| {})
    }

    /// The same, after `prepare` has changed what the host holds of it.
    pub(super) fn send_after(&self, request: &Request, prepare: impl FnOnce(&mut Host)) -> Outcome {
        let calls = || HOST.with_borrow(|host| host.calls.len());
        let (mut answered, mut went) = (calls(), 0);
        let (stream, mut forwarded) = self.begin(request, prepare);
        for answer in &request.limit_service {
            assert_eq!(calls(), answered + 1, "it was not asked about");
            assert!(!forwarded, "it went on unasked");
            answered += 1;
            match answer {
                Script::Never => self.answer(answered, 4, b""),
                Script::Reset => self.answer(answered, 14, b""),
                Script::Status(status) => self.answer(answered, *status, b""),
                Script::Message(message) => self.answer(answered, 0, message),
            }
            went = HOST.with_borrow_mut(|host| std::mem::take(&mut host.continued));
            forwarded = went > 0;
        }
        assert!(went <= 1, "it went on {went} times");
        let response = request.response.as_ref().filter(|_| forwarded);
        let got = response.map(|response| self.respond(stream, response));
        Self::close(stream);
        let reply = HOST.with_borrow_mut(|host| {
            host.faults.retain(|call, _| !host.response_faults.contains_key(call));
            host.reply.take()
        });
        match reply {
            _ if got.is_some() => got.unwrap_or(Outcome::Hung),
            Some((status, headers, body, details)) => {
                assert!(!forwarded, "both forwarded and answered");
                assert!(details.starts_with("mcp_policy_filter:"), "{details}");
                Outcome::Replied { status, headers, body }
            }
            None if forwarded => Outcome::Forwarded,
            None => Outcome::Hung,
        }
    }

    /// A request that has come whole: its stream, and whether all of it was let through.
    pub(super) fn begin(&self, request: &Request, prepare: impl FnOnce(&mut Host)) -> (u32, bool) {
        let stream = context();
        let count = HOST.with_borrow_mut(|host| {
            host.now = (MIDNIGHT + request.at) * 1_000_000_000;
            host.buffers = BTreeMap::from([(REQUEST_BODY, Vec::new())]);
            host.maps = BTreeMap::from([(REQUEST_HEADERS, lines(request))]);
            host.removed.clear();
            host.properties = properties(&request.client);
            let flags = host.flags.clone();
            host.properties.insert("response\0flags".into(), flags);
            host.filter_state.clear();
            host.result_state.clear();
            host.reply = None;
            (host.damaged_headers, host.told_size) = (None, None);
            prepare(host);
            host.maps[&REQUEST_HEADERS].len()
        });
        unsafe { abi::proxy_on_context_create(stream, self.root) };
        (stream, self.stream(stream, request, count))
    }

    /// Hands over the end of a call of a service: a status, or an answer if it is zero.
    pub(super) fn answer(&self, call: usize, status: u32, answer: &[u8]) {
        let call = u32::try_from(call).unwrap();
        HOST.with_borrow_mut(|host| {
            host.buffers = BTreeMap::from([(GRPC_ANSWER, answer.to_vec())]);
            host.maps.clear();
        });
        match status {
            0 => unsafe { abi::proxy_on_grpc_receive(self.root, call, answer.len()) },
            status => unsafe { abi::proxy_on_grpc_close(self.root, call, status) },
        }
    }

    /// The headers of a request whose body does not come, on a connection: the
    /// stream, and the status with which it was answered.
    pub(super) fn open_on(&self, connection: u64, request: &Request) -> (u32, Option<u16>) {
        let stream = context();
        let count = HOST.with_borrow_mut(|host| {
            host.maps = BTreeMap::from([(REQUEST_HEADERS, lines(request))]);
            host.properties = properties(&request.client);
            host.properties.insert("connection\0id".into(), connection.to_le_bytes().to_vec());
            host.reply = None;
            host.maps[&REQUEST_HEADERS].len()
        });
        unsafe {
            abi::proxy_on_context_create(stream, self.root);
            abi::proxy_on_request_headers(stream, count, false);
        }
        let reply = HOST.with_borrow_mut(|host| host.reply.take());
        (stream, reply.map(|(status, ..)| status))
    }

    /// A tick of the root context's timer.
    pub(super) fn tick(&self) {
        unsafe { abi::proxy_on_tick(self.root) };
    }

    /// The end of a call of the filter: the headers of the answer, or none if it failed.
    pub(super) fn end_call(&self, token: u32, headers: &[(&str, &str)]) {
        self.end_call_with(token, headers, b"");
    }

    /// The same, with a body.
    pub(super) fn end_call_with(&self, token: u32, headers: &[(&str, &str)], body: &[u8]) {
        let lines = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        HOST.with_borrow_mut(|host| {
            // Asking for the headers of a call that has none fails the test.
            host.maps = match headers {
                [] => BTreeMap::new(),
                _ => BTreeMap::from([(CALL_RESPONSE_HEADERS, lines.collect())]),
            };
            host.buffers = BTreeMap::from([(CALL_ANSWER, body.to_vec())]);
        });
        let (headers, size) = (headers.len(), body.len());
        unsafe { abi::proxy_on_http_call_response(self.root, token, headers, size, 0) };
    }

    /// The end of a stream.
    pub(super) fn close(stream: u32) {
        unsafe {
            abi::proxy_on_log(stream);
            abi::proxy_on_delete(stream);
        }
    }

    /// Drives the callbacks; whether the whole request was let through.
    fn stream(&self, stream: u32, request: &Request, count: usize) -> bool {
        let replied = || HOST.with_borrow(|host| host.reply.is_some());
        let bodyless = request.body.is_empty();
        let end = bodyless && !request.trailers;
        let mut action = unsafe { abi::proxy_on_request_headers(stream, count, end) };
        if replied() || end {
            return action != PAUSE;
        }
        if action == PAUSE && !self.manner.holds {
            return false;
        }
        let pieces = request.body.chunks(self.manner.piece);
        let last = pieces.len();
        for (index, piece) in pieces.enumerate() {
            // While the filter pauses, Envoy shows it all that has come.
            let size = HOST.with_borrow_mut(|host| {
                let body = host.buffers.get_mut(&REQUEST_BODY).unwrap();
                if action != PAUSE {
                    body.clear();
                }
                body.extend_from_slice(piece);
                host.told_size.unwrap_or(body.len())
            });
            let end = index + 1 == last && !request.trailers;
            action = unsafe { abi::proxy_on_request_body(stream, size, end) };
            if replied() {
                return false;
            }
            if index == 0 && !end && action != PAUSE {
                // What is let through before its end was not judged.
                return true;
            }
        }
        if request.trailers {
            action = unsafe { abi::proxy_on_request_trailers(stream, 1) };
        }
        !replied() && action != PAUSE
    }
}

/// The header lines of a request.
fn lines(request: &Request) -> Lines {
    let pseudo = [(":method", &request.method), (":path", &request.path)];
    let headers = request.headers.iter().map(|(name, value)| (&**name, value));
    let all = pseudo.into_iter().chain(headers);
    all.map(|(name, value)| (name.into(), value.clone().into_bytes())).collect()
}

/// Envoy's properties of a client.
fn properties(client: &Client) -> BTreeMap<String, Vec<u8>> {
    let payload = "metadata\0filter_metadata\0envoy.filters.http.jwt_authn\0payload";
    let mut properties = BTreeMap::new();
    let state = client.payload.as_deref().unwrap_or("-");
    properties.insert(format!("filter_state\0{PAYLOAD_STATE}"), state.as_bytes().to_vec());
    for (path, value) in &client.claims {
        let bytes = match value {
            Value::String(text) => text.clone().into_bytes(),
            Value::Number(number) => number.as_f64().unwrap().to_le_bytes().to_vec(),
            Value::Bool(value) => vec![u8::from(*value)],
            other => panic!("{other} is not a claim"),
        };
        properties.insert(payload.to_owned(), b"\0a struct\0".to_vec());
        properties.insert(format!("{payload}\0{}", path.replace('/', "\0")), bytes);
    }
    if let Some(san) = &client.san {
        properties.insert("connection\0mtls".into(), vec![1]);
        properties.insert("connection\0uri_san_peer_certificate".into(), san.clone().into_bytes());
    }
    properties
}

/// The policy with `settings.hold_request_headers`.
pub(super) fn holding(policy: &str) -> String {
    let mut policy: serde_json::Value = serde_json::from_str(policy).unwrap();
    policy["settings"]["hold_request_headers"] = true.into();
    policy.to_string()
}
