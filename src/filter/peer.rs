//! The client, by the properties that Envoy has of its connection and token.

use super::host::{self, HostError};
use crate::exchange::identity::Peer;
use crate::policy::condition::{Claims, NotScalar};
use crate::policy::document::Certificate;

/// The client at the other end of the stream.
pub(super) struct Client<'a> {
    /// The key of jwt_authn's metadata that holds the claims.
    pub(super) payload: &'a str,
}

/// The host's status for a value that it cannot put into bytes.
const SERIALIZATION_FAILURE: u32 = 3;

/// The path of the metadata in which Envoy's jwt_authn stores verified claims.
const JWT: [&str; 3] = ["metadata", "filter_metadata", "envoy.filters.http.jwt_authn"];

impl Claims for Client<'_> {
    fn claim(&self, path: &[&str]) -> Result<Option<Vec<u8>>, NotScalar> {
        let steps = [&JWT[..], &[self.payload], path].concat();
        match host::property(&steps.join("\0")) {
            Ok(claim) => Ok(claim),
            // Of single claims, Envoy has bytes for everything except for a null.
            Err(HostError(SERIALIZATION_FAILURE)) if !path.is_empty() => Ok(None),
            Err(_) => Err(NotScalar),
        }
    }
}

impl Peer for Client<'_> {
    fn certificate(&self, field: Certificate) -> Option<Vec<u8>> {
        let name = match field {
            Certificate::UriSan => "connection\0uri_san_peer_certificate",
            Certificate::Subject => "connection\0subject_peer_certificate",
        };
        host::property(name).ok().flatten()
    }

    fn has_certificate(&self) -> bool {
        // Anything except for a plain "no" may be a certificate.
        match host::property("connection\0mtls") {
            Ok(None) => false,
            Ok(Some(flag)) => *flag != [0],
            Err(_) => true,
        }
    }
}
