//! `settings.protected_resource`: the document by which a client without a token
//! finds where to get one (RFC 9728).
//!
//! It is rendered once, of what the policy says and never of what a request says:
//! with a URL made of the Host header, one client could send another, through a
//! cache, to an authorization server of its own.

use super::at::At;
use super::request_path::RequestPath;
use super::wording::quote;

/// The metadata of the resource that the filter protects.
#[derive(Debug)]
pub struct ProtectedResource {
    /// The document, in JSON.
    pub document: Vec<u8>,
    /// The URL of the document, for challenges.
    pub url: String,
    /// The paths at which the filter serves it.
    paths: Vec<RequestPath>,
}

/// The path of the document, behind which that of the resource may come.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
/// The most bytes of a URL.
const MAX_URL: usize = 2_048;
/// The most authorization servers. Anybody may ask for the document, so that it is
/// to be small.
const MAX_SERVERS: usize = 16;
/// The most scopes.
const MAX_SCOPES: usize = 256;
/// The most bytes of a scope.
const MAX_SCOPE: usize = 256;

const KEYS: [&str; 7] = [
    "resource",
    "authorization_servers",
    "scopes_supported",
    "resource_name",
    "resource_documentation",
    "resource_policy_uri",
    "resource_tos_uri",
];

impl ProtectedResource {
    pub(super) fn read(at: &At<'_>) -> Option<Self> {
        let object = at.object(&KEYS)?;
        let mut document = Json("{".into());
        // Each is read before one that is missing ends it: an author gets all errors.
        let resource = object.required("resource").and_then(resource);
        if let Some((url, _)) = &resource {
            document.text("resource", url.text);
        }
        let servers = object.required("authorization_servers").map(servers);
        document.list("authorization_servers", servers.as_deref().unwrap_or_default());
        if let Some(scopes) = object.get("scopes_supported").map(scopes) {
            document.list("scopes_supported", &scopes);
        }
        // MCP knows no other way, and the filter looks at no other.
        document.list("bearer_methods_supported", &["header"]);
        if let Some(name) = object.get("resource_name").and_then(|at| at.name("a resource")) {
            document.text("resource_name", name);
        }
        for page in ["resource_documentation", "resource_policy_uri", "resource_tos_uri"] {
            if let Some(url) = object.get(page).and_then(|at| url(at, true)) {
                document.text(page, url.text);
            }
        }
        let ((url, paths), _) = (resource?, servers?);
        let path = paths.last().map(ToString::to_string).unwrap_or_default();
        let document = (document.0 + "}").into_bytes();
        Some(Self { document, url: format!("{}{path}", url.origin), paths })
    }

    /// Whether the document is at this request target (path and query).
    pub fn is_at(&self, target: &str) -> bool {
        self.paths.iter().any(|path| path.matches(target))
    }
}

/// An object in JSON, without its end.
struct Json(String);

impl Json {
    fn key(&mut self, key: &str) {
        self.0 += if self.0.len() > 1 { ",\"" } else { "\"" };
        self.0 += key;
        self.0 += "\":";
    }

    /// Adds a text without control characters.
    fn value(&mut self, text: &str) {
        self.0 += "\"";
        for character in text.chars() {
            if matches!(character, '"' | '\\') {
                self.0.push('\\');
            }
            self.0.push(character);
        }
        self.0 += "\"";
    }

    fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        self.value(text);
    }

    fn list(&mut self, key: &str, texts: &[&str]) {
        self.key(key);
        for (index, text) in texts.iter().enumerate() {
            self.0 += if index > 0 { "," } else { "[" };
            self.value(text);
        }
        self.0 += "]";
    }
}

/// The resource's URL, and the paths at which its document is served; the last is
/// its own.
fn resource<'d>(at: &At<'d>) -> Option<(Url<'d>, Vec<RequestPath>)> {
    let url = url(at, false)?;
    let mut paths = vec![RequestPath::plain(WELL_KNOWN)?];
    // RFC 9728 drops a slash that is all of a path.
    if !matches!(url.path, "" | "/") {
        let path = RequestPath::plain(&format!("{WELL_KNOWN}{}", url.path));
        if path.is_none() {
            at.wrong(format!(
                "the path of {} cannot be served: write a plain path in ASCII, without `%`, `//`, \
                 `;` and dot segments",
                quote(url.text)
            ));
        }
        paths.push(path?);
    }
    Some((url, paths))
}

fn servers<'d>(at: &At<'d>) -> Vec<&'d str> {
    let elements = at.elements();
    let count = elements.len();
    if at.is_list() && !(1..=MAX_SERVERS).contains(&count) {
        at.wrong(format!(
            "expected 1 to {MAX_SERVERS} authorization servers, found {count}; name those whose \
             tokens are taken"
        ));
    }
    elements.iter().filter_map(|at| url(at, false)).map(|url| url.text).collect()
}

fn scopes<'d>(at: &At<'d>) -> Vec<&'d str> {
    let elements = at.elements();
    let count = elements.len();
    if at.is_list() && !(1..=MAX_SCOPES).contains(&count) {
        at.wrong(format!(
            "expected 1 to {MAX_SCOPES} scopes, found {count}; leave the key out for none"
        ));
    }
    elements.iter().filter_map(scope).collect()
}

/// Reads a scope (RFC 6749, section 3.3).
fn scope<'d>(at: &At<'d>) -> Option<&'d str> {
    let scope = at.string()?;
    let visible = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    if !(1..=MAX_SCOPE).contains(&scope.len()) || !scope.bytes().all(visible) {
        at.wrong(format!(
            "{} is not a scope; write 1 to {MAX_SCOPE} visible ASCII characters without `\"` and \
             `\\`, and each scope as an element of its own",
            quote(scope)
        ));
        return None;
    }
    Some(scope)
}

/// A URL of the policy.
struct Url<'d> {
    text: &'d str,
    /// Its scheme, host and port.
    origin: &'d str,
    path: &'d str,
}

/// Reads a URL that clients are sent to; `query` if a query and a fragment may be
/// there.
fn url<'d>(at: &At<'d>, query: bool) -> Option<Url<'d>> {
    let text = at.string()?;
    match split(text) {
        Ok(url) if query || !url.path.contains(['?', '#']) => return Some(url),
        Ok(_) => at.wrong(format!(
            "{} must have no query and no fragment; write it up to its path",
            quote(text)
        )),
        Err(fault) => at.wrong(format!("{} cannot be used: {fault}", quote(text))),
    }
    None
}

fn split(text: &str) -> Result<Url<'_>, &'static str> {
    const FORM: &str = "write `https://`, a host in lower case, a port if it has one, and a path, \
                        in visible ASCII characters";
    let visible = |byte: u8| byte.is_ascii_graphic() && !br#""\<>^`{|}"#.contains(&byte);
    if text.len() > MAX_URL {
        return Err("it is longer than 2048 bytes; write a shorter one");
    }
    if !text.bytes().all(visible) {
        return Err(FORM);
    }
    let (secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return Err(FORM),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).ok_or(FORM)?;
    let host = host(authority).ok_or(FORM)?;
    // Tokens are sent there, and on the way to oneself nobody listens.
    if !secure && !matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
        return Err("only on loopback may it be `http`; write `https`");
    }
    let origin = text.strip_suffix(path).ok_or(FORM)?;
    Ok(Url { text, origin, path })
}

/// The host of an authority, if it is a host in lower case with a port or without.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_port = |port: &str| {
        let number = port.parse::<u64>().ok().filter(|_| port.bytes().all(|b| b.is_ascii_digit()));
        number.is_some_and(|number| (1..=65_535).contains(&number))
    };
    let name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
    let part = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b':' | b'.');
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.contains(':') && address.bytes().all(part),
        None => !host.is_empty() && host.bytes().all(name),
    };
    (is_host && port.is_none_or(is_port)).then_some(host)
}
