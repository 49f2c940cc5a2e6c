//! `settings.approvals.notify`: the service that is told of new requests.

use super::at::At;
use super::settings::key;
use super::url;
use crate::policy::fingerprint::HmacKey;

/// The service that is told of new requests for approval.
#[derive(Clone, Debug)]
pub struct Notify {
    /// `cluster`: Envoy's name of it.
    pub cluster: String,
    /// `authority`: the host that it is addressed as.
    pub authority: String,
    /// `path`: the path to which notices are sent, with its query.
    pub path: String,
    /// `key`: the key by which it knows them.
    pub key: HmacKey,
}

impl Notify {
    /// Reads the service. Each of its keys is required: without a signature, anybody
    /// who reaches the receiver could have people open a page of his.
    pub(super) fn read(at: &At<'_>) -> Option<Self> {
        let object = at.object(&["cluster", "authority", "path", "key"])?;
        // Each is read before one that is missing ends it: an author gets all errors.
        let cluster = object.required("cluster").and_then(|at| at.name("a cluster"));
        let authority = object.required("authority").and_then(url::authority);
        let path = object.required("path").and_then(url::target);
        let key = object.required("key").and_then(key);
        Some(Self { cluster: cluster?.into(), authority: authority?, path: path?, key: key? })
    }
}
