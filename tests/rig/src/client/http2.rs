//! HTTP/2 with prior knowledge, frame by frame.

use std::net::SocketAddr;

use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue};
use hyper::body::Bytes;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::{Body, Request, Response, patiently, pause};
use crate::http::Fields;

/// The reason with which a client resets a stream that it has no more use for.
pub const CANCEL: h2::Reason = h2::Reason::CANCEL;

/// Sends one request on a connection of its own.
pub async fn send(addr: SocketAddr, request: &Request) -> Response {
    let response = Connection::open(addr).await.send(request).await;
    response.unwrap_or_else(|error| panic!("{}: {error}", request.path))
}

/// One connection, for any number of requests.
#[derive(Debug)]
pub struct Connection {
    host: SocketAddr,
    requests: SendRequest<Bytes>,
    driving: JoinHandle<Result<(), h2::Error>>,
}

impl Connection {
    /// Connects.
    pub async fn open(host: SocketAddr) -> Self {
        let stream = patiently("connecting", TcpStream::connect(host)).await;
        let stream = stream.unwrap_or_else(|error| panic!("connecting to {host}: {error}"));
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let shaken = patiently("the HTTP/2 handshake", h2::client::handshake(stream)).await;
        let (requests, connection) = shaken.expect("an HTTP/2 connection");
        Self { host, requests, driving: tokio::spawn(connection) }
    }

    /// Sends `request` and reads its response; an error where the stream or
    /// the connection is reset.
    pub async fn send(&mut self, request: &Request) -> Result<Response, h2::Error> {
        patiently("the exchange", async {
            let (response, stream) = self.begin(request).await?;
            // The answer may come, with a reset, before the request is out.
            let sent = finish(stream, request).await;
            match response.await {
                Ok(response) => read(response).await,
                Err(error) => sent.and(Err(error)),
            }
        })
        .await
    }

    /// Sends the head alone: the rest of the request is the caller's, and
    /// dropping the stream resets it.
    pub async fn begin(
        &mut self,
        request: &Request,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        let mut head = http::Request::new(());
        *head.method_mut() = request.method.parse().expect("a method");
        let (authority, rest): (Vec<_>, Vec<_>) =
            request.headers.iter().cloned().partition(|(name, _)| name == ":authority");
        let host = self.host.to_string();
        let authority = authority.first().map_or(&host, |(_, value)| value);
        *head.uri_mut() = format!("http://{authority}{}", request.path).parse().expect("a path");
        *head.headers_mut() = header_map(&rest);
        if let Body::Whole(body) = &request.body {
            head.headers_mut().insert("content-length", body.len().into());
        }
        let mut requests = self.requests.clone().ready().await?;
        requests.send_request(head, matches!(request.body, Body::None))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driving.abort();
    }
}

/// Sends the body, each piece when the window lets it, and the trailers.
async fn finish(mut stream: SendStream<Bytes>, request: &Request) -> Result<(), h2::Error> {
    let (pieces, trailers): (&[Vec<u8>], _) = match &request.body {
        Body::None => return Ok(()),
        Body::Whole(body) => (std::slice::from_ref(body), None),
        Body::Pieces(pieces, trailers) => (pieces, (!trailers.is_empty()).then_some(trailers)),
    };
    for piece in pieces {
        let mut rest = Bytes::from(piece.clone());
        while !rest.is_empty() {
            stream.reserve_capacity(rest.len());
            let granted = std::future::poll_fn(|context| stream.poll_capacity(context)).await;
            let Some(granted) = granted.transpose()? else {
                return Ok(());
            };
            stream.send_data(rest.split_to(granted.min(rest.len())), false)?;
        }
        pause(request.pace).await;
    }
    match trailers {
        Some(trailers) => stream.send_trailers(header_map(trailers)),
        None => stream.send_data(Bytes::new(), true),
    }
}

async fn read(response: http::Response<RecvStream>) -> Result<Response, h2::Error> {
    let (head, mut stream) = response.into_parts();
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data?;
        stream.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    let trailers = stream.trailers().await?.unwrap_or_default();
    Ok(Response {
        status: head.status.as_u16(),
        headers: fields(&head.headers),
        body,
        trailers: fields(&trailers),
    })
}

fn header_map(fields: &Fields) -> HeaderMap {
    let parsed = fields.iter().map(|(name, value)| {
        let name: HeaderName = name.to_ascii_lowercase().parse().expect("a header name");
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
        (name, value)
    });
    let mut map = HeaderMap::new();
    for (name, value) in parsed {
        map.append(name, value);
    }
    map
}

fn fields(map: &HeaderMap) -> Fields {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    map.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
