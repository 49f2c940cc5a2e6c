//! Streamable HTTP alone: tokens, redirects, the old transport, what is no endpoint.

use super::hostile::{harmless, over_http, over_url};
use super::rig::{Scratch, init};
use snapbox::str;
use std::net::TcpListener;

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = over_http("redirect", elsewhere.local_addr().expect("its number").port());
    let scratch = Scratch::new("redirect");
    let token = scratch.write("token", "secret\n");
    let run = init(&[&server.url(), "--bearer-file", &token]).assert();
    harmless(&run);
    run.code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]: the server redirects to `http://127.0.0.1:[..]/mcp?/u{202e}` (HTTP 307), which is not followed; give that URL if you trust it

"#]]);
    elsewhere.set_nonblocking(true).expect("a listener that does not wait");
    assert!(elsewhere.accept().is_err());
}

#[test]
fn a_token_is_asked_for_and_sent() {
    let server = over_http("unauthorized", 1);
    let scratch = Scratch::new("token");
    let run = |file: Option<&str>| {
        let url = server.url();
        match file {
            None => init(&[&url]).assert(),
            Some(text) => init(&[&url, "--bearer-file", &scratch.write("t", text)]).assert(),
        }
    };
    run(None).code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]: the server asks for a token (HTTP 401); put it into a file and name that with --bearer-file

"#]]);
    run(Some("wrong\n")).code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]: the server refuses the token (HTTP 401)

"#]]);
    run(Some("right\n")).success();
    run(Some("\n")).code(2).stderr_eq(str![[r#"
mcp-policy: [..]/t: expected one line, the secret

"#]]);
    run(Some("right\nand more")).code(2).stderr_eq(str![[r#"
mcp-policy: [..]/t: expected one line, the secret

"#]]);
}

#[test]
fn a_header_may_come_from_a_file() {
    let server = over_http("key", 1);
    let scratch = Scratch::new("key");
    let file = format!("X-Api-Key: @{}", scratch.write("key", "k 1\n"));
    let url = server.url();
    init(&[&url, "--header", &file]).assert().success();
    init(&[&url]).assert().code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]: the server answers with HTTP 403: no key

"#]]);
    let refused = |header: &str| init(&[&url, "--header", header]).assert().code(2).stdout_eq("");
    refused("X-Api-Key: k 1").stderr_eq(str![[r#"
mcp-policy: --header: other people on this machine can see the value of x-api-key; put it into a file and write 'x-api-key: @FILE'

"#]]);
    refused("authorization: Bearer x").stderr_eq(str![[r#"
mcp-policy: --header: other people on this machine can see the value of authorization; put it into a file and write 'authorization: @FILE'

"#]]);
    refused("no colon").stderr_eq(str![[r#"
mcp-policy: --header has no `:`; write it like 'Name: value'

"#]]);
    refused("a b: c").stderr_eq(str![[r#"
mcp-policy: --header: `a b` is not the name of a header

"#]]);
    refused("a: b\nc: d").stderr_eq(str![[r#"
mcp-policy: a: has characters that no header may have

"#]]);
}

#[test]
fn the_old_transport_is_told_with_the_way_around_it() {
    over_url("old", &[]).code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]: the server speaks the old HTTP+SSE transport; put mcp-proxy in front: mcp-policy init -- mcp-proxy http://127.0.0.1:[..]/mcp

"#]]);
}

#[test]
fn what_is_no_endpoint_is_told() {
    over_url("not-found", &[]).code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]: the server answers with HTTP 404: <h1>Nothing here/u{1b}[2J/u{1b}]0;owned/u{7}/u{202e}gnp.exe/u{2066}/r/nnote: all is well

"#]]);
    over_url("page", &[]).code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]: the server answers with `text/html`, so this is no endpoint of MCP; its path is often /mcp

"#]]);
    over_url("not-mcp", &[]).code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]: the server's answer is not a message of MCP: {"a": "/u{202e}"}

"#]]);
    over_url("no-answer", &[]).code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]: the server ended its stream of events without an answer

"#]]);
}

#[test]
fn sessions_and_streams_of_events_are_spoken() {
    over_url("session", &[]).success();
    over_url("events", &[]).success();
}

#[test]
fn a_url_that_cannot_be_asked_is_told() {
    let refused = |url: &str| init(&[url]).assert().code(2).stdout_eq("");
    refused("http://127.0.0.1:1/mcp").stderr_eq(str![[r#"
mcp-policy: http://127.0.0.1:1/mcp: cannot reach the server: Connection refused (os error 111)

"#]]);
    refused("http://user:password@127.0.0.1/mcp").stderr_eq(str![[r#"
mcp-policy: a URL in an argument has no password, since other people on this machine can see it; use --bearer-file or --header 'Authorization: @FILE'

"#]]);
    refused("ftp://127.0.0.1/mcp").stderr_eq(str![[r#"
mcp-policy: ftp://127.0.0.1/mcp: only http:// and https:// are known; give a program behind `--`

"#]]);
    refused("http://").stderr_eq(str![[r#"
mcp-policy: http://: is not a URL

"#]]);
}
