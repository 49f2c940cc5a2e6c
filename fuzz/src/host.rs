//! What stands for Envoy: a connection that says nothing of its client.

use mcp_policy_filter::exchange::identity::Peer;
use mcp_policy_filter::policy::condition::{Claims, NotScalar};
use mcp_policy_filter::policy::document::Certificate;

pub(crate) struct Nobody;

impl Claims for Nobody {
    fn claim(&self, _: &[&str]) -> Result<Option<Vec<u8>>, NotScalar> {
        Ok(None)
    }
}

impl Peer for Nobody {
    fn certificate(&self, _: Certificate) -> Option<Vec<u8>> {
        None
    }

    fn has_certificate(&self) -> bool {
        false
    }
}
