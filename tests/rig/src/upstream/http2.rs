//! An HTTP/2 upstream whose every answer ends with trailers, so that no piece
//! of the body is its last.

use std::net::SocketAddr;

use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use hyper::body::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// An upstream on a loopback port, to be spoken to in HTTP/2; stopped when
/// dropped.
#[derive(Debug)]
pub struct Trailing {
    addr: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Trailing {
    /// Answers every request, when it is whole, with these pieces, each in a frame of its
    /// own, and the trailer `x-sum`.
    pub async fn start(content_type: &'static str, pieces: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let addr = listener.local_addr().expect("a bound port");
        let accepting = tokio::spawn(async move {
            let mut serving = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                serving.spawn(serve(stream, content_type, pieces.clone()));
            }
        });
        Self { addr, accepting }
    }

    /// Its address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Trailing {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves one connection. Any error ends it, and the client sees that.
async fn serve(
    stream: TcpStream,
    content_type: &'static str,
    pieces: Vec<String>,
) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    let mut answering = JoinSet::new();
    while let Some(request) = connection.accept().await {
        let (request, responding) = request?;
        answering.spawn(answer(request.into_body(), responding, content_type, pieces.clone()));
    }
    Ok(())
}

async fn answer(
    mut request: RecvStream,
    mut responding: SendResponse<Bytes>,
    content_type: &'static str,
    pieces: Vec<String>,
) -> Result<(), h2::Error> {
    while let Some(data) = request.data().await {
        request.flow_control().release_capacity(data?.len())?;
    }
    let mut head = Response::new(());
    head.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
    let mut body = responding.send_response(head, false)?;
    for piece in pieces {
        body.send_data(Bytes::from(piece), false)?;
    }
    let trailer = (HeaderName::from_static("x-sum"), HeaderValue::from_static("1"));
    body.send_trailers(HeaderMap::from_iter([trailer]))
}
