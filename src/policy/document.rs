//! The policy document as its author wrote it: one type for each of its
//! objects, checked for everything that can be checked without knowing what a
//! policy does. [`crate::policy`] compiles it.
//!
//! Reading is done by hand, over [`tree`], and not by a derived deserializer:
//! an author gets all the errors of a document at once, with the path of each,
//! a duplicate key is one of them, and numbers keep their exact value. This
//! folder holds all of the language's shape.

mod across_replicas;
mod approvals;
mod at;
mod checks;
mod conditions;
mod finding;
mod groups;
mod identity;
mod limit_service;
mod limits;
mod lock;
mod notify;
mod offers;
mod protected_resource;
mod request_path;
mod rules;
mod schema;
mod settings;
mod store;
mod structure;
mod tool_name;
mod tools;
mod tree;
mod unreadable;
mod url;
mod validity;
mod wording;

pub use across_replicas::AcrossReplicas;
pub use approvals::{Approvals, Ask, Terms, patterns};
pub use at::escape;
pub use checks::{Check, Named};
pub use finding::{Finding, Findings, Severity, Warning};
pub use groups::{Group, When};
pub use identity::{Bearer, Certificate, PayloadPlace, Source};
pub use limit_service::{Across, LimitService, MAX_SERVICE_NAMES, OnFailure};
pub use limits::{Limit, Per};
pub use lock::{DIGEST_PREFIX, Lock, MAX_LOCKED};
pub use notify::Notify;
pub use offers::{OfferRule, Offers};
pub use protected_resource::ProtectedResource;
pub use request_path::RequestPath;
pub use rules::{DefaultAction, Grant, Mode, Rules};
pub use schema::Lenient;
pub use settings::{AuditLog, Batches, Counters, DeniedAs, JsonTexts, Settings, ToolsList};
pub use store::{Store, StoreKeys};
pub use structure::doubts;
pub use tool_name::dot_star;
pub use tools::{Action, AllTools, ToolRule};
pub use validity::Validity;
#[cfg(any(test, not(target_os = "wasi")))]
pub use validity::moment_of;
pub(crate) use wording::{pointer, quote, shorten};

use crate::policy::pattern::Pattern;
use at::{At, Parsed};

/// The largest policy, in bytes. Envoy gives it to the module in one piece, and
/// every worker keeps its compiled form.
pub const MAX_POLICY_BYTES: usize = 8 << 20;

/// A whole document.
#[derive(Debug)]
pub struct Document {
    /// The rules for callers whom no grant and no group matches.
    pub rules: Rules,
    /// `identity`
    pub identity: Vec<Source>,
    /// Whether `identity` names a source, also one that is wrong.
    pub has_sources: bool,
    /// `grants`
    pub grants: Vec<(Pattern, Grant)>,
    /// `groups`
    pub groups: Vec<Group>,
    /// `checks`, in the order of their names.
    pub checks: Vec<Named>,
    /// `lock`
    pub lock: Option<Lock>,
    /// The filter's behaviour.
    pub settings: Settings,
    /// The SHA-256 of the document in its canonical form, which neither the
    /// order of keys nor the spelling of values changes.
    pub digest: [u8; 32],
}

/// The keys of a document.
pub const KEYS: [&str; 16] = [
    "$schema",
    "version",
    "description",
    "default",
    "hide",
    "tools",
    "all_tools",
    "prompts",
    "resources",
    "mode",
    "identity",
    "grants",
    "groups",
    "checks",
    "lock",
    "settings",
];

impl Document {
    /// Reads a document. Returns as much as could be read, and all errors.
    pub fn parse(bytes: &[u8]) -> (Option<Self>, Findings) {
        match Parsed::parse(bytes) {
            Ok(document) => {
                let read = Self::read(&document.root(), || document.digest());
                (read, document.into_errors())
            }
            Err(errors) => (None, errors),
        }
    }

    fn read(root: &At<'_>, digest: impl FnOnce() -> [u8; 32]) -> Option<Self> {
        let top = root.object(&KEYS)?;
        top.get("$schema").map(|at| at.string());
        top.get("description").map(|at| at.string());
        if let Some(version) = top.required("version") {
            version.choice(&[("1", ())]);
        }
        root.share_checks(top.get("checks").map(checks::named).unwrap_or_default());
        let identity = top.get("identity").map(identity::read).unwrap_or_default();
        let rules = Rules::read(&top, Mode::Enforce);
        let mode = rules.as_ref().map_or(Mode::Enforce, |rules| rules.mode);
        let grants = top.get("grants").map(|at| {
            if top.get("identity").is_none_or(|identity| {
                identity.is_list() && identity.elements().is_empty() && !at.entries().is_empty()
            }) {
                at.wrong("grants need `identity`, which says who is calling");
            }
            rules::grants(at, mode)
        });
        let groups = top.get("groups").map(|at| groups::read(at, mode)).unwrap_or_default();
        let lock = top.get("lock").and_then(Lock::read);
        let has_sources =
            top.get("identity").is_some_and(|at| !at.is_list() || !at.elements().is_empty());
        let settings = top.get("settings").map(|at| Settings::read(at, has_sources));
        let (rules, grants) = (rules?, grants.unwrap_or_default());
        let settings = settings.unwrap_or_default();
        let checks = root.shared_checks();
        Some(Self {
            rules,
            identity,
            has_sources,
            grants,
            groups,
            checks,
            lock,
            settings,
            digest: digest(),
        })
    }
}
