//! The limits of a document that a service counts, each by its name there.

use super::{Document, Limit, Rules};
use crate::limits::window::Scope;

/// A limit across replicas.
#[derive(Debug)]
pub struct AcrossReplicas<'d> {
    /// The limit.
    pub limit: &'d Limit,
    /// The counter's name in the service.
    pub name: String,
    /// The path of the rules whose callers share the count; empty for those of all.
    pub path: &'d str,
}

impl Document {
    /// All limits across replicas, those of the top first.
    pub fn across_replicas(&self) -> Vec<AcrossReplicas<'_>> {
        let mut all = Vec::new();
        extend(&mut all, "top", &self.rules);
        for (_, grant) in &self.grants {
            extend(&mut all, &["grant:", &grant.name].concat(), &grant.rules);
        }
        for group in &self.groups {
            extend(&mut all, &["group:", &group.name].concat(), &group.rules);
        }
        all
    }
}

fn extend<'d>(all: &mut Vec<AcrossReplicas<'d>>, name: &str, rules: &'d Rules) {
    let of_tools = rules.tools.iter().flat_map(|(_, rule)| &rule.limits);
    let limits = of_tools.chain(&rules.all_tools.limits);
    for limit in limits.filter(|limit| limit.is_across_replicas()) {
        let path = if limit.scope == Scope::Global { "" } else { &*rules.path };
        all.push(AcrossReplicas { limit, name: limit.name_in_service(name), path });
    }
}
