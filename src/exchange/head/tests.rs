use super::*;
use crate::policy::Policy;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn entry(headers: &[(&str, &str)]) -> Entry {
    entry_under(r#""exempt_paths": ["/healthz", "/oauth/*"], "max_body_bytes": 100"#, headers)
}

fn entry_under(settings: &str, headers: &[(&str, &str)]) -> Entry {
    let policy = format!(r#"{{"version": "1", "default": "deny", "settings": {{{settings}}}}}"#);
    let policy = Policy::parse(policy.as_bytes(), "").unwrap();
    let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    Entry::from_headers(headers, &policy)
}

fn post(headers: &[(&str, &str)]) -> Entry {
    entry(&[&[(":method", "POST"), (":path", "/mcp")], headers].concat())
}

#[test]
fn every_post_is_judged() {
    for path in ["/mcp", "/", "/healthz/", "/oauth", "/oauth/%2e%2e/mcp", "*"] {
        assert!(matches!(entry(&[(":method", "POST"), (":path", path)]), Entry::Judge(_)));
    }
    for headers in [
        [("content-type", "text/plain")],
        [("content-type", "application/json; charset=\"UTF-8\"")],
        [("content-type", "application/json;charset=utf-8;profile=x")],
        [("content-encoding", "identity")],
        [("content-length", "100")],
        [("accept", "*/*")],
    ] {
        assert!(matches!(post(&headers), Entry::Judge(_)), "{headers:?}");
    }
}

#[test]
fn exempt_paths_pass_with_any_method() {
    for (method, path) in [("POST", "/healthz"), ("PATCH", "/oauth/x?y=%"), ("CONNECT", "/healthz")]
    {
        assert!(matches!(entry(&[(":method", method), (":path", path)]), Entry::Exempt));
    }
}

#[test]
fn only_listed_paths_are_let_through() {
    let settings = r#""paths": ["/mcp", "/a/*"], "exempt_paths": ["/healthz", "/a/b"]"#;
    let entry = |method, path| entry_under(settings, &[(":method", method), (":path", path)]);
    for path in ["/mcp", "/mcp?a=/b", "/a/x", "/a/x/y"] {
        assert!(matches!(entry("POST", path), Entry::Judge(_)), "{path}");
        assert!(matches!(entry("GET", path), Entry::Bodyless { identified: true }), "{path}");
        assert!(matches!(entry("PUT", path), Entry::Refuse(HeadError::Method)), "{path}");
    }
    for path in ["/healthz", "/a/b"] {
        assert!(matches!(entry("PUT", path), Entry::Exempt), "{path}");
    }
    for path in ["", "*", "/", "/mcp/", "/mcp/x", "/MCP", "/mcp#", "/a", "/a/%78", "/a/../mcp"] {
        for method in ["POST", "GET", "HEAD", "DELETE", "OPTIONS", "PUT", "CONNECT"] {
            let entry = entry(method, path);
            assert!(matches!(entry, Entry::Refuse(HeadError::Path)), "{method} {path}");
        }
    }
}

#[test]
fn what_is_not_plain_ascii_matches_no_path() {
    for settings in [r#""paths": ["/a/*"]"#, r#""paths": ["/mcp"], "exempt_paths": ["/a/*"]"#] {
        for path in ["/a/ö", "/a/x\u{2025}/", "/a/ x", "/a/x\t", "/a/\u{7f}", "/a/\0"] {
            let entry = entry_under(settings, &[(":method", "GET"), (":path", path)]);
            assert!(matches!(entry, Entry::Refuse(HeadError::Path)), "{path:?}");
        }
    }
}

#[test]
fn methods_without_a_message_pass_bodyless_and_others_are_refused() {
    for method in ["GET", "HEAD", "OPTIONS", "DELETE"] {
        let entry = entry(&[(":method", method), (":path", "/mcp")]);
        assert!(matches!(entry, Entry::Bodyless { .. }), "{method}");
    }
    for (method, fault) in [
        ("PUT", HeadError::Method),
        ("PATCH", HeadError::Method),
        ("post", HeadError::Method),
        ("TRACE", HeadError::Method),
        ("CONNECT", HeadError::Upgrade),
    ] {
        let entry = entry(&[(":method", method), (":path", "/mcp")]);
        assert!(matches!(entry, Entry::Refuse(found) if found == fault), "{method}");
    }
    let entry = entry(&[(":method", "GET"), (":path", "/mcp"), ("upgrade", "websocket")]);
    assert!(matches!(entry, Entry::Refuse(HeadError::Upgrade)));
}

#[test]
fn a_message_in_the_query_is_refused_with_every_method_but_on_exempt_paths() {
    for method in ["POST", "GET", "HEAD", "DELETE", "OPTIONS", "PUT"] {
        let at = |path: &str| entry(&[(":method", method), (":path", path)]);
        for path in ["/mcp?params[name]=x", "/?a&%70arams", "/healthz/?params", "*?params"] {
            let entry = at(path);
            assert!(
                matches!(entry, Entry::Refuse(HeadError::Query("params"))),
                "{method} {path}: {entry:?}"
            );
        }
        assert!(matches!(at("/healthz?params[name]=x"), Entry::Exempt), "{method}");
        let fault = matches!(at("/mcp?method=x"), Entry::Refuse(HeadError::Query(_)));
        assert_eq!(fault, method == "POST", "{method}");
    }
}

#[test]
fn heads_that_servers_read_differently_are_refused() {
    use HeadError::*;
    for (headers, fault) in [
        (&[("content-encoding", "gzip")][..], Encoding),
        (&[("content-encoding", "identity, gzip")], Encoding),
        (&[("content-encoding", ""), ("content-encoding", "gzip")], Repeated("Content-Encoding")),
        (
            &[("content-type", "application/json"), ("content-type", "text/plain")],
            Repeated("Content-Type"),
        ),
        (&[("content-type", "application/json,text/plain")], Repeated("Content-Type")),
        (&[("content-type", "application/json; charset=utf-7")], Charset),
        (&[("content-type", "application/json; charset = UTF-7")], Charset),
        (&[("content-type", "application/json; CharSet=\"utf-16\"")], Charset),
        (&[("content-type", "application/json; charset=utf-8; charset=utf-7")], Charset),
        (&[("content-type", "application/json; charset=utf-80")], Charset),
        (&[("content-type", "application/json; charset*=utf-8''x")], Charset),
        (&[("mcp-name", "a"), ("mcp-name", "a")], Repeated("Mcp-Name")),
        (&[("mcp-method", "a"), ("mcp-method", "a")], Repeated("Mcp-Method")),
        (
            &[("mcp-protocol-version", "a"), ("mcp-protocol-version", "a")],
            Repeated("MCP-Protocol-Version"),
        ),
        (&[("content-length", "101")], TooLarge),
        (&[("content-length", "99999999999999999999")], TooLarge),
    ] {
        let Entry::Unread { fault: found, identified: true } = post(headers) else {
            panic!("{headers:?}")
        };
        assert_eq!(found, fault, "{headers:?}");
    }
    let headers: [(&[u8], &[u8]); 3] =
        [(b":method", b"POST"), (b":path", b"/"), (b"mcp-name", b"\xff")];
    let policy = Policy::parse(br#"{"version": "1", "default": "deny"}"#, "").unwrap();
    let entry = Entry::from_headers(headers.into_iter(), &policy);
    assert!(matches!(entry, Entry::Unread { fault: NotText("Mcp-Name"), identified: true }));
    assert!(matches!(entry_of_nothing(), Entry::Refuse(Incomplete)));
}

fn entry_of_nothing() -> Entry {
    entry(&[])
}

#[test]
fn a_type_that_names_none_is_known() {
    for (headers, expected) in [
        (&[][..], true),
        (&[("content-type", "")], true),
        (&[("content-type", " \t ")], true),
        (&[("content-type", ";")], true),
        (&[("content-type", " ; charset=utf-8")], true),
        (&[("content-type", "\u{a0}")], true),
        (&[("content-type", "application/json")], false),
        (&[("content-type", "text/plain")], false),
        (&[("content-type", "TEXT/JSON;charset=utf-8")], false),
    ] {
        let Entry::Judge(head) = post(headers) else { panic!("not judged") };
        assert_eq!(head.untyped, expected, "{headers:?}");
    }
}

#[test]
fn accept_is_found_wherever_it_stands() {
    for (headers, expected) in [
        (&[][..], false),
        (&[("accept", "*/*")], false),
        (&[("accept", "Application/JSON")], true),
        (&[("accept", "text/html"), ("accept", "text/event-stream;q=1")], true),
    ] {
        let Entry::Judge(head) = post(headers) else { panic!("not judged") };
        assert_eq!(head.accepts_mcp, expected, "{headers:?}");
    }
}

#[test]
fn of_a_session_a_digest_is_kept_and_of_none_nothing() {
    let session = |id: &str| {
        let Entry::Judge(head) = post(&[("mcp-session-id", id)]) else { panic!("not judged") };
        (head.trace.session, head.size())
    };
    let long = "s".repeat(4_000);
    assert_eq!(session(&long), (Some(Sha256::digest(&long).into()), 0));
    assert_eq!(session(" s-1\t"), session("s-1"));
    assert_ne!(session("s-1"), session("s-2"));
    for none in ["", "  "] {
        assert_eq!(session(none), (None, 0));
    }
}

#[test]
fn of_nobodys_request_nothing_is_kept_that_could_be_long() {
    let text = "t".repeat(4_000);
    let Entry::Judge(head) = post(&[
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", &text),
        ("mcp-name", &text),
        ("mcp-session-id", &text),
        ("x-request-id", &text),
        ("accept", "application/json"),
    ]) else {
        panic!("not judged")
    };
    assert!(head.size() < 200, "{}", head.size());
    let head = head.unidentified();
    assert_eq!((head.size(), head.accepts_mcp), (REQUEST_ID_BYTES, true));
}
