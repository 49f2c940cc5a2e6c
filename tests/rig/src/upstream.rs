//! An upstream that remembers every byte it was sent.
//!
//! "Denied" has to mean that nothing of the call left the gateway: no header,
//! no half body, no connection that is opened and reset. An MCP server cannot
//! testify to that, since it only ever sees whole requests. This one keeps the
//! bytes as they come, and answers each request with the same fixed text, or
//! with one that a header of the request names.

pub mod collector;
pub mod http2;
pub mod questions;

use std::collections::BTreeMap;
use std::io::Result;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::http::{Head, Reader, field};

/// The answer to every request by default.
pub const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;

/// A recording upstream on a loopback port; stopped when dropped.
#[derive(Debug)]
pub struct Upstream {
    addr: SocketAddr,
    record: Record,
    accepting: JoinHandle<()>,
}

/// An address that refuses connections. Only root may listen there, so no server of
/// another test is given this port by chance, as one that was free a moment ago may be.
pub const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

impl Upstream {
    /// Answers every request with [`RESULT`].
    pub async fn start() -> Self {
        Self::start_answering(Answer::json(RESULT)).await
    }

    /// Answers every request with `answer`.
    pub async fn start_answering(answer: Answer) -> Self {
        Self::start_with(Answers { by: String::new(), named: BTreeMap::new(), other: answer }).await
    }

    /// Answers a request with the one of `named` that its header `by` names,
    /// or else with [`RESULT`].
    pub async fn start_choosing(by: &str, named: BTreeMap<String, Answer>) -> Self {
        let other = Answer::json(RESULT);
        Self::start_with(Answers { by: by.to_owned(), named, other }).await
    }

    async fn start_with(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let addr = listener.local_addr().expect("a bound port");
        let record = Record::default();
        let accepting = tokio::spawn(accept(listener, record.clone(), Arc::new(answers)));
        Self { addr, record, accepting }
    }

    /// Its address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The bytes received so far, one entry for each connection accepted.
    pub fn connections(&self) -> Vec<Vec<u8>> {
        self.record.lock().expect("no panic while recording").clone()
    }

    /// Whether `bytes` arrived on any connection.
    pub fn received(&self, bytes: impl AsRef<[u8]>) -> bool {
        let bytes = bytes.as_ref();
        let connections = self.connections();
        connections.iter().any(|seen| seen.windows(bytes.len()).any(|window| window == bytes))
    }

    /// All bytes of all connections, as text to search or print.
    pub fn transcript(&self) -> String {
        String::from_utf8_lossy(&self.connections().concat()).into_owned()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// An answer as raw bytes in pieces, for any framing a test can think of.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pieces: Vec<(Wait, Vec<u8>)>,
    close: bool,
    early: bool,
}

/// The wait before a piece.
#[derive(Clone, Debug)]
enum Wait {
    Over(Duration),
    At(Gate),
}

/// Holds answers back until it is opened, each time for one piece of one.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// A closed one.
    #[expect(clippy::new_without_default, reason = "nothing about a gate is a default")]
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets the next piece go.
    pub fn open(&self) {
        self.0.add_permits(1);
    }

    async fn passed(&self) {
        self.0.acquire().await.expect("a gate that is never torn down").forget();
    }
}

impl Answer {
    /// Nothing yet; add bytes with [`Self::then`].
    pub fn new() -> Self {
        Self::default()
    }

    /// `200` with `body` as `application/json`.
    pub fn json(body: &str) -> Self {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        Self::new().then(head + body)
    }

    /// `200` with each of `events` as one chunk of a `text/event-stream`.
    pub fn events<'a>(events: impl IntoIterator<Item = &'a str>) -> Self {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                    transfer-encoding: chunked\r\n\r\n";
        let chunks = events.into_iter().map(|event| format!("{:x}\r\n{event}\r\n", event.len()));
        chunks.fold(Self::new().then(head), Self::then).then("0\r\n\r\n")
    }

    /// Then these bytes, flushed by themselves.
    pub fn then(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.after(Duration::ZERO, bytes)
    }

    /// Then, when `gate` is opened, these bytes.
    pub fn when(mut self, gate: &Gate, bytes: impl Into<Vec<u8>>) -> Self {
        self.pieces.push((Wait::At(gate.clone()), bytes.into()));
        self
    }

    /// Then, when `pause` is over, these bytes.
    pub fn after(mut self, pause: Duration, bytes: impl Into<Vec<u8>>) -> Self {
        self.pieces.push((Wait::Over(pause), bytes.into()));
        self
    }

    /// Then closes the connection, as an answer without a length has to.
    pub fn then_close(mut self) -> Self {
        self.close = true;
        self
    }

    /// Without a look at the body of the request, and then closes the connection.
    pub fn to_the_head(mut self) -> Self {
        self.early = true;
        self.then_close()
    }
}

/// The answers, by their requests.
struct Answers {
    by: String,
    named: BTreeMap<String, Answer>,
    other: Answer,
}

impl Answers {
    fn to(&self, head: &Head) -> &Answer {
        let named = field(&head.headers, &self.by).and_then(|name| self.named.get(name));
        named.unwrap_or(&self.other)
    }
}

type Record = Arc<Mutex<Vec<Vec<u8>>>>;

async fn accept(listener: TcpListener, record: Record, answers: Arc<Answers>) {
    let mut serving = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while serving.try_join_next().is_some() {}
        serving.spawn(serve(stream, record.clone(), answers.clone()));
    }
}

/// Serves one connection. Any error ends it: what came is in the record.
async fn serve(stream: TcpStream, record: Record, answers: Arc<Answers>) -> Result<()> {
    // Each piece is a packet of its own, and waits for no acknowledgement.
    stream.set_nodelay(true)?;
    let (incoming, mut outgoing) = stream.into_split();
    let mut reader = Reader::new(Recorder::new(incoming, record));
    while let Some(head) = reader.head().await? {
        let answer = answers.to(&head);
        if !answer.early {
            reader.body(head.framing()?).await?;
        }
        for (wait, bytes) in &answer.pieces {
            match wait {
                Wait::Over(Duration::ZERO) => {}
                Wait::Over(pause) => tokio::time::sleep(*pause).await,
                Wait::At(gate) => gate.passed().await,
            }
            outgoing.write_all(bytes).await?;
            outgoing.flush().await?;
        }
        if answer.close {
            break;
        }
    }
    Ok(())
}

/// Passes a connection's bytes through and keeps a copy.
struct Recorder {
    incoming: OwnedReadHalf,
    record: Record,
    index: usize,
}

impl Recorder {
    fn new(incoming: OwnedReadHalf, record: Record) -> Self {
        let mut connections = record.lock().expect("no panic while recording");
        let index = connections.len();
        connections.push(Vec::new());
        drop(connections);
        Self { incoming, record, index }
    }
}

impl AsyncRead for Recorder {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.incoming).poll_read(context, buffer);
        let mut connections = self.record.lock().expect("no panic while recording");
        connections[self.index].extend_from_slice(&buffer.filled()[before..]);
        polled
    }
}
