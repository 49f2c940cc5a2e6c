//! A receiver of OpenTelemetry's logs over gRPC, which keeps each message that it is sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use hyper::body::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The method by which logs come.
const EXPORT: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// The receiver on a loopback port; stopped when dropped.
#[derive(Debug)]
pub struct Collector {
    addr: SocketAddr,
    messages: Messages,
    accepting: JoinHandle<()>,
}

type Messages = Arc<Mutex<Vec<Vec<u8>>>>;

impl Collector {
    /// Starts it.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let addr = listener.local_addr().expect("a bound port");
        let messages = Messages::default();
        let kept = messages.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, kept.clone()));
            }
        });
        Self { addr, messages, accepting }
    }

    /// Its address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The messages so far, without their frames.
    pub fn messages(&self) -> Vec<Vec<u8>> {
        self.messages.lock().expect("no panic while receiving").clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves one connection. Any error ends it.
async fn serve(stream: TcpStream, messages: Messages) -> Option<()> {
    let mut connection = h2::server::handshake(stream).await.ok()?;
    while let Some(request) = connection.accept().await {
        let (request, responding) = request.ok()?;
        tokio::spawn(answer(request, responding, messages.clone()));
    }
    None
}

async fn answer(
    request: Request<RecvStream>,
    mut responding: SendResponse<Bytes>,
    messages: Messages,
) -> Option<()> {
    let (head, mut body) = request.into_parts();
    let mut bytes = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.ok()?;
        body.flow_control().release_capacity(piece.len()).ok()?;
        bytes.extend_from_slice(&piece);
    }
    let is_export = head.uri.path() == EXPORT;
    if is_export && bytes.len() >= 5 {
        messages.lock().expect("no panic while receiving").push(bytes.split_off(5));
    }
    let mut head = Response::new(());
    head.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    let mut body = responding.send_response(head, false).ok()?;
    // An answer without a field.
    body.send_data(Bytes::from_static(&[0; 5]), false).ok()?;
    // Any other method is not implemented.
    let status = HeaderValue::from_static(if is_export { "0" } else { "12" });
    body.send_trailers(HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), status)]))
        .ok()
}
