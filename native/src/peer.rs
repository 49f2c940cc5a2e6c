//! The client, by what Envoy has of its connection and its token.

use crate::abi::{Attribute, Envoy};
use mcp_policy_filter::exchange::identity::Peer;
use mcp_policy_filter::policy::condition::{Claim, Claims};
use mcp_policy_filter::policy::document::Certificate;

/// The client at the other end of the stream.
pub(crate) struct Client<'h> {
    pub(crate) envoy: &'h Envoy,
}

impl Claims for Client<'_> {
    /// Envoy shows no native module the metadata in which jwt_authn keeps claims. A
    /// source that needs them names nobody.
    fn claim(&self, _: &[&str]) -> Claim {
        Claim::Unreadable
    }
}

impl Peer for Client<'_> {
    fn certificate(&self, field: Certificate) -> Option<Vec<u8>> {
        let attribute = match field {
            Certificate::UriSan => Attribute::UriSanPeerCertificate,
            Certificate::Subject => Attribute::SubjectPeerCertificate,
        };
        self.envoy.text(attribute).map(<[u8]>::to_vec)
    }

    fn has_certificate(&self) -> bool {
        // Anything except for a plain "no" may be a certificate.
        self.envoy.has_certificate().unwrap_or(true)
    }

    fn route(&self) -> Option<Vec<u8>> {
        Some(self.envoy.text(Attribute::RouteName).unwrap_or_default().to_vec())
    }
}
