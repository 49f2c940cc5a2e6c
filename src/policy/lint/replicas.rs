//! Errors and warnings about limits across replicas: those that the engine of the policy
//! cannot count, or would count together.

use super::{all_rules, limits};
use crate::limit_service::{CALLER_IN_KEY, Engine};
use crate::order;
use crate::policy::document::{
    AcrossReplicas, Document, Findings, Limit, LimitService, OnFailure, Warning, pointer, quote,
};

/// Whether any limit is one across replicas.
fn any(document: &Document) -> bool {
    all_rules(document).into_iter().flat_map(limits).any(Limit::is_across_replicas)
}

/// Refuses limits that nobody counts, that the engine cannot count, or that it would
/// take for another.
pub(super) fn errors(document: &Document, errors: &mut Findings) {
    let all = document.across_replicas();
    let Some(LimitService { engine, .. }) = &document.settings.limit_service else {
        for shared in all {
            errors.error(
                [&shared.limit.path, "/across"].concat(),
                "needs `settings.limit_service`, which says who counts for all replicas",
            );
        }
        return;
    };
    for AcrossReplicas { limit, name, .. } in &all {
        if !engine.counts_by(limit.window.seconds()) {
            errors.error(
                [&limit.path, "/window"].concat(),
                "the engine `ratelimit` counts by second, minute, hour or day; take one of these, \
                 or another engine",
            );
        }
        if *engine == Engine::Ratelimit && [&**name, "_"].concat().contains(CALLER_IN_KEY) {
            let message = format!(
                "the counter is {} to the engine `ratelimit`, which takes what is behind \
                 `{CALLER_IN_KEY}` for a caller; give it another name",
                quote(name)
            );
            errors.error(limit.path.clone(), message);
        }
    }
    let mut first: Option<&AcrossReplicas<'_>> = None;
    let name = |at: usize| all.get(at).map(|shared| &shared.name);
    for at in order::indexes(all.len(), &|a, b| name(a).cmp(&name(b))) {
        let Some(shared) = all.get(at) else { continue };
        let Some(before) = first.filter(|first| first.name == shared.name) else {
            first = Some(shared);
            continue;
        };
        let is_other = before.path != shared.path
            || before.limit.scope != shared.limit.scope
            || before.limit.counter != shared.limit.counter;
        let message = if is_other {
            format!(
                "the service would count this together with {}, as {}; give one of them another \
                 counter",
                pointer(&before.limit.path),
                quote(&shared.name)
            )
        } else if *engine == Engine::Limitador && before.limit.max != shared.limit.max {
            format!(
                "has another `max` than {}, and the engine `limitador` has one for each counter; \
                 give one of them another counter",
                pointer(&before.limit.path)
            )
        } else {
            continue;
        };
        errors.error(shared.limit.path.clone(), message);
    }
}

/// Warns of a service that nobody asks, and of one whose failure opens the gate.
pub(super) fn warnings(document: &Document, findings: &mut Findings) {
    let Some(service) = &document.settings.limit_service else { return };
    if !any(document) {
        let message = "is never asked, since no limit has `\"across\": \"replicas\"`";
        findings.warn(Warning::UnaskedService, &["/settings/limit_service"], message);
    } else if service.on_failure == OnFailure::Allow {
        let message = "while the service cannot be asked, limits across replicas bound nobody; \
                       with `local` each process bounds its own calls";
        findings.warn(Warning::Uncounted, &["/settings/limit_service/on_failure"], message);
    }
}
