//! Fragments of Envoy's configuration around the filter. What Envoy makes of
//! them no test here can say; what they share with the filter is checked.

use super::play::Stage;
use crate::config::root;
use serde_json::Value;
use std::fs;
use yaml_serde::Value as Yaml;

/// Whether the filter sets a filter state of this name.
fn sets(source: &str, name: &str) -> Result<(), String> {
    if source.contains(&format!(": &str = \"{name}\";")) {
        return Ok(());
    }
    Err(format!("the filter sets no `{name}`"))
}

/// The policy in a fragment's `configuration`, a Struct.
pub fn policy(text: &str) -> Result<Value, String> {
    let fragment: Yaml = yaml_serde::from_str(text).map_err(|error| error.to_string())?;
    let fragment = serde_json::to_value(fragment).map_err(|error| error.to_string())?;
    let configuration = &fragment["configuration"];
    if configuration["@type"] != "type.googleapis.com/google.protobuf.Struct" {
        return Err("the `configuration` is not a Struct".into());
    }
    let holds = fragment["allow_on_headers_stop_iteration"] == true;
    let policy = configuration["value"].clone();
    if holds != (policy["settings"]["hold_request_headers"] == true) {
        return Err("one of the two settings that hold headers is without the other".into());
    }
    Ok(policy)
}

/// Whether the names in a fragment are those of the filter: the filter state
/// of access logs, the key under which jwt_authn leaves the claims for the
/// policy above, and the statistics that are given labels, which are those of
/// the shipped file.
pub fn check(text: &str, stage: Option<&Stage>) -> Result<(), String> {
    let source = fs::read_to_string(root().join("src/filter/stream.rs")).unwrap();
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
            let policy = &stage.ok_or("there is no policy above")?.policy;
            if policy.payload() != key {
                return Err(format!("the policy reads `{}`", policy.payload()));
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
