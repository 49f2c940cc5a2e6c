//! The things that one file says about the policy in another: patches, routes, filters
//! with one set of counters.

use super::around::is_guard;
use super::manager::seconds;
use super::{Read, rules};
use crate::document::Node;
use crate::finding::Finding;
use crate::layer::Layer;
use crate::policy::find::{Host, Manifest, Place, Shell};
use core::ops::Range;
use std::collections::HashMap;

/// The facts of all files.
#[derive(Debug, Default)]
pub(super) struct Together {
    /// The namespaces with a policy of Istio.
    istio: Vec<String>,
    /// The routes with a policy of Envoy Gateway, by namespace, kind and name.
    targets: Vec<[String; 3]>,
    extensions: Vec<Extension>,
    patches: Vec<Patch>,
    /// Findings about what is only of interest if it concerns a policy.
    routes: Vec<(Concern, Finding)>,
    /// The policy of each set of counters of a file, which is for one Envoy.
    counters: HashMap<[String; 4], String>,
    others: Vec<Finding>,
}

/// The policies that a finding about a route concerns.
#[derive(Debug)]
enum Concern {
    /// Those of Istio in this namespace.
    Istio(String),
    /// Those that target one of these routes.
    Targets(Vec<[String; 3]>),
}

/// A policy of Envoy Gateway, which patches may complete.
#[derive(Debug)]
struct Extension {
    /// The filter, as Envoy Gateway names it.
    filter: String,
    namespace: String,
    file: Layer,
    holds: Option<Range<usize>>,
    marks: Option<Range<usize>>,
}

/// A patch of Envoy Gateway.
#[derive(Debug)]
struct Patch {
    namespace: String,
    /// The filters that it is about.
    about: String,
    kind: PatchKind,
}

#[derive(Debug, PartialEq, Eq)]
enum PatchKind {
    Flag,
    Guard,
}

impl Together {
    /// Notes a policy.
    pub(super) fn policy(&mut self, place: &Place<'_>, read: Read) {
        self.count(place, &read);
        let Some((manifest, index)) = place.manifest else { return };
        let owned = |text: &str| text.to_owned();
        match place.host {
            Host::WasmPlugin => self.istio.push(owned(manifest.namespace)),
            Host::Extension => {
                let one = manifest.spec(&["targetRef"]).into_iter();
                let all = manifest.spec(&["targetRefs"]).map(Node::elements).unwrap_or_default();
                self.targets.extend(one.chain(all).map(|target| reference(&manifest, target)));
                if place.shell == Some(Shell::Wasm) {
                    let Manifest { namespace, name, .. } = manifest;
                    self.extensions.push(Extension {
                        filter: format!("envoyextensionpolicy/{namespace}/{name}/wasm/{index}"),
                        namespace: owned(namespace),
                        file: Layer::file(place.layer.source().clone()),
                        holds: read.holds,
                        marks: read.marks,
                    });
                }
            }
            Host::Bare | Host::Envoy => {}
        }
    }

    /// Notes the counters of a filter, which another one may share.
    fn count(&mut self, place: &Place<'_>, read: &Read) {
        let text = |path: &[&str]| {
            place.config.at(path).and_then(Node::text).unwrap_or_default().to_owned()
        };
        let file = place.layer.source().name.clone();
        let (key, path) = match (place.host, place.shell) {
            (Host::Envoy, Some(Shell::Wasm)) => {
                let vm_id = text(&["vm_config", "vm_id"]);
                ([file, vm_id, text(&["name"]), text(&["root_id"])], "vm_config")
            }
            (Host::Envoy, Some(Shell::Native)) => {
                let name = text(&["filter_name"]);
                ([file, String::new(), name, "native".to_owned()], "filter_name")
            }
            _ => return,
        };
        // One that says so has a set of its own.
        if read.json.is_empty() || read.json.contains("\"namespace\"") {
            return;
        }
        let span = place.config.field(path).map_or(&place.anchor, |member| &member.key_span);
        match self.counters.get(&key) {
            None => {
                self.counters.insert(key, read.json.clone());
            }
            Some(other) if *other == read.json => {}
            Some(_) => self.others.push(rules::SHARED_COUNTS.at(place.layer, span)),
        }
    }

    /// Notes a manifest without a policy.
    pub(super) fn manifest(&mut self, layer: &Layer, manifest: Manifest<'_>) {
        match manifest.kind {
            "EnvoyFilter" => self.istio.push(manifest.namespace.to_owned()),
            "EnvoyPatchPolicy" => self.patch(manifest),
            "VirtualService" => self.virtual_service(layer, manifest),
            "HTTPRoute" => self.http_route(layer, manifest),
            "BackendTrafficPolicy" => self.traffic_policy(layer, manifest),
            _ => {}
        }
    }

    fn patch(&mut self, manifest: Manifest<'_>) {
        for patch in manifest.spec(&["jsonPatches"]).map(Node::elements).unwrap_or_default() {
            let text = |key| patch.at(&["operation", key]).and_then(Node::text).unwrap_or_default();
            let Some(value) = patch.at(&["operation", "value"]) else { continue };
            let kind = if text("path").ends_with("/allow_on_headers_stop_iteration") {
                value.is_true().then_some(PatchKind::Flag)
            } else {
                is_guard(value).then_some(PatchKind::Guard)
            };
            if let Some(kind) = kind {
                let (namespace, about) =
                    (manifest.namespace.to_owned(), text("jsonPath").to_owned());
                self.patches.push(Patch { namespace, about, kind });
            }
        }
    }

    fn virtual_service(&mut self, layer: &Layer, manifest: Manifest<'_>) {
        let concern = || Concern::Istio(manifest.namespace.to_owned());
        for route in manifest.spec(&["http"]).map(Node::elements).unwrap_or_default() {
            let attempts = route.at(&["retries", "attempts"]).map(Node::to_json);
            if attempts.as_deref() != Some("0") && route.get("route").is_some() {
                let span = route.member("retries").map_or(&route.span, |member| &member.key_span);
                self.routes.push((concern(), rules::RETRIES_BY_DEFAULT.at(layer, span)));
            }
            for key in ["mirror", "mirrors"] {
                if let Some(mirror) = route.member(key) {
                    self.routes.push((concern(), rules::RETRIES.at(layer, &mirror.key_span)));
                }
            }
            let timeout = route.member("timeout");
            if let Some(timeout) = timeout.filter(|timeout| seconds(&timeout.value) != Some(0.0)) {
                self.routes.push((concern(), rules::ROUTE_TIMEOUT.at(layer, &timeout.key_span)));
            }
        }
    }

    fn http_route(&mut self, layer: &Layer, manifest: Manifest<'_>) {
        let own = [manifest.namespace, "HTTPRoute", manifest.name].map(str::to_owned);
        let mut targets = vec![own];
        for parent in manifest.spec(&["parentRefs"]).map(Node::elements).unwrap_or_default() {
            let [namespace, _, name] = reference(&manifest, parent);
            targets.push([namespace, "Gateway".to_owned(), name]);
        }
        let mut add = |finding| self.routes.push((Concern::Targets(targets.clone()), finding));
        for rule in manifest.spec(&["rules"]).map(Node::elements).unwrap_or_default() {
            if let Some(retry) = rule.member("retry") {
                add(rules::RETRIES.at(layer, &retry.key_span));
            }
            match rule.get("timeouts").and_then(|timeouts| timeouts.member("request")) {
                None => add(rules::ROUTE_TIMEOUT_GATEWAY.at(layer, &rule.span)),
                Some(timeout) if seconds(&timeout.value) != Some(0.0) => {
                    add(rules::ROUTE_TIMEOUT_GATEWAY.at(layer, &timeout.key_span));
                }
                Some(_) => {}
            }
            for filter in rule.get("filters").map(Node::elements).unwrap_or_default() {
                if let Some(mirror) = filter.member("requestMirror") {
                    add(rules::RETRIES.at(layer, &mirror.key_span));
                }
            }
        }
    }

    fn traffic_policy(&mut self, layer: &Layer, manifest: Manifest<'_>) {
        let one = manifest.spec(&["targetRef"]).into_iter();
        let all = manifest.spec(&["targetRefs"]).map(Node::elements).unwrap_or_default();
        let targets: Vec<_> = one.chain(all).map(|target| reference(&manifest, target)).collect();
        let mut add = |finding| self.routes.push((Concern::Targets(targets.clone()), finding));
        if let Some(retry) = manifest.node.get("spec").and_then(|spec| spec.member("retry")) {
            add(rules::RETRIES.at(layer, &retry.key_span));
        }
        let http = manifest.spec(&["timeout", "http"]);
        let timeout = http.and_then(|http| http.member("requestTimeout"));
        if let Some(timeout) = timeout.filter(|timeout| seconds(&timeout.value) != Some(0.0)) {
            add(rules::ROUTE_TIMEOUT_TRAFFIC.at(layer, &timeout.key_span));
        }
    }

    /// The findings of all files together.
    pub(super) fn findings(self) -> Vec<Finding> {
        let Self { istio, targets, extensions, patches, routes, mut others, .. } = self;
        for Extension { filter, namespace, file, holds, marks } in extensions {
            let has = |kind| {
                patches.iter().any(|patch| {
                    let about = kind == PatchKind::Guard || patch.about.contains(&filter);
                    patch.kind == kind && patch.namespace == namespace && about
                })
            };
            if let Some(holds) = holds.filter(|_| !has(PatchKind::Flag)) {
                others.push(rules::HOLD_WITHOUT_PATCH.at(&file, &holds));
            }
            if let Some(marks) = marks.filter(|_| !has(PatchKind::Guard)) {
                others.push(rules::NO_GUARD.at(&file, &marks));
            }
        }
        let concerns = |concern: &Concern| match concern {
            Concern::Istio(namespace) => istio.contains(namespace),
            Concern::Targets(routes) => routes.iter().any(|route| targets.contains(route)),
        };
        others.extend(routes.into_iter().filter(|(one, _)| concerns(one)).map(|(_, found)| found));
        others
    }
}

/// The namespace, kind and name of what a manifest refers to.
fn reference(manifest: &Manifest<'_>, target: &Node) -> [String; 3] {
    let text = |key| target.get(key).and_then(Node::text);
    let namespace = text("namespace").unwrap_or(manifest.namespace);
    [namespace, text("kind").unwrap_or_default(), text("name").unwrap_or_default()]
        .map(str::to_owned)
}
