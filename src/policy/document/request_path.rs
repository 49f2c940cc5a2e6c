//! Request paths that a policy names: `paths` lists those of MCP,
//! `exempt_paths` those that are not MCP.

use super::at::At;
use super::wording::quote;

/// A request path, or all paths below one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPath {
    path: String,
    below: bool,
}

/// The most paths of a list. A server has few MCP endpoints, and each exemption
/// is compared with each of them.
const MAX_LISTED: usize = 64;

/// Spellings that a server may resolve to another path. A request path with
/// one of these matches nothing, except for a `/.` that the policy itself
/// names, as `/.well-known/*` does.
const UNCLEAR: [&str; 6] = ["%", "//", "/.", ";", "\\", "#"];

/// Whether a path has such a spelling. Bytes outside ASCII count among them:
/// servers decode them by different charsets.
fn is_unclear(path: &str) -> bool {
    UNCLEAR.iter().any(|part| path.contains(part)) || !path.bytes().all(|b| b.is_ascii_graphic())
}

/// Whether a segment names its own folder, or the one above.
fn has_dot_segment(path: &str) -> bool {
    path.split('/').any(|segment| segment == "." || segment.starts_with(".."))
}

/// Whether a `text` of a policy with this `path` can be compared byte by byte.
fn is_plain(text: &str, path: &str) -> bool {
    let unclear = is_unclear(&text.replace("/.", "/"));
    !(path.contains(['*', '?']) || has_dot_segment(path) || unclear)
}

impl RequestPath {
    /// One path, if every server reads it in one way.
    pub(super) fn plain(path: &str) -> Option<Self> {
        let good = path.starts_with('/') && is_plain(path, path);
        good.then(|| Self { path: path.into(), below: false })
    }

    /// Reads `paths`.
    pub(super) fn read_listed(at: &At<'_>) -> Vec<Self> {
        let elements = at.elements();
        let count = elements.len();
        if at.is_list() && count == 0 {
            at.wrong(
                "an empty list would refuse every request; name the MCP endpoint, like `/mcp`",
            );
        } else if count > MAX_LISTED {
            at.wrong(format!(
                "expected at most {MAX_LISTED} paths, found {count}; name what they have in \
                 common, with `/*` after it"
            ));
        }
        elements.iter().filter_map(|at| Self::read(at, "list")).collect()
    }

    /// Reads `exempt_paths`. None of them may take away all of a `listed` path.
    pub(super) fn read_exempt(at: &At<'_>, listed: &[Self]) -> Vec<Self> {
        at.each(|at| {
            let exempt = Self::read(at, "exempt")?;
            // Paths beyond the most allowed are an error of their own.
            if let Some(path) = listed.iter().take(MAX_LISTED).find(|path| exempt.covers(path)) {
                at.wrong(format!(
                    "{} would exempt all of {}, which `paths` lists; take it out of one of the \
                     two",
                    quote(&exempt.to_string()),
                    quote(&path.to_string())
                ));
            }
            Some(exempt)
        })
    }

    /// Reads a path that is there to `be` something.
    fn read(at: &At<'_>, be: &str) -> Option<Self> {
        let text = at.string()?;
        let (path, below) = match text.strip_suffix("/*") {
            Some(path) => (path, true),
            None => (text, false),
        };
        let fault = if !text.starts_with('/') {
            "it must begin with `/`"
        } else if below && path.trim_matches('/').is_empty() {
            &format!("it would {be} every request; name a segment before `/*`")
        } else if !is_plain(text, path) {
            "write a plain path in ASCII, with `/*` at its end at most"
        } else {
            return Some(Self { path: path.into(), below });
        };
        at.wrong(format!("cannot {be} {}: {fault}", quote(text)));
        None
    }

    /// Reads the filter's own path. No exempt path may take it or a path below it, and
    /// no MCP server may be there, since all that is below it is the filter's.
    pub(super) fn read_own(at: &At<'_>, exempt: &[Self], served: &[Self]) -> Option<Self> {
        let own = Self::read(at, "serve approvals at")?;
        if own.below || own.path.ends_with('/') {
            at.wrong(format!(
                "{} must be one whole path, like `/mcp-approvals`",
                quote(&own.to_string())
            ));
            return None;
        }
        if let Some(exempt) = exempt.iter().find(|exempt| exempt.meets(&own)) {
            at.wrong(format!(
                "{} is among `exempt_paths`, by {}; take it out of one of the two",
                quote(&own.path),
                quote(&exempt.to_string())
            ));
        }
        if let Some(served) = served.iter().find(|served| served.is_within(&own)) {
            at.wrong(format!(
                "{} is among `paths`, by {}, where MCP is served; write another path",
                quote(&own.path),
                quote(&served.to_string())
            ));
        }
        Some(own)
    }

    /// Whether it matches `other` or a path below it.
    fn meets(&self, other: &Self) -> bool {
        self.is_within(other) || (self.below && other.is_within(self))
    }

    /// Whether its path, without `/*`, is that of `other` or below it.
    fn is_within(&self, other: &Self) -> bool {
        let rest = self.path.strip_prefix(&*other.path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The path, without `/*`.
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// Whether it matches every request that `other` matches.
    fn covers(&self, other: &Self) -> bool {
        let same = self.below && other.below && self.path == other.path;
        same || ((self.below || !other.below) && self.matches(&other.path))
    }

    /// Whether the request target `target` (path and query) is one of these.
    ///
    /// ```
    /// # use mcp_policy_filter::policy::document::Document;
    /// let policy = br#"{"version": "1", "default": "deny",
    ///                   "settings": {"exempt_paths": ["/healthz", "/oauth/*", "/.well-known/*"]}}"#;
    /// let exempt = Document::parse(policy).0.unwrap().settings.exempt_paths;
    /// let passes = |target| exempt.iter().any(|path| path.matches(target));
    /// assert!(passes("/healthz?full=1"));
    /// assert!(passes("/oauth/token"));
    /// assert!(passes("/.well-known/oauth-protected-resource"));
    /// assert!(!passes("/.well-known/../mcp"));
    /// assert!(!passes("/oauth"));
    /// assert!(!passes("/oauth/../mcp"));
    /// assert!(!passes("/oauth/%2e%2e/mcp"));
    /// assert!(!passes("/oauth/ö"));
    /// ```
    pub fn matches(&self, target: &str) -> bool {
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        match path.strip_prefix(&*self.path) {
            Some(rest) if self.below => rest.starts_with('/') && !is_unclear(rest),
            Some(rest) => rest.is_empty(),
            None => false,
        }
    }
}

impl core::fmt::Display for RequestPath {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let below = if self.below { "/*" } else { "" };
        write!(f, "{}{below}", self.path)
    }
}
