//! A filter in an Envoy that drives its hooks as the real one does.

use crate::abi::{self, Config, LOG, Side, lend};
use crate::corpus::{Client, Outcome, PAYLOAD_STATE, Request, Response, Script};
use crate::news::{self, News, OK};
use crate::stream::{
    HELD_REQUEST, HELD_RESPONSE, Phase, RECEIVED_REQUEST, RECEIVED_RESPONSE, Stream, cut,
};
use std::cell::RefCell;
use std::ffi::c_void;
use std::panic;
use std::sync::{Mutex, Once};

/// The sizes in which bodies arrive.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// The size of the pieces, each of which is a hook.
    pub piece: usize,
    /// The size of the slices in which Envoy has a piece.
    pub slice: usize,
    /// Whether an empty piece ends them, as over HTTP/1.1.
    pub ends_empty: bool,
    /// Whether a filter before this one has held them.
    pub held_before: bool,
}

/// Each body in one piece of one slice, over HTTP/2.
pub const PLAIN: Manner =
    Manner { piece: usize::MAX, slice: usize::MAX, ends_empty: false, held_before: false };

/// Statuses of the hooks.
const GO_ON: u32 = 0;
const HOLD: u32 = 1;
const HOLD_AND_STOP_READING: u32 = 2;
const DROP: u32 = 3;

/// A filter with one configuration.
pub struct Envoy {
    side: Config,
    module: *const c_void,
    manner: Manner,
}

// Workers share a configuration, as in Envoy.
unsafe impl Sync for Envoy {}

/// The outcome of a stream, and its traces.
pub struct Ended {
    pub outcome: Outcome,
    pub stream: Stream,
}

impl Envoy {
    pub fn configure(name: &str, policy: &str, manner: Manner) -> Result<Self, Vec<String>> {
        Self::configure_by(Side { making: true, ..Side::default() }, name, policy, manner)
    }

    /// The same, by an Envoy with this half of the configuration.
    pub fn configure_by(
        side: Side,
        name: &str,
        policy: &str,
        manner: Manner,
    ) -> Result<Self, Vec<String>> {
        static LOADED: Once = Once::new();
        LOADED.call_once(|| {
            let shown = panic::take_hook();
            let version = unsafe { std::ffi::CStr::from_ptr(abi::program_init()) };
            assert_eq!(version, c"v0.2.0");
            // The module's line about a panic leaves out what a failing test says.
            let logged = panic::take_hook();
            panic::set_hook(Box::new(move |panic| {
                logged(panic);
                shown(panic);
            }));
        });
        LOG.with_borrow_mut(Vec::clear);
        let side: Config = Box::into_raw(Box::new(Mutex::new(side)));
        // Copies, which are freed as Envoy's own are.
        let (name, policy) = (name.as_bytes().to_vec(), policy.as_bytes().to_vec());
        let module = unsafe { abi::config_new(side, lend(&name), lend(&policy)) };
        unsafe { &*side }.lock().unwrap().making = false;
        if module.is_null() {
            drop(unsafe { Box::from_raw(side.cast_mut()) });
            return Err(log());
        }
        Ok(Self { side, module, manner })
    }

    /// Envoy's half of the configuration.
    pub fn side<T>(&self, look: impl FnOnce(&mut Side) -> T) -> T {
        look(&mut unsafe { &*self.side }.lock().unwrap())
    }

    /// Calls a hook of the configuration.
    pub fn with_config(&self, hook: impl FnOnce(Config, *const c_void)) {
        hook(self.side, self.module);
    }

    /// The sum of what a metric counted under all of these labels.
    pub fn metric(&self, name: &str, labels: &[&str]) -> u64 {
        let side = unsafe { &*self.side }.lock().unwrap();
        let of = |counted: &&(String, Vec<String>, u64)| {
            counted.0 == name && labels.iter().all(|label| counted.1.iter().any(|l| l == label))
        };
        side.counted.iter().filter(of).map(|(_, _, by)| by).sum()
    }

    pub fn send(&self, request: &Request) -> Outcome {
        self.exchange(request, |_| {}, |_| {}).outcome
    }

    /// One exchange; `prepare` changes the stream before it, and `between` before the
    /// server's response.
    pub fn exchange(
        &self,
        request: &Request,
        prepare: impl FnOnce(&mut Stream),
        between: impl FnOnce(&mut Stream),
    ) -> Ended {
        let mut stream = Stream::new(self.side, lines(request));
        describe(&request.client, &mut stream);
        prepare(&mut stream);
        let stream = Box::into_raw(Box::new(RefCell::new(stream)));
        let module = unsafe { abi::filter_new(self.module, stream) };
        let open = Open { stream, module, manner: self.manner };
        let outcome = if module.is_null() {
            // Envoy answers by itself.
            Outcome::Replied { status: 500, headers: Vec::new(), body: Vec::new() }
        } else {
            open.run(request, between)
        };
        if !module.is_null() {
            open.hook(Phase::Complete, |stream, module| unsafe {
                abi::stream_complete(stream, module);
            });
            unsafe { abi::filter_destroy(module) };
        }
        let stream = unsafe { Box::from_raw(stream) }.into_inner();
        Ended { outcome, stream }
    }
}

impl Envoy {
    /// A stream of which a test calls the hooks itself; what is left of it.
    pub fn open(&self, request: &Request, hooks: impl FnOnce(&Open)) -> Stream {
        let open = self.begin(request);
        hooks(&open);
        open.complete();
        open.left()
    }

    /// A stream that a test also ends itself.
    pub fn begin(&self, request: &Request) -> Open {
        let stream = Stream::new(self.side, lines(request));
        let stream = Box::into_raw(Box::new(RefCell::new(stream)));
        let module = unsafe { abi::filter_new(self.module, stream) };
        Open { stream, module, manner: self.manner }
    }

    /// A stream that ends after `hooks` hooks of the request: 0, 1 for its headers, or 2
    /// with half of its body.
    pub fn leave(&self, request: &Request, hooks: usize) -> Stream {
        self.open(request, |open| {
            if hooks > 0 {
                open.hook(Phase::Request, |f, m| unsafe { abi::request_headers(f, m, false) });
            }
            if hooks > 1 {
                let half = &request.body[..request.body.len() / 2];
                open.arrive(RECEIVED_REQUEST, HELD_REQUEST, half);
                let status =
                    open.hook(Phase::Request, |f, m| unsafe { abi::request_body(f, m, false) });
                assert_ne!(status, GO_ON);
            }
        })
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        unsafe {
            abi::config_destroy(self.module);
            drop(Box::from_raw(self.side.cast_mut()));
        }
    }
}

/// The lines that this thread logged since its last configuration.
pub fn log() -> Vec<String> {
    LOG.with_borrow(Clone::clone)
}

/// A stream with its filter.
#[derive(Clone, Copy)]
pub struct Open {
    pub stream: *const RefCell<Stream>,
    pub module: *const c_void,
    pub manner: Manner,
}

impl Open {
    pub fn on<T>(&self, call: impl FnOnce(&mut Stream) -> T) -> T {
        call(&mut unsafe { &*self.stream }.borrow_mut())
    }

    /// Runs a hook, after which nothing of what was lent may be used.
    pub fn hook<T>(
        &self,
        phase: Phase,
        hook: impl FnOnce(*const RefCell<Stream>, *const c_void) -> T,
    ) -> T {
        self.on(|stream| stream.phase = phase);
        let result = hook(self.stream, self.module);
        self.on(|stream| {
            stream.phase = Phase::Over;
            stream.lent.end_all();
        });
        result
    }

    /// The end of the stream, with which its filter goes.
    pub fn complete(&self) {
        self.hook(Phase::Complete, |f, m| unsafe { abi::stream_complete(f, m) });
        unsafe { abi::filter_destroy(self.module) };
    }

    /// The rest of a stream whose filter is gone.
    pub fn left(self) -> Stream {
        unsafe { Box::from_raw(self.stream.cast_mut()) }.into_inner()
    }

    fn replied(&self) -> bool {
        self.on(|stream| stream.reply.is_some())
    }

    fn run(&self, request: &Request, between: impl FnOnce(&mut Stream)) -> Outcome {
        let forwarded = self.request(request) || self.asked(request);
        if self.replied() {
            assert!(!forwarded, "both forwarded and answered");
            return self.outcome_of_reply();
        }
        let Some(response) = request.response.as_ref().filter(|_| forwarded) else {
            return if forwarded { Outcome::Forwarded } else { Outcome::Hung };
        };
        self.on(between);
        self.response(response)
    }

    /// Answers the questions about a request as its case says; whether it went on then.
    fn asked(&self, request: &Request) -> bool {
        for (index, answer) in request.limit_service.iter().enumerate() {
            let asked = self.on(|stream| (stream.sent.len(), stream.continued));
            assert_eq!(asked, (index + 1, 0), "it was not asked about, or went on");
            let number = index as u64 + 1;
            match answer {
                // Envoy resets a request whose time is over.
                Script::Never | Script::Reset => news::answer(self, number, &[News::Reset]),
                Script::Status(status) => {
                    let status = status.to_string();
                    let tail = [("grpc-status", &*status)];
                    let news = [News::Head(OK), News::Tail(&tail), News::Complete];
                    news::answer(self, number, &news);
                }
                Script::Message(message) => news::ok(self, number, message),
            }
        }
        let continued = self.on(|stream| stream.continued);
        assert!(continued <= 1, "it went on {continued} times");
        continued == 1
    }

    fn outcome_of_reply(&self) -> Outcome {
        self.on(|stream| {
            let reply = stream.reply.as_ref().expect("an answer");
            assert!(reply.details.starts_with("mcp_policy_filter:"), "{}", reply.details);
            Outcome::Replied {
                status: reply.status,
                headers: reply.headers.clone(),
                body: reply.body.clone(),
            }
        })
    }

    /// Drives the hooks of a request; whether all of it was let through.
    pub fn request(&self, request: &Request) -> bool {
        let bodyless = request.body.is_empty() && !request.trailers;
        // Over HTTP/1.1, a message with a length of 0 ends with its head.
        let status = self.hook(Phase::Request, |stream, module| unsafe {
            abi::request_headers(stream, module, bodyless)
        });
        assert!([GO_ON, HOLD].contains(&status), "{status}");
        if bodyless || self.replied() {
            assert!(!self.replied() || status == HOLD);
            return status == GO_ON;
        }
        let mut status = status;
        for (piece, end) in pieces(&request.body, request.trailers, self.manner) {
            self.arrive(RECEIVED_REQUEST, HELD_REQUEST, &piece);
            status = self.hook(Phase::Request, |stream, module| unsafe {
                abi::request_body(stream, module, end)
            });
            if self.replied() {
                assert_eq!(status, DROP, "what was answered goes no further");
                return false;
            }
            match status {
                // A piece that goes on before the end was not judged.
                GO_ON => return true,
                HOLD | HOLD_AND_STOP_READING => self.keep(RECEIVED_REQUEST, HELD_REQUEST),
                _ => panic!("{status} without an answer"),
            }
        }
        if request.trailers {
            status = self.hook(Phase::Request, |stream, module| {
                unsafe { &*stream }.borrow_mut().maps[1] =
                    Some(vec![(b"x-sum".into(), b"1".into())]);
                unsafe { abi::request_trailers(stream, module) }
            });
            assert!(!self.replied() || status == HOLD, "{status} with an answer");
        }
        status == GO_ON && !self.replied()
    }

    /// Drives the hooks of a response; what a client got.
    fn response(&self, response: &Response) -> Outcome {
        self.on(|stream| {
            stream.bodies = Default::default();
            stream.received_is_held = false;
            stream.maps[2] = Some(answered(response));
        });
        let bodyless = response.body.is_empty() && !response.trailers;
        let status = self.hook(Phase::Response, |stream, module| unsafe {
            abi::response_headers(stream, module, bodyless)
        });
        assert!(!self.replied() || status == HOLD, "{status} with an answer");
        let mut head = status == GO_ON;
        let mut got = Vec::new();
        if !bodyless && !self.replied() {
            for (piece, end) in pieces(&response.body, response.trailers, self.manner) {
                self.arrive(RECEIVED_RESPONSE, HELD_RESPONSE, &piece);
                let status = self.hook(Phase::Response, |stream, module| unsafe {
                    abi::response_body(stream, module, end)
                });
                if self.replied() {
                    assert_eq!(status, DROP, "what was answered goes no further");
                    break;
                }
                match status {
                    GO_ON => {
                        head = true;
                        got.extend(self.leave());
                    }
                    HOLD | HOLD_AND_STOP_READING => self.keep(RECEIVED_RESPONSE, HELD_RESPONSE),
                    DROP => self.on(|stream| stream.bodies[RECEIVED_RESPONSE].clear()),
                    _ => panic!("{status}"),
                }
            }
            if response.trailers && !self.replied() {
                let status = self.hook(Phase::Response, |stream, module| unsafe {
                    abi::response_trailers(stream, module)
                });
                assert!(!self.replied() || status == HOLD, "{status} with an answer");
                if status == GO_ON {
                    head = true;
                    got.extend(self.leave());
                }
            }
        }
        if self.replied() {
            return match self.outcome_of_reply() {
                // After the head, no other answer is possible.
                _ if head => Outcome::Cut { body: got },
                Outcome::Replied { status, body, .. } => response.outcome(status, body),
                other => other,
            };
        }
        self.arrived(response, got)
    }

    /// The answer as a client reads it from its bytes and the length that it was told.
    fn arrived(&self, response: &Response, got: Vec<u8>) -> Outcome {
        self.on(|stream| {
            let left: usize = stream.bodies.iter().flatten().map(Vec::len).sum();
            let mut lines = stream.maps[2].iter().flatten();
            let length = lines.find(|(name, _)| name == b"content-length");
            let told = length.map(|(_, value)| String::from_utf8(value.clone()).unwrap());
            if left > 0 || told.is_some_and(|told| told != got.len().to_string()) {
                return Outcome::Hung;
            }
            response.outcome(response.status, got)
        })
    }

    /// A piece comes.
    fn arrive(&self, received: usize, held: usize, piece: &[u8]) {
        let slices = cut(piece, self.manner.slice);
        self.on(|stream| {
            if self.manner.held_before {
                // One buffer, which both names are for.
                stream.received_is_held = true;
                stream.bodies[held].extend(slices);
                stream.share(held);
            } else {
                stream.bodies[received] = slices;
            }
        });
    }

    /// The piece is added to what is held.
    fn keep(&self, received: usize, held: usize) {
        self.on(|stream| {
            let piece = std::mem::take(&mut stream.bodies[received]);
            if !std::mem::take(&mut stream.received_is_held) {
                stream.bodies[held].extend(piece);
            }
        });
    }

    /// Lets the held part of a response and the piece go on.
    fn leave(&self) -> Vec<u8> {
        self.on(|stream| {
            let held = std::mem::take(&mut stream.bodies[HELD_RESPONSE]).concat();
            let piece = std::mem::take(&mut stream.bodies[RECEIVED_RESPONSE]).concat();
            match std::mem::take(&mut stream.received_is_held) {
                true => piece,
                false => [held, piece].concat(),
            }
        })
    }
}

/// The pieces of a body, and whether each is the end of the message.
fn pieces(body: &[u8], trailers: bool, manner: Manner) -> Vec<(Vec<u8>, bool)> {
    let size = if manner.held_before { usize::MAX } else { manner.piece };
    let mut pieces: Vec<_> = cut(body, size).into_iter().map(|piece| (piece, false)).collect();
    if trailers {
        return pieces;
    }
    if manner.ends_empty || pieces.is_empty() {
        pieces.push((Vec::new(), true));
    } else if let Some(last) = pieces.last_mut() {
        last.1 = true;
    }
    pieces
}

/// The header lines of a request.
fn lines(request: &Request) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pseudo = [(":method", &request.method), (":path", &request.path)];
    let headers = request.headers.iter().map(|(name, value)| (&**name, value));
    let all = pseudo.into_iter().chain(headers);
    all.map(|(name, value)| (name.into(), value.clone().into_bytes())).collect()
}

/// The header lines of a response, as a server writes them.
fn answered(response: &Response) -> Vec<(Vec<u8>, Vec<u8>)> {
    let status = (":status".to_owned(), response.status.to_string());
    let length = ("content-length".to_owned(), response.body.len().to_string());
    let events = response.headers.iter().any(|(_, value)| value.contains("event-stream"));
    let length = (!events && !response.trailers).then_some(length);
    let all = [status].into_iter().chain(response.headers.clone()).chain(length);
    all.map(|(name, value)| (name.into_bytes(), value.into_bytes())).collect()
}

/// Stores the facts about a client: the certificate, by the numbers of its attributes,
/// and the payload of its token, as set_filter_state puts it there.
fn describe(client: &Client, stream: &mut Stream) {
    const MTLS: u32 = 29;
    const URI_SAN: u32 = 37;
    if let Some(san) = &client.san {
        stream.flags.insert(MTLS, true);
        stream.texts.insert(URI_SAN, san.clone().into_bytes());
    }
    // Envoy writes `-` where there is no token.
    let payload = client.payload.as_deref().unwrap_or("-");
    stream.filter_state.insert(PAYLOAD_STATE.into(), payload.into());
}
