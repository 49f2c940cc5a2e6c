//! Very many small requests over HTTP/2, for a test whose time goes into
//! sending them.
//!
//! Every frame is written by hand into one buffer, many requests to a write,
//! and of an answer only the body is looked at and the end of its stream: a
//! request costs this process a few hundred bytes copied.

use std::net::SocketAddr;

use mcp_rig::upstream::RESULT;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::in_time;

/// Streams that are open at once: Envoy's bound is far above.
const AT_ONCE: usize = 100;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACKNOWLEDGE: u8 = 1;

/// The length of a frame's head.
const HEAD: usize = 9;

/// What came of many calls, by the bodies of the answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answers {
    /// Let through, to an upstream that answers [`RESULT`].
    pub admitted: usize,
    /// Refused by a limit.
    pub limited: usize,
    pub other: usize,
}

/// One connection to a gateway.
#[derive(Debug)]
pub struct Flood {
    stream: TcpStream,
    last_id: u32,
    sending: Vec<u8>,
    received: Vec<u8>,
    answers: Answers,
}

impl Flood {
    /// Connects.
    pub async fn open(addr: SocketAddr) -> Self {
        let stream = in_time(TcpStream::connect(addr)).await.expect("a connection");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let mut sending = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        frame(&mut sending, SETTINGS, 0, 0, b"");
        // All that there is, so that no answer has to wait for more window.
        let most = (1_u32 << 31) - 1 - 65_535;
        frame(&mut sending, WINDOW_UPDATE, 0, 0, &most.to_be_bytes());
        Self { stream, last_id: 0, sending, received: Vec::new(), answers: Answers::default() }
    }

    /// Sends `body` once in the name of each of `callers`, in the header
    /// `x-agent-id`, and waits until every one is answered.
    pub async fn call(
        &mut self,
        body: &[u8],
        callers: impl IntoIterator<Item = String>,
    ) -> Answers {
        let mut callers = callers.into_iter();
        loop {
            let now: Vec<String> = callers.by_ref().take(AT_ONCE).collect();
            if now.is_empty() {
                return std::mem::take(&mut self.answers);
            }
            for caller in &now {
                // Clients have the odd ones.
                self.last_id = if self.last_id == 0 { 1 } else { self.last_id + 2 };
                frame(&mut self.sending, HEADERS, END_HEADERS, self.last_id, &header(caller));
                frame(&mut self.sending, DATA, END_STREAM, self.last_id, body);
            }
            in_time(self.exchange(now.len())).await;
        }
    }

    /// Sends what there is, and reads until so many streams have ended.
    async fn exchange(&mut self, mut open: usize) {
        self.stream.write_all(&self.sending).await.expect("sent");
        self.sending.clear();
        while open > 0 {
            let read = self.stream.read_buf(&mut self.received).await.expect("received");
            assert_ne!(read, 0, "the gateway closed the connection");
            open -= self.count_ends();
        }
    }

    /// Takes the whole frames that have come; how many of them end a stream.
    fn count_ends(&mut self) -> usize {
        let (mut at, mut ends) = (0, 0);
        while let Some(&[a, b, c, kind, flags, ..]) = self.received.get(at..at + HEAD) {
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            if self.received.len() < at + HEAD + length {
                break;
            }
            if kind == DATA && length > 0 {
                self.answers.add(&self.received[at + HEAD..at + HEAD + length]);
            }
            match kind {
                DATA | HEADERS if flags & END_STREAM != 0 => ends += 1,
                SETTINGS if flags & ACKNOWLEDGE == 0 => {
                    frame(&mut self.sending, SETTINGS, ACKNOWLEDGE, 0, b"");
                }
                RESET | GO_AWAY => panic!("the gateway broke off: frame {kind}"),
                _ => {}
            }
            at += HEAD + length;
        }
        self.received.drain(..at);
        ends
    }
}

impl Answers {
    /// Bodies this small come in one frame.
    fn add(&mut self, body: &[u8]) {
        let limited = br#""reason":"rate_limited""#;
        match () {
            () if body == RESULT.as_bytes() => self.admitted += 1,
            () if body.windows(limited.len()).any(|part| part == limited) => self.limited += 1,
            () => self.other += 1,
        }
    }
}

fn frame(into: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("a frame").to_be_bytes();
    into.extend_from_slice(&length[1..]);
    into.extend([kind, flags]);
    into.extend(stream.to_be_bytes());
    into.extend_from_slice(payload);
}

/// The header block of one request, without HPACK's tables and codes but for
/// the two fields that are in the static table whole.
fn header(caller: &str) -> Vec<u8> {
    const POST: u8 = 0x83;
    const HTTP: u8 = 0x86;
    let mut block = vec![POST, HTTP];
    for (name, value) in [
        (":path", "/mcp"),
        (":authority", "x"),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("x-agent-id", caller),
    ] {
        block.push(0);
        for text in [name, value] {
            // One byte holds lengths up to 126.
            block.push(u8::try_from(text.len()).ok().filter(|n| *n < 127).expect("a short text"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}
