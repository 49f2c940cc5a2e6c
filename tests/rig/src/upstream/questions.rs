//! A service that the filter asks, over HTTP/2: the question says what is done with it.
//!
//! | question | answer |
//! | --- | --- |
//! | `gate` | `ok`, as soon as [`Questions::open`] lets one go |
//! | `never` | none |
//! | `reset` | the stream is reset |
//! | `close` | the connection ends |
//! | `status N` | the status N of gRPC, without a message |
//! | `big` | a message of 1 MiB |
//! | `cut` | a message that is shorter than its frame says |
//! | `two` | two messages |
//! | `none` | no message |
//! | `plain` | an answer that is not of gRPC |
//! | `late` | a message, and no trailers |
//! | any other | the same text as a message |

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use hyper::body::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// The service on a loopback port; stopped when dropped.
#[derive(Debug)]
pub struct Questions {
    addr: SocketAddr,
    seen: Seen,
    accepting: JoinHandle<()>,
}

#[derive(Clone, Debug)]
struct Seen {
    /// Each question with the path that it was sent to.
    asked: Arc<Mutex<Vec<(String, String)>>>,
    gate: Arc<Semaphore>,
    /// The answers to the next questions, whatever they are.
    replies: Arc<Mutex<VecDeque<Reply>>>,
}

/// An answer that a test writes.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A message.
    Message(Vec<u8>),
    /// A status of gRPC, without a message.
    Status(u32),
    /// The stream is reset.
    Reset,
    /// None.
    Never,
}

impl Questions {
    /// Starts it.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let addr = listener.local_addr().expect("a bound port");
        let seen = Seen {
            asked: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
            replies: Arc::default(),
        };
        let answering = seen.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                tokio::spawn(serve(stream, answering.clone()));
            }
        });
        Self { addr, seen, accepting }
    }

    /// Its address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The questions so far, each with the path that it was sent to.
    pub fn asked(&self) -> Vec<(String, String)> {
        self.seen.asked.lock().expect("no panic while answering").clone()
    }

    /// Gives these answers to the next questions, in the place of those that were left;
    /// returns the number of these.
    pub fn reply_next(&self, replies: Vec<Reply>) -> usize {
        let mut next = self.seen.replies.lock().expect("no panic while answering");
        std::mem::replace(&mut *next, replies.into()).len()
    }

    /// Lets this many answers go that wait at the gate, now or later.
    pub fn open(&self, answers: usize) {
        self.seen.gate.add_permits(answers);
    }
}

impl Drop for Questions {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves one connection. Any error ends it.
async fn serve(stream: TcpStream, seen: Seen) -> Option<()> {
    let mut connection = h2::server::handshake(stream).await.ok()?;
    let (close, mut closing) = tokio::sync::mpsc::channel::<()>(1);
    loop {
        tokio::select! {
            request = connection.accept() => {
                let (request, responding) = request?.ok()?;
                tokio::spawn(answer(request, responding, seen.clone(), close.clone()));
            }
            _ = closing.recv() => return None,
        }
    }
}

async fn answer(
    request: Request<RecvStream>,
    mut responding: SendResponse<Bytes>,
    seen: Seen,
    close: tokio::sync::mpsc::Sender<()>,
) -> Option<()> {
    let (head, mut body) = request.into_parts();
    let is_grpc = head.headers.get("content-type").is_some_and(|kind| kind == "application/grpc");
    let mut bytes = Vec::new();
    while let Some(piece) = body.data().await {
        bytes.extend_from_slice(&piece.ok()?);
    }
    let reply = seen.replies.lock().expect("no panic while answering").pop_front();
    if let Some(reply) = reply {
        return scripted(reply, responding).await;
    }
    let text = bytes.split_off(if is_grpc { 5 } else { 0 });
    let text = String::from_utf8_lossy(&text).into_owned();
    let path = head.uri.path().to_owned();
    seen.asked.lock().expect("no panic while answering").push((path, text.clone()));
    let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
    let big = "x".repeat(1 << 20);
    let (message, framed) = match word {
        "never" => std::future::pending().await,
        "reset" => {
            responding.send_reset(Reason::INTERNAL_ERROR);
            return None;
        }
        "close" => return close.send(()).await.ok(),
        "status" => {
            let mut head = grpc();
            let status = HeaderValue::from_str(rest).expect("a status");
            head.headers_mut().insert("grpc-status", status);
            return responding.send_response(head, true).map(drop).ok();
        }
        "plain" => {
            let mut body = responding.send_response(Response::new(()), false).ok()?;
            return body.send_data(Bytes::from_static(b"ok"), true).ok();
        }
        "gate" => {
            seen.gate.acquire().await.expect("a gate").forget();
            ("ok", frame("ok", 2))
        }
        "big" => (&*big, frame(&big, big.len())),
        "cut" => ("ok", frame("ok", 9)),
        "two" => ("ok", [frame("ok", 2), frame("ok", 2)].concat()),
        "none" => ("", Vec::new()),
        _ => (&*text, frame(&text, text.len())),
    };
    if !is_grpc {
        let mut body = responding.send_response(Response::new(()), false).ok()?;
        return body.send_data(Bytes::from(message.to_owned()), true).ok();
    }
    let mut body = responding.send_response(grpc(), false).ok()?;
    body.send_data(Bytes::from(framed), word == "late").ok()?;
    if word == "late" {
        return None;
    }
    let status = (HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"));
    body.send_trailers(HeaderMap::from_iter([status])).ok()
}

/// Gives an answer that a test has written.
async fn scripted(reply: Reply, mut responding: SendResponse<Bytes>) -> Option<()> {
    let message = match reply {
        Reply::Message(message) => message,
        Reply::Status(status) => {
            let mut head = grpc();
            head.headers_mut().insert("grpc-status", HeaderValue::from(status));
            return responding.send_response(head, true).map(drop).ok();
        }
        Reply::Reset => {
            responding.send_reset(Reason::INTERNAL_ERROR);
            return None;
        }
        Reply::Never => std::future::pending().await,
    };
    let mut body = responding.send_response(grpc(), false).ok()?;
    body.send_data(Bytes::from(frame(&message, message.len())), false).ok()?;
    let status = (HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"));
    body.send_trailers(HeaderMap::from_iter([status])).ok()
}

/// The head of an answer of gRPC.
fn grpc() -> Response<()> {
    let mut head = Response::new(());
    head.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    head
}

/// A message in its frame, with this length in it.
fn frame(message: impl AsRef<[u8]>, length: usize) -> Vec<u8> {
    let length = u32::try_from(length).expect("a short message");
    [&[0][..], &length.to_be_bytes(), message.as_ref()].concat()
}
