//! The policies that tests name, each read once.

use super::watch::{self, Seen};
use crate::document::Node;
use crate::failure::Failure;
use crate::finding::{Finding, Source};
use crate::layer::Layer;
use crate::policy;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::simulate::caller::admit_made_up_tokens;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// A policy under test.
#[derive(Debug)]
pub(super) struct Tested {
    /// The file.
    pub(super) source: Rc<Source>,
    /// The policy as its author wrote it.
    pub(super) node: Node,
    /// The policy as JSON.
    pub(super) json: String,
    /// The policy, ready to decide.
    pub(super) policy: Arc<Policy>,
}

/// The reason why a policy cannot be tested.
#[derive(Clone, Debug)]
pub(super) enum Unusable {
    /// It cannot be read.
    Unread(String),
    /// It has errors.
    Invalid(Rc<Vec<Finding>>),
}

/// The policies of a run, by their paths.
#[derive(Debug, Default)]
pub(super) struct Policies {
    read: BTreeMap<PathBuf, Result<Rc<Tested>, Unusable>>,
    /// The files that were looked for, as they were before they were read.
    seen: Vec<Seen>,
}

impl Policies {
    /// The policy of a file, by its path from the folder of the file that names it.
    pub(super) fn of_file(&mut self, from: &str, name: &str) -> Result<Rc<Tested>, Unusable> {
        let folder = Path::new(from).parent().unwrap_or(Path::new(""));
        let path = plain(&folder.join(name));
        if let Some(known) = self.read.get(&path) {
            return known.clone();
        }
        self.seen.push(watch::seen(path.clone()));
        let read = match policy::load(&path.display().to_string()) {
            Ok(Ok(loaded)) => Ok(Rc::new(Tested::from(loaded))),
            Ok(Err(findings)) => Err(Unusable::Invalid(Rc::new(findings))),
            Err(Failure::Told(words)) => Err(Unusable::Unread(words)),
            Err(other) => Err(Unusable::Unread(other.to_string())),
        };
        self.read.insert(path, read.clone());
        read
    }

    /// The files that were looked for, as they were before they were read.
    pub(super) fn seen(&self) -> &[Seen] {
        &self.seen
    }
}

impl Tested {
    fn new(source: Rc<Source>, node: Node, json: String, mut policy: Policy) -> Self {
        // So that a test can name a caller who has a token.
        admit_made_up_tokens(&mut policy);
        Self { source, node, json, policy: Arc::new(policy) }
    }

    /// A policy within a file of tests.
    pub(super) fn within(source: Rc<Source>, node: &Node) -> Result<Self, Unusable> {
        match policy::within(&Layer::file(source), node) {
            Ok(loaded) => Ok(Self::from(loaded)),
            Err(findings) => Err(Unusable::Invalid(Rc::new(findings))),
        }
    }
}

impl From<policy::Loaded> for Tested {
    fn from(loaded: policy::Loaded) -> Self {
        let policy::Loaded { source, policy, json, node, warnings: _ } = loaded;
        Self::new(source, node, json, policy)
    }
}

/// A path without `..` behind a folder's name, as people would write it.
fn plain(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut plain = PathBuf::new();
    for part in path.components() {
        let is_name = matches!(plain.components().next_back(), Some(Component::Normal(_)));
        // Behind a link, `..` is another folder than the one before it.
        let is_link = plain.is_symlink();
        match part {
            Component::ParentDir if is_name && !is_link => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}
