//! A caller by its id: the credential by which a policy's sources name it.

use crate::failure::Failure;
use crate::output::shown;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::policy::document::Source;
use mcp_policy_filter::simulate::caller::{NoCredential, admit_made_up_tokens};
use mcp_policy_filter::simulate::notation::Ask;

/// Makes a request one of the caller with this id. Of several sources, the kind at its
/// beginning (`jwt:`, `mtls:`, `bearer:`, `header:`) picks one, and without a kind the
/// first of the policy's list does. Without a source all callers are one.
///
/// # Errors
/// No source of the policy can name such a caller.
pub(crate) fn name(ask: &mut Ask, policy: &mut Policy, id: &str) -> Result<(), Failure> {
    admit_made_up_tokens(policy);
    match ask.clone().by(policy, id) {
        Ok(by) => {
            *ask = by;
            Ok(())
        }
        Err(NoCredential::NoIdentity) => Ok(()),
        Err(NoCredential::NoToken) => Err(Failure::new(format!(
            "--as {}: no token of `bearer` is this caller's; it names {}",
            shown(id),
            names(policy).join(", ")
        ))),
        Err(why @ NoCredential::Claims(_)) => {
            Err(Failure::new(format!("--as {}: {why}", shown(id))))
        }
    }
}

/// The callers who have tokens.
fn names(policy: &Policy) -> Vec<String> {
    let tokens = policy.identity.iter().flat_map(|source| match source {
        Source::Bearer(bearer) => &*bearer.tokens,
        _ => &[],
    });
    let mut names: Vec<String> = tokens.map(|(_, name)| format!("`{}`", shown(name))).collect();
    names.sort();
    names.dedup();
    names
}
