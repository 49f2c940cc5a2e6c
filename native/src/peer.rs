//! The client, by what Envoy has of its connection and its token.

use crate::abi::{Attribute, Envoy};
use core::cell::OnceCell;
use mcp_policy_filter::exchange::identity::Peer;
use mcp_policy_filter::policy::condition::{Claim, Claims, Payload};
use mcp_policy_filter::policy::document::Certificate;

/// The client at the other end of the stream.
pub(crate) struct Client<'h> {
    envoy: &'h Envoy,
    /// The name of the filter state with the claims: Envoy shows no native module the
    /// metadata in which jwt_authn keeps them.
    state: &'h str,
    /// The claims, once they were asked for.
    claims: OnceCell<Payload>,
}

impl<'h> Client<'h> {
    pub(crate) const fn new(envoy: &'h Envoy, state: &'h str) -> Self {
        Self { envoy, state, claims: OnceCell::new() }
    }

    fn claims(&self) -> &Payload {
        let read = || Payload::read(self.envoy.filter_state(self.state).map(<[u8]>::to_vec));
        self.claims.get_or_init(read)
    }
}

impl Claims for Client<'_> {
    fn claim(&self, path: &[&str]) -> Claim {
        self.claims().claim(path)
    }

    fn has_lists(&self) -> bool {
        true
    }

    fn size(&self) -> usize {
        self.claims().size()
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
        // Envoy answers for connections with TLS alone. One that has TLS and no answer
        // may have a certificate.
        let has_tls = || self.envoy.text(Attribute::TlsVersion).is_some();
        self.envoy.has_certificate().unwrap_or_else(has_tls)
    }

    fn route(&self) -> Option<Vec<u8>> {
        Some(self.envoy.text(Attribute::RouteName).unwrap_or_default().to_vec())
    }
}
