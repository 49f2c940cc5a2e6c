//! Lists of tools on their way back: what the client gets, and when.
//!
//! The shapes of lists are the corpus's matter; what is here takes a server
//! or a client of its own.

mod breaking_off;
mod encodings;
mod lengths;
mod sdk;
mod streams;

use mcp_rig::client::http1::Connection;
use mcp_rig::client::{Body, Request};
use serde_json::{Value, json};

use crate::support::body;

/// Two of the rig's tools are hidden, and every other is allowed.
fn hiding() -> Value {
    json!({ "version": "1", "default": "allow", "hide": ["session_kill", "delete_*"] })
}

/// The names that no client may get under [`hiding`].
const HIDDEN: [&str; 2] = ["session_kill", "delete_"];

/// A list, and what is left of it under [`hiding`].
const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"session_kill"}, {"name":"safe"},{"name":"delete_account"}]}}"#;
const SHOWN: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"safe"}]}}"#;

/// The head of an answer in chunks.
pub fn head(content_type: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n")
}

pub fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// A list of more than `bytes`, in which every other tool is hidden.
fn long_list(bytes: usize) -> String {
    let pair = r#"{"name":"session_kill"},{"name":"safe"},"#;
    let pairs = pair.repeat(bytes / pair.len() + 1);
    format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{pairs}{{"name":"last"}}]}}}}"#)
}

/// Sends a request on a new connection, and leaves the answer to be read.
pub async fn ask(addr: std::net::SocketAddr, request: &Request) -> Connection {
    let mut head = format!("{} {} HTTP/1.1\r\nhost: x\r\n", request.method, request.path);
    for (name, value) in &request.headers {
        head += &format!("{name}: {value}\r\n");
    }
    let body = body(request);
    if !matches!(request.body, Body::None) {
        head += &format!("content-length: {}\r\n", body.len());
    }
    let mut connection = Connection::open(addr).await;
    let bytes = [head.as_bytes(), b"\r\n", &body].concat();
    connection.send_raw(bytes).await.expect("sent");
    connection
}

/// Reads chunks until they end with `end`, and returns them.
pub async fn read_until(connection: &mut Connection, end: &str) -> String {
    let mut got = String::new();
    while !got.ends_with(end) {
        let chunk = connection.chunk().await.expect("a chunk");
        let chunk = chunk.unwrap_or_else(|| panic!("the response ended after {got:?}"));
        got += &String::from_utf8(chunk).expect("text");
    }
    got
}

/// Listens for events, as with an open session.
pub fn listen() -> Request {
    Request::new("GET", "/mcp").header("accept", "text/event-stream")
}
