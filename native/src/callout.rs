//! Questions to services as HTTP requests, and the answers put together.
//!
//! The ABI has no call of gRPC, so its frame is made here: five bytes before the message,
//! and the status behind it, in trailers or, where there is no message, in headers.

use core::cell::{Cell, RefCell};
use mcp_policy_filter::exchange::question::{
    Answer, Failure, Lines, MOST_ANSWER, Question, Service,
};
use std::borrow::Cow;

/// The bytes before a message of gRPC: whether it is compressed, and its length.
const FRAME: usize = 5;

/// A question as a request.
pub(crate) struct Asking<'q> {
    pub(crate) headers: Vec<(&'static str, Cow<'q, str>)>,
    pub(crate) body: Cow<'q, [u8]>,
}

/// The news about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// More is to come, or it is not about the question that was asked last.
    Part,
    /// The answer is there.
    Whole,
    /// It is there, since the rest is of no use.
    TooLong,
}

/// The question of a stream that was asked last, and its answer as far as it has come.
#[derive(Debug, Default)]
pub(crate) struct Callouts {
    /// Envoy's number of it; `None` until one is known.
    id: Cell<Option<u64>>,
    part: RefCell<Option<Part>>,
    answer: RefCell<Option<Answer>>,
}

/// An answer as far as it has come.
#[derive(Debug, Default)]
struct Part {
    is_grpc: bool,
    status: Option<u16>,
    /// The status of gRPC; an error if there are several, or one is not a number.
    grpc_status: Option<Result<u32, ()>>,
    /// Whether the body is of gRPC.
    is_framed: bool,
    headers: Lines,
    body: Vec<u8>,
}

impl<'q> Asking<'q> {
    fn new(question: &'q Question) -> Self {
        let mut headers: Vec<(&'static str, Cow<'q, str>)> =
            vec![(":method", "POST".into()), (":scheme", "http".into())];
        match &question.service {
            Service::Grpc { authority, service, method } => {
                headers.push((":path", ["/", service, "/", method].concat().into()));
                let authority = authority.as_ref().unwrap_or(&question.cluster);
                headers.push((":authority", (&**authority).into()));
                headers.push(("content-type", "application/grpc".into()));
                headers.push(("te", "trailers".into()));
                let length = u32::try_from(question.bytes.len()).unwrap_or(u32::MAX);
                let mut body = Vec::with_capacity(question.bytes.len().saturating_add(FRAME));
                body.push(0);
                body.extend_from_slice(&length.to_be_bytes());
                body.extend_from_slice(&question.bytes);
                Self { headers, body: body.into() }
            }
            Service::Http { authority, path, headers: own } => {
                headers.push((":path", (&**path).into()));
                headers.push((":authority", (&**authority).into()));
                headers.extend(own.iter().map(|(name, value)| (*name, (&**value).into())));
                Self { headers, body: (&*question.bytes).into() }
            }
        }
    }
}

impl Callouts {
    /// Begins with a question; the request to send.
    pub(crate) fn begin<'q>(&self, question: &'q Question) -> Asking<'q> {
        let is_grpc = matches!(question.service, Service::Grpc { .. });
        self.id.set(None);
        self.answer.replace(None);
        self.part.replace(Some(Part { is_grpc, ..Part::default() }));
        Asking::new(question)
    }

    /// Notes the number that Envoy gave to the request, or that it was not sent; whether
    /// that is an answer.
    pub(crate) fn begun(&self, id: Option<u64>) -> bool {
        match id {
            // Its hooks may have told the number before.
            Some(id) => {
                self.id.set(Some(id));
                false
            }
            None => {
                let part = self.part.take();
                if part.is_some() {
                    self.answer.replace(Some(Answer::Failed(Failure::Dispatch)));
                }
                part.is_some()
            }
        }
    }

    /// Takes the headers of an answer.
    pub(crate) fn head<'h>(
        &self,
        id: u64,
        headers: impl Iterator<Item = (&'h [u8], &'h [u8])>,
    ) -> Heard {
        self.on(id, |part| {
            for (name, value) in headers {
                match name {
                    b":status" => part.status = number(value),
                    b"content-type" => part.is_framed = value.starts_with(b"application/grpc"),
                    _ => part.note(name, value),
                }
                if !part.is_grpc {
                    part.headers.push((name.into(), value.into()));
                }
            }
            Heard::Part
        })
    }

    /// Takes a piece of an answer.
    pub(crate) fn piece<'h>(&self, id: u64, slices: impl Iterator<Item = &'h [u8]>) -> Heard {
        let heard = self.on(id, |part| {
            for slice in slices {
                let most = MOST_ANSWER.saturating_add(if part.is_grpc { FRAME } else { 0 });
                if part.body.len().saturating_add(slice.len()) > most {
                    return Heard::TooLong;
                }
                part.body.extend_from_slice(slice);
            }
            Heard::Part
        });
        if heard == Heard::TooLong {
            self.part.take();
            self.answer.replace(Some(Answer::Failed(Failure::TooLarge)));
        }
        heard
    }

    /// Takes the trailers of an answer.
    pub(crate) fn tail<'h>(
        &self,
        id: u64,
        trailers: impl Iterator<Item = (&'h [u8], &'h [u8])>,
    ) -> Heard {
        self.on(id, |part| {
            trailers.for_each(|(name, value)| part.note(name, value));
            Heard::Part
        })
    }

    /// Takes the end of an answer, which is whole or was broken off.
    pub(crate) fn end(&self, id: u64, is_whole: bool) -> Heard {
        if self.on(id, |_| Heard::Whole) == Heard::Part {
            return Heard::Part;
        }
        let part = self.part.take().filter(|_| is_whole);
        let answer = part.map_or(Answer::Failed(Failure::Transport), Part::answer);
        self.answer.replace(Some(answer));
        Heard::Whole
    }

    /// The answer, once.
    pub(crate) fn take(&self) -> Option<Answer> {
        self.answer.take()
    }

    /// Changes the part that has come, if a hook is about it. Before its number is known,
    /// there is no other.
    fn on(&self, id: u64, change: impl FnOnce(&mut Part) -> Heard) -> Heard {
        let known = self.id.get();
        if known.is_some_and(|known| known != id) {
            return Heard::Part;
        }
        match &mut *self.part.borrow_mut() {
            Some(part) => {
                self.id.set(Some(id));
                change(part)
            }
            None => Heard::Part,
        }
    }
}

impl Part {
    fn note(&mut self, name: &[u8], value: &[u8]) {
        if name == b"grpc-status" {
            let status = number(value).ok_or(());
            self.grpc_status = Some(if self.grpc_status.is_none() { status } else { Err(()) });
        }
    }

    fn answer(self) -> Answer {
        let Self { is_grpc, status, grpc_status, is_framed, headers, mut body } = self;
        let Some(status) = status else { return Answer::Failed(Failure::Transport) };
        if !is_grpc {
            return Answer::Http { status, headers, body };
        }
        let status = match (status, is_framed, grpc_status) {
            (200, true, Some(Ok(status))) => status,
            _ => return Answer::Failed(Failure::Transport),
        };
        if status != 0 {
            return Answer::Failed(Failure::from_status(status));
        }
        let length = match &*body {
            // Not compressed: that was not asked for.
            [0, a, b, c, d, ..] => u32::from_be_bytes([*a, *b, *c, *d]),
            _ => return Answer::Failed(Failure::Transport),
        };
        body.drain(..FRAME);
        // One message, and all of it.
        match usize::try_from(length) {
            Ok(length) if length == body.len() => Answer::Grpc(body),
            _ => Answer::Failed(Failure::Transport),
        }
    }
}

/// A number in decimal digits.
fn number<T: core::str::FromStr>(text: &[u8]) -> Option<T> {
    let text = core::str::from_utf8(text).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
