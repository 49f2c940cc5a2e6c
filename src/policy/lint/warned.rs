//! The warnings about policies of the tests.

use crate::policy::Policy;

/// The conditions of a group.
pub(super) const WHEN: &str = r#""when": [{"path": "claims.team", "op": "eq", "value": "a"}]"#;

/// The warnings about a policy with this default and these other keys.
pub(super) fn of(default: &str, rest: &str) -> Vec<String> {
    let policy = format!(
        r#"{{"version": "1", "default": "{default}", "identity": [{{"header": "x-id"}}],
        "settings": {{"paths": ["/mcp"]}}, {rest}}}"#
    );
    let policy = Policy::parse(policy.as_bytes(), "");
    let policy = policy.unwrap_or_else(|errors| panic!("{errors:?}"));
    policy.warnings.iter().map(ToString::to_string).collect()
}
