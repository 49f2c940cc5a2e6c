//! `render`: the configuration that carries a policy, from the ones that are shipped, and
//! the file of the engine that counts its limits across replicas.
//!
//! The policy sets everything that has to agree with it: whether Envoy holds headers,
//! whether there is a guard behind the filter, and the paths that have a route.

mod carried;
mod engine;
mod forms;
mod notes;
mod options;
mod template;

use crate::document::{self, Node, Value};
use crate::failure::Failure;
use crate::input;
use crate::layer::Layer;
use crate::output::{output, replace, say};
use crate::{Outcome, policy};
use options::Place;
use std::io::Write as _;

/// The arguments of `render`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mcp-policy render my.json --for envoy > envoy.yaml
  mcp-policy render my.json --for envoy --upstream mcp.internal:9100 --listen 0.0.0.0:8080
  mcp-policy render my.json --for ecds --output /etc/envoy/policy.yaml
  mcp-policy render my.json --for istio --module registry.example.com/mcp-policy-filter:0.1.0 \\
    --sha256 DIGEST | kubectl apply -f -
  mcp-policy render my.json --for limitador --output limits.yaml

Exit status: 0 the configuration was written, 1 the policy is not valid, 2 it could not run.")]
pub(crate) struct Arguments {
    /// The policy, in JSON or YAML; `-` is standard input
    #[arg(value_name = "POLICY")]
    policy: String,
    /// The place that the configuration is for
    #[arg(long = "for", value_name = "PLACE")]
    place: Place,
    #[command(flatten)]
    options: options::Options,
    /// Write to this file, which is replaced whole, as Envoy waits for
    #[arg(long, short, value_name = "FILE")]
    output: Option<String>,
    /// The form of what is written; `json` is a list of the documents
    #[arg(long, value_name = "FORM", default_value = "yaml")]
    format: Format,
}

/// The forms of what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// YAML with comments.
    Yaml,
    /// A list of the documents.
    Json,
}

/// Writes the configuration.
///
/// # Errors
/// The policy cannot be read, an option does not fit, the configuration cannot be written.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let loaded = match policy::load(&arguments.policy)? {
        Ok(loaded) => loaded,
        Err(errors) => {
            for error in &errors {
                say(error);
            }
            return Ok(Outcome::Findings);
        }
    };
    for warning in &loaded.warnings {
        say(warning);
    }
    let layer = Layer::file(loaded.source.clone());
    let refused = policy::refused_by_native(&layer, &loaded.node, &loaded.policy);
    if let Some(error) = refused.filter(|_| arguments.place.is_native()) {
        say(error);
        return Ok(Outcome::Findings);
    }
    let policy = Asked::new(&loaded.node, &loaded.json);
    let settings = options::Settings::new(arguments.place, &arguments.options)?;
    if let Some(node) = carried::lost(policy.node).filter(|_| arguments.place.is_gateway()) {
        let (line, column) = document::position(&loaded.source.text, node.span.start);
        say(format_args!(
            "{}:{line}:{column}: error: Kubernetes would make another number of this one; write \
             one of at most 15 digits",
            crate::output::shown(&loaded.source.name)
        ));
        return Ok(Outcome::Findings);
    }
    for option in arguments.options.idle(arguments.place) {
        say(format_args!("note: `{option}` changes nothing here"));
    }
    let assumed = arguments.options.assumed(arguments.place).into_iter().map(str::to_owned);
    for note in notes::notes(arguments.place, &policy, &settings).into_iter().chain(assumed) {
        say(format_args!("note: {note}"));
    }
    let mut text = forms::render(arguments.place, &policy, &settings)?;
    if arguments.format == Format::Json {
        let (_, documents) = document::read("rendered.yaml", &text)
            .map_err(|fault| Failure::new(format!("the configuration: {}", fault.message)))?;
        text = Node::of_list(documents).to_pretty_json();
    }
    match &arguments.output {
        Some(name) => replace(name, text.as_bytes())?,
        None => {
            let mut out = output();
            out.write_all(text.as_bytes())?;
            out.flush()?;
        }
    }
    Ok(Outcome::Clean)
}

/// The policy, and what it asks of its surroundings.
#[derive(Debug)]
struct Asked<'p> {
    node: &'p Node,
    json: &'p str,
    /// `hold_request_headers`
    holds: bool,
    /// `mark_requests`
    marks: bool,
    /// The paths that pass, of MCP and exempt ones; none where any path does.
    paths: Vec<String>,
    /// The paths that the filter answers itself: of approvals, and of the metadata by which
    /// clients sign in.
    answered: Vec<String>,
}

/// The path of the metadata, behind which that of the resource comes.
const METADATA: &str = "/.well-known/oauth-protected-resource";

impl<'p> Asked<'p> {
    fn new(node: &'p Node, json: &'p str) -> Self {
        let setting = |key: &str| node.get("settings").and_then(|settings| settings.get(key));
        let is = |key| setting(key).is_some_and(|node| matches!(node.value, Value::Bool(true)));
        let listed = |key| {
            let paths = setting(key).map_or(&[][..], Node::elements).iter();
            paths.filter_map(|path| path.text().map(str::to_owned)).collect::<Vec<_>>()
        };
        let mut paths = listed("paths");
        if !paths.is_empty() {
            paths.extend(listed("exempt_paths"));
        }
        let mut answered = Vec::new();
        if let Some(path) = setting("approvals").and_then(|all| all.get("path")?.text()) {
            answered.extend([path.to_owned(), format!("{path}/*")]);
        }
        if let Some(url) = setting("protected_resource").and_then(|all| all.get("resource")?.text())
        {
            answered.extend(metadata(url));
        }
        let (holds, marks) = (is("hold_request_headers"), is("mark_requests"));
        Self { node, json, holds, marks, paths, answered }
    }
}

/// The paths of the metadata of a resource.
fn metadata(resource: &str) -> Vec<String> {
    let behind = resource.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
    let own = behind.filter(|(_, path)| !path.is_empty());
    let own = own.map(|(_, path)| format!("{METADATA}/{path}"));
    [METADATA.to_owned()].into_iter().chain(own).collect()
}

/// The SHA-256 of a file, or one that is given in digits.
fn sha256(given: &str) -> Result<String, Failure> {
    use sha2::{Digest as _, Sha256};
    let digits = given.strip_prefix("sha256:").unwrap_or(given);
    if digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(digits.to_ascii_lowercase());
    }
    let hash = Sha256::digest(input::bytes(given)?);
    Ok(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}
