//! Configurations and pushes.

use super::ONE_A_MINUTE;
use super::host::{fail, forget_counts, heal};
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

#[test]
fn a_configuration_whose_plugin_has_no_readable_name_is_refused() {
    forget_counts();
    assert!(Worker::configure(ONE_A_MINUTE, PLAIN).is_ok());
    for status in [2, 3, 10, u32::MAX] {
        fail("property", status);
        let Err(log) = Worker::configure(ONE_A_MINUTE, PLAIN) else {
            panic!("it counts under another name after status {status}")
        };
        heal();
        assert_eq!(log, [format!("mcp-policy-filter: no name of the plugin: status {status}")]);
    }
}
