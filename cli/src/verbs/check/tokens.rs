//! The filters in front of a policy that reads verified tokens.

use super::rules::{self, Rule};
use crate::document::Node;
use crate::layer::Layer;
use crate::policy::find::{Chain, Shell};
use core::ops::Range;
use mcp_policy_filter::policy::document::PayloadPlace;

/// The end of the type of the filter that verifies tokens.
const JWT_AUTHN: &str = ".filters.http.jwt_authn.v3.JwtAuthentication";
/// The end of the type of the filter that writes their claims where every form finds them.
const SET_FILTER_STATE: &str = ".filters.http.set_filter_state.v3.Config";

/// Parts of the types of filters that may verify tokens or write filter state, which cannot
/// be told from outside.
const MAY_DO_ANYTHING: [&str; 8] = [
    ".ext_authz.",
    ".ext_proc.",
    ".lua.",
    ".wasm.",
    ".golang.",
    ".dynamic_modules.",
    ".ExtensionWithMatcher",
    ".composite.",
];

/// A source of callers that reads verified tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    /// The place of the source in the file.
    pub(super) place: Range<usize>,
    /// The filter state that it names.
    state: Option<String>,
}

impl Tokens {
    /// The source of a policy in a text.
    pub(super) fn of(layer: &Layer, policy: &Node) -> Option<Self> {
        let sources = policy.get("identity").map(Node::elements).unwrap_or_default();
        let jwt = sources.iter().find_map(|source| source.member("jwt"))?;
        let state = jwt.value.get("payload_state").and_then(Node::text);
        let place = layer.place(jwt.key_span.start)..layer.place(jwt.value.span.end);
        Some(Self { place, state: state.map(str::to_owned) })
    }

    /// The filter state that has the claims, where it is not metadata.
    fn state(&self, shell: Shell) -> Option<&str> {
        let usual = (shell == Shell::Native).then_some(PayloadPlace::STATE);
        self.state.as_deref().or(usual)
    }

    /// The findings about what is missing in front of the filter.
    pub(super) fn missing(&self, shell: Shell, chain: &Chain<'_>) -> Vec<&'static Rule> {
        let before = chain.filters.get(..chain.at).unwrap_or_default();
        let has = |kind, name| before.iter().any(|filter| is(filter, kind) && names(filter, name));
        let mut missing = Vec::new();
        if before.iter().any(|filter| may_do_anything(filter)) {
            return missing;
        }
        if !has(JWT_AUTHN, None) {
            missing.push(&rules::NO_JWT_AUTHN);
        }
        if self.state(shell).is_some_and(|state| !has(SET_FILTER_STATE, Some(state))) {
            missing.push(&rules::NO_FILTER_STATE);
        }
        missing
    }
}

/// Whether a filter is of a type, given here or discovered.
fn is(filter: &Node, kind: &str) -> bool {
    types(filter).any(|name| name.ends_with(kind))
}

fn may_do_anything(filter: &Node) -> bool {
    types(filter).any(|name| MAY_DO_ANYTHING.iter().any(|part| name.contains(part)))
}

fn types(filter: &Node) -> impl Iterator<Item = &str> {
    let texts = ["@type", "type_url"].map(|key| filter.at(&["typed_config", key]));
    let discovered = filter.at(&["config_discovery", "type_urls"]).map(Node::elements);
    let all = texts.into_iter().flatten().chain(discovered.unwrap_or_default());
    all.filter_map(Node::text)
}

/// Whether a filter names a filter state; one that is discovered may.
fn names(filter: &Node, state: Option<&str>) -> bool {
    let Some(state) = state else { return true };
    filter.field("config_discovery").is_some() || has_key(filter, state)
}

/// Whether a value somewhere within is written under this key of the filter state.
fn has_key(node: &Node, state: &str) -> bool {
    node.at(&["object_key"]).and_then(Node::text) == Some(state)
        || node.members().iter().any(|member| has_key(&member.value, state))
        || node.elements().iter().any(|element| has_key(element, state))
}
