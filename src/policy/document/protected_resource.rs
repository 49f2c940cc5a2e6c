//! `settings.protected_resource`: the document by which a client without a token
//! finds where to get one (RFC 9728).
//!
//! It is rendered once, of what the policy says and never of what a request says:
//! with a URL made of the Host header, one client could send another, through a
//! cache, to an authorization server of its own.

use super::at::At;
use super::request_path::RequestPath;
use super::url::{Url, url};
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
