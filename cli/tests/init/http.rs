//! Streamable HTTP alone: tokens, redirects, the old transport, addresses that are not an endpoint.

use super::hostile::{harmless, over_http, over_url};
use super::rig::{Scratch, init};
use crate::tls::Authority;
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
fn a_server_is_trusted_by_the_authority_that_is_named_and_by_no_other() {
    let server = over_http("unauthorized", 1);
    let scratch = Scratch::new("tls");
    let (ours, other) = (Authority::new("ours"), Authority::new("another"));
    let door = ours.door("127.0.0.1", server.port);
    let of_another_name = ours.door("mcp.example.com", server.port);
    let token = scratch.write("token", "right\n");
    let ca = scratch.write("ca.pem", &ours.pem());
    let others = scratch.write("others.pem", &other.pem());
    let both = scratch.write("both.pem", &format!("{}\n{}", other.pem(), ours.pem()));
    let run = |port: u16, arguments: &[&str]| {
        let url = format!("https://127.0.0.1:{port}/mcp");
        let command = init(&[&[url.as_str(), "--bearer-file", &token], arguments].concat());
        command.env_remove("SSL_CERT_DIR").env_remove("SSL_CERT_FILE")
    };
    for arguments in [&[][..], &["--ca", &others]] {
        run(door.port, arguments).assert().code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]: cannot reach the server: [..]UnknownIssuer[..]; if its certificate is of an authority of your own, name that with --ca

"#]]);
    }
    run(of_another_name.port, &["--ca", &ca]).assert().code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]: cannot reach the server: [..]not valid for name[..]

"#]]);
    // No client went on, so no token went out.
    assert_eq!((door.entered(), of_another_name.entered()), (0, 0));
    run(door.port, &["--ca", &ca]).assert().success();
    run(door.port, &["--ca", &both]).assert().success();
    run(door.port, &[]).env("SSL_CERT_FILE", &ca).assert().success();
    assert!(door.entered() >= 3);

    let empty = scratch.write("empty.pem", "no certificate\n");
    let broken = ours.pem().replace("BEGIN CERTIFICATE-----\nM", "BEGIN CERTIFICATE-----\nN");
    let broken = scratch.write("broken.pem", &format!("{}{broken}", other.pem()));
    for (file, words) in [
        (&empty, "has no certificate; expected PEM, with `-----BEGIN CERTIFICATE-----`"),
        (&broken, "certificate 2 cannot be used"),
        (&scratch.file("absent"), "No such file or directory (os error 2)"),
    ] {
        let refused = run(door.port, &["--ca", file]).assert().code(2).stdout_eq("");
        refused.stderr_eq(format!("mcp-policy: {file}: {words}\n"));
    }
    init(&[&server.url(), "--ca", &ca]).assert().code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: --ca is for https alone; plain http has no certificate

"#]]);
    init(&["--ca", &ca, "seeds/tools.json"]).assert().code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: --header, --bearer-file and --ca are for a URL alone

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
mcp-policy: [..]: the server answers with `text/html`, so this is not an endpoint of MCP; its path is often /mcp

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
    for url in ["http://user:password@127.0.0.1/", "http://u:p w@127.0.0.1/", "ftp://u:p@a.b/"] {
        refused(url).stderr_eq(str![[r#"
mcp-policy: a URL in an argument has no password, since other people on this machine can see it; use --bearer-file or --header 'Authorization: @FILE'

"#]]);
    }
    refused("ftp://127.0.0.1/mcp").stderr_eq(str![[r#"
mcp-policy: ftp://127.0.0.1/mcp: only http:// and https:// are known; give a program behind `--`

"#]]);
    refused("http://").stderr_eq(str![[r#"
mcp-policy: http://: is not a URL

"#]]);
}
