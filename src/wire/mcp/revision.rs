//! Revision 2026-07-28 repeats in HTTP headers what its body says, so that
//! intermediaries can route without reading. Servers decide by either, so a
//! request whose two halves differ is refused. Nothing is ever decided from
//! the headers alone: with an older version header, four official servers ran
//! what the body said under any `Mcp-Name`.

use super::mirror::{RevisionHeaders, is_date};
use crate::wire::json::{Kind, Raw};
use crate::wire::jsonrpc::Call;
use core::fmt;
use std::borrow::Cow;

/// The first revision whose headers must agree with the body.
pub const STATELESS: &str = "2026-07-28";

/// The member of `params._meta` that names the revision.
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";

/// A disagreement between the headers and the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderMismatch {
    /// The version is not a date, beside a call whose handling depends on it.
    VersionForm,
    /// `_meta` names a version that the header lacks.
    VersionMissing,
    /// The header names a version that `_meta` lacks.
    MetaMissing,
    /// The versions differ.
    Version,
    /// `Mcp-Method` is not the body's method.
    Method,
    /// `Mcp-Name` is not the name or URI in `params`.
    Name,
}

impl fmt::Display for HeaderMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VersionForm => "the protocol version is not of the form YYYY-MM-DD",
            Self::VersionMissing => {
                "the MCP-Protocol-Version header must name the version that `params._meta` names"
            }
            Self::MetaMissing => {
                "`params._meta` must name the version that the MCP-Protocol-Version header names"
            }
            Self::Version => "the MCP-Protocol-Version header and `params._meta` differ",
            Self::Method => "the Mcp-Method header and `method` differ",
            Self::Name => "the Mcp-Name header and `params` differ",
        })
    }
}

impl RevisionHeaders {
    /// Whether the call is of revision 2026-07-28 or later, by either half.
    pub fn is_stateless(&self, call: &Call<'_>) -> bool {
        let body = version_in(call.params.meta);
        [self.version.as_str(), body.as_deref()].into_iter().flatten().any(is_stateless)
    }

    /// Compares the headers with the body. `method` is the decoded method.
    /// Returns whether the call is of revision 2026-07-28 or later.
    ///
    /// # Errors
    /// The first difference.
    pub fn compare(&self, call: &Call<'_>, method: &str) -> Result<bool, HeaderMismatch> {
        let header = self.version.as_str();
        let body = version_in(call.params.meta);
        let judged = method == super::TOOLS_CALL;
        let named = [header, body.as_deref()];
        if judged && named.into_iter().flatten().any(|version| !is_date(version)) {
            return Err(HeaderMismatch::VersionForm);
        }
        if !named.into_iter().flatten().any(is_stateless) {
            return Ok(false);
        }
        let is_request = call.id.is_some();
        match (header, body.as_deref()) {
            (Some(header), Some(body)) if header != body => return Err(HeaderMismatch::Version),
            (Some(_), Some(_)) => {}
            (Some(_), None) if is_request => return Err(HeaderMismatch::MetaMissing),
            _ if is_request => return Err(HeaderMismatch::VersionMissing),
            _ => {}
        }
        self.method.agrees(Some(method), is_request).ok_or(HeaderMismatch::Method)?;
        let name = match method {
            super::TOOLS_CALL | "prompts/get" => call.params.name,
            "resources/read" => call.params.uri,
            _ => return Ok(true),
        };
        let name = match name {
            Some(Raw { kind: Kind::String(text), .. }) => Some(text.decode()),
            _ => None,
        };
        self.name.agrees(name.as_deref(), is_request).ok_or(HeaderMismatch::Name)?;
        Ok(true)
    }
}

/// The version that `_meta` names. One that is not a string counts as a wrong
/// one: it compares equal to nothing.
fn version_in(meta: Option<Raw<'_>>) -> Option<Cow<'_, str>> {
    let version = meta?.member(VERSION_KEY)?;
    Some(match version.kind {
        Kind::String(text) => text.decode(),
        _ => Cow::Borrowed(version.text),
    })
}

fn is_stateless(version: &str) -> bool {
    is_date(version) && version >= STATELESS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::jsonrpc::{Message, decode};
    use HeaderMismatch::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn compare(
        headers: [Option<&str>; 3],
        method: &str,
        body: &str,
    ) -> Result<bool, HeaderMismatch> {
        let [version, mcp_method, name] = headers;
        let headers = RevisionHeaders::new(version, mcp_method, name);
        let Message::Call(call) = decode(body.as_bytes(), 64).unwrap() else { panic!("no call") };
        headers.compare(&call, method)
    }

    fn call(version: &str) -> String {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"safe","_meta":{{"io.modelcontextprotocol/protocolVersion":{version}}}}}}}"#
        )
    }

    #[test]
    fn older_revisions_are_not_compared() {
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"danger"}}"#;
        for version in [None, Some("2025-06-18"), Some("2024-11-05")] {
            let headers = [version, Some("ping"), Some("safe")];
            assert_eq!(compare(headers, "tools/call", body), Ok(false));
        }
        assert_eq!(compare([Some("2026-7-28"), None, None], "tools/call", body), Err(VersionForm));
        assert_eq!(compare([Some("2026-7-28"), None, None], "ping", body), Ok(false));
    }

    #[test]
    fn both_halves_must_agree() {
        let new = "2026-07-28";
        let body = call(r#""2026-07-28""#);
        let (m, n) = (Some("tools/call"), Some("safe"));
        let check = |headers, expected| {
            assert_eq!(compare(headers, "tools/call", &body), expected, "{headers:?}");
        };
        check([Some(new), m, n], Ok(true));
        check([Some(new), m, Some("=?base64?c2FmZQ==?=")], Ok(true));
        check([Some(new), m, Some("=?base64?c2FmZQ=?=")], Err(Name));
        check([Some(new), m, Some("=?BASE64?c2FmZQ==?=")], Err(Name));
        check([Some(new), m, Some("Safe")], Err(Name));
        check([Some(new), m, None], Err(Name));
        check([Some(new), None, n], Err(Method));
        check([Some(new), Some("tools/list"), n], Err(Method));
        check([Some("2026-07-29"), m, n], Err(Version));
        check([Some("2025-11-25"), m, n], Err(Version));
        check([None, m, n], Err(VersionMissing));
        let headers = [Some(new), m, n];
        assert_eq!(compare(headers, "tools/call", &call("7")), Err(VersionForm));
        let bare = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"safe"}}"#;
        assert_eq!(compare(headers, "tools/call", bare), Err(MetaMissing));
    }

    #[test]
    fn notifications_are_compared_where_both_are_there() {
        let body = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        let method = "notifications/initialized";
        assert_eq!(compare([Some("2026-07-28"), None, None], method, body), Ok(true));
        let headers = [Some("2026-07-28"), Some("ping"), None];
        assert_eq!(compare(headers, method, body), Err(Method));
    }
}
