//! What the head of an HTTP request says about how to treat its body.
//!
//! Every POST is judged, on every path, whatever its Content-Type, Accept or
//! session: stateless servers run a `tools/call` that comes with none of them.
//! GET, HEAD, OPTIONS and DELETE carry no message and pass, but not with a
//! body. Only paths that the operator lists are none of our business.

use crate::condition::Line;
use crate::mcp::RevisionHeaders;
use crate::policy::Policy;
use core::fmt;

/// How a request is to be treated.
#[derive(Debug)]
pub enum Entry {
    /// The operator exempted its path.
    Exempt,
    /// Its body is a message.
    Judge(Head),
    /// It passes if it has no body.
    Bodyless {
        /// Whether its caller must be known: a browser's preflight carries no
        /// credential.
        identified: bool,
    },
    /// It is refused for its head alone.
    Refuse(HeadFault),
}

/// What has to be remembered of the headers until the body is there.
#[derive(Debug, Default)]
pub struct Head {
    /// The headers that repeat what the body says.
    pub revision: RevisionHeaders,
    /// Whether the client takes one of MCP's two answer types. One that does
    /// not (curl, or the old HTTP+SSE transport) looks at the HTTP status.
    pub accepts_mcp: bool,
    /// `Mcp-Session-Id`
    pub session: Option<Vec<u8>>,
    /// The headers that the policy's conditions look at.
    pub named: Vec<(String, Line)>,
}

/// Why a request is refused before its body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadFault {
    /// The request has no method, no path, or one that is not text.
    Incomplete,
    /// Another HTTP method than MCP uses.
    Method,
    /// A tunnel, through which calls would pass unseen.
    Upgrade,
    /// A body with a method that has none.
    Body,
    /// Servers take the first, the last, or all of these.
    Repeated(&'static str),
    /// The value is not text.
    NotText(&'static str),
    /// The body is compressed; some servers ignore the header, some do not.
    Encoding,
    /// Some servers decode the body by its charset.
    Charset,
    /// Content-Length is beyond the limit.
    TooLarge,
}

impl fmt::Display for HeadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incomplete => "the request has no readable method and path",
            Self::Method => "MCP uses only GET, POST and DELETE",
            Self::Upgrade => "the connection cannot be upgraded here",
            Self::Body => "a request of this method must have no body",
            Self::Repeated(name) => return write!(f, "the {name} header is given twice"),
            Self::NotText(name) => return write!(f, "the {name} header is not UTF-8"),
            Self::Encoding => "the body must not have a Content-Encoding",
            Self::Charset => "the body must be JSON in UTF-8",
            Self::TooLarge => "the body is too large",
        })
    }
}

/// Headers that decide how a body is read, or repeat what it says.
const SINGLE: [&str; 6] = [
    "Content-Type",
    "Content-Encoding",
    "MCP-Protocol-Version",
    "Mcp-Method",
    "Mcp-Name",
    "Mcp-Session-Id",
];

/// Headers by which a client can make Envoy itself send a request several
/// times, after it was judged and counted once.
const REPEATING: [&[u8]; 7] = [
    b"x-envoy-retry-on",
    b"x-envoy-retry-grpc-on",
    b"x-envoy-max-retries",
    b"x-envoy-retriable-status-codes",
    b"x-envoy-retriable-header-names",
    b"x-envoy-hedge-on-per-try-timeout",
    b"x-envoy-upstream-rq-per-try-timeout-ms",
];

/// Whether a header must not go on beside a message. Envoy strips these from
/// requests of outside clients, but whom it takes for outside is a setting.
pub fn repeats_requests(name: &[u8]) -> bool {
    REPEATING.contains(&name)
}

#[derive(Default)]
struct Seen<'a> {
    method: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
    content_length: Option<&'a [u8]>,
    upgrade: bool,
    accepts_mcp: bool,
    /// In the order of [`SINGLE`].
    single: [Option<&'a [u8]>; 6],
    repeated: Option<&'static str>,
}

impl<'a> Seen<'a> {
    fn read(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut seen = Self::default();
        for (name, value) in headers {
            match name {
                b":method" => seen.method = Some(value),
                b":path" => seen.path = Some(value),
                b"content-length" => seen.content_length = Some(value),
                b"upgrade" => seen.upgrade = true,
                b"accept" => seen.accepts_mcp |= accepts_mcp(value),
                _ => seen.single(name, value),
            }
        }
        seen
    }

    fn single(&mut self, name: &[u8], value: &'a [u8]) {
        for (single, slot) in SINGLE.into_iter().zip(&mut self.single) {
            if name.eq_ignore_ascii_case(single.as_bytes()) {
                if slot.is_some() {
                    self.repeated.get_or_insert(single);
                }
                *slot = Some(value);
            }
        }
    }

    fn value(&self, name: &'static str) -> Option<&'a [u8]> {
        let found = SINGLE.into_iter().zip(self.single).find(|(single, _)| *single == name);
        found.and_then(|(_, value)| value)
    }

    fn text(&self, name: &'static str) -> Result<Option<&'a str>, HeadFault> {
        match self.value(name) {
            None => Ok(None),
            Some(value) => match core::str::from_utf8(value) {
                // Space around a value is not part of it.
                Ok(value) => Ok(Some(value.trim_matches([' ', '\t']))),
                Err(_) => Err(HeadFault::NotText(name)),
            },
        }
    }

    fn head(&self, max_body_bytes: usize) -> Result<Head, HeadFault> {
        if let Some(name) = self.repeated {
            return Err(HeadFault::Repeated(name));
        }
        let too_large = |length: &[u8]| {
            let length = core::str::from_utf8(length).ok().and_then(|text| text.parse().ok());
            length.is_none_or(|length: u64| length > max_body_bytes as u64)
        };
        if self.content_length.is_some_and(too_large) {
            return Err(HeadFault::TooLarge);
        }
        match self.text("Content-Encoding")? {
            None | Some("") => {}
            Some(encoding) if encoding.eq_ignore_ascii_case("identity") => {}
            Some(_) => return Err(HeadFault::Encoding),
        }
        match self.text("Content-Type")? {
            // Envoy joins repeated lines with a comma.
            Some(kind) if kind.contains(',') => return Err(HeadFault::Repeated("Content-Type")),
            Some(kind) if !is_utf8(kind) => return Err(HeadFault::Charset),
            _ => {}
        }
        let owned = |name| Ok(self.text(name)?.map(str::to_owned));
        Ok(Head {
            revision: RevisionHeaders {
                version: owned("MCP-Protocol-Version")?,
                method: owned("Mcp-Method")?,
                name: owned("Mcp-Name")?,
            },
            accepts_mcp: self.accepts_mcp,
            session: self.value("Mcp-Session-Id").map(|id| trim(id).to_vec()),
            named: Vec::new(),
        })
    }
}

impl Entry {
    /// Reads the head of a request. Names come in lower case, as Envoy gives
    /// them.
    pub fn of<'a>(
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
        policy: &Policy,
    ) -> Self {
        let settings = &policy.settings;
        let seen = Seen::read(headers.clone());
        let path = seen.path.map(core::str::from_utf8);
        if let Some(Ok(path)) = path
            && settings.exempt_paths.iter().any(|exempt| exempt.matches(path))
        {
            return Self::Exempt;
        }
        let (Some(method), Some(Ok(_))) = (seen.method, path) else {
            return Self::Refuse(HeadFault::Incomplete);
        };
        if seen.upgrade || method == b"CONNECT" {
            return Self::Refuse(HeadFault::Upgrade);
        }
        match method {
            b"POST" => match seen.head(settings.max_body_bytes) {
                Ok(head) => {
                    let lines = |name: &String| (name.clone(), line(headers.clone(), name));
                    Self::Judge(Head { named: policy.headers.iter().map(lines).collect(), ..head })
                }
                Err(fault) => Self::Refuse(fault),
            },
            b"GET" | b"HEAD" | b"DELETE" | b"OPTIONS"
                if seen.content_length.is_some_and(|length| length != b"0") =>
            {
                Self::Refuse(HeadFault::Body)
            }
            b"GET" | b"HEAD" | b"DELETE" => Self::Bodyless { identified: true },
            b"OPTIONS" => Self::Bodyless { identified: false },
            _ => Self::Refuse(HeadFault::Method),
        }
    }
}

/// Every line of a header.
pub fn lines<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>, name: &str) -> Vec<&'a [u8]> {
    headers.filter(|(other, _)| *other == name.as_bytes()).map(|(_, value)| value).collect()
}

/// A value without the space around it, which is not part of it.
pub fn trim(value: &[u8]) -> &[u8] {
    value.trim_ascii()
}

/// A header as conditions see it.
fn line<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>, name: &str) -> Line {
    match *lines(headers, name) {
        [] => Line::Absent,
        [line] => core::str::from_utf8(line)
            .map_or(Line::Unclear, |text| Line::Text(text.trim_matches([' ', '\t']).to_owned())),
        _ => Line::Unclear,
    }
}

fn accepts_mcp(value: &[u8]) -> bool {
    ["application/json", "text/event-stream"].into_iter().any(|kind| {
        value.windows(kind.len()).any(|part| part.eq_ignore_ascii_case(kind.as_bytes()))
    })
}

/// Whether no reader can find another charset than UTF-8 in a Content-Type,
/// however it splits parameters: each `charset` must be followed by `=utf-8`.
fn is_utf8(content_type: &str) -> bool {
    let lower = content_type.to_ascii_lowercase();
    lower.split("charset").skip(1).all(|after| {
        let Some(value) = after.trim_start().strip_prefix('=') else { return false };
        let value = value.trim_start().trim_start_matches(['"', '\'']);
        value.strip_prefix("utf-8").or(value.strip_prefix("utf8")).is_some_and(|rest| {
            let rest = rest.trim_start_matches(['"', '\'']).trim_start();
            rest.is_empty() || rest.starts_with(';')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn entry(headers: &[(&str, &str)]) -> Entry {
        let policy = br#"{"version": "1", "default": "deny",
            "settings": {"exempt_paths": ["/healthz", "/oauth/*"], "max_body_bytes": 100}}"#;
        let policy = Policy::parse(policy, "").unwrap();
        let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        Entry::of(headers, &policy)
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
        for (method, path) in
            [("POST", "/healthz"), ("PATCH", "/oauth/x?y=%"), ("CONNECT", "/healthz")]
        {
            assert!(matches!(entry(&[(":method", method), (":path", path)]), Entry::Exempt));
        }
    }

    #[test]
    fn methods_without_a_message_pass_bodyless_and_others_are_refused() {
        for method in ["GET", "HEAD", "OPTIONS", "DELETE"] {
            let entry = entry(&[(":method", method), (":path", "/mcp")]);
            assert!(matches!(entry, Entry::Bodyless { .. }), "{method}");
        }
        for (method, fault) in [
            ("PUT", HeadFault::Method),
            ("PATCH", HeadFault::Method),
            ("post", HeadFault::Method),
            ("TRACE", HeadFault::Method),
            ("CONNECT", HeadFault::Upgrade),
        ] {
            let entry = entry(&[(":method", method), (":path", "/mcp")]);
            assert!(matches!(entry, Entry::Refuse(found) if found == fault), "{method}");
        }
        let entry = entry(&[(":method", "GET"), (":path", "/mcp"), ("upgrade", "websocket")]);
        assert!(matches!(entry, Entry::Refuse(HeadFault::Upgrade)));
    }

    #[test]
    fn heads_that_servers_read_differently_are_refused() {
        use HeadFault::*;
        for (headers, fault) in [
            (&[("content-encoding", "gzip")][..], Encoding),
            (&[("content-encoding", "identity, gzip")], Encoding),
            (
                &[("content-encoding", ""), ("content-encoding", "gzip")],
                Repeated("Content-Encoding"),
            ),
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
            assert!(matches!(post(headers), Entry::Refuse(found) if found == fault), "{headers:?}");
        }
        let headers: [(&[u8], &[u8]); 3] =
            [(b":method", b"POST"), (b":path", b"/"), (b"mcp-name", b"\xff")];
        let policy = Policy::parse(br#"{"version": "1", "default": "deny"}"#, "").unwrap();
        let entry = Entry::of(headers.into_iter(), &policy);
        assert!(matches!(entry, Entry::Refuse(NotText("Mcp-Name"))));
        assert!(matches!(entry_of_nothing(), Entry::Refuse(Incomplete)));
    }

    fn entry_of_nothing() -> Entry {
        entry(&[])
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
}
