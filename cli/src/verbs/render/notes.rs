//! The remarks for whoever uses a configuration: what it lacks, and what has to be around it.

use super::Asked;
use super::options::{Place, Settings};
use crate::document::Node;
use crate::output::shown;
use mcp_policy_filter::policy::document::PayloadPlace;

/// The remarks about a configuration.
pub(super) fn notes(place: Place, policy: &Asked<'_>, settings: &Settings) -> Vec<String> {
    if place.is_engine() {
        return Vec::new();
    }
    let mut notes = lacks(place, policy, settings);
    notes.extend(around(place, policy));
    notes
}

/// The remarks about what the configuration lacks.
fn lacks(place: Place, policy: &Asked<'_>, settings: &Settings) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |words: &str| notes.push(words.to_owned());
    if place == Place::GatewayNative {
        note("Envoy Gateway cannot put a guard behind the native module");
    } else if !policy.marks {
        note("there is no guard, since the policy does not set `mark_requests`");
    }
    if !policy.holds && !place.is_native() {
        note(
            "the headers of a denied call reach the server, since the policy does not set \
             `hold_request_headers`",
        );
    }
    if matches!(place, Place::Istio | Place::Gateway) && settings.module.is_none() {
        note("the image and its digest are placeholders; give `--module` and `--sha256`");
    }
    notes
}

/// The remarks about what the policy needs around it.
fn around(place: Place, policy: &Asked<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let sources = policy.node.get("identity").map_or(&[][..], Node::elements);
    if let Some(jwt) = sources.iter().find_map(|source| source.get("jwt")) {
        notes.extend(tokens(place, jwt));
    }
    if place.is_gateway() && !policy.answered.is_empty() {
        let paths: Vec<_> =
            policy.answered.iter().map(|path| format!("`{}`", shown(path))).collect();
        notes.push(format!(
            "the filter itself answers at {}: have the HTTPRoute match them too, since it turns the \
             filter on",
            paths.join(", ")
        ));
    }
    if sources.iter().any(|source| source.get("mtls").is_some()) {
        notes
            .push("the policy reads certificates: have the listener demand and verify them".into());
    }
    if policy.node.get("settings").is_some_and(|all| all.get("limit_service").is_some()) {
        notes.push(
            "the policy asks a service to count across replicas: add its cluster to Envoy, with \
             HTTP/2"
                .into(),
        );
    }
    notes
}

/// The form of the claims that set_filter_state can write in Envoy Gateway: its formatter
/// cuts a key at a colon, and an issuer has one.
const BELOW_ISSUER: &str = "; have it write `%DYNAMIC_METADATA(envoy.filters.http.jwt_authn)%`, and \
                            name the claim below its issuer";

/// The filters that verify tokens at a place, and the way of their claims to the policy.
fn tokens(place: Place, jwt: &Node) -> Vec<String> {
    let named = |key| jwt.get(key).and_then(Node::text);
    let payload = shown(named("payload").unwrap_or(PayloadPlace::METADATA));
    let state = named("payload_state").or(place.is_native().then_some(PayloadPlace::STATE));
    let mut notes = vec![match place {
        Place::Istio | Place::IstioNative => {
            "the policy reads verified tokens: have a RequestAuthentication verify them, which \
             leaves their claims under `payload`"
                .to_owned()
        }
        Place::Gateway | Place::GatewayNative => {
            "the policy reads verified tokens: have a SecurityPolicy verify them with a provider \
             under `jwt`, which leaves their claims under its issuer"
                .to_owned()
        }
        _ => format!(
            "the policy reads verified tokens: put Envoy's jwt_authn in front of the filter, with \
             `payload_in_metadata: {payload}`"
        ),
    }];
    match state {
        Some(state) => notes.push(format!(
            "the policy reads their claims from the filter state `{}`: put set_filter_state \
             directly in front of the filter to write it, or every token is refused{}",
            shown(state),
            if place.is_gateway() { BELOW_ISSUER } else { "" }
        )),
        None if place == Place::Gateway => notes.push(match named("payload") {
            Some(_) => format!("the provider's `issuer` has to be `{payload}`, as the policy says"),
            None => "name that issuer as `payload` in the policy, or every token is refused".into(),
        }),
        None => {}
    }
    notes
}
