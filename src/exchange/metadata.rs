//! The metadata of the protected resource, for a client that has no token yet
//! (RFC 9728). It is for anybody, and for pages in browsers too, since clients run
//! there.

use crate::exchange::reply::Reply;
use crate::policy::document::ProtectedResource;
use std::borrow::Cow;

/// The methods by which it is read.
pub(super) const METHODS: &str = "GET, HEAD, OPTIONS";

/// The kinds of answers about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The document, or its head alone.
    Document,
    /// A browser's question whether a page may have it.
    Preflight,
}

/// The answer. A host leaves the body out of an answer to HEAD.
pub(super) fn answer(resource: &ProtectedResource, kind: Kind) -> Reply {
    const ANYBODY: (&str, Cow<'static, str>) = ("access-control-allow-origin", Cow::Borrowed("*"));
    match kind {
        Kind::Document => Reply {
            // Short, since a policy may name other servers tomorrow.
            headers: vec![ANYBODY, ("cache-control", "public, max-age=300".into())],
            body: resource.document.clone(),
            ..Reply::bare(200)
        },
        Kind::Preflight => Reply {
            headers: vec![
                ANYBODY,
                ("access-control-allow-methods", METHODS.into()),
                // Clients send MCP-Protocol-Version.
                ("access-control-allow-headers", "*".into()),
                ("access-control-max-age", "86400".into()),
            ],
            ..Reply::bare(204)
        },
    }
}
