//! The caller of a request as the policy's sources name it, and those who have no
//! credential.
//!
//! A policy may admit requests without any credential, which all have one caller. A
//! client must not become that caller by a credential that cannot be used, and a
//! credential must not name it.

use super::head::given;
use super::identity::{Given, NoIdentity, Peer, identify, takes_claims};
use crate::policy::{Caller, Policy};

/// The caller of a request, before anything is known of its rules.
///
/// # Errors
/// See [`identify`].
pub(crate) fn caller<'a>(
    policy: &Policy,
    headers: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    peer: &dyn Peer,
) -> Result<Caller, NoIdentity> {
    if policy.identity.is_empty() {
        return Ok(Caller::anonymous());
    }
    let id = identify(&policy.identity, &|name| given(headers.clone(), name), peer);
    if !policy.settings.admits_anonymous {
        return id.map(Caller::new);
    }
    match id {
        // Otherwise a credential would be a way to be nobody.
        Ok(id) if policy.is_stranger(&id) => Err(NoIdentity::Unusable("credential")),
        Ok(id) => Ok(Caller::new(id)),
        // jwt_authn let a request with a credential pass that it did not verify.
        Err(NoIdentity::Missing)
            if takes_claims(&policy.identity)
                && given(headers.clone(), "authorization") != Given::Never =>
        {
            Err(NoIdentity::Unusable("credential"))
        }
        Err(NoIdentity::Missing) => Ok(Caller::anonymous()),
        Err(why) => Err(why),
    }
}

/// The caller who decides about requests for approval: never one without a credential.
///
/// # Errors
/// See [`identify`].
pub(super) fn approver<'a>(
    policy: &Policy,
    headers: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    peer: &dyn Peer,
) -> Result<Caller, NoIdentity> {
    let caller = caller(policy, headers, peer)?;
    if policy.is_stranger(&caller.id) { Err(NoIdentity::Missing) } else { Ok(caller) }
}
