//! `identity`: the sources of the caller's id.

use super::at::{At, Object};
use super::wording::quote;
use crate::order::indexes;
use crate::policy::condition::{Path, Root, Step, is_header};
use crate::text::is_name;

/// The most hashes of one grant's token: the one in use, and those of a
/// rotation.
const MAX_TOKENS: usize = 4;

/// One source of ids.
#[derive(Debug)]
pub enum Source {
    /// Claims of the token that Envoy's jwt_authn verified, joined.
    Jwt {
        /// The path of each claim, as keys and indexes.
        claims: Vec<Vec<String>>,
        /// The place of all its claims.
        payload: PayloadPlace,
    },
    /// The client's certificate.
    Mtls(Certificate),
    /// A token in the Authorization header.
    Bearer(Bearer),
    /// A header that a proxy in front has set.
    Header(String),
}

impl Source {
    /// The kind, and the fields that make the id: two sources with the same text name
    /// callers alike.
    pub fn description(&self) -> String {
        match self {
            Self::Jwt { claims, payload } => {
                let paths: Vec<String> = claims.iter().map(|path| path.join("\u{1f}")).collect();
                let place = match payload {
                    PayloadPlace::Unnamed => PayloadPlace::METADATA,
                    PayloadPlace::Metadata(key) => key,
                    PayloadPlace::State(name) => &format!("state\u{1f}{name}"),
                };
                format!("jwt\u{1e}{place}\u{1e}{}", paths.join("\u{1e}"))
            }
            Self::Mtls(Certificate::UriSan) => "mtls uri_san".into(),
            Self::Mtls(Certificate::Subject) => "mtls subject".into(),
            Self::Bearer(_) => "bearer".into(),
            Self::Header(name) => format!("header {name}"),
        }
    }

    /// The kind, and the fields that make the id, with the place of a token's claims where
    /// one is written: Envoys whose sources have the same texts, in the same order, name
    /// callers alike, if their tokens and issuers are the same.
    pub fn naming(&self) -> String {
        match self {
            Self::Jwt { claims, payload } => {
                let paths: Vec<String> = claims.iter().map(|path| path.join("\u{1f}")).collect();
                let place = match payload {
                    PayloadPlace::Unnamed => "",
                    PayloadPlace::Metadata(key) => &format!("metadata\u{1f}{key}"),
                    PayloadPlace::State(name) => &format!("state\u{1f}{name}"),
                };
                format!("jwt\u{1e}{place}\u{1e}{}", paths.join("\u{1e}"))
            }
            source => source.description(),
        }
    }

    /// Whether its credential is a token, which a client gets by signing in.
    pub const fn is_token(&self) -> bool {
        matches!(self, Self::Jwt { .. } | Self::Bearer(_))
    }
}

/// The place in Envoy of a verified token's payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PayloadPlace {
    /// None is named: a shell that reads metadata looks there under
    /// [`Self::METADATA`], and another one for the state [`Self::STATE`].
    #[default]
    Unnamed,
    /// The metadata of jwt_authn, under this `payload_in_metadata`.
    Metadata(String),
    /// The filter state of this name, as JSON text.
    State(String),
}

impl PayloadPlace {
    /// The key under which Istio's authentication leaves the claims.
    pub const METADATA: &str = "payload";
    /// The name of the filter state in the configurations of this repository.
    pub const STATE: &str = "mcp_policy.jwt_payload";
}

/// A field of a client's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// The first URI among the subject's alternative names.
    UriSan,
    /// The subject.
    Subject,
}

/// Grants by the SHA-256 of their tokens.
#[derive(Debug, Default)]
pub struct Bearer {
    /// Each hash with the grant that it names.
    pub tokens: Vec<([u8; 32], String)>,
}

const KINDS: [&str; 4] = ["jwt", "mtls", "bearer", "header"];

/// Reads the list of sources.
pub(super) fn read(at: &At<'_>) -> Vec<Source> {
    let mut seen: Vec<&str> = Vec::new();
    let at = at.secret();
    at.each(|at| {
        let object = at.object(&KINDS)?;
        let present: Vec<&str> =
            KINDS.into_iter().filter(|kind| object.get(kind).is_some()).collect();
        let [kind] = *present else {
            // An unknown key was reported as such.
            if !present.is_empty() || object.is_empty() {
                at.wrong(
                    "a source is an object with exactly one of `jwt`, `mtls`, `bearer` or `header`",
                );
            }
            return None;
        };
        Some((at.path().to_owned(), kind, source(&object, kind)?))
    })
    .into_iter()
    .filter_map(|(path, kind, source)| {
        if seen.contains(&kind) {
            at.wrong_at(&path, format!("there is another source `{kind}`; their ids would mix"));
            return None;
        }
        seen.push(kind);
        Some(source)
    })
    .collect()
}

fn source(object: &Object<'_>, kind: &str) -> Option<Source> {
    let at = &match kind {
        "bearer" => object.get(kind)?.secret(),
        _ => object.get(kind)?.shown(),
    };
    match kind {
        "jwt" => jwt(at),
        "mtls" => at
            .choice(&[("uri_san", Certificate::UriSan), ("subject", Certificate::Subject)])
            .map(Source::Mtls),
        "bearer" => bearer(at),
        _ => header(at),
    }
}

fn header(at: &At<'_>) -> Option<Source> {
    let name = at.string()?;
    if name == "authorization" {
        at.wrong(
            "`authorization` holds a credential, not an id; use `bearer` with the hashes of the \
             tokens",
        );
        return None;
    }
    if matches!(name, "cookie" | "proxy-authorization" | "mcp-session-id") {
        at.wrong(format!(
            "{} holds a secret, which an id in records must not be; have the proxy that knows the \
             caller set another header, like `x-agent-id`",
            quote(name)
        ));
        return None;
    }
    if !is_header(name) || name == "host" {
        at.wrong(format!(
            "cannot take an id from {}; write a header's name in lower case, like `x-agent-id`",
            quote(name)
        ));
        return None;
    }
    if is_joined(name) {
        at.wrong(format!(
            "{} cannot hold an id: Envoy joins several lines of it into one, and a client could \
             add to it; have the proxy that knows the caller set another, like `x-agent-id`",
            quote(name)
        ));
        return None;
    }
    Some(Source::Header(name.into()))
}

/// Whether Envoy keeps a header as one line however often it is given
/// (`envoy/http/header_map.h`, and the filters that add to its list).
fn is_joined(name: &str) -> bool {
    const JOINED: [&str; 33] = [
        "accept",
        "accept-encoding",
        "access-control-request-headers",
        "access-control-request-method",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "grpc-timeout",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "keep-alive",
        "origin",
        "pragma",
        "proxy-connection",
        "referer",
        "te",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
        "x-client-trace-id",
        "x-forwarded-client-cert",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-proto",
        "x-request-id",
    ];
    JOINED.contains(&name) || name.starts_with("x-envoy-")
}

fn jwt(at: &At<'_>) -> Option<Source> {
    let object = at.object(&["claim", "payload", "payload_state"])?;
    let payload = payload(&object);
    let claim = object.required("claim")?;
    let claims = if claim.is_list() {
        let claims = claim.each(claim_path);
        if claim.elements().is_empty() {
            claim.wrong("the list of claims is empty");
        }
        claims
    } else {
        vec![claim_path(claim)?]
    };
    Some(Source::Jwt { claims, payload: payload? })
}

/// Reads the place of the payload; `None` where it is wrong.
fn payload(object: &Object<'_>) -> Option<PayloadPlace> {
    match (object.get("payload"), object.get("payload_state")) {
        (None, None) => Some(PayloadPlace::Unnamed),
        (Some(at), None) => {
            let key = at.string()?;
            if key.is_empty() || key.contains('\0') {
                at.wrong("jwt_authn's `payload_in_metadata` is never empty");
                return None;
            }
            Some(PayloadPlace::Metadata(key.into()))
        }
        (None, Some(at)) => {
            let name = at.string()?;
            if !is_name(name) {
                at.wrong(format!(
                    "{} cannot name a filter state: 1 to 256 bytes without control characters, \
                     like {}",
                    quote(name),
                    quote(PayloadPlace::STATE)
                ));
                return None;
            }
            Some(PayloadPlace::State(name.into()))
        }
        (Some(_), Some(at)) => {
            at.wrong("`payload` names another place of the same claims; keep one of the two");
            None
        }
    }
}

/// Reads a claim, which is named as after `claims.` in a condition.
fn claim_path(at: &At<'_>) -> Option<Vec<String>> {
    let text = at.string()?;
    let separator = if text.starts_with('[') { "" } else { "." };
    let path = Path::parse(&format!("claims{separator}{text}"));
    let steps = match path {
        Ok(Path { root: Root::Claims, steps, .. })
            if !text.contains("://") || text.starts_with('[') =>
        {
            steps
        }
        _ => Vec::new(),
    };
    if !matches!(steps.first(), Some(Step::Key(_))) {
        at.wrong(format!(
            "{} does not name a claim; write a name like `sub`, and one with dots or slashes in brackets \
             and quotes, like `[\"https://example.com/id\"]`",
            quote(text)
        ));
        return None;
    }
    Some(steps.iter().map(|step| step.name().into_owned()).collect())
}

fn bearer(at: &At<'_>) -> Option<Source> {
    let object = at.object(&["tokens"])?;
    let tokens = object.required("tokens")?;
    let mut bearer = Bearer::default();
    // The entry of each token.
    let mut numbers = Vec::new();
    let entries = tokens.entries();
    if tokens.is_object() && entries.is_empty() {
        tokens.wrong("no token is listed, so every call would be refused");
    }
    for (index, (grant, at)) in entries.iter().enumerate() {
        let written = if at.is_list() { at.elements().len() } else { 1 };
        let hashes = if at.is_list() { at.each(hash) } else { hash(at).into_iter().collect() };
        if hashes.len() < written {
            // An author may have put the token in the key's place, so no
            // message shows it.
            let number = index.saturating_add(1);
            tokens.wrong(format!(
                "expected `sha256:` and the 64 hexadecimal digits of the token's SHA-256 in entry \
                 {number} (`printf %s TOKEN | sha256sum`)"
            ));
            continue;
        }
        if !is_name(grant) {
            at.wrong(format!(
                "{} cannot name a grant: 1 to 256 bytes without control characters",
                quote(grant)
            ));
        }
        if !(1..=MAX_TOKENS).contains(&written) {
            at.wrong(format!("a grant has 1 to 4 tokens, found {written}"));
        }
        for hash in hashes {
            bearer.tokens.push((hash, (*grant).into()));
            numbers.push(index);
        }
    }
    let known = &bearer.tokens;
    let hash = |at: usize| known.get(at).map(|(hash, _)| hash);
    // Equal ones are neighbours then, in the order in which they are written.
    for pair in indexes(known.len(), &|a, b| hash(a).cmp(&hash(b))).windows(2) {
        if let [first, second] = *pair
            && hash(first) == hash(second)
            && let Some((_, other)) = known.get(first)
            && let Some((grant, at)) = numbers.get(second).and_then(|number| entries.get(*number))
        {
            match other == grant {
                true => at.wrong("a token is listed twice"),
                false => at.wrong(format!("{} has the same token", quote(other))),
            }
        }
    }
    Some(Source::Bearer(bearer))
}

/// "sha256:" and 64 hexadecimal digits.
fn hash(at: &At<'_>) -> Option<[u8; 32]> {
    let parse = |text: &str| {
        let digits = text.strip_prefix("sha256:")?;
        let mut hash = [0; 32];
        let pairs = digits.as_bytes().chunks(2);
        if digits.len() != 64 {
            return None;
        }
        for (byte, pair) in hash.iter_mut().zip(pairs) {
            let [high, low] = *pair else { return None };
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
            *byte = (digit(high)? << 4) | digit(low)?;
        }
        Some(hash)
    };
    at.as_string().and_then(parse)
}
