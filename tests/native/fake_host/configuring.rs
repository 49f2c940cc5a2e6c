//! Configurations and pushes.

use super::CLOSED;
use super::ONE_A_MINUTE;
use super::host::{fail, forget_counts};
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
fn nothing_passes_a_plugin_without_a_readable_name() {
    forget_counts();
    assert!(Worker::configure(ONE_A_MINUTE, PLAIN).is_ok());
    for status in [2, 3, 10, u32::MAX] {
        fail("property", status);
        let log = Worker::configure_closed(ONE_A_MINUTE);
        let why = format!("no name of the plugin: status {status}");
        assert_eq!(log, [format!("{CLOSED}{why}")]);
    }
}
