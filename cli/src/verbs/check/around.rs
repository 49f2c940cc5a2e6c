//! The things around one policy: the filter's own fields, and the filters before and
//! behind it.

use super::rules::{self, Rule};
use super::{Read, manager};
use crate::document::{Node, Value};
use crate::finding::Finding;
use crate::layer::Layer;
use crate::policy::find::{Chain, Host, Manifest, Place, Shell};
use core::ops::Range;

/// The registry in the shipped files.
const SHIPPED: &str = "registry.example.com/";

/// The findings about the things around a policy; what it says is not known if it could
/// not be read.
pub(super) fn findings(place: &Place<'_>, read: Option<&Read>, found: &mut Vec<Finding>) {
    let mut around = Around { place, read, found };
    match (place.host, place.shell) {
        (Host::Bare, _) | (_, None) => {}
        (Host::Envoy, Some(Shell::Wasm)) => around.wasm(),
        (Host::Envoy, Some(Shell::Native)) => around.native(),
        (Host::WasmPlugin, _) => around.wasm_plugin(),
        (Host::Extension, _) => around.extension(),
    }
    if let Some(chain) = &place.chain {
        around.guard(chain);
        around.tokens(chain);
        if let Some(manager) = chain.manager {
            manager::findings(place.layer, manager, found);
            if let Some(filter) = chain.filters.get(chain.at) {
                let marks = read.is_some_and(|read| read.marks.is_some());
                manager::switches(place.layer, manager, filter, marks, found);
            }
        }
    }
}

/// The findings about a manifest that changes the things around policies.
pub(super) fn manifest(layer: &Layer, manifest: Manifest<'_>, found: &mut Vec<Finding>) {
    match manifest.kind {
        "EnvoyFilter" => {
            let patches = manifest.spec(&["configPatches"]).map(Node::elements).unwrap_or_default();
            let values = patches.iter().filter_map(|patch| patch.at(&["patch", "value"]));
            values.for_each(|value| manager::repeats_within(layer, value, found));
        }
        "EnvoyProxy" => proxy(layer, manifest, found),
        _ => {}
    }
}

/// The modules of Envoy Gateway's proxies.
fn proxy(layer: &Layer, manifest: Manifest<'_>, found: &mut Vec<Finding>) {
    let modules = manifest.spec(&["dynamicModules"]).map(Node::elements).unwrap_or_default();
    let is_ours = |module: &&Node| {
        [&["name"][..], &["source", "local", "path"]].iter().any(|path| {
            let text = module.at(path).and_then(Node::text).unwrap_or_default();
            text.contains("mcp-policy") || text.contains("mcp_policy")
        })
    };
    let mut any = false;
    for module in modules.iter().filter(is_ours) {
        any = true;
        let source = module.get("source").and_then(|source| source.member("type"));
        if let Some(source) = source.filter(|source| source.value.text() == Some("Remote")) {
            found.push(rules::REMOTE_MODULE.at(layer, &source.key_span));
        }
        if !module.get("doNotClose").is_some_and(Node::is_true) {
            found.push(rules::CLOSES_IN_GATEWAY.at(layer, &module.span));
        }
    }
    let image = ["provider", "kubernetes", "envoyDeployment", "container", "image"];
    if let Some(image) = manifest.spec(&image).filter(|_| any)
        && image.text().and_then(version).is_some_and(|version| version < (1, 39))
    {
        found.push(rules::ENVOY_VERSION.at(layer, &image.span));
    }
}

/// The version in the tag of an image of Envoy.
fn version(image: &str) -> Option<(u32, u32)> {
    let tag = image.rsplit_once(':')?.1;
    let version = tag.rsplit('v').next()?;
    let mut numbers = version.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

struct Around<'p, 'n> {
    place: &'p Place<'n>,
    read: Option<&'p Read>,
    found: &'p mut Vec<Finding>,
}

impl Around<'_, '_> {
    fn add(&mut self, rule: &Rule, span: &Range<usize>) {
        self.found.push(rule.at(self.place.layer, span));
    }

    /// Adds a finding at a place of the file.
    fn add_in_file(&mut self, rule: &Rule, span: &Range<usize>) {
        let file = Layer::file(self.place.layer.source().clone());
        self.found.push(rule.at(&file, span));
    }

    fn holds(&self) -> Option<Range<usize>> {
        self.read.and_then(|read| read.holds.clone())
    }

    fn marks(&self) -> Option<Range<usize>> {
        self.read.and_then(|read| read.marks.clone())
    }

    /// Envoy's PluginConfig.
    fn wasm(&mut self) {
        let (config, anchor) = (self.place.config, self.place.anchor.clone());
        let open = config.field("fail_open").filter(|open| open.value.is_true());
        if let Some(open) = open {
            self.add(&rules::FAIL_OPEN, &open.key_span);
        }
        match config.field("failure_policy").map(|policy| (policy, policy.value.text())) {
            Some((_, Some("FAIL_RELOAD"))) => {}
            Some((policy, Some("FAIL_OPEN"))) => self.add(&rules::FAIL_OPEN, &policy.key_span),
            // The form of Envoy's own dumps has no numbers, and Envoy reads them.
            Some((policy, None)) if policy.value.is_number("1") => {}
            Some((policy, None)) if policy.value.is_number("3") => {
                self.add(&rules::FAIL_OPEN, &policy.key_span);
            }
            Some((policy, _)) => self.add(&rules::NO_RELOAD, &policy.key_span),
            None if open.is_some() => {}
            None => self.add(&rules::NO_RELOAD, &anchor),
        }
        let flag = config.field("allow_on_headers_stop_iteration");
        match (self.holds(), flag.filter(|flag| flag.value.is_true())) {
            (Some(holds), None) => self.add_in_file(&rules::HOLD_ALONE, &holds),
            (None, Some(flag)) if self.read.is_some() => {
                self.add(&rules::FLAG_ALONE, &flag.key_span);
            }
            _ => {}
        }
        let vm = config.field("vm_config");
        let text =
            |node: Option<&Node>| node.and_then(Node::text).is_some_and(|text| !text.is_empty());
        if !text(config.at(&["vm_config", "vm_id"])) {
            self.add(&rules::NO_VM_ID, vm.map_or(&anchor, |vm| &vm.key_span));
        }
        let code = vm.and_then(|vm| vm.value.at(&["code"])).and_then(|code| code.field("remote"));
        let Some(remote) = code else { return };
        match remote.value.at(&["sha256"]) {
            digest if !text(digest) => self.add(&rules::NO_DIGEST, &remote.key_span),
            Some(digest) => self.placeholder(digest, remote.value.at(&["http_uri", "uri"])),
            None => {}
        }
    }

    /// Envoy's DynamicModuleFilter.
    fn native(&mut self) {
        let module = self.place.config.field("dynamic_module_config");
        let closes = |module: &Node| !module.at(&["do_not_close"]).is_some_and(Node::is_true);
        let Some(module) = module else { return };
        if closes(&module.value) {
            self.add(&rules::CLOSES, &module.key_span);
        }
        let remote = module.value.at(&["module"]).and_then(|module| module.field("remote"));
        if let Some(remote) = remote {
            self.add(&rules::REMOTE_MODULE, &remote.key_span);
        }
    }

    /// Istio's WasmPlugin.
    fn wasm_plugin(&mut self) {
        let (spec, anchor) = (self.place.config, self.place.anchor.clone());
        match spec.member("failStrategy").map(|strategy| (strategy, strategy.value.text())) {
            Some((_, Some("FAIL_RELOAD"))) => {}
            Some((strategy, Some("FAIL_OPEN"))) => {
                self.add(&rules::FAIL_OPEN, &strategy.key_span);
            }
            Some((strategy, _)) => self.add(&rules::NO_RELOAD, &strategy.key_span),
            None => self.add(&rules::NO_RELOAD, &anchor),
        }
        if let Some(holds) = self.holds() {
            self.add_in_file(&rules::HOLD_IN_PLUGIN, &holds);
        }
        if let Some(marks) = self.marks() {
            self.add_in_file(&rules::NO_GUARD, &marks);
        }
        if let Some(url) = spec.member("url") {
            self.digest(spec.get("sha256"), &url.value, &url.key_span);
        }
        let phase = spec.member("phase").filter(|phase| phase.value.text() == Some("AUTHN"));
        if let Some(phase) = phase.filter(|_| self.read.is_some_and(|read| read.tokens.is_some())) {
            self.add(&rules::PHASE, &phase.key_span);
        }
    }

    /// An entry of Envoy Gateway's EnvoyExtensionPolicy.
    fn extension(&mut self) {
        let entry = self.place.config;
        if let Some(open) = entry.member("failOpen").filter(|open| open.value.is_true()) {
            self.add(&rules::FAIL_OPEN_GATEWAY, &open.key_span);
        }
        for code in ["image", "http"] {
            if let Some(source) = entry.at(&["code", code])
                && let Some(url) = source.member("url")
            {
                self.digest(source.get("sha256"), &url.value, &url.key_span);
            }
        }
        if self.place.shell == Some(Shell::Native)
            && let Some(marks) = self.marks()
        {
            self.add_in_file(&rules::NO_GUARD, &marks);
        }
    }

    fn digest(&mut self, digest: Option<&Node>, url: &Node, span: &Range<usize>) {
        if let Some(digest) = digest {
            self.placeholder(digest, Some(url));
        }
        let url = url.text().unwrap_or_default();
        let is_fetched = !url.starts_with("file://") && !url.contains("@sha256:");
        if is_fetched && digest.and_then(Node::text).is_none_or(str::is_empty) {
            self.add(&rules::NO_DIGEST_OF_IMAGE, span);
        }
    }

    /// The digest of the shipped files, for a module that is not theirs.
    fn placeholder(&mut self, digest: &Node, url: Option<&Node>) {
        let is_zeros = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte == b'0');
        let is_shipped = url.and_then(Node::text).is_some_and(|url| url.contains(SHIPPED));
        if digest.text().is_some_and(is_zeros) && !is_shipped {
            self.add(&rules::ZEROS, &digest.span);
        }
    }

    /// The filters that verify tokens, of a whole list: a part may have them elsewhere.
    fn tokens(&mut self, chain: &Chain<'_>) {
        let tokens = self.read.and_then(|read| read.tokens.as_ref());
        let (Some(tokens), Some(shell), Some(_)) = (tokens, self.place.shell, chain.manager) else {
            return;
        };
        for rule in tokens.missing(shell, chain) {
            self.add_in_file(rule, &tokens.place);
        }
    }

    /// The filter that refuses what carries no mark.
    fn guard(&mut self, chain: &Chain<'_>) {
        fn guard<'n>(filters: &[&'n Node]) -> Option<&'n Node> {
            filters.iter().copied().find(|filter| is_guard(filter))
        }
        let (before, behind) = chain.filters.split_at_checked(chain.at).unwrap_or_default();
        match (self.marks(), guard(before), guard(behind)) {
            (_, Some(before), _) => self.add(&rules::GUARD_IN_FRONT, &before.span),
            (Some(marks), None, None) => self.add_in_file(&rules::NO_GUARD, &marks),
            (None, None, Some(guard)) if self.read.is_some() => {
                self.add(&rules::GUARD_ALONE, &guard.span);
            }
            (Some(_), None, Some(guard)) => {
                for off in manager::guard_off(chain.manager, guard) {
                    self.add(&rules::GUARD_OFF, &off.key_span);
                }
            }
            _ => {}
        }
    }
}

/// Whether a filter asks for the mark, and refuses what has none.
pub(super) fn is_guard(filter: &Node) -> bool {
    let config = filter.field("typed_config").map(|config| &config.value);
    let message = |key| config.and_then(|config| config.at(&[key])).and_then(Node::text);
    let is_rbac = |name: &str| name.ends_with(".filters.http.rbac.v3.RBAC");
    (message("@type").is_some_and(is_rbac) || message("type_url").is_some_and(is_rbac))
        && config.is_some_and(|config| {
            let typed = config.field("value").map(|inner| &inner.value);
            [Some(config), typed].into_iter().flatten().any(guards)
        })
}

/// Whether an RBAC refuses what has no mark: rules that only log, or that are in shadow,
/// refuse nothing.
pub(super) fn guards(config: &Node) -> bool {
    let Some(rules) = ["rules", "matcher"].iter().find_map(|key| config.field(key)) else {
        return false;
    };
    let rules = &rules.value;
    match rules.get("action") {
        None => names_the_mark(rules),
        Some(action) if is_action(action, "ALLOW", "0") => names_the_mark(rules),
        Some(action) if is_action(action, "DENY", "1") => is_about_no_mark(rules),
        Some(_) => false,
    }
}

/// Whether an action is this one, by its name or, as in Envoy's own dumps, its number.
fn is_action(action: &Node, name: &str, number: &str) -> bool {
    action.text() == Some(name) || action.is_number(number)
}

/// Whether rules are about requests without the mark.
fn is_about_no_mark(node: &Node) -> bool {
    let is_not = ["not_id", "not_rule"].iter().filter_map(|key| node.field(key));
    is_not.into_iter().any(|member| names_the_mark(&member.value))
        || node.members().iter().any(|member| is_about_no_mark(&member.value))
        || node.elements().iter().any(is_about_no_mark)
}

fn names_the_mark(node: &Node) -> bool {
    match &node.value {
        Value::Text(text) => text == "wasm.mcp_policy",
        Value::List(elements) => elements.iter().any(names_the_mark),
        Value::Object(members) => members.iter().any(|member| names_the_mark(&member.value)),
        _ => false,
    }
}
