//! The head of an HTTP request, which decides how its body is treated.
//!
//! Every POST is judged, whatever its Accept or session: stateless servers run
//! a `tools/call` that comes with neither. GET, HEAD, OPTIONS and DELETE carry
//! no message and pass, but not with a body. None of them may have a message in
//! its query. That is so at the paths that the operator lists, or at all where
//! there is no list; elsewhere nothing passes, since servers run tools by paths
//! of their own too. Only the paths that the operator exempts are not judged.

mod query;
mod seen;

use crate::exchange::identity::{Given, Peer};
use crate::exchange::metadata::Kind;
use crate::exchange::target::Target;
use crate::policy::condition::Line;
use crate::policy::{About, Policy};
use crate::wire::mcp::RevisionHeaders;
use core::fmt;
use seen::Seen;
pub(crate) use seen::is_utf8;
use sha2::{Digest, Sha256};

/// The treatment of a request.
#[derive(Debug)]
pub enum Entry {
    /// It asks for the metadata of the protected resource.
    Metadata(Kind),
    /// The operator exempted its path.
    Exempt,
    /// Its body is a message.
    Judge(Head),
    /// It passes if it has no body.
    Bodyless {
        /// Whether the caller must be known. The caller of a browser's preflight, which
        /// carries no credential, need not be.
        identified: bool,
    },
    /// It is refused for its head alone.
    Refuse(HeadError),
    /// It is refused for the body that its head promises.
    Unread {
        /// The fault.
        fault: HeadError,
        /// Whether its caller must be known, and is asked before.
        identified: bool,
    },
}

/// The parts of the headers that are kept until the body is there.
#[derive(Debug, Default)]
pub struct Head {
    /// The headers that repeat what the body says.
    pub revision: RevisionHeaders,
    /// Whether the client accepts one of MCP's two answer types. Clients that do not
    /// (curl, or the old HTTP+SSE transport) look at the HTTP status.
    pub accepts_mcp: bool,
    /// Whether the request has no Content-Type. Some servers read such a body as a
    /// form, so it must not go on like that.
    pub untyped: bool,
    /// The identification of the request for its records.
    pub trace: Trace,
    /// The headers that the policy's conditions look at.
    pub named: Vec<(String, Line)>,
    /// The target of the request, if approvals may bind it.
    pub target: Option<Box<Target>>,
}

/// The identification of a request for its records.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// `x-request-id`, by which Envoy names it.
    pub request_id: Option<Vec<u8>>,
    /// The SHA-256 of `Mcp-Session-Id`, which can be of any length and is as good as
    /// a credential. A header without a value is not a session.
    pub session: Option<[u8; 32]>,
}

impl Head {
    /// Adds the headers that the policy's conditions look at.
    #[must_use]
    pub fn naming<'a>(
        mut self,
        policy: &Policy,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    ) -> Self {
        self.name(policy, headers);
        self
    }

    /// Adds these headers in place.
    pub(super) fn name<'a>(
        &mut self,
        policy: &Policy,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    ) {
        for name in &policy.headers {
            self.named.push((name.clone(), line(headers.clone(), name)));
        }
    }

    /// The parts that groups are asked about, of a request that has no body.
    pub fn for_groups<'a>(
        policy: &Policy,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    ) -> Self {
        let head = Self::default();
        if policy.has_groups() { head.naming(policy, headers) } else { head }
    }

    /// The parts of a request that groups are asked about.
    pub fn about<'a>(&'a self, peer: &'a dyn Peer) -> About<'a> {
        About { headers: &self.named, claims: peer }
    }

    /// Adds the target, which approvals bind.
    #[must_use]
    pub fn targeting<'a>(
        self,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    ) -> Self {
        let one = |name| match given(headers.clone(), name) {
            Given::Once(value) => Some(value),
            Given::Never => Some(&b""[..]),
            Given::Twice => None,
        };
        let target = || Target::new(one(":authority")?, one(":path")?);
        Self { target: target().map(Box::new), ..self }
    }

    /// The parts that are kept without a caller, whose request is refused in any
    /// case: those that the answer and its record need.
    #[must_use]
    pub fn unidentified(self) -> Self {
        Self { revision: self.revision.version_only(), named: Vec::new(), ..self }
    }

    /// Bytes that are kept besides those of the type itself, about.
    pub fn size(&self) -> usize {
        let lines = self.named.iter().map(|(name, line)| {
            let text = match line {
                Line::Text(text) => text.len(),
                Line::Absent | Line::Unclear => 0,
            };
            size_of::<(String, Line)>().saturating_add(name.len()).saturating_add(text)
        });
        let id = self.trace.request_id.as_ref().map_or(0, Vec::len);
        let target = self.target.as_deref().map_or(0, Target::size);
        self.revision.size().saturating_add(id).saturating_add(target).saturating_add(lines.sum())
    }
}

/// Bytes of a request's id that are kept: Envoy's own have 36.
const REQUEST_ID_BYTES: usize = 128;
/// The most bytes of a header that decides how a body is read, or repeats what it
/// says: session ids that hold a server's state are the longest.
const LONGEST: usize = 4_096;
/// The most bytes of a header that conditions look at.
const LONGEST_LINE: usize = 1 << 14;

impl Trace {
    fn new(request_id: Option<&[u8]>, session: Option<&[u8]>) -> Self {
        let short = |id: &[u8]| id.get(..REQUEST_ID_BYTES).unwrap_or(id).to_vec();
        Self {
            request_id: request_id.map(short),
            session: session
                .map(|id| id.get(..LONGEST).unwrap_or(id).trim_ascii())
                .filter(|id| !id.is_empty())
                .map(|id| Sha256::digest(id).into()),
        }
    }

    /// The identification of any request.
    pub fn from_headers<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) -> Self {
        let first =
            |name: &[u8]| headers.clone().find(|(other, _)| *other == name).map(|(_, value)| value);
        Self::new(first(b"x-request-id"), first(b"mcp-session-id"))
    }
}

/// The reasons for which a request is refused before its body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// The request has no method, no path, or one that is not text.
    Incomplete,
    /// A path that is not on the operator's list.
    Path,
    /// Another HTTP method than MCP uses.
    Method,
    /// Another HTTP method than that for metadata.
    Metadata,
    /// A tunnel, through which calls would pass unseen.
    Upgrade,
    /// A body with a method that has none.
    Body,
    /// The query names a member of a message, and some servers read it there.
    Query(&'static str),
    /// Servers take the first, the last, or all of these.
    Repeated(&'static str),
    /// The value is not text.
    NotText(&'static str),
    /// The value is longer than any honest one, and would have to be kept.
    Long(&'static str),
    /// The body has a Content-Encoding, which some servers ignore and some do not.
    Encoding,
    /// Some servers read the body by its type: what is JSON to the filter may be
    /// a form to them.
    ContentType,
    /// Some servers decode the body by its charset.
    Charset,
    /// Content-Length is beyond the limit.
    TooLarge,
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incomplete => "the request has no readable method and path",
            Self::Path => "MCP is not at this path",
            Self::Method => "MCP uses only GET, POST and DELETE",
            Self::Metadata => "the metadata at this path is read by GET",
            Self::Upgrade => "the connection cannot be upgraded here",
            Self::Body => "a request of this method must have no body",
            Self::Query(member) => {
                return write!(f, "the query must not name `{member}`, which belongs in a message");
            }
            Self::Repeated(name) => return write!(f, "the {name} header is given twice"),
            Self::NotText(name) => return write!(f, "the {name} header is not UTF-8"),
            Self::Long(name) => {
                return write!(f, "the {name} header is longer than {LONGEST} bytes");
            }
            Self::Encoding => "the body must not have a Content-Encoding",
            Self::ContentType => "the Content-Type must be application/json",
            Self::Charset => "the body must be JSON in UTF-8",
            Self::TooLarge => "the body is too large",
        })
    }
}

/// Headers by which a client can make Envoy send a request several times, after it
/// was judged and counted once.
const REPEATING: [&[u8]; 7] = [
    b"x-envoy-retry-on",
    b"x-envoy-retry-grpc-on",
    b"x-envoy-max-retries",
    b"x-envoy-retriable-status-codes",
    b"x-envoy-retriable-header-names",
    b"x-envoy-hedge-on-per-try-timeout",
    b"x-envoy-upstream-rq-per-try-timeout-ms",
];

/// Whether a header must not go on with a message. Envoy strips these from requests
/// of external clients, but a setting decides which clients are external.
pub fn repeats_requests(name: &[u8]) -> bool {
    REPEATING.contains(&name)
}

impl Entry {
    /// Reads the head of a request. Names come in lower case, as Envoy gives
    /// them.
    pub fn from_headers<'a>(
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        policy: &Policy,
    ) -> Self {
        let settings = &policy.settings;
        let seen = Seen::read(headers);
        let path = seen.path.map(core::str::from_utf8);
        if let (Some(resource), Some(Ok(path))) = (&settings.protected_resource, path)
            && resource.is_at(path)
        {
            return match seen.method {
                Some(b"GET" | b"HEAD") => Self::Metadata(Kind::Document),
                Some(b"OPTIONS") => Self::Metadata(Kind::Preflight),
                _ => Self::Refuse(HeadError::Metadata),
            };
        }
        if let Some(Ok(path)) = path
            && settings.exempt_paths.iter().any(|exempt| exempt.matches(path))
        {
            return Self::Exempt;
        }
        let (Some(method), Some(Ok(path))) = (seen.method, path) else {
            return Self::Refuse(HeadError::Incomplete);
        };
        if let Some(paths) = &settings.paths
            && !paths.iter().any(|listed| listed.matches(path))
        {
            return Self::Refuse(HeadError::Path);
        }
        if seen.upgrade || method == b"CONNECT" {
            return Self::Refuse(HeadError::Upgrade);
        }
        if let Some(member) = query::member(path, method == b"POST") {
            return Self::Refuse(HeadError::Query(member));
        }
        match method {
            b"POST" => match seen.head(settings.max_body_bytes) {
                Ok(head) => Self::Judge(head),
                Err(fault) => Self::Unread { fault, identified: true },
            },
            b"GET" | b"HEAD" | b"DELETE" | b"OPTIONS"
                if seen.content_length.is_some_and(|length| length != b"0") =>
            {
                Self::Unread { fault: HeadError::Body, identified: method != b"OPTIONS" }
            }
            b"GET" | b"HEAD" | b"DELETE" => Self::Bodyless { identified: true },
            b"OPTIONS" => Self::Bodyless { identified: false },
            _ => Self::Refuse(HeadError::Method),
        }
    }
}

/// The lines of a header.
pub fn given<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>, name: &str) -> Given<'a> {
    Given::new(headers.filter(|(other, _)| *other == name.as_bytes()).map(|(_, value)| value))
}

/// A header as conditions read it.
pub fn line<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>, name: &str) -> Line {
    match given(headers, name) {
        Given::Never => Line::Absent,
        Given::Once(line) if line.len() > LONGEST_LINE => Line::Unclear,
        Given::Once(line) => core::str::from_utf8(line)
            .map_or(Line::Unclear, |text| Line::Text(text.trim_matches([' ', '\t']).to_owned())),
        Given::Twice => Line::Unclear,
    }
}

#[cfg(test)]
mod tests;
