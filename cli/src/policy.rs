//! Policies read from files, with their findings at their places.

pub(crate) mod find;

use crate::Outcome;
use crate::document::{self, Doubted, Fault, Language, Node, Value};
use crate::failure::Failure;
use crate::finding::{AMBIGUOUS, Finding, INVALID, Severity, Source, UNREADABLE};
use crate::input;
use crate::layer::Layer;
use crate::output::{heard, output};
use find::{Given, Manifest, Place, Visitor};
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::policy::document::{Findings, Severity as Kind};
use mcp_policy_filter::simulate::tree::Tree as _;
use std::io::Write as _;
use std::rc::Rc;

/// A policy that was read.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The file.
    pub(crate) source: Rc<Source>,
    /// The policy, ready to decide.
    pub(crate) policy: Policy,
    /// The policy as JSON: its own text, or what its YAML says.
    pub(crate) json: String,
    /// The policy as its author wrote it.
    pub(crate) node: Node,
    /// Warnings.
    pub(crate) warnings: Vec<Finding>,
}

/// Reads a policy from a file: in JSON or YAML, or the one policy of a configuration of
/// Envoy or of manifests. The inner error is an invalid policy.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn load(name: &str) -> Result<Result<Loaded, Vec<Finding>>, Failure> {
    let source = Rc::new(Source { name: name.to_owned(), text: input::text(name)? });
    Ok(parse(source))
}

/// Prints all errors of a policy, in the place of what it was to be used for.
///
/// # Errors
/// Standard output cannot be written to.
pub(crate) fn refuse(errors: &[Finding]) -> Result<Outcome, Failure> {
    let print = || {
        let mut out = output();
        for error in errors {
            writeln!(out, "{error}")?;
        }
        Ok(out.flush()?)
    };
    heard(print())?;
    Ok(Outcome::Findings)
}

/// Reads a policy from such a text.
///
/// # Errors
/// All errors of the policy.
pub(crate) fn parse(source: Rc<Source>) -> Result<Loaded, Vec<Finding>> {
    let layer = Layer::file(source);
    let (language, documents) = documents(&layer).map_err(|finding| vec![finding])?;
    if let Some(found) = only(&layer, &documents, 0) {
        return found;
    }
    let Some(node) = documents.first() else { return Err(vec![empty(&layer)]) };
    if let Some(second) = documents.get(1) {
        let message = "another document begins here; a policy is one document";
        return Err(vec![layer.finding(&second.span, Severity::Error, INVALID, message)]);
    }
    let json = match language {
        Language::Json => layer.text().to_owned(),
        Language::Yaml => node.to_json(),
    };
    loaded(&layer, node, json, None)
}

/// Reads a policy that is an object in a file, or the one policy of a configuration that
/// is.
///
/// # Errors
/// All errors of the policy.
pub(crate) fn within(layer: &Layer, node: &Node) -> Result<Loaded, Vec<Finding>> {
    let found = match find::is_policy(node) {
        true => None,
        false => only(layer, core::slice::from_ref(node), node.span.start),
    };
    found.unwrap_or_else(|| loaded(layer, node, node.to_json(), None))
}

/// The one policy of configurations, or the finding that there is none in them or more
/// than one. `None` if the documents are not configurations.
fn only(layer: &Layer, documents: &[Node], at: usize) -> Option<Result<Loaded, Vec<Finding>>> {
    let mut only = Only::default();
    let mut without = false;
    for node in documents {
        without |= find::visit(layer, node, &mut only) != find::Recognized::Unknown;
    }
    let message = match only.found.len() {
        1 => return only.found.pop(),
        0 if without => "the file holds no policy; name the file that has it".to_owned(),
        0 => return None,
        count => format!("there are {count} policies; give the file of one"),
    };
    Some(Err(vec![layer.finding(&(at..at), Severity::Error, INVALID, message)]))
}

/// The policies of a document, compiled.
#[derive(Default)]
struct Only {
    found: Vec<Result<Loaded, Vec<Finding>>>,
}

impl Visitor for Only {
    fn policy(&mut self, place: &Place<'_>) {
        let layer = place.layer;
        self.found.push(match place.given {
            Given::Document(node) => match document::read("policy.json", layer.text()) {
                Ok(_) => loaded(layer, node, layer.text().to_owned(), None),
                Err(_) => loaded(layer, node, node.to_json(), None),
            },
            Given::Struct(node) => of_struct(layer, node),
            Given::StructOfYaml(node) => of_struct(layer, &node.as_envoy_reads()),
            Given::Text(node) => match layer.within(node) {
                Some(inner) => match document::read("policy.json", inner.text()) {
                    Ok((_, documents)) => match documents.first() {
                        Some(node) => loaded(&inner, node, inner.text().to_owned(), None),
                        None => Err(vec![empty(&inner)]),
                    },
                    Err(told) => Err(vec![not_json(&inner, &told)]),
                },
                None => Err(vec![empty(layer)]),
            },
            Given::Other(_) | Given::Missing => {
                let message = "the filter is given no policy; give it one";
                Err(vec![layer.finding(&place.anchor, Severity::Error, INVALID, message)])
            }
        });
    }

    fn around(&mut self, _: &Layer, _: Manifest<'_>) {}

    fn inner(&mut self, name: &str, layer: &Layer) -> bool {
        let Ok((_, documents)) = document::read(name, layer.text()) else { return false };
        let before = self.found.len();
        for node in &documents {
            find::visit(layer, node, self);
        }
        self.found.len() > before
    }
}

/// A policy that the filter gets as a Struct.
fn of_struct(layer: &Layer, node: &Node) -> Result<Loaded, Vec<Finding>> {
    loaded(layer, node, node.to_json(), Some(node.to_struct()))
}

/// A policy that the filter gets as these bytes, or else as its JSON.
fn loaded(
    layer: &Layer,
    node: &Node,
    json: String,
    bytes: Option<Vec<u8>>,
) -> Result<Loaded, Vec<Finding>> {
    let Compiled { policy, findings, .. } =
        compile(layer, node, bytes.as_deref().unwrap_or(json.as_bytes()));
    let Some(policy) = policy else { return Err(findings) };
    let source = Rc::clone(layer.source());
    let node = node.moved(&|at| layer.place(at));
    Ok(Loaded { source, policy, json, node, warnings: findings })
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
    if layer.text().trim().is_empty() {
        return empty(layer);
    }
    if layer.is_file() && layer.source().name.ends_with(".json") && is_yaml(layer.text()) {
        let message = "this is YAML, and a file is read as JSON whose name ends with `.json`; \
                       give it another name";
        return layer.finding(&(0..0), Severity::Error, UNREADABLE, message);
    }
    // Of a text that begins as JSON the core knows better what is wrong with it.
    let begins = ["{", "//", "/*"];
    let looks_like_json = begins.iter().any(|begin| layer.text().trim_start().starts_with(begin));
    let told = looks_like_json.then(|| Policy::parse(layer.text().as_bytes(), "").err());
    let told = told.flatten().and_then(|all| all.iter().next().map(|one| one.message.clone()));
    let message = told.unwrap_or_else(|| fault.message.clone());
    layer.finding(&(fault.at..fault.at), Severity::Error, UNREADABLE, message)
}

/// The finding about a text without a document.
pub(crate) fn empty(layer: &Layer) -> Finding {
    let message = match layer.is_file() {
        true => "the file is empty; give it a policy",
        false => "the text is empty; give it a policy",
    };
    layer.finding(&(0..0), Severity::Error, INVALID, message)
}

/// The finding about a text within a filter's configuration that is not JSON.
pub(crate) fn not_json(layer: &Layer, told: &Fault) -> Finding {
    if !is_yaml(layer.text()) {
        return fault(layer, told);
    }
    let message = "this is YAML, and the filter reads a text as JSON alone; write the policy as \
                   JSON, or as an object under `value` of a google.protobuf.Struct";
    layer.finding(&(told.at..told.at), Severity::Error, UNREADABLE, message)
}

/// Whether a text is an object in YAML, and not one that is meant as JSON.
fn is_yaml(text: &str) -> bool {
    let has_members = || {
        let read = document::read("policy.yaml", text).ok();
        read.is_some_and(|(_, all)| all.iter().any(|node| !node.members().is_empty()))
    };
    !text.trim_start().starts_with('{') && has_members()
}

/// A policy as it was compiled, and what was found.
pub(crate) struct Compiled {
    /// The policy, if it has no errors.
    pub(crate) policy: Option<Policy>,
    /// All findings that the core keeps.
    pub(crate) findings: Vec<Finding>,
    /// The number of further ones.
    pub(crate) more: Vec<(Severity, usize)>,
}

/// The finding that the native module refuses a policy, which would have it read metadata.
pub(crate) fn refused_by_native(layer: &Layer, node: &Node, policy: &Policy) -> Option<Finding> {
    let told = policy.payload_state().err()?;
    let (pointer, message) = told.split_once(": ")?;
    let mut finding = layer.finding(&node.place(pointer), Severity::Error, INVALID, message);
    pointer.clone_into(&mut finding.pointer);
    Some(finding)
}

/// Compiles the policy in a node, of which the bytes are what the filter would get.
pub(crate) fn compile(layer: &Layer, node: &Node, bytes: &[u8]) -> Compiled {
    let mut findings = doubts(layer, node);
    let counted = |all: &Findings| {
        let of = |(kind, number)| (severity(kind).0, number);
        all.more().map(of).collect::<Vec<_>>()
    };
    let (policy, others, more) = match Policy::parse(bytes, "") {
        Ok(policy) => {
            let warnings = located(layer, node, &policy.warnings);
            let more = counted(&policy.warnings);
            (findings.is_empty().then_some(policy), warnings, more)
        }
        Err(errors) => (None, located(layer, node, &errors), counted(&errors)),
    };
    findings.extend(others);
    Compiled { policy, findings, more }
}

/// A severity of the core, and the code of its findings.
const fn severity(kind: Kind) -> (Severity, &'static str) {
    match kind {
        Kind::Error => (Severity::Error, INVALID),
        Kind::Warning(kind) => (Severity::Warning, kind.as_str()),
    }
}

/// The scalars of a policy that readers of YAML differ about.
fn doubts(layer: &Layer, node: &Node) -> Vec<Finding> {
    let finding = |doubt: Doubted<'_>| Finding {
        pointer: doubt.pointer.clone(),
        ..layer.finding(&doubt.span, Severity::Error, AMBIGUOUS, doubt.message())
    };
    node.doubts().into_iter().map(finding).collect()
}

/// Findings of the core about the policy in a node, each at its place.
fn located(layer: &Layer, node: &Node, findings: &Findings) -> Vec<Finding> {
    let finding = |one: &mcp_policy_filter::policy::document::Finding| {
        let (severity, code) = severity(one.severity);
        // If the core found no JSON, its path is a line and a column.
        let pointer = if one.path.starts_with('/') { &*one.path } else { "" };
        let (place, value) = node.of_finding(one);
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

#[cfg(test)]
mod tests {
    use super::{Loaded, parse};
    use crate::finding::{Finding, Source};
    use std::fs;
    use std::path::Path;
    use std::rc::Rc;

    fn load(name: &str, text: &str) -> Result<Loaded, Vec<Finding>> {
        parse(Rc::new(Source { name: name.into(), text: text.into() }))
    }

    #[test]
    fn the_one_policy_of_a_file_is_loaded_wherever_it_is() {
        for name in ["envoy.yaml", "istio/wasm-plugin.yaml", "policies/explained/climux.yaml"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../envoy").join(name);
            let text = fs::read_to_string(path).unwrap();
            let loaded = load(name, &text).unwrap();
            let tools = loaded.node.place("/tools");
            assert_eq!(&text[tools], "tools", "{name}");
            assert!(loaded.json.starts_with("{\"version\""), "{name}");
        }
        let text = "apiVersion: v1\nkind: ConfigMap\ndata:\n  p.json: |\n    {\"version\": \"1\", \"default\": \"deny\"}\n";
        let loaded = load("x.yaml", text).unwrap();
        assert_eq!(&text[loaded.node.place("/default")], "\"default\"");
        for (text, words) in [
            (format!("{text}---\n{text}"), "there are 2 policies"),
            ("apiVersion: v1\nkind: Secret\n".into(), "holds no policy"),
            ("a: 1\n---\nb: 2\n".into(), "another document"),
            (String::new(), "is empty"),
            ("a: 1\n".into(), "unknown key"),
        ] {
            let errors = load("x.yaml", &text).unwrap_err();
            assert!(errors[0].message.contains(words), "{}", errors[0].message);
        }
    }
}
