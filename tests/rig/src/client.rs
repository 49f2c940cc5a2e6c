//! Clients: the official SDK's, and two that say exactly what they are told.
//!
//! [`mcp`] is what an agent runs. [`http1`] and [`http2`] send one [`Request`]
//! as it is written, down to the pieces of its body and its trailers: clients
//! that attack a filter do not use an SDK.

pub mod http1;
pub mod http2;
pub mod mcp;
pub mod offers;

use std::time::Duration;

use serde_json::Value;

use crate::http::{Fields, field};

/// The longest wait of a raw client.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A request, the same for HTTP/1.1 and HTTP/2.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST`.
    pub method: String,
    /// `/mcp`, with any query.
    pub path: String,
    /// The headers besides the host and the framing.
    pub headers: Fields,
    /// The body and how it is cut.
    pub body: Body,
    /// The pause before each further piece of the body.
    pub pace: Duration,
}

/// A body and how it is cut.
#[derive(Clone, Debug)]
pub enum Body {
    /// None, and no framing: of a GET.
    None,
    /// In one piece, with a `content-length`.
    Whole(Vec<u8>),
    /// In pieces without a `content-length`: chunks in HTTP/1.1, DATA frames
    /// in HTTP/2, each flushed by itself, with trailers if there are any.
    Pieces(Vec<Vec<u8>>, Fields),
}

impl Request {
    /// A request of any kind, with neither headers nor a body.
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Fields::new(),
            body: Body::None,
            pace: Duration::ZERO,
        }
    }

    /// `body` as an MCP client posts it: to `/mcp`, as JSON, with the Accept
    /// line that the protocol asks for.
    pub fn mcp(body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", "/mcp")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(body)
    }

    /// A `tools/call` with these arguments, which are JSON text.
    pub fn tool_call(id: u64, tool: &str, arguments: &str) -> Self {
        let tool = Value::from(tool);
        Self::mcp(format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":{tool},"arguments":{arguments}}}}}"#
        ))
    }

    /// A `tools/list`.
    pub fn tools_list(id: u64) -> Self {
        Self::mcp(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list"}}"#))
    }

    /// With one more header line; repeated names stay repeated.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without any header line of that name.
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self
    }

    /// To this path instead.
    pub fn path(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    /// With this body in one piece.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Whole(body.into());
        self
    }

    /// With the body that it has cut into pieces of at most `length` bytes.
    pub fn cut(self, length: usize) -> Self {
        let body = match &self.body {
            Body::None => Vec::new(),
            Body::Whole(body) => body.clone(),
            Body::Pieces(pieces, _) => pieces.concat(),
        };
        self.pieces(body.chunks(length))
    }

    /// With a body of these pieces.
    pub fn pieces<P: Into<Vec<u8>>>(mut self, pieces: impl IntoIterator<Item = P>) -> Self {
        self.body = Body::Pieces(pieces.into_iter().map(Into::into).collect(), Fields::new());
        self
    }

    /// Sets a pause before each further piece. Without one, pieces may reach Envoy
    /// together and the filter as one.
    pub fn paced(mut self, pace: Duration) -> Self {
        self.pace = pace;
        self
    }

    /// Adds a trailer. A body with a Content-Length is sent as one piece without it,
    /// since only a body in pieces has trailers.
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        let (pieces, mut trailers) = match self.body {
            Body::None => (Vec::new(), Fields::new()),
            Body::Whole(body) => (vec![body], Fields::new()),
            Body::Pieces(pieces, trailers) => (pieces, trailers),
        };
        trailers.push((name.to_owned(), value.to_owned()));
        self.body = Body::Pieces(pieces, trailers);
        self
    }
}

/// A whole response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header lines.
    pub headers: Fields,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// The trailers.
    pub trailers: Fields,
}

impl Response {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        field(&self.headers, name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `null` where it is none, so that an assertion about
    /// a member fails and shows it.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// Lets a piece go out before the next.
async fn pause(pace: Duration) {
    match pace {
        Duration::ZERO => tokio::task::yield_now().await,
        pace => tokio::time::sleep(pace).await,
    }
}

/// Awaits, at most [`PATIENCE`] long.
async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, future).await;
    waited.unwrap_or_else(|_| panic!("{what}: nothing for {} s", PATIENCE.as_secs()))
}
