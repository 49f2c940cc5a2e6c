//! Fragments of Envoy's configuration around the filter. What Envoy makes of
//! them no test here can say; what they share with the filter is checked.

use super::markdown::policy_in;
use super::play::Stage;
use crate::config::root;
use mcp_policy_filter::policy::document::PayloadPlace;
use serde_json::Value;
use std::fs;

/// Whether the filter sets a filter state of this name.
fn sets(source: &str, name: &str) -> Result<(), String> {
    if source.contains(&format!(": &str = \"wasm.{name}\";")) {
        return Ok(());
    }
    Err(format!("the filter sets no `{name}`"))
}

/// The policy in a fragment's `configuration`. It fits the shipped file, which
/// holds headers and has a guard.
pub fn policy(text: &str) -> Result<Value, String> {
    let policy: Value =
        serde_json::from_str(&policy_in(text)?).map_err(|error| error.to_string())?;
    let is_on = |setting: &str| policy["settings"][setting] == true;
    if !text.starts_with("allow_on_headers_stop_iteration: true\n")
        || !is_on("hold_request_headers")
        || !is_on("mark_requests")
    {
        return Err("it does not fit envoy/envoy.yaml, which holds headers and has a guard".into());
    }
    Ok(policy)
}

/// Whether the names in a fragment are those of the filter: the filter state
/// of access logs, the key under which jwt_authn leaves the claims for the
/// policy above, and the statistics that are given labels, which are those of
/// the shipped file.
pub fn check(text: &str, stage: Option<&Stage>) -> Result<(), String> {
    let source = fs::read_to_string(root().join("src/shell/records.rs")).unwrap();
    let mut known = 0;
    for line in text.lines().map(str::trim) {
        if let Some((_, rest)) = line.split_once("%FILTER_STATE(wasm.") {
            let name = rest.split(':').next().unwrap_or_default();
            sets(&source, name)?;
            known += 1;
        } else if let Some(name) = line.strip_prefix("key: wasm.") {
            sets(&source, name)?;
            known += 1;
        } else if let Some(key) = line.strip_prefix("payload_in_metadata: ") {
            let policy = stage.ok_or("there is no policy above")?.policy();
            let read = match policy.payload() {
                PayloadPlace::Unnamed => key == PayloadPlace::METADATA,
                PayloadPlace::Metadata(other) => key == other,
                // The filter that writes the state takes it from there.
                PayloadPlace::State(_) => text.contains(&format!("jwt_authn:{key})%")),
            };
            if !read {
                return Err(format!("the policy reads {:?}", policy.payload()));
            }
            known += 1;
        } else if let Some(name) = line.strip_prefix("- object_key: ") {
            let policy = stage.ok_or("there is no policy above")?.policy();
            if policy.payload_state() != Ok(name) {
                return Err(format!("the policy reads {:?}", policy.payload()));
            }
            known += 1;
        } else if line.starts_with("regex: ") {
            let shipped = fs::read_to_string(root().join("envoy/envoy.yaml")).unwrap();
            if !shipped.lines().any(|other| other.trim() == line) {
                return Err(format!("envoy/envoy.yaml has no line `{line}`"));
            }
            known += 1;
        } else if line == "require_client_certificate: true" {
            known += 1;
        }
    }
    if known == 0 { Err("nothing here concerns the filter".into()) } else { Ok(()) }
}
