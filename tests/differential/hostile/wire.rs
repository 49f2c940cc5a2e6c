//! Changes to the request around the body: its method, target, headers and framing.

use crate::case::{Draft, Framing, HOST};
use crate::dice::Dice;
use crate::json::call;

pub type Disguise = fn(&mut Draft, &mut Dice);

pub const DISGUISES: &[(&str, Disguise)] = &[
    ("another content-type", |draft, dice| {
        let types = [
            "text/plain",
            "APPLICATION/JSON",
            "application/json;",
            "application/json-rpc",
            "application/vnd.api+json",
            "text/json",
            "*/*",
            "application/json, text/plain",
            "text/plain; application/json",
            "application/json\t",
            "multipart/form-data",
            "json",
            "application/octet-stream",
            "application/x-www-form-urlencoded",
            "",
            "application/json; charset",
            "application/json; boundary=x",
            "application/cbor",
        ];
        draft.set("content-type", dice.pick(&types));
    }),
    ("no content-type", |draft, _| draft.without("content-type")),
    ("two content-types", |draft, dice| {
        let other =
            dice.pick(&["text/plain", "application/json", "application/json; charset=utf-7"]);
        let at = dice.below(draft.headers.len() + 1);
        draft.headers.insert(at, ("Content-Type".into(), other.into()));
    }),
    ("another charset", |draft, dice| {
        let charsets = [
            "utf-7",
            "utf-16",
            "latin1",
            "iso-8859-1",
            "us-ascii",
            "utf8",
            "UTF-8",
            "\"utf-8\"",
            "utf-8; charset=utf-16",
            "windows-1252",
            "utf-32",
            "'utf-8'",
            "utf-8 ",
            "x",
            "",
        ];
        draft.set("content-type", &format!("application/json; charset={}", dice.pick(&charsets)));
    }),
    ("the headers lie", |draft, dice| {
        revision(draft, dice);
        lie(draft, dice);
    }),
    ("the headers lie", |draft, dice| {
        revision(draft, dice);
        lie(draft, dice);
    }),
    ("the headers lie without a revision", lie),
    ("the headers lie twice over", |draft, dice| {
        revision(draft, dice);
        lie(draft, dice);
        lie(draft, dice);
    }),
    ("a revision", revision),
    ("two revisions", |draft, dice| {
        revision(draft, dice);
        revision(draft, dice);
    }),
    ("a session", |draft, dice| {
        let sessions = ["x", "", "00000000-0000-4000-8000-000000000000", "../..", "null"];
        draft.set("mcp-session-id", dice.pick(&sessions));
    }),
    ("another method", |draft, dice| {
        let methods = [
            "PUT", "PATCH", "GET", "DELETE", "OPTIONS", "HEAD", "QUERY", "post", "Post", "SEARCH",
            "TRACE", "PROPFIND",
        ];
        draft.method = dice.pick(&methods).into();
    }),
    ("a method in a header", |draft, dice| {
        draft.method = dice.pick(&["GET", "OPTIONS", "HEAD", "DELETE", "POST"]).into();
        let header = dice.pick(&["x-http-method-override", "x-http-method", "x-method-override"]);
        draft.set(header, dice.pick(&["POST", "GET", "PUT"]));
    }),
    ("another target", |draft, dice| {
        let targets = [
            "/",
            "/mcp/",
            "//mcp",
            "/MCP",
            "/%6dcp",
            "/mcp?name=safe",
            "/mcp;x=1",
            "/mcp%2f",
            "/./mcp",
            "/x/../mcp",
            "/mcp?_method=GET",
            "/mcp?body={}",
            "/.well-known/../mcp",
            "/mcp?",
            "http://localhost:8000/mcp",
            "/mcp#x",
            "/register",
            "/token",
            "/mcp%00",
            "/mcp/..;/mcp",
        ];
        draft.target = dice.pick(&targets).into();
    }),
    ("the target in a header", |draft, dice| {
        let header = dice.pick(&["x-original-url", "x-rewrite-url", "x-envoy-original-path"]);
        draft.target = "/healthz".into();
        draft.set(header, "/mcp");
    }),
    ("another accept", |draft, dice| {
        let accepts =
            ["*/*", "application/json", "text/event-stream", "text/html", "", "application/*"];
        draft.set("accept", dice.pick(&accepts));
    }),
    ("no accept", |draft, _| draft.without("accept")),
    ("in chunks", |draft, dice| {
        let size = [1, 2, 7, 64, 1000][dice.below(5)];
        let extension = dice.pick(&["", ";x=y", " ", ";\"x\""]);
        draft.framing = Framing::Chunks(size.max(draft.body.len() / 2_000), extension, "");
    }),
    ("with trailers", |draft, dice| {
        let trailers = [
            "x-sum: 1\r\n",
            "content-type: text/plain\r\n",
            "mcp-name: safe\r\n",
            "content-encoding: gzip\r\n",
            "content-length: 0\r\n",
            "mcp-method: ping\r\n",
        ];
        draft.framing = Framing::Chunks([7, 10_000][dice.below(2)], "", dice.pick(&trailers));
    }),
    ("a length and chunks", |draft, dice| {
        let length = [0, 5, draft.body.len()][dice.below(3)];
        draft.framing = Framing::Chunks(10_000, "", "");
        let at = dice.below(draft.headers.len() + 1);
        draft.headers.insert(at, ("content-length".into(), length.to_string()));
    }),
    ("another transfer-encoding", |draft, dice| {
        let codings = ["identity", "gzip, chunked", "Chunked", "chunked, chunked", "xchunked", "x"];
        let at = dice.below(draft.headers.len() + 1);
        draft.headers.insert(at, ("transfer-encoding".into(), dice.pick(&codings).into()));
    }),
    ("behind another request", |draft, dice| {
        // On one connection in one write: the second has to be seen as one.
        let mut first = Draft::post(call("safe", "decoy").compact());
        if dice.one_in(2) {
            first.framing = Framing::Chunks(50, "", "");
        }
        pipelined(draft, first);
    }),
    ("behind a GET with a length", |draft, _| {
        let mut first = Draft::post("");
        first.method = "GET".into();
        pipelined(draft, first);
    }),
    ("an upgrade", |draft, dice| {
        let upgrades = ["h2c", "websocket", "TLS/1.0", "connect-udp"];
        draft.headers.push(("connection".into(), "Upgrade, HTTP2-Settings".into()));
        draft.headers.push(("upgrade".into(), dice.pick(&upgrades).into()));
        draft.headers.push(("http2-settings".into(), "AAMAAABkAARAAAAAAAIAAAAA".into()));
    }),
    ("headers for somebody between", |draft, dice| {
        let headers = [
            ("connection", "mcp-name, content-type"),
            ("connection", "content-length"),
            ("x-forwarded-proto", "https"),
            ("te", "trailers"),
            ("content-range", "bytes 0-1/2"),
            ("content-transfer-encoding", "base64"),
            ("x-envoy-decorator-operation", "x"),
            ("x-envoy-retry-on", "5xx"),
            ("content-language", "en"),
            ("via", "1.1 x"),
            ("mcp-param-name", "safe"),
            ("last-event-id", "1"),
            ("range", "bytes=0-5"),
        ];
        let (name, value) = headers[dice.below(headers.len())];
        draft.headers.push((name.into(), value.into()));
    }),
    ("another host", |draft, dice| {
        draft.set("host", dice.pick(&["127.0.0.1", "localhost", "[::1]:1", HOST]));
    }),
];

fn revision(draft: &mut Draft, dice: &mut Dice) {
    let revisions = [
        "2026-07-28",
        "2026-07-28",
        "2025-11-25",
        "2025-06-18",
        "2025-03-26",
        "2024-11-05",
        "2099-01-01",
        "2026-7-28",
        "",
        "x",
        "2026-07-28, 2025-06-18",
        "DRAFT-2026-v1",
        "2026-07-28x",
    ];
    draft.headers.push(("mcp-protocol-version".into(), dice.pick(&revisions).into()));
}

/// Headers by which the call is another.
fn lie(draft: &mut Draft, dice: &mut Dice) {
    if dice.below(4) > 0 {
        let methods = ["tools/call", "tools/call", "ping", "tools/list", "initialize", ""];
        draft.headers.push(("Mcp-Method".into(), dice.pick(&methods).into()));
    }
    let names = [
        "safe",
        "safe",
        "danger",
        "=?base64?c2FmZQ==?=",
        "=?base64?ZGFuZ2Vy?=",
        "safe, danger",
        "SAFE",
        "=?BASE64?c2FmZQ==?=",
        "",
        "=?utf-8?q?safe?=",
        "d\u{e4}nger",
    ];
    draft.headers.push(("Mcp-Name".into(), dice.pick(&names).into()));
}

/// Puts `first` before, as a request of its own.
fn pipelined(draft: &mut Draft, first: Draft) {
    draft.framing = Framing::Whole([first.encode(), draft.encode()].concat());
}
