//! The policies of a document, wherever they are: the document itself, or the
//! configuration of a filter in Envoy's configuration or in a manifest of Kubernetes.

mod kubernetes;

use crate::document::{Node, Value};
use crate::layer::Layer;
use core::ops::Range;
pub(crate) use kubernetes::Manifest;
use mcp_policy_filter::policy::document::KEYS;
use std::rc::Rc;

/// The names by which a configuration of Envoy is known, of a whole one or of a part.
const ENVOY: [&str; 8] = [
    "static_resources",
    "dynamic_resources",
    "resources",
    "configs",
    "filter_chains",
    "http_filters",
    "typed_config",
    "@type",
];

/// The ends of the types of the filter's forms.
const WASM: &str = ".filters.http.wasm.v3.Wasm";
const NATIVE: &str = ".dynamic_modules.v3.DynamicModuleFilter";

/// The places that have the policy in a filter's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// A file of its own.
    Bare,
    /// Envoy's configuration, or an EnvoyFilter of Istio, which holds parts of it.
    Envoy,
    /// A WasmPlugin of Istio.
    WasmPlugin,
    /// An EnvoyExtensionPolicy of Envoy Gateway.
    Extension,
}

/// The forms of the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shell {
    /// The module of WebAssembly.
    Wasm,
    /// The native module.
    Native,
}

/// A policy as a filter is given it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Given<'n> {
    /// A text, which the filter gets as it is.
    Text(&'n Node),
    /// An object, which the filter gets as a Struct.
    Struct(&'n Node),
    /// The same in Envoy's own file of YAML, of which Envoy makes the Struct.
    StructOfYaml(&'n Node),
    /// A document, which is the policy itself.
    Document(&'n Node),
    /// A message of another type.
    Other(&'n Node),
    /// Nothing.
    Missing,
}

/// A list of filters, and the place of one of them in it.
#[derive(Clone, Debug)]
pub(crate) struct Chain<'n> {
    /// The connection manager, where there is one.
    pub(crate) manager: Option<&'n Node>,
    /// The filters, in their order.
    pub(crate) filters: Rc<[&'n Node]>,
    /// The place of the filter.
    pub(crate) at: usize,
}

/// A policy, and what is around it.
#[derive(Clone, Debug)]
pub(crate) struct Place<'n> {
    /// The text that the nodes are of.
    pub(crate) layer: &'n Layer,
    /// The place that has it.
    pub(crate) host: Host,
    /// The form of the filter; of a file of its own it is not known.
    pub(crate) shell: Option<Shell>,
    /// The filter's configuration, with the policy among its fields.
    pub(crate) config: &'n Node,
    /// The bytes to point to for a field that the configuration lacks.
    pub(crate) anchor: Range<usize>,
    /// The policy.
    pub(crate) given: Given<'n>,
    /// The filters before and behind it.
    pub(crate) chain: Option<Chain<'n>>,
    /// The manifest that holds it, and the filter's index in that.
    pub(crate) manifest: Option<(Manifest<'n>, usize)>,
}

/// The work on what is found.
pub(crate) trait Visitor {
    /// A policy.
    fn policy(&mut self, place: &Place<'_>);
    /// A manifest that changes what is around a policy.
    fn around(&mut self, layer: &Layer, manifest: Manifest<'_>);
    /// A text within a manifest that is a file of that name; whether there was something
    /// to check in it.
    fn inner(&mut self, name: &str, layer: &Layer) -> bool;
}

/// The kinds of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recognized {
    /// A policy is in it, or what changes the things around one.
    Checked,
    /// It is a configuration that holds no policy.
    Without,
    /// It is something else, or a policy so broken that it cannot be told from that.
    Unknown,
}

/// Hands all policies of a document over.
pub(crate) fn visit(layer: &Layer, node: &Node, visitor: &mut dyn Visitor) -> Recognized {
    if let Some(manifest) = Manifest::of(node) {
        return kubernetes::visit(layer, manifest, visitor);
    }
    if is_policy(node) {
        visitor.policy(&bare(layer, node));
        return Recognized::Checked;
    }
    let mut walk = Walk { layer, visitor, is_own_yaml: layer.is_yaml(), found: false };
    walk.node(node, &node.span, None);
    match walk.found {
        true => Recognized::Checked,
        false if ENVOY.iter().any(|name| node.field(name).is_some()) => Recognized::Without,
        false => Recognized::Unknown,
    }
}

/// The place of a policy that is a document.
pub(crate) fn bare<'n>(layer: &'n Layer, node: &'n Node) -> Place<'n> {
    Place {
        layer,
        host: Host::Bare,
        shell: None,
        config: node,
        anchor: node.span.clone(),
        given: Given::Document(node),
        chain: None,
        manifest: None,
    }
}

/// Whether a document can be a policy and hardly anything else.
pub(crate) fn is_policy(node: &Node) -> bool {
    let has = |key: &&&str| node.get(key).is_some();
    // Other files have a schema too.
    KEYS.iter().filter(|key| **key != "$schema" && has(key)).count() >= 2
        && ["default", "tools", "all_tools", "grants", "groups"].iter().any(|key| has(&key))
        && !node.get("tools").is_some_and(|tools| matches!(tools.value, Value::List(_)))
}

/// The policy in a message of the type `google.protobuf.Any`.
fn any(config: Option<&Node>) -> Given<'_> {
    let Some(config) = config else { return Given::Missing };
    let message = config.get("@type").and_then(Node::text).unwrap_or_default();
    let value = config.get("value");
    match (message.rsplit('.').next(), value) {
        (Some("StringValue"), Some(value)) => Given::Text(value),
        (Some("Struct"), Some(value)) => Given::Struct(value),
        _ => Given::Other(config),
    }
}

/// Whether what a filter is given is a policy, or text that means to be one.
fn is_meant(layer: &Layer, given: Given<'_>) -> bool {
    match given {
        Given::Struct(node) | Given::StructOfYaml(node) | Given::Document(node) => is_policy(node),
        Given::Text(node) => {
            let inner = layer.within(node);
            let text = inner.as_ref().map(Layer::text).unwrap_or_default();
            match crate::document::read("x.json", text) {
                Ok((_, documents)) => documents.iter().any(is_policy),
                Err(_) => text.contains("\"version\"") && text.contains("\"default\""),
            }
        }
        Given::Other(_) | Given::Missing => false,
    }
}

/// Whether a text names this filter.
fn names_it(node: Option<&Node>) -> bool {
    node.and_then(Node::text)
        .is_some_and(|text| text.contains("mcp-policy") || text.contains("mcp_policy"))
}

/// Whether this tells Envoy where to discover a filter that may be this one; the policy is
/// in another file then.
fn discovers(node: &Node) -> bool {
    let types = node.field("type_urls").map_or(&[][..], |member| member.value.elements());
    types.iter().filter_map(Node::text).any(|name| name.ends_with(WASM) || name.ends_with(NATIVE))
}

/// A walk through a configuration of Envoy.
struct Walk<'n, 'v> {
    layer: &'n Layer,
    visitor: &'v mut dyn Visitor,
    /// Whether Envoy reads the text itself, as YAML, and not by way of a control plane.
    is_own_yaml: bool,
    found: bool,
}

impl<'n> Walk<'n, '_> {
    fn node(&mut self, node: &'n Node, anchor: &Range<usize>, chain: Option<&Chain<'n>>) {
        let direct = node.get("@type").and_then(Node::text);
        let wrapped = node.field("type_url").and_then(|member| member.value.text());
        if node.field("config_discovery").is_some_and(|member| discovers(&member.value)) {
            self.found = true;
        }
        let message = match (direct, wrapped, node.get("value")) {
            (_, Some(name), Some(value)) => Some((name, value)),
            (Some(name), _, _) => Some((name, node)),
            _ => None,
        };
        match message {
            Some((name, message)) if name.ends_with(WASM) => {
                self.wasm(message, anchor, chain);
            }
            Some((name, message)) if name.ends_with(NATIVE) => {
                self.native(message, anchor, chain);
            }
            _ => self.members(node, chain),
        }
    }

    fn members(&mut self, node: &'n Node, chain: Option<&Chain<'n>>) {
        let filters = node.field("http_filters").map(|member| member.value.elements());
        for member in node.members() {
            match filters {
                Some(filters) if member.value.elements().as_ptr() == filters.as_ptr() => {}
                _ => self.node(&member.value, &member.key_span, chain),
            }
        }
        let filters: Rc<[&Node]> = filters.unwrap_or_default().iter().collect();
        for (at, filter) in filters.iter().enumerate() {
            let chain = Chain { manager: Some(node), filters: Rc::clone(&filters), at };
            self.node(filter, &filter.span, Some(&chain));
        }
        for element in node.elements() {
            self.node(element, &element.span, chain);
        }
    }

    fn wasm(&mut self, message: &'n Node, anchor: &Range<usize>, chain: Option<&Chain<'n>>) {
        let Some(config) = message.field("config") else { return };
        let (anchor, config) = match config.key_span.is_empty() {
            true => (anchor.clone(), &config.value),
            false => (config.key_span.clone(), &config.value),
        };
        let given = self.given(config.at(&["configuration"]));
        let names = [
            &["name"][..],
            &["root_id"],
            &["vm_config", "vm_id"],
            &["vm_config", "code", "local", "filename"],
            &["vm_config", "code", "remote", "http_uri", "uri"],
        ];
        let is_ours = names.iter().any(|path| names_it(config.at(path)));
        if is_ours || is_meant(self.layer, given) {
            self.found(Shell::Wasm, config, anchor, given, chain);
        }
    }

    fn native(&mut self, config: &'n Node, anchor: &Range<usize>, chain: Option<&Chain<'n>>) {
        let given = self.given(config.at(&["filter_config"]));
        let names = [
            &["filter_name"][..],
            &["dynamic_module_config", "name"],
            &["dynamic_module_config", "module", "local", "filename"],
        ];
        let is_ours = names.iter().any(|path| names_it(config.at(path)));
        if is_ours || is_meant(self.layer, given) {
            self.found(Shell::Native, config, anchor.clone(), given, chain);
        }
    }

    /// The policy of a filter, by the language in which Envoy reads it.
    fn given(&self, config: Option<&'n Node>) -> Given<'n> {
        match any(config) {
            Given::Struct(node) if self.is_own_yaml => Given::StructOfYaml(node),
            given => given,
        }
    }

    fn found(
        &mut self,
        shell: Shell,
        config: &'n Node,
        anchor: Range<usize>,
        given: Given<'n>,
        chain: Option<&Chain<'n>>,
    ) {
        self.found = true;
        self.visitor.policy(&Place {
            layer: self.layer,
            host: Host::Envoy,
            shell: Some(shell),
            config,
            anchor,
            given,
            chain: chain.cloned(),
            manifest: None,
        });
    }
}
