//! HTTP/1.1 over plain TCP or any other stream, byte for byte.
//!
//! ```no_run
//! # async fn example(addr: std::net::SocketAddr) {
//! use mcp_rig::client::{Request, http1::Connection};
//!
//! let mut connection = Connection::open(addr).await;
//! let call = Request::tool_call(1, "session_kill", "{}").cut(7).trailer("x-sum", "1");
//! assert_eq!(connection.send(&call).await.status, 200);
//! assert_eq!(connection.send(&Request::tools_list(2)).await.status, 200); // kept alive
//! # }
//! ```

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;

use super::{Body, Request, Response, patiently, pause};
use crate::http::{Fields, Framing, Head, Reader};

/// Sends one request on a connection of its own.
pub async fn send(addr: SocketAddr, request: &Request) -> Response {
    Connection::open(addr).await.send(request).await
}

/// As [`send`]; an error where the other end is absent or breaks off.
pub async fn try_send(addr: SocketAddr, request: &Request) -> Result<Response> {
    Connection::try_open(addr).await?.try_send(request).await
}

/// One connection, kept alive between requests.
#[derive(Debug)]
pub struct Connection<S = TcpStream> {
    host: SocketAddr,
    reader: Reader<ReadHalf<S>>,
    writer: WriteHalf<S>,
}

impl Connection {
    /// Connects.
    pub async fn open(addr: SocketAddr) -> Self {
        Self::try_open(addr).await.unwrap_or_else(|error| panic!("connecting to {addr}: {error}"))
    }

    /// Connects, or says why not.
    pub async fn try_open(host: SocketAddr) -> Result<Self> {
        let stream = patiently("connecting", TcpStream::connect(host)).await?;
        // Each piece is a packet of its own, or cutting a body means nothing.
        stream.set_nodelay(true)?;
        Ok(Self::over(host, stream))
    }
}

impl<S: AsyncRead + AsyncWrite> Connection<S> {
    /// Speaks HTTP/1.1 over `stream`, which leads to `host`: TLS, say.
    pub fn over(host: SocketAddr, stream: S) -> Self {
        let (incoming, writer) = tokio::io::split(stream);
        Self { host, reader: Reader::new(incoming), writer }
    }

    /// Sends `request` and reads its response.
    pub async fn send(&mut self, request: &Request) -> Response {
        self.try_send(request).await.unwrap_or_else(|error| panic!("{}: {error}", request.path))
    }

    /// As [`Self::send`]; an error where the other end breaks off.
    pub async fn try_send(&mut self, request: &Request) -> Result<Response> {
        for piece in encode(request, self.host) {
            // The answer may come, with a close, before the request is out.
            if self.send_raw(piece).await.is_err() {
                break;
            }
            pause(request.pace).await;
        }
        self.response().await
    }

    /// Sends these bytes, which may be any part of a request or none.
    pub async fn send_raw(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        patiently("sending", self.writer.write_all(bytes.as_ref())).await?;
        self.writer.flush().await
    }

    /// Reads one whole response.
    pub async fn response(&mut self) -> Result<Response> {
        let head = self.head().await?;
        let status = head.status()?;
        let body = async {
            match head.framing()? {
                _ if matches!(status, 204 | 304) => Ok((Vec::new(), Fields::new())),
                Framing::Unstated => Ok((self.reader.rest().await?, Fields::new())),
                framing => self.reader.body(framing).await,
            }
        };
        let (body, trailers) = patiently("a response's body", body).await?;
        Ok(Response { status, headers: head.headers, body, trailers })
    }

    /// Reads a response's head alone, to follow a stream with [`Self::chunk`].
    pub async fn head(&mut self) -> Result<Head> {
        let head = patiently("a response", self.reader.head()).await?;
        head.ok_or_else(|| Error::new(ErrorKind::UnexpectedEof, "closed without a response"))
    }

    /// The next chunk of a chunked response, or `None` after its last one.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        patiently("a chunk", self.reader.chunk()).await
    }
}

/// The request in the pieces in which it goes out.
fn encode(request: &Request, host: SocketAddr) -> Vec<Vec<u8>> {
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
    if crate::http::field(&request.headers, "host").is_none() {
        head += &format!("host: {host}\r\n");
    }
    head += &lines(&request.headers);
    match &request.body {
        Body::None => vec![(head + "\r\n").into()],
        Body::Whole(body) => {
            let head = format!("{head}content-length: {}\r\n\r\n", body.len());
            vec![[head.as_bytes(), body].concat()]
        }
        Body::Pieces(pieces, trailers) => {
            let head = format!("{head}transfer-encoding: chunked\r\n\r\n");
            // An empty chunk would be the last.
            let chunks = pieces.iter().filter(|piece| !piece.is_empty()).map(|piece| {
                [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()
            });
            let end = format!("0\r\n{}\r\n", lines(trailers));
            [head.into()].into_iter().chain(chunks).chain([end.into()]).collect()
        }
    }
}

fn lines(fields: &Fields) -> String {
    fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
}
