//! The fences of the pages that are run in Envoy: those with `run:` and a name.

use serde_json::Value;

use crate::support::file;

/// The text of the one fence of a page that has this behind its backticks.
pub fn fence(page: &str, info: &str) -> String {
    let (text, opening) = (file(page), format!("\n```{info}\n"));
    let mut found = text.split(&opening).skip(1);
    let fence = found.next().unwrap_or_else(|| panic!("{page} has no fence `{info}`"));
    assert!(found.next().is_none(), "{page} has several fences `{info}`");
    fence.split("\n```").next().expect("its end").to_owned()
}

/// The same, read as YAML.
pub fn yaml(page: &str, info: &str) -> Value {
    yaml_serde::from_str(&fence(page, info))
        .unwrap_or_else(|error| panic!("{page} {info}: {error}"))
}
