//! `check`: every error and warning of policies, and of what is around them.

mod around;
mod files;
mod manager;
mod rules;
mod together;
mod tokens;

use crate::failure::Failure;
use crate::finding::{Finding, Format, Report, Severity, Source};
use crate::layer::Layer;
use crate::output::heard;
use crate::policy::find::{self, Given, Manifest, Place, Recognized, Shell, Visitor};
use crate::{Outcome, input, policy};
use core::ops::Range;
use std::rc::Rc;
use together::Together;
use tokens::Tokens;

/// The arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A file is a policy in JSON or YAML, a configuration of Envoy (whole, a listener, a filter),
or manifests of Kubernetes: Istio's EnvoyFilter and WasmPlugin, Envoy Gateway's
EnvoyExtensionPolicy, ConfigMaps, Lists. Of a folder, those files are checked that hold one.

Examples:
  mcp-policy check policy.json
  mcp-policy check --strict envoy.yaml
  mcp-policy check --format github policies/ k8s/
  git ls-files -z '*.json' '*.yaml' | xargs -0 mcp-policy check --skip-others
  kubectl get envoyfilter -o yaml -A | mcp-policy check -

Exit status: 0 no errors, 1 errors (with --strict also warnings), 2 it could not run.")]
pub(crate) struct Arguments {
    /// Files and folders; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Treat warnings as errors
    #[arg(long)]
    strict: bool,
    /// Skip files that hold nothing to check, as in a folder
    #[arg(long)]
    skip_others: bool,
    /// The form of the findings
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// Checks each file.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let mut check = Check { strict: arguments.strict, ..Check::default() };
    for file in files::named(&arguments.files)? {
        match file {
            files::File::Named(name) if !arguments.skip_others => {
                let text = input::text(&name)?;
                check.file(name, text, true);
            }
            files::File::Named(name) | files::File::Found(name) => match files::text(&name)? {
                Some(text) => check.file(name, text, false),
                None => check.skip(),
            },
        }
    }
    let Check { mut report, together, strict } = check;
    together.findings().into_iter().for_each(|one| report.add(strictly(one, strict)));
    report.sort();
    heard(report.print(arguments.format))?;
    Ok(if report.errors > 0 { Outcome::Findings } else { Outcome::Clean })
}

fn strictly(finding: Finding, strict: bool) -> Finding {
    let severity = if strict { Severity::Error } else { finding.severity };
    Finding { severity, ..finding }
}

/// A run.
#[derive(Default)]
struct Check {
    report: Report,
    together: Together,
    strict: bool,
}

/// The parts of a policy that the things around it have to agree with.
#[derive(Debug, Default)]
struct Read {
    /// The place of `hold_request_headers: true`.
    holds: Option<Range<usize>>,
    /// The place of `mark_requests: true`.
    marks: Option<Range<usize>>,
    /// The source by which callers are known by what another filter verifies.
    tokens: Option<Tokens>,
    /// The policy, as JSON.
    json: String,
}

impl Check {
    fn add(&mut self, finding: Finding) {
        self.report.add(strictly(finding, self.strict));
    }

    fn skip(&mut self) {
        self.report.skipped = self.report.skipped.saturating_add(1);
    }

    /// Checks a file; of one that was found in a folder, only what is known to be ours.
    fn file(&mut self, name: String, text: String, is_named: bool) {
        let layer = Layer::file(Rc::new(Source { name: name.clone(), text }));
        if is_named && name.ends_with(".calls") {
            self.add(rules::TESTS.at(&layer, &(0..0)));
            return self.report.files.push(name);
        }
        let documents = match policy::documents(&layer) {
            Ok((_, documents)) => documents,
            Err(fault) if is_named || files::may_be_ours(layer.text()) => {
                self.report.files.push(name);
                return self.add(fault);
            }
            Err(_) => return self.skip(),
        };
        if documents.is_empty() && is_named {
            self.add(policy::empty(&layer));
        }
        let mut all = Recognized::Unknown;
        for node in &documents {
            match find::visit(&layer, node, self) {
                Recognized::Checked => all = Recognized::Checked,
                Recognized::Without if all == Recognized::Unknown => all = Recognized::Without,
                Recognized::Without | Recognized::Unknown => {}
            }
        }
        let start = documents.first().map_or(0..0, |node| node.span.start..node.span.start);
        match all {
            Recognized::Checked => {}
            _ if !is_named => return self.skip(),
            Recognized::Without => self.add(rules::NO_POLICY.at(&layer, &start)),
            Recognized::Unknown if files::has_tests(&documents) => {
                self.add(rules::TESTS.at(&layer, &start));
            }
            // Whatever it is, it was named as a policy.
            Recognized::Unknown => {
                documents.iter().take(1).for_each(|node| self.policy(&find::bare(&layer, node)));
                if let Some(second) = documents.get(1) {
                    self.add(rules::SECOND_DOCUMENT.at(&layer, &second.span));
                }
            }
        }
        self.report.files.push(name);
    }

    /// Compiles a policy, and reads what is to be compared with the things around it.
    fn read(&mut self, place: &Place<'_>) -> Option<Read> {
        self.report.policies = self.report.policies.saturating_add(1);
        let Place { layer, given, .. } = place;
        let inner;
        let read;
        let made;
        let (layer, node, bytes) = match *given {
            Given::Missing => {
                self.add(rules::NO_CONFIGURATION.at(layer, &place.anchor));
                return None;
            }
            Given::Other(node) => {
                self.add(rules::OTHER_TYPE.at(layer, &node.span));
                return None;
            }
            Given::Text(node) => {
                let Some(within) = layer.within(node) else {
                    self.add(rules::OTHER_TYPE.at(layer, &node.span));
                    return None;
                };
                inner = within;
                // The filter reads JSON alone.
                read = crate::document::read("policy.json", inner.text());
                match &read {
                    Ok((_, documents)) => {
                        let node = documents.first()?;
                        (&inner, node, inner.text().as_bytes().to_vec())
                    }
                    Err(fault) => {
                        self.add(policy::not_json(&inner, fault));
                        return None;
                    }
                }
            }
            Given::Struct(node) => (*layer, node, node.to_struct()),
            Given::StructOfYaml(node) => {
                made = node.as_envoy_reads();
                (*layer, &made, made.to_struct())
            }
            Given::Document(node) => (*layer, node, document(layer, node)),
        };
        let compiled = policy::compile(layer, node, &bytes);
        let native = compiled.policy.filter(|_| place.shell == Some(Shell::Native));
        let refused = native.and_then(|policy| policy::refused_by_native(layer, node, &policy));
        compiled.findings.into_iter().chain(refused).for_each(|one| self.add(one));
        for (severity, number) in compiled.more {
            let severity = if self.strict { Severity::Error } else { severity };
            self.report.count(severity, number);
        }
        let setting = |key: &str| {
            let settings = node.get("settings")?;
            let member = settings.member(key).filter(|member| member.value.is_true())?;
            Some(layer.place(member.key_span.start)..layer.place(member.value.span.end))
        };
        Some(Read {
            holds: setting("hold_request_headers"),
            marks: setting("mark_requests"),
            tokens: Tokens::of(layer, node),
            json: node.to_json(),
        })
    }
}

/// The bytes of a policy that is a document: the text itself if that is JSON, since the
/// filter would get it as it is.
fn document(layer: &Layer, node: &crate::document::Node) -> Vec<u8> {
    match crate::document::read("policy.json", layer.text()) {
        Ok(_) => layer.text().as_bytes().to_vec(),
        Err(_) => node.to_json().into_bytes(),
    }
}

impl Visitor for Check {
    fn policy(&mut self, place: &Place<'_>) {
        let read = self.read(place);
        let mut findings = Vec::new();
        around::findings(place, read.as_ref(), &mut findings);
        findings.into_iter().for_each(|one| self.add(one));
        self.together.policy(place, read.unwrap_or_default());
    }

    fn around(&mut self, layer: &Layer, manifest: Manifest<'_>) {
        let mut findings = Vec::new();
        around::manifest(layer, manifest, &mut findings);
        findings.into_iter().for_each(|one| self.add(one));
        self.together.manifest(layer, manifest);
    }

    fn inner(&mut self, name: &str, layer: &Layer) -> bool {
        let documents = match crate::document::read(name, layer.text()) {
            Ok((_, documents)) => documents,
            Err(_) if !files::may_be_ours(layer.text()) => return false,
            Err(fault) => {
                self.add(policy::fault(layer, &fault));
                return true;
            }
        };
        let mut found = false;
        for node in &documents {
            found |= find::visit(layer, node, self) == Recognized::Checked;
        }
        found
    }
}
