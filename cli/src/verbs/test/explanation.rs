//! The explanation of a call that failed a test.

use crate::output::shown;
use mcp_policy_filter::simulate::notation::Ask;
use mcp_policy_filter::simulate::stage::Stage;

/// The lines that explain a call, which is not made.
pub(super) fn lines(stage: &Stage, ask: &Ask) -> Vec<String> {
    let _ = (stage, shown(&ask.path));
    Vec::new()
}
