//! Configurations and pushes.

use super::worker::{PLAIN, Worker};

#[test]
fn a_bad_policy_is_refused_and_says_why() {
    let Err(log) = Worker::configure(r#"{"version": "1", "tool": {}}"#, PLAIN) else {
        panic!("accepted")
    };
    assert_eq!(
        log,
        [
            "mcp-policy-filter: bad policy: /tool: unknown key; did you mean `tools`?",
            "mcp-policy-filter: bad policy: (top level): `default` is missing",
        ]
    );
}
