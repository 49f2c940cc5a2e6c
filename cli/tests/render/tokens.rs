//! The notes about tokens that a policy reads.

use super::{render, told};
use serde_json::{Value, json};

/// Whoever verifies tokens differs by place.
#[test]
fn the_notes_say_what_verifies_tokens_at_each_place() {
    let policy = |jwt: &Value| {
        json!({ "version": "1", "default": "deny", "identity": [{ "jwt": jwt }],
                "settings": { "paths": ["/mcp"] } })
    };
    let plain = json!({ "claim": "sub" });
    let key = json!({ "claim": "sub", "payload": "https://id.example.com" });
    let state = json!({ "claim": "sub", "payload_state": "own.state" });
    const JWT_AUTHN: &str = "jwt_authn in front of the filter, with `payload_in_metadata: payload`";
    const REQUEST: &str =
        "RequestAuthentication verify them, which leaves their claims under `payload`";
    const SECURITY: &str = "SecurityPolicy verify them with a provider under `jwt`";
    const USUAL: &str = "filter state `mcp_policy.jwt_payload`: put set_filter_state";
    const OWN: &str = "filter state `own.state`: put set_filter_state";
    const NAME_IT: &str = "name that issuer as `payload`";
    const BELOW: &str = "name the claim below its issuer";
    let all = [JWT_AUTHN, REQUEST, SECURITY, USUAL, OWN, NAME_IT, BELOW];
    for (place, jwt, expected) in [
        ("envoy", &plain, &[JWT_AUTHN][..]),
        ("envoy", &state, &[JWT_AUTHN, OWN]),
        ("ecds", &plain, &[JWT_AUTHN]),
        ("envoy-native", &plain, &[JWT_AUTHN, USUAL]),
        ("envoy-native", &state, &[JWT_AUTHN, OWN]),
        ("istio", &plain, &[REQUEST]),
        ("istio-native", &plain, &[REQUEST, USUAL]),
        ("gateway", &plain, &[SECURITY, NAME_IT]),
        ("gateway", &key, &[SECURITY]),
        ("gateway", &state, &[SECURITY, OWN, BELOW]),
        ("gateway-native", &plain, &[SECURITY, USUAL, BELOW]),
    ] {
        let told = told(&policy(jwt), &[place]);
        for words in all {
            assert_eq!(told.contains(words), expected.contains(&words), "{place} {jwt} {told}");
        }
    }
    let named = told(&policy(&key), &["gateway"]);
    assert!(named.contains("`issuer` has to be `https://id.example.com`"), "{named}");
}

/// It cannot read metadata, and refuses a policy that names a key of them.
#[test]
fn a_policy_that_the_native_module_refuses_is_not_written_for_it() {
    let policy = json!({ "version": "1", "default": "deny", "settings": { "paths": ["/mcp"] },
        "identity": [{ "jwt": { "claim": "sub", "payload": "verified" } }] });
    for place in ["envoy-native", "istio-native", "gateway-native"] {
        let output = render(&["-", "--for", place]).stdin(policy.to_string()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{place}");
        assert!(told.contains("error: /identity/0/jwt/payload: `verified` is a key"), "{told}");
    }
    assert!(told(&policy, &["envoy"]).contains("`payload_in_metadata: verified`"));
}
