//! A policy read from a file of its own, with its findings at their places.

use crate::document::{self, Language, Node};
use crate::failure::Failure;
use crate::finding::{Finding, Severity, Source};
use crate::input;
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
    let (language, mut documents) = match document::read(&source.name, &source.text) {
        Ok(read) => read,
        Err(fault) => {
            // Of a text that begins as JSON the core knows better what is wrong with it.
            let looks_like_json = source.text.trim_start().starts_with('{');
            let told = looks_like_json.then(|| Policy::parse(source.text.as_bytes(), "").err());
            let told =
                told.flatten().and_then(|all| all.iter().next().map(|one| one.message.clone()));
            let message = told.unwrap_or(fault.message);
            return Err(vec![error(&source, fault.at..fault.at, message)]);
        }
    };
    if documents.len() > 1 {
        let second = documents.get(1).map_or(0..0, |node| node.span.clone());
        let message = "another document begins here; a policy is one document";
        return Err(vec![error(&source, second, message.into())]);
    }
    let Some(node) = documents.pop() else {
        return Err(vec![error(&source, 0..0, "the file is empty; give it a policy".into())]);
    };
    let json = match language {
        Language::Json => source.text.clone(),
        Language::Yaml => node.to_json(),
    };
    let doubts = doubts(&source, &node);
    match Policy::parse(json.as_bytes(), "") {
        Ok(policy) if doubts.is_empty() => {
            let warnings = located(&source, &node, &policy.warnings);
            Ok(Loaded { source, policy, json, node, warnings })
        }
        Ok(_) => Err(doubts),
        Err(errors) => {
            let mut all = doubts;
            all.extend(located(&source, &node, &errors));
            Err(all)
        }
    }
}

/// The scalars of a policy that readers of YAML differ about.
pub(crate) fn doubts(source: &Rc<Source>, node: &Node) -> Vec<Finding> {
    let finding = |(span, text, doubt)| error(source, span, format!("`{text}`: {doubt}"));
    node.doubts().into_iter().map(finding).collect()
}

/// Findings of the core about the policy in a node, each at its place.
pub(crate) fn located(source: &Rc<Source>, node: &Node, findings: &Findings) -> Vec<Finding> {
    let finding = |one: &mcp_policy_filter::policy::document::Finding| Finding {
        source: Rc::clone(source),
        span: node.place(&one.path),
        severity: match one.severity {
            Kind::Error => Severity::Error,
            Kind::Warning(_) => Severity::Warning,
        },
        pointer: one.path.clone(),
        message: one.message.clone(),
    };
    findings.iter().map(finding).collect()
}

fn error(source: &Rc<Source>, span: core::ops::Range<usize>, message: String) -> Finding {
    let source = Rc::clone(source);
    Finding { source, span, severity: Severity::Error, pointer: String::new(), message }
}
