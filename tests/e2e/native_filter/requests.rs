//! The requests of each row. All but the honest ones are calls of `danger` in
//! the eyes of some server.

use mcp_rig::client::Request;

use crate::support::{body, danger, safe};

/// A request, and the versions of HTTP over which it is sent.
#[derive(Debug)]
pub enum Sent {
    Both(Request),
    Http2(Request),
}

/// A row of the page's table: its label, and the requests that it speaks of.
type Row = (&'static str, Vec<Sent>);

/// The rows in the page's order.
pub fn rows() -> Vec<Row> {
    [honest(), unread(), ambiguous()].into_iter().flatten().collect()
}

/// Calls that are written as they should be, and what a client sends besides.
fn honest() -> Vec<Row> {
    let rpc = |rest: &str| Request::mcp(format!(r#"{{"jsonrpc":"2.0",{rest}}}"#));
    let initialize = r#""id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",
        "capabilities":{},"clientInfo":{"name":"c","version":"1"}}"#;
    let [last_name, last_params] = twice("safe", "danger");
    let stream = Request::new("GET", "/mcp").header("accept", "text/event-stream");
    vec![
        (
            "an allowed call; `initialize`, `ping`, `tools/list`, a notification, a response, GET",
            both([
                safe(),
                rpc(initialize),
                rpc(r#""id":1,"method":"ping""#),
                Request::tools_list(1),
                rpc(r#""method":"notifications/initialized""#),
                answer(),
                stream,
            ]),
        ),
        ("DELETE, which ends a session", both([Request::new("DELETE", "/mcp")])),
        ("an allowed call above 8 KB", both([Request::tool_call(1, "safe", &padding())])),
        (
            "the denied call; without an `id`; with escapes; with `Accept: */*`; as the last of two `name` or `params`",
            both([
                last_name,
                last_params,
                danger(),
                changed(r#""id":1,"#, ""),
                changed("tools/call", r"tools\/call"),
                changed("danger", r"d\u0061nger"),
                changed(r#""name""#, r#""n\u0061me""#),
                danger().without_header("accept").header("accept", "*/*"),
            ]),
        ),
    ]
}

/// Denied calls that the filter does not read, or not to their end.
fn unread() -> Vec<Row> {
    let text = |kind: &str| danger().without_header("content-type").header("content-type", kind);
    let accepting = |accept: &str| danger().without_header("accept").header("accept", accept);
    let put = Request { method: "PUT".to_owned(), ..danger() };
    let utf16: Vec<u8> = String::from_utf8(body(&danger()))
        .expect("text")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let marked = [b"\xef\xbb\xbf", &*body(&danger())].concat();
    let late = format!(r#""arguments":{},"name":"danger""#, padding());
    let query = "/mcp?jsonrpc=2.0&id=1&method=tools/call&params[name]=danger";
    vec![
        (
            "in a batch; by PUT; without `jsonrpc`; as `text/plain`, `Application/JSON` or of no type; `Accept` missing or partial; all in the query string",
            both([
                danger().body([b"[", &*body(&danger()), b"]"].concat()),
                put,
                changed(r#""jsonrpc":"2.0","#, ""),
                text("text/plain"),
                text("Application/JSON"),
                danger().without_header("content-type"),
                danger().without_header("accept"),
                accepting("application/json"),
                danger().path(query).body("{}"),
            ]),
        ),
        (
            "8 KB before the name; a byte order mark; UTF-16",
            both([
                call(&late),
                danger().body(marked),
                text("application/json; charset=utf-16").body(utf16),
            ]),
        ),
        (
            "as the second of two documents",
            both([danger().body([body(&safe()), body(&danger())].concat())]),
        ),
    ]
}

/// Denied calls that servers read in other ways than the filter.
fn ambiguous() -> Vec<Row> {
    let get = Request { method: "GET".to_owned(), ..danger() };
    let unannounced = get.clone().cut(10);
    vec![
        ("as the first of two `name` or `params`", both(twice("danger", "safe"))),
        (
            "`Name` or `Params` as the only key",
            both([changed(r#""name""#, r#""Name""#), changed(r#""params""#, r#""Params""#)]),
        ),
        (
            "`Name` or `Params` beside the key of an allowed call",
            both([
                call(r#""name":"safe","Name":"danger""#),
                Request::mcp(
                    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"safe"},"Params":{"name":"danger"}}"#,
                ),
            ]),
        ),
        ("in the query string of an allowed call", both([safe().path("/mcp?params[name]=danger")])),
        ("in the body of a GET", both([get])),
        ("the same over HTTP/2, without `content-length`", vec![Sent::Http2(unannounced)]),
    ]
}

/// A call with two names, and one with two `params`.
fn twice(first: &str, second: &str) -> [Request; 2] {
    let [one, two] = [first, second].map(|name| format!(r#""params":{{"name":"{name}"}}"#));
    let names = call(&format!(r#""name":"{first}","name":"{second}""#));
    let params = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call",{one},{two}}}"#);
    [names, Request::mcp(params)]
}

/// A response of a client.
pub fn answer() -> Request {
    Request::mcp(r#"{"jsonrpc":"2.0","id":1,"result":{"roots":[]}}"#)
}

/// The denied call, with what makes a response.
pub fn call_with_a_result() -> Request {
    changed(r#""jsonrpc""#, r#""result":{},"jsonrpc""#)
}

/// A call with these members in its `params`.
fn call(params: &str) -> Request {
    Request::mcp(format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{params}}}}}"#
    ))
}

/// The denied call, with its text changed.
fn changed(from: &str, to: &str) -> Request {
    let text = String::from_utf8(body(&danger())).expect("text");
    assert!(text.contains(from), "{from} is not in {text}");
    danger().body(text.replace(from, to))
}

/// Arguments that are longer than what the filter reads by default.
fn padding() -> String {
    format!(r#"{{"text":"{}"}}"#, "x".repeat(9_000))
}

fn both<const N: usize>(requests: [Request; N]) -> Vec<Sent> {
    requests.into_iter().map(Sent::Both).collect()
}
