//! Policies read from files, with their findings at their places.

pub(crate) mod find;

use crate::document::{self, Fault, Language, Node, Value};
use crate::failure::Failure;
use crate::finding::{AMBIGUOUS, Finding, INVALID, Severity, Source, UNREADABLE};
use crate::input;
use crate::layer::Layer;
use core::ops::Range;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::policy::document::{Findings, Severity as Kind};
use std::rc::Rc;

/// A policy that was read.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The file.
    pub(crate) source: Rc<Source>,
    /// The policy, ready to decide.
    pub(crate) policy: Policy,
    /// The policy as JSON: the file itself, or what its YAML says.
    pub(crate) json: String,
    /// The policy as its author wrote it.
    pub(crate) node: Node,
    /// Warnings.
    pub(crate) warnings: Vec<Finding>,
}

/// Reads a policy from a file in JSON or YAML. The inner error is an invalid policy.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn load(name: &str) -> Result<Result<Loaded, Vec<Finding>>, Failure> {
    let source = Rc::new(Source { name: name.to_owned(), text: input::text(name)? });
    Ok(parse(source))
}

/// Reads a policy from a text in JSON or YAML.
///
/// # Errors
/// All errors of the policy.
pub(crate) fn parse(source: Rc<Source>) -> Result<Loaded, Vec<Finding>> {
    let layer = Layer::file(Rc::clone(&source));
    let (language, mut documents) = documents(&layer).map_err(|finding| vec![finding])?;
    if documents.len() > 1 {
        let second = documents.get(1).map_or(0..0, |node| node.span.clone());
        let message = "another document begins here; a policy is one document";
        return Err(vec![layer.finding(&second, Severity::Error, INVALID, message)]);
    }
    let Some(node) = documents.pop() else { return Err(vec![empty(&layer)]) };
    let json = match language {
        Language::Json => source.text.clone(),
        Language::Yaml => node.to_json(),
    };
    let (policy, findings) = compile(&layer, &node, json.as_bytes());
    match policy {
        Some(policy) => Ok(Loaded { source, policy, json, node, warnings: findings }),
        None => Err(findings),
    }
}

/// The documents of a text, and its language.
///
/// # Errors
/// It is neither JSON nor YAML.
pub(crate) fn documents(layer: &Layer) -> Result<(Language, Vec<Node>), Finding> {
    document::read(&layer.source().name, layer.text()).map_err(|told| fault(layer, &told))
}

/// The finding about a text that cannot be read.
pub(crate) fn fault(layer: &Layer, fault: &Fault) -> Finding {
    // Of a text that begins as JSON the core knows better what is wrong with it.
    let looks_like_json = layer.text().trim_start().starts_with('{');
    let told = looks_like_json.then(|| Policy::parse(layer.text().as_bytes(), "").err());
    let told = told.flatten().and_then(|all| all.iter().next().map(|one| one.message.clone()));
    let message = told.unwrap_or_else(|| fault.message.clone());
    layer.finding(&(fault.at..fault.at), Severity::Error, UNREADABLE, message)
}

/// The finding about a text without a document.
pub(crate) fn empty(layer: &Layer) -> Finding {
    let message = "the file is empty; give it a policy";
    layer.finding(&(0..0), Severity::Error, INVALID, message)
}

/// Compiles the policy in a node, of which the bytes are what the filter would get: it,
/// if it has no errors, and all findings.
pub(crate) fn compile(layer: &Layer, node: &Node, bytes: &[u8]) -> (Option<Policy>, Vec<Finding>) {
    let mut findings = doubts(layer, node);
    let (policy, others) = match Policy::parse(bytes, "") {
        Ok(policy) => {
            let warnings = located(layer, node, &policy.warnings);
            (findings.is_empty().then_some(policy), warnings)
        }
        Err(errors) => (None, located(layer, node, &errors)),
    };
    findings.extend(others);
    (policy, findings)
}

/// The scalars of a policy that readers of YAML differ about.
fn doubts(layer: &Layer, node: &Node) -> Vec<Finding> {
    let finding = |(span, text, doubt): (Range<usize>, &str, &str)| {
        layer.finding(&span, Severity::Error, AMBIGUOUS, format!("`{text}`: {doubt}"))
    };
    node.doubts().into_iter().map(finding).collect()
}

/// Findings of the core about the policy in a node, each at its place.
fn located(layer: &Layer, node: &Node, findings: &Findings) -> Vec<Finding> {
    let finding = |one: &mcp_policy_filter::policy::document::Finding| {
        let (severity, code) = match one.severity {
            Kind::Error => (Severity::Error, INVALID),
            Kind::Warning(kind) => (Severity::Warning, kind.as_str()),
        };
        // Where the core found no JSON, its path is a line and a column.
        let pointer = if one.path.starts_with('/') { &*one.path } else { "" };
        let (place, value) = node.lookup(pointer);
        // The doubt about it is a finding of its own.
        if matches!(value.value, Value::Doubtful(..)) {
            return None;
        }
        let mut finding = layer.finding(&place, severity, code, &*one.message);
        pointer.clone_into(&mut finding.pointer);
        Some(finding)
    };
    findings.iter().filter_map(finding).collect()
}
