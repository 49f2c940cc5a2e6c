//! A server between an edge and its home, which hands messages on, or not.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use mcp_rig::client::{Request, Response, http1};
use mcp_rig::http::{Head, Reader};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The treatment of the next questions.
#[derive(Clone)]
pub enum Mode {
    /// It hands them on, and the answers back.
    Passes,
    /// It hands each on twice, and the second answer back.
    Twice,
    /// It hands the last question of before on, in the place of this.
    Repeats,
    /// It changes the body of the answer.
    Changes(fn(String) -> String),
    /// It says this, and hangs up.
    Says(Vec<u8>),
    /// It says nothing.
    Never,
}

/// The server on a loopback port; stopped when dropped.
pub struct Between {
    addr: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    accepting: JoinHandle<()>,
}

struct Seen {
    mode: Mode,
    asked: usize,
    last: Option<Request>,
}

impl Between {
    pub async fn start(home: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let addr = listener.local_addr().expect("a bound port");
        let seen = Arc::new(Mutex::new(Seen { mode: Mode::Passes, asked: 0, last: None }));
        let all = seen.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, home, all.clone()));
            }
        });
        Self { addr, seen, accepting }
    }

    /// The server as a cluster of Envoy's, over HTTP/1.1.
    pub fn cluster(&self, name: &str) -> Value {
        let mut cluster = crate::asking::cluster(name, self.addr);
        cluster.as_object_mut().expect("an object").remove("typed_extension_protocol_options");
        // A connection that ended is not taken for the next question.
        cluster["typed_extension_protocol_options"] = json!({
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "common_http_protocol_options": { "max_requests_per_connection": 1 },
                "explicit_http_config": { "http_protocol_options": {} },
            },
        });
        cluster
    }

    pub fn set(&self, mode: Mode) {
        self.seen.lock().expect("no panic while serving").mode = mode;
    }

    /// The number of questions so far.
    pub fn asked(&self) -> usize {
        self.seen.lock().expect("no panic while serving").asked
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves one question. Any error ends it.
async fn serve(mut stream: TcpStream, home: SocketAddr, seen: Arc<Mutex<Seen>>) -> Option<()> {
    let (incoming, mut outgoing) = stream.split();
    let mut reader = Reader::new(incoming);
    let head = reader.head().await.ok()??;
    let (body, _) = reader.body(head.framing().ok()?).await.ok()?;
    let question = request(&head, body);
    let (mode, last) = {
        let mut seen = seen.lock().expect("no panic while serving");
        seen.asked += 1;
        (seen.mode.clone(), seen.last.replace(question.clone()))
    };
    let answer = match mode {
        Mode::Passes => bytes(&http1::send(home, &question).await, |text| text),
        Mode::Twice => {
            http1::send(home, &question).await;
            bytes(&http1::send(home, &question).await, |text| text)
        }
        Mode::Repeats => bytes(&http1::send(home, &last?).await, |text| text),
        Mode::Changes(change) => bytes(&http1::send(home, &question).await, change),
        Mode::Says(bytes) => bytes,
        Mode::Never => std::future::pending().await,
    };
    outgoing.write_all(&answer).await.ok()?;
    outgoing.shutdown().await.ok()
}

fn request(head: &Head, body: Vec<u8>) -> Request {
    let mut words = head.start.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let request = Request::new(method, path).body(body);
    let own = ["content-type", "mcp-approval-mac"];
    let lines = head.headers.iter().filter(|(name, _)| own.contains(&&**name));
    lines.fold(request, |request, (name, value)| request.header(name, value))
}

fn bytes(response: &Response, change: fn(String) -> String) -> Vec<u8> {
    let body = change(response.text());
    let mac = response.header("mcp-approval-mac").unwrap_or_default();
    format!(
        "HTTP/1.1 {} OK\r\nmcp-approval-mac: {mac}\r\ncontent-length: {}\r\n\r\n{body}",
        response.status,
        body.len()
    )
    .into_bytes()
}
