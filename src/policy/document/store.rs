//! `settings.approvals.store` and `serve_store`: one place for the requests for approval
//! of several Envoys.
//!
//! The policies of edges have `store`, and that of the home `serve_store`. A message
//! between them is known by a key that both have.

use super::at::{At, Object};
use super::request_path::RequestPath;
use super::url;
use crate::digest::unhex;
use crate::policy::fingerprint::HmacKey;

/// `settings.approvals.store`: the home that keeps the requests of this policy.
#[derive(Debug)]
pub struct Store {
    /// `cluster`: Envoy's name of it.
    pub cluster: String,
    /// `authority`: the host that it is addressed as.
    pub authority: String,
    /// `path`: the `path` in the home's policy.
    pub path: String,
    /// `key`
    pub keys: StoreKeys,
    /// `timeout_ms`: the milliseconds after which an answer counts as none.
    pub timeout_ms: u32,
}

/// The keys by which edges and home know each other: the first signs, and each verifies.
#[derive(Clone, Debug)]
pub struct StoreKeys {
    /// The key that signs.
    pub first: HmacKey,
    /// The key of before, or the next.
    pub second: Option<HmacKey>,
}

/// The longest `timeout_ms`.
const MAX_TIMEOUT: u64 = 5_000;
/// The most keys: the one in use, and that of a rotation.
const MAX_KEYS: usize = 2;
/// The bytes of a key.
const KEY: usize = 32;

/// The keys of `settings.approvals` that are about people, whom an edge does not serve.
const OF_HOMES: [&str; 5] = ["path", "url", "approver_require", "requests", "notify"];

impl Store {
    /// Reads the store of an edge, beside the other keys of `settings.approvals`.
    pub(super) fn read(at: &At<'_>, beside: &Object<'_>) -> Option<Self> {
        for key in OF_HOMES {
            if let Some(at) = beside.get(key) {
                at.wrong(
                    "belongs to the policy of the home, at which people see requests and decide; \
                     leave it out beside `store`",
                );
            }
        }
        if let Some(at) = beside.get("serve_store") {
            at.wrong("belongs to the home, and `store` to an edge; leave one of the two out");
        }
        let object = at.object(&["cluster", "authority", "path", "key", "timeout_ms"])?;
        // Each is read before one that is missing ends it: an author gets all errors.
        let cluster = object.required("cluster").and_then(|at| at.name("a cluster"));
        let authority = object.required("authority").and_then(url::authority);
        let path = object.required("path").and_then(path);
        let keys = object.required("key").and_then(StoreKeys::read);
        let timeout = object.get("timeout_ms").and_then(|at| at.whole(1, MAX_TIMEOUT));
        Some(Self {
            cluster: cluster?.into(),
            authority: authority?,
            path: path?,
            keys: keys?,
            timeout_ms: timeout.and_then(|most| u32::try_from(most).ok()).unwrap_or(1_000),
        })
    }
}

/// The `path` of a home.
fn path(at: &At<'_>) -> Option<String> {
    let text = url::target(at)?;
    if text.starts_with('/') && (text.ends_with('/') || RequestPath::plain(&text).is_none()) {
        at.wrong("must be the `path` in the policy of the home, like `/mcp-approvals`");
    }
    Some(text)
}

impl StoreKeys {
    /// Reads `serve_store`, beside the other keys of `settings.approvals`.
    pub(super) fn served(at: &At<'_>, beside: &Object<'_>) -> Option<Self> {
        if beside.get("path").is_none() {
            at.wrong("needs `path`, at which edges ask and people decide");
        }
        let object = at.object(&["key"])?;
        object.required("key").and_then(Self::read)
    }

    /// Reads one key, or a list of them.
    fn read(at: &At<'_>) -> Option<Self> {
        let elements = if at.is_list() { at.elements() } else { Vec::new() };
        if !at.is_list() {
            return Some(Self { first: key(at)?, second: None });
        }
        if !(1..=MAX_KEYS).contains(&elements.len()) {
            at.wrong(format!(
                "expected a key, or a list of up to {MAX_KEYS}, of which the first signs and each \
                 verifies"
            ));
        }
        // Each is read, so that an author gets all errors.
        let keys: Vec<_> = elements.iter().map(key).collect();
        let mut keys = keys.into_iter();
        Some(Self { first: keys.next()??, second: keys.next().flatten() })
    }
}

/// Reads a key of 32 bytes. It is a secret, so no message repeats it.
fn key(at: &At<'_>) -> Option<HmacKey> {
    let key = at.as_string().and_then(|text| unhex::<KEY>(text.as_bytes()));
    if key.is_none() {
        at.wrong(format!(
            "expected {KEY} random bytes as hexadecimal digits, like those of `openssl rand -hex \
             {KEY}`"
        ));
    }
    key.and_then(|key| HmacKey::of_bytes(&key))
}
