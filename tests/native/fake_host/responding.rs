//! A server's response on its way through the filter, as Envoy treats it.

use super::abi;
use super::host::{HOST, RESPONSE_BODY, RESPONSE_HEADERS};
use super::worker::{PAUSE, Worker};
use crate::corpus::{Outcome, Response};
use std::collections::BTreeMap;

/// The client's side of a response so far.
#[derive(Default)]
struct Client {
    head: bool,
    body: Vec<u8>,
}

#[allow(unsafe_code, reason = "the ABI is a C one")]
impl Worker {
    /// Drives the callbacks of a response; what the client got.
    pub(super) fn respond(&self, stream: u32, response: &Response) -> Outcome {
        let count = HOST.with_borrow_mut(|host| {
            host.buffers = BTreeMap::from([(RESPONSE_BODY, Vec::new())]);
            host.maps = BTreeMap::from([(RESPONSE_HEADERS, lines(response))]);
            host.faults.extend(host.response_faults.clone());
            host.maps[&RESPONSE_HEADERS].len()
        });
        let mut client = Client::default();
        let whole = self.pass(stream, response, count, &mut client);
        match HOST.with_borrow_mut(|host| host.reply.take()) {
            // After the head, no other answer is possible.
            Some(_) if client.head => Outcome::Cut { body: client.body },
            Some((status, _, body, _)) => response.outcome(status, body),
            None if !whole => Outcome::Cut { body: client.body },
            None => {
                let length = HOST.with_borrow(|host| {
                    let mut lines = host.maps[&RESPONSE_HEADERS].iter();
                    lines
                        .find(|(name, _)| name == b"content-length")
                        .map(|(_, value)| value.clone())
                });
                let length = length.map(|length| String::from_utf8(length).unwrap());
                if length.is_some_and(|length| length != client.body.len().to_string()) {
                    // A client waits for the rest, or takes it for the next response.
                    return Outcome::Hung;
                }
                response.outcome(response.status, client.body)
            }
        }
    }

    /// Whether all of the response went through.
    fn pass(&self, stream: u32, response: &Response, count: usize, client: &mut Client) -> bool {
        let replied = || HOST.with_borrow(|host| host.reply.is_some());
        let end = response.body.is_empty() && !response.trailers;
        let action = unsafe { abi::proxy_on_response_headers(stream, count, end) };
        client.head = action != PAUSE;
        if replied() || end {
            return client.head;
        }
        if action == PAUSE && !self.manner.holds {
            return false;
        }
        let mut action = action;
        let last = response.body.len().div_ceil(self.manner.piece);
        for (index, piece) in response.body.chunks(self.manner.piece).enumerate() {
            // While the filter pauses, Envoy shows it all that has come.
            let size = HOST.with_borrow_mut(|host| {
                let body = host.buffers.get_mut(&RESPONSE_BODY).unwrap();
                body.extend_from_slice(piece);
                body.len()
            });
            let end = index + 1 == last && !response.trailers;
            action = unsafe { abi::proxy_on_response_body(stream, size, end) };
            if replied() {
                return false;
            }
            client.take(action);
        }
        if response.trailers {
            action = unsafe { abi::proxy_on_response_trailers(stream, 1) };
            if replied() {
                return false;
            }
            client.take(action);
        }
        action != PAUSE
    }
}

impl Client {
    /// Gets what there is of the body, with the head, unless the filter pauses.
    fn take(&mut self, action: u32) {
        if action != PAUSE {
            self.head = true;
            let piece = HOST.with_borrow_mut(|host| host.buffers.insert(RESPONSE_BODY, Vec::new()));
            self.body.extend(piece.unwrap());
        }
    }
}

/// The header lines of a response, as a server writes them.
fn lines(response: &Response) -> super::host::Lines {
    let status = (":status".to_owned(), response.status.to_string());
    let length = ("content-length".to_owned(), response.body.len().to_string());
    let events = response.headers.iter().any(|(_, value)| value.contains("event-stream"));
    let length = (!events && !response.trailers).then_some(length);
    let all = [status].into_iter().chain(response.headers.clone()).chain(length);
    all.map(|(name, value)| (name.into_bytes(), value.into_bytes())).collect()
}
