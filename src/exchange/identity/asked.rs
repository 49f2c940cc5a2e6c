//! The sources of the caller's id, each asked by itself, for an explanation.

use super::{Headers, NoIdentity, Peer, bearer, header, jwt, mtls};
use crate::policy::document::Source;

/// The id that one source has for a request; `None` where it finds no credential.
///
/// # Errors
/// The credential cannot be used.
pub fn asked(
    source: &Source,
    headers: &Headers<'_>,
    peer: &dyn Peer,
) -> Result<Option<String>, NoIdentity> {
    match source {
        Source::Jwt { claims, .. } => jwt(claims, peer),
        Source::Mtls(field) => mtls(*field, peer),
        Source::Bearer(source) => bearer(source, headers("authorization")),
        Source::Header(name) => header(headers(name)),
    }
}
