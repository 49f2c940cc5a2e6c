//! The explanation of a call that failed a test, as `explain` prints it.

use super::policies::Tested;
use crate::explained;
use mcp_policy_filter::simulate::notation::Ask;
use mcp_policy_filter::simulate::stage::Stage;

/// The lines that explain a call under the policy in force, by the counts that it will
/// find.
pub(super) fn lines(tested: &Tested, stage: &Stage, ask: &Ask) -> Vec<String> {
    let written = explained::written(&tested.source, &tested.node);
    match explained::explain(&stage.policy, &stage.store, ask, stage.now()) {
        Ok(told) => {
            let mut lines = explained::text(&stage.policy, written, &told);
            // The answer and the record repeat what was found.
            if let Some(answer) = lines.iter().rposition(|line| line.starts_with("answer: ")) {
                lines.truncate(answer);
            }
            while lines.last().is_some_and(String::is_empty) {
                lines.pop();
            }
            lines
        }
        Err(failure) => vec![failure.to_string()],
    }
}
