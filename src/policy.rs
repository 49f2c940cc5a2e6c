//! A policy: compiled once, immutable, asked for every call.
//!
//! [`Policy::parse`] is the only way from a document to a policy. What can be
//! prepared is prepared there: patterns are ordered, every rule has its
//! pointer, every limit knows its counter. [`Policy::decide`] then looks one
//! name up and either denies or says what is to be charged.

mod approval;
mod beside;
mod bodies;
mod caller;
mod compile;
pub mod condition;
mod decide;
mod denial;
pub mod document;
#[cfg(any(test, not(target_os = "wasi")))]
pub mod explain;
mod fingerprint;
#[cfg(any(test, not(target_os = "wasi")))]
pub mod known;
mod limit;
mod lint;
mod lock;
mod lookup;
mod offers;
pub mod pattern;
mod result_bound;
mod shown;
mod uri;

pub use approval::{Approvals, Home, Needed, Terms};
pub use beside::Shadowed;
pub use bodies::Limits;
pub use caller::{About, Caller};
pub use decide::{Question, Ruling};
pub use denial::{Denial, Reason};
pub use fingerprint::{HmacKey, fingerprint_of};
#[cfg(any(test, not(target_os = "wasi")))]
pub use limit::{Counted, LimitState};
pub use limit::{Holders, Limit, duration};
pub use lock::{Lock, News, Sightings};
pub use lookup::Deciding;
pub use offers::OfferRuling;
pub use result_bound::{ResultBound, ResultBounds};

use crate::limits::Table;
use crate::limits::window::Nanos;
use crate::policy::approval::Approving;
use crate::policy::beside::{Beside, Shadows};
use crate::policy::condition::{Facts, Formula, Moment, Path, Schema};
use crate::policy::document::{
    Check, DefaultAction, Findings, Mode, PayloadPlace, Settings, Source, Validity, quote,
};
use crate::policy::offers::Offers;
use crate::policy::pattern::PatternMap;

/// A compiled policy.
#[derive(Debug)]
pub struct Policy {
    /// The first twelve hexadecimal digits of the SHA-256 of the document in its
    /// canonical form.
    pub fingerprint: String,
    /// Warnings for the author of the document, which is valid.
    pub warnings: Findings,
    /// The filter's behaviour.
    pub settings: Settings,
    /// The table that holds its counters.
    pub table: Table,
    /// The sources of the caller's id; none where all callers are one.
    pub identity: Vec<Source>,
    /// The headers that conditions look at.
    pub headers: Vec<String>,
    /// The approvals, if the policy has any.
    pub approvals: Option<Approvals>,
    /// Whether any values of arguments are recorded.
    records: bool,
    /// The bound of answers for which no entry has one.
    result: Option<ResultBound>,
    /// Whether any answers are bounded.
    bounds_results: bool,
    /// Whether any part of it applies for a time only.
    is_dated: bool,
    /// Whether any rules are asked beside those that decide.
    has_shadows: bool,
    /// The definitions of the server's tools, if the policy locks them.
    lock: Option<Lock>,
    /// Whether any body has rules for prompts or resources.
    has_offers: bool,
    /// The rules for callers whom no grant and no group matches.
    top: Rules,
    grants: PatternMap<Rules>,
    /// In the order in which they are asked, after the grants.
    groups: Vec<Group>,
}

/// The rules for callers by what is known of their requests.
#[derive(Debug)]
struct Group {
    /// The conditions, each with its pointer, all of which hold.
    when: Vec<(String, Formula)>,
    rules: Rules,
}

/// The rules for one set of callers.
#[derive(Debug)]
struct Rules {
    /// Whether those of the top level apply besides.
    extends: bool,
    default: DefaultAction,
    mode: Mode,
    hide: PatternMap<()>,
    tools: PatternMap<Rule>,
    /// The checks of every tool, asked after its own.
    require: Vec<Check>,
    deny_if: Vec<Check>,
    approve_if: Vec<Check>,
    /// The limits of a tool that no entry matches.
    limits: Vec<Limit>,
    /// The approvals of a tool that no entry matches.
    approving: Option<Approving>,
    /// Whether there may be a tool that lists do not show.
    conceals: bool,
    /// The time in which they apply to anybody.
    validity: Validity,
    /// The rules that are asked beside the others, if there are any.
    shadows: Option<Box<Shadows>>,
    /// The rules for prompts, if they are not all allowed.
    prompts: Option<Box<Offers>>,
    /// The rules for resources, if they are not all allowed.
    resources: Option<Box<Offers>>,
    /// The least bounds of its entries, for results of which the tool is not known.
    results: ResultBounds,
}

/// One entry of `tools`.
#[derive(Debug)]
struct Rule {
    pointer: String,
    action: Action,
    /// The arguments whose values are recorded.
    record: Box<[Path]>,
    /// The bound of the results.
    result: Option<ResultBound>,
}

impl Rule {
    /// The rank of an entry among those whose patterns do not nest: the stricter
    /// decides.
    fn rank(&self) -> u8 {
        match &self.action {
            Action::Deny(_) => 2,
            Action::Allow(conditions) => u8::from(conditions.always_asks()),
        }
    }
}

impl Conditions {
    /// Whether every call needs approval.
    fn always_asks(&self) -> bool {
        self.approving.as_ref().is_some_and(|approving| approving.always.is_some())
    }
}

#[derive(Debug)]
enum Action {
    /// The reason, if its author gave one.
    Deny(Option<String>),
    Allow(Box<Conditions>),
}

/// The requirements on an allowed call.
#[derive(Debug)]
struct Conditions {
    /// The time in which calls are allowed, if it is bounded.
    validity: Option<Box<Dated>>,
    args: Option<Names>,
    schema: Option<Box<Schema>>,
    require: Vec<Check>,
    deny_if: Vec<Check>,
    /// The tool's own limits and those of all tools; each counter once.
    limits: Vec<Limit>,
    /// The approvals of its calls, if some of them need any.
    approving: Option<Approving>,
    /// The tool's checks and limits in shadow.
    beside: Beside,
}

/// A time in which an entry allows calls.
#[derive(Debug)]
struct Dated {
    /// The pointers to its two keys.
    pointers: [String; 2],
    validity: Validity,
}

/// The only names that arguments may have, and the rule that says so.
#[derive(Debug)]
struct Names {
    pointer: String,
    allowed: Vec<Box<str>>,
    /// Whether a denial lists them.
    explains: bool,
}

/// Values of a call's arguments, each with the path by which the policy names it.
/// A `None` is a value that readers may differ on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values<'p>(pub Vec<(&'p str, Option<String>)>);

impl Policy {
    /// The place of the claims.
    pub fn payload(&self) -> &PayloadPlace {
        let place = self.identity.iter().find_map(|source| match source {
            Source::Jwt { payload, .. } => Some(payload),
            _ => None,
        });
        place.unwrap_or(&PayloadPlace::Unnamed)
    }

    /// The filter state with the claims, for a shell that cannot read metadata.
    ///
    /// # Errors
    /// The policy names metadata: the message says where, and the remedy.
    pub fn payload_state(&self) -> Result<&str, String> {
        match self.payload() {
            PayloadPlace::Unnamed => Ok(PayloadPlace::STATE),
            PayloadPlace::State(name) => Ok(name),
            PayloadPlace::Metadata(key) => {
                let jwt = |source: &Source| matches!(source, Source::Jwt { .. });
                let index = self.identity.iter().position(jwt).unwrap_or_default();
                Err(format!(
                    "/identity/{index}/jwt/payload: {} is a key of metadata, which a native \
                     module cannot read; have envoy.filters.http.set_filter_state write the \
                     payload, and name that state as `payload_state`",
                    quote(key)
                ))
            }
        }
    }

    /// A moment by the clock of its conditions.
    pub const fn moment(&self, now: Nanos) -> Moment {
        Moment::new(now, self.settings.utc_offset)
    }

    /// Whether callers are known by tokens of this filter, which must not go
    /// on.
    pub fn takes_tokens(&self) -> bool {
        self.identity.iter().any(|source| matches!(source, Source::Bearer(_)))
    }

    /// Whether a client can sign in: callers are known by a token that it sends. Then
    /// a request without a caller is answered with HTTP 401.
    pub fn challenges(&self) -> bool {
        self.identity.iter().any(Source::is_token)
    }

    /// The `www-authenticate` header for a request without a caller, which says
    /// whether a token came with it. Only then has it a code of RFC 6750: clients
    /// throw their token away for it.
    pub fn challenge(&self, invalid_token: bool) -> String {
        let mut challenge = String::from("Bearer");
        if invalid_token {
            challenge += r#" error="invalid_token""#;
        }
        if let Some(resource) = &self.settings.protected_resource {
            challenge += if invalid_token { "," } else { "" };
            challenge += r#" resource_metadata=""#;
            challenge += &resource.url;
            challenge += r#"""#;
        }
        challenge
    }

    /// The values of a call's arguments that its record is to hold: those of
    /// `settings.record`, and of the entry that decides about the tool.
    pub fn values<'p>(
        &'p self,
        deciding: Option<&Deciding<'p>>,
        facts: &Facts<'_>,
    ) -> Option<Box<Values<'p>>> {
        if !self.records {
            return None;
        }
        let entry = deciding.and_then(|deciding| deciding.rule);
        let beside = deciding.and_then(|deciding| deciding.shadow);
        let own = entry.map(|rule| &*rule.record).unwrap_or_default().iter();
        let own = own.chain(beside.map(|entry| &*entry.record).unwrap_or_default());
        let mut values = Vec::new();
        for path in self.settings.record.iter().chain(own) {
            let name = path.as_str();
            if !values.iter().any(|(other, _)| *other == name)
                && let Some(value) = condition::recorded(path, facts)
            {
                values.push((name, value));
            }
        }
        (!values.is_empty()).then(|| Box::new(Values(values)))
    }
}

#[cfg(test)]
mod tests {
    use super::Policy;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn workers_can_share_a_policy() {
        const fn shared<T: Send + Sync>() {}
        shared::<Policy>();
    }

    #[test]
    fn a_shell_without_metadata_reads_the_state_that_is_named_or_the_usual_one() {
        let state = |jwt: &str| {
            let text = format!(
                r#"{{"version":"1","default":"deny","identity":[{{"header":"x-id"}},{jwt}]}}"#
            );
            let policy = Policy::parse(text.as_bytes(), "").unwrap();
            policy.payload_state().map(str::to_owned)
        };
        let usual = Ok("mcp_policy.jwt_payload".to_owned());
        assert_eq!(state(r#"{"mtls":"subject"}"#), usual);
        assert_eq!(state(r#"{"jwt":{"claim":"sub"}}"#), usual);
        assert_eq!(state(r#"{"jwt":{"claim":"sub","payload_state":"a.b"}}"#), Ok("a.b".into()));
        assert_eq!(
            state(r#"{"jwt":{"claim":"sub","payload":"verified"}}"#),
            Err("/identity/1/jwt/payload: `verified` is a key of metadata, which a native module \
                 cannot read; have envoy.filters.http.set_filter_state write the payload, and name \
                 that state as `payload_state`"
                .into())
        );
    }
}
