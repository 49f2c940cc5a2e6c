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
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACKNOWLEDGE: u8 = 1;

/// The length of a frame's head.
const HEAD: usize = 9;

/// The outcomes of many calls, by the bodies of the answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answers {
    /// Let through, to an upstream that answers [`RESULT`].
    pub admitted: usize,
    /// Refused by a limit.
    pub limited: usize,
    /// Refused since too many requests wait for their bodies.
    pub crowded: usize,
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
    /// Answers to pings.
    pongs: usize,
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
        let (received, answers) = (Vec::new(), Answers::default());
        Self { stream, last_id: 0, sending, received, answers, pongs: 0 }
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

    /// Begins requests with one more header, which may be long: HPACK has it sent
    /// once. No body comes. Waits until Envoy has seen all of them; what was
    /// answered meanwhile.
    pub async fn begin(&mut self, count: usize, (name, value): (&str, &str)) -> Answers {
        for _ in 0..count {
            let mut block = Vec::new();
            if self.last_id == 0 {
                // Into the table, where it has the first place from then on.
                block.push(0x40);
                text(&mut block, name);
                text(&mut block, value);
            } else {
                block.push(0x80 | 62);
            }
            // Pseudo headers come first.
            let block = [&request()[..], &block].concat();
            self.last_id = if self.last_id == 0 { 1 } else { self.last_id + 2 };
            frame(&mut self.sending, HEADERS, END_HEADERS, self.last_id, &block);
            if self.last_id % 200 == 1 {
                in_time(self.ping()).await;
            }
        }
        in_time(self.ping()).await;
        std::mem::take(&mut self.answers)
    }

    /// Sends what there is, and reads until Envoy has seen it and has sent what it
    /// answers: an answer to a ping overtakes those to requests before it, but not
    /// those that were on their way when the ping was sent.
    async fn ping(&mut self) {
        for _ in 0..2 {
            frame(&mut self.sending, PING, 0, 0, b"all seen");
            self.stream.write_all(&self.sending).await.expect("sent");
            self.sending.clear();
            while self.pongs == 0 {
                let read = self.stream.read_buf(&mut self.received).await.expect("received");
                assert_ne!(read, 0, "the gateway closed the connection");
                self.count_ends();
            }
            self.pongs = 0;
        }
    }

    /// Sends what there is, and reads until that many streams have ended.
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
                PING if flags & ACKNOWLEDGE != 0 => self.pongs += 1,
                // After an answer, the rest of a request is not wanted.
                RESET if self.received.get(at + HEAD..at + HEAD + 4) == Some(&[0; 4]) => {}
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
        let says = |reason: &[u8]| body.windows(reason.len()).any(|part| part == reason);
        match () {
            () if body == RESULT.as_bytes() => self.admitted += 1,
            () if says(br#""reason":"rate_limited""#) => self.limited += 1,
            () if says(br#""reason":"crowded""#) => self.crowded += 1,
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

/// The header block of one request in the name of `caller`.
fn header(caller: &str) -> Vec<u8> {
    let mut block = request();
    block.push(0);
    text(&mut block, "x-agent-id");
    text(&mut block, caller);
    block
}

/// The header block of every request, without HPACK's tables and codes except for
/// the two fields that are in the static table whole.
fn request() -> Vec<u8> {
    const POST: u8 = 0x83;
    const HTTP: u8 = 0x86;
    let mut block = vec![POST, HTTP];
    for (name, value) in [
        (":path", "/mcp"),
        (":authority", "x"),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ] {
        block.push(0);
        text(&mut block, name);
        text(&mut block, value);
    }
    block
}

/// A text with its length: seven bits, or all of them set and the rest behind.
fn text(block: &mut Vec<u8>, text: &str) {
    match text.len().checked_sub(127) {
        None => block.push(u8::try_from(text.len()).expect("a short text")),
        Some(mut rest) => {
            block.push(127);
            while rest > 127 {
                block.push(u8::try_from(rest % 128).expect("seven bits") | 128);
                rest /= 128;
            }
            block.push(u8::try_from(rest).expect("seven bits"));
        }
    }
    block.extend_from_slice(text.as_bytes());
}
