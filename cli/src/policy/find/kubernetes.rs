//! Manifests of Kubernetes: those that hold a policy, and those that change what is
//! around one.

use super::{Chain, Given, Host, Place, Recognized, Shell, Visitor, Walk, is_meant, names_it};
use crate::document::Node;
use crate::layer::Layer;
use std::rc::Rc;

/// A resource of Kubernetes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manifest<'n> {
    /// The resource.
    pub(crate) node: &'n Node,
    /// Its kind.
    pub(crate) kind: &'n str,
    /// Its namespace, or none.
    pub(crate) namespace: &'n str,
    /// Its name.
    pub(crate) name: &'n str,
}

impl<'n> Manifest<'n> {
    /// The manifest in a document, if it is one.
    pub(crate) fn of(node: &'n Node) -> Option<Self> {
        node.get("apiVersion")?.text()?;
        let kind = node.get("kind")?.text()?;
        let text = |key| node.at(&["metadata", key]).and_then(Node::text).unwrap_or_default();
        Some(Self { node, kind, namespace: text("namespace"), name: text("name") })
    }

    /// Its specification.
    pub(crate) fn spec(&self, names: &[&str]) -> Option<&'n Node> {
        names.iter().try_fold(self.node.get("spec")?, |node, name| node.get(name))
    }
}

/// Hands all policies of a manifest over.
pub(super) fn visit(
    layer: &Layer,
    manifest: Manifest<'_>,
    visitor: &mut dyn Visitor,
) -> Recognized {
    let found = match manifest.kind {
        "List" => return list(layer, manifest, visitor),
        "ConfigMap" => config_map(layer, manifest, visitor),
        "EnvoyFilter" => envoy_filter(layer, manifest, visitor),
        "WasmPlugin" => wasm_plugin(layer, manifest, visitor),
        "EnvoyExtensionPolicy" => {
            let wasm = extensions(layer, manifest, Shell::Wasm, visitor);
            extensions(layer, manifest, Shell::Native, visitor) || wasm
        }
        "EnvoyPatchPolicy"
        | "EnvoyProxy"
        | "VirtualService"
        | "HTTPRoute"
        | "BackendTrafficPolicy" => {
            let bootstrap = manifest.spec(&["bootstrap", "value"]);
            if let Some(inner) = bootstrap.and_then(|node| layer.within(node)) {
                visitor.inner("bootstrap.yaml", &inner);
            }
            for patch in manifest.spec(&["jsonPatches"]).map(Node::elements).unwrap_or_default() {
                if let Some(value) = patch.at(&["operation", "value"]) {
                    Walk { layer, visitor, is_own_yaml: false, found: false }.node(
                        value,
                        &value.span,
                        None,
                    );
                }
            }
            visitor.around(layer, manifest);
            true
        }
        _ => false,
    };
    if found { Recognized::Checked } else { Recognized::Without }
}

fn list(layer: &Layer, manifest: Manifest<'_>, visitor: &mut dyn Visitor) -> Recognized {
    let items = manifest.node.get("items").map(Node::elements).unwrap_or_default();
    let mut all = Recognized::Without;
    for item in items {
        if super::visit(layer, item, visitor) == Recognized::Checked {
            all = Recognized::Checked;
        }
    }
    all
}

/// The files of a ConfigMap, by the endings of their names.
fn config_map(layer: &Layer, manifest: Manifest<'_>, visitor: &mut dyn Visitor) -> bool {
    let mut found = false;
    for member in manifest.node.get("data").map(Node::members).unwrap_or_default() {
        let key = member.key.to_ascii_lowercase();
        if [".json", ".yaml", ".yml"].iter().any(|ending| key.ends_with(ending))
            && let Some(inner) = layer.within(&member.value)
        {
            found |= visitor.inner(&key, &inner);
        }
    }
    found
}

fn envoy_filter(layer: &Layer, manifest: Manifest<'_>, visitor: &mut dyn Visitor) -> bool {
    let patches = manifest.spec(&["configPatches"]).map(Node::elements).unwrap_or_default();
    let value = |patch: &'_ Node| -> Option<(bool, usize)> {
        let applies = patch.get("applyTo")?.text()?;
        Some((applies == "HTTP_FILTER", patch.at(&["patch", "value"])?.span.start))
    };
    // Istio inserts them in the order of the patches.
    let filters: Rc<[&Node]> = patches
        .iter()
        .filter(|patch| value(patch).is_some_and(|(is_filter, _)| is_filter))
        .filter_map(|patch| patch.at(&["patch", "value"]))
        .collect();
    let mut walk = Walk { layer, visitor, is_own_yaml: false, found: false };
    for patch in patches {
        let Some(value) = patch.at(&["patch", "value"]) else { continue };
        let name = value.get("name").and_then(Node::text);
        // A filter may be named in one patch and configured in another.
        let at = filters.iter().position(|filter| {
            filter.span == value.span || filter.get("name").and_then(Node::text) == name
        });
        let chain = at.map(|at| Chain { manager: None, filters: Rc::clone(&filters), at });
        walk.node(value, &value.span, chain.as_ref());
    }
    let found = walk.found;
    if found {
        visitor.around(layer, manifest);
    }
    found
}

fn wasm_plugin(layer: &Layer, manifest: Manifest<'_>, visitor: &mut dyn Visitor) -> bool {
    let Some(spec) = manifest.node.member("spec") else { return false };
    let config = &spec.value;
    let given = config.get("pluginConfig").map_or(Given::Missing, Given::Struct);
    let is_ours = names_it(config.get("url"))
        || names_it(config.get("pluginName"))
        || names_it(manifest.node.at(&["metadata", "name"]));
    if !is_ours && !is_meant(layer, given) {
        return false;
    }
    visitor.policy(&Place {
        layer,
        host: Host::WasmPlugin,
        shell: Some(Shell::Wasm),
        config,
        anchor: spec.key_span.clone(),
        given,
        chain: None,
        manifest: Some((manifest, 0)),
    });
    true
}

fn extensions(
    layer: &Layer,
    manifest: Manifest<'_>,
    shell: Shell,
    visitor: &mut dyn Visitor,
) -> bool {
    let key = if shell == Shell::Wasm { "wasm" } else { "dynamicModule" };
    let entries = manifest.spec(&[key]).map(Node::elements).unwrap_or_default();
    let mut found = false;
    for (index, config) in entries.iter().enumerate() {
        let given = config.get("config").map_or(Given::Missing, Given::Struct);
        let names: [&[&str]; 5] = [
            &["name"],
            &["rootID"],
            &["filterName"],
            &["code", "image", "url"],
            &["code", "http", "url"],
        ];
        if !names.iter().any(|path| names_it(config.at(path))) && !is_meant(layer, given) {
            continue;
        }
        found = true;
        visitor.policy(&Place {
            layer,
            host: Host::Extension,
            shell: Some(shell),
            config,
            anchor: config.span.clone(),
            given,
            chain: None,
            manifest: Some((manifest, index)),
        });
    }
    found
}
