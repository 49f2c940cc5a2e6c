//! The configurations, one for each place.

use super::options::{Place, Settings};
use super::template::Template;
use super::{Asked, carried, engine};
use crate::document::print::yaml_text;
use crate::failure::Failure;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

const ENVOY: &str = include_str!("../../../../envoy/envoy.yaml");
const NATIVE: &str = include_str!("../../../../envoy/native/envoy.yaml");
const ISTIO: &str = include_str!("../../../../envoy/istio/envoy-filter.yaml");
const ROUTES: &str = include_str!("../../../../envoy/istio/virtual-service.yaml");
const NATIVE_ISTIO: &str = include_str!("../../../../envoy/native/istio/envoy-filter.yaml");
const GATEWAY: &str = include_str!("../../../../envoy/gateway/extension-policy.yaml");
const PATCH: &str = include_str!("../../../../envoy/gateway/patch-policy.yaml");
const NATIVE_PROXY: &str = include_str!("../../../../envoy/native/gateway/envoy-proxy.yaml");
const NATIVE_GATEWAY: &str = include_str!("../../../../envoy/native/gateway/extension-policy.yaml");

const FLAG: &str = "allow_on_headers_stop_iteration: true";
const WASM: &str = "- name: envoy.filters.http.wasm";
const RBAC: &str = "- name: envoy.filters.http.rbac";

/// The configuration for a place.
///
/// # Errors
/// A shipped file is not as it was.
pub(super) fn render(
    place: Place,
    policy: &Asked<'_>,
    settings: &Settings,
) -> Result<String, Failure> {
    match place {
        Place::Envoy | Place::EnvoyNative => envoy(place, policy, settings),
        Place::Ecds => ecds(policy, settings),
        Place::Istio | Place::IstioNative => {
            let filter = istio(place, policy, settings)?;
            Ok(format!("{filter}---\n{}", routes(policy, settings)?))
        }
        Place::Gateway => {
            let extension = extension(GATEWAY, policy, settings)?;
            Ok(format!("{}---\n{extension}", patch(policy, settings)?))
        }
        Place::GatewayNative => {
            let mut proxy = Template::new(NATIVE_PROXY);
            proxy.rename(&names(settings));
            if let Some(module) = &settings.module {
                proxy.set("path:", &format!("path: {}", quoted(module)))?;
            }
            let extension = extension(NATIVE_GATEWAY, policy, settings)?;
            Ok(format!("{}---\n{extension}", proxy.text()))
        }
        Place::Limitador | Place::Ratelimit => engine::render(place, policy),
    }
}

fn quoted(text: &str) -> String {
    let mut yaml = String::new();
    yaml_text(&mut yaml, text);
    yaml
}

/// The names that all configurations have, each behind its key.
fn names(settings: &Settings) -> [(&'static str, String); 4] {
    let counts = format!("{}.{}", settings.namespace, settings.name);
    [
        // Filters with the same name share counters, and one proxy can serve two namespaces.
        (": mcp.mcp-policy", format!(": {}", name(&counts))),
        (": mcp-policy", format!(": {}", name(&settings.name))),
        (": mcp-policy-guard", format!(": {}", name(&format!("{}-guard", settings.name)))),
        ("namespace: mcp", format!("namespace: {}", name(&settings.namespace))),
    ]
}

/// A name of Kubernetes, in quotes unless it is like the shipped ones: `1e3` and `null` are
/// names too.
fn name(text: &str) -> String {
    if text.starts_with("mcp") { text.to_owned() } else { quoted(text) }
}

/// Envoy by itself.
fn envoy(place: Place, policy: &Asked<'_>, settings: &Settings) -> Result<String, Failure> {
    let mut template = Template::new(if place.is_native() { NATIVE } else { ENVOY });
    let (address, port) = &settings.listen;
    let default = ("127.0.0.1".to_owned(), 9100);
    let (host, server) = settings.upstream.as_ref().unwrap_or(&default);
    template.set_head(&[
        "Envoy in front of one MCP server, with a policy on every tool call: written by".to_owned(),
        format!("`mcp-policy render`. Clients use {}; the", at(address, *port)),
        format!("MCP server is {}.", at(host, *server)),
    ]);
    let sockets = [
        ("listener", 10000, address.as_str(), *port),
        ("admin", 9901, "127.0.0.1", settings.admin),
        ("server", 9100, host, *server),
    ];
    // By way of words that no other port can be taken for.
    for (word, shipped, ..) in sockets {
        template.replace(&format!("address: 127.0.0.1, port_value: {shipped} "), word);
    }
    for (word, _, address, port) in sockets {
        let socket = format!("address: {}, port_value: {port} ", scalar(address));
        template.replace(
            &format!("socket_address: {{ {word}}}"),
            &format!("socket_address: {{ {socket}}}"),
        );
    }
    if host.parse::<IpAddr>().is_err() {
        template.replace("type: STATIC", "type: STRICT_DNS");
    }
    filter(&mut template, place, policy, settings)?;
    const ROUTE: &str = "- match: { path: /mcp }";
    let routes: Vec<String> = policy.paths.iter().map(|path| route(path)).collect();
    if routes.is_empty() {
        let any = format!("# Any path, since the policy does not set `paths`.\n{}", route("/*"));
        template.set_with_comment(ROUTE, &any)?;
    } else {
        template.set(ROUTE, &routes.concat())?;
    }
    if !policy.marks {
        template.remove(RBAC)?;
    }
    if let Some(file) = &settings.ecds {
        discover(&mut template, &name(&settings.name), &quoted(&watched(file)))?;
    }
    Ok(template.text())
}

/// The path of a file that Envoy watches. It takes no name without a folder.
fn watched(file: &str) -> Cow<'_, str> {
    if file.contains('/') { Cow::Borrowed(file) } else { Cow::Owned(format!("./{file}")) }
}

/// Has Envoy discover the filter and its policy in a file.
fn discover(template: &mut Template, name: &str, file: &str) -> Result<(), Failure> {
    template.set(
        WASM,
        &format!(
            "\
# The filter and its policy are in a file of their own. `mcp-policy render --for ecds
# --output FILE` replaces it, and Envoy takes the new policy without a restart.
- name: {name}
  config_discovery:
    config_source:
      path_config_source: {{ path: {file} }}
      resource_api_version: V3
      # The listener waits for it: no policy, no service.
      initial_fetch_timeout: 0s
    type_urls:
      - type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"
        ),
    )?;
    template.set("admin:", &format!("# Envoy asks for what it discovers under this name.\nnode: {{ id: {name}, cluster: {name} }}\n\n{}", template.cut("admin:")?))?;
    Ok(())
}

/// A route for a path, or for all below one.
fn route(path: &str) -> String {
    let (kind, path) = path.strip_suffix('*').map_or(("path", path), |below| ("prefix", below));
    let path = scalar(path);
    format!(
        "\
- match: {{ {kind}: {path} }}
  route:
    cluster: mcp_server
    # No bound on the answer: Envoy's default, 15 s,
    # cuts slow tools and standing event streams.
    timeout: 0s
"
    )
}

fn at(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// A host, an address or a path; in quotes where YAML could read something else.
fn scalar(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    let is_path = text.starts_with('/') && text.bytes().all(plain);
    if is_path || text.parse::<Ipv4Addr>().is_ok() { text.to_owned() } else { quoted(text) }
}

/// The filter of plain Envoy.
fn filter(
    template: &mut Template,
    place: Place,
    policy: &Asked<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    template.rename(&names(settings));
    if let Some(module) = &settings.module {
        let module = quoted(module);
        template.replace("filename: target/mcp_policy_filter.wasm", &format!("filename: {module}"));
        template
            .replace("filename: target/libmcp_policy_filter.so", &format!("filename: {module}"));
    }
    configure(template, place, policy)
}

/// The policy, and the flag that goes with it.
fn configure(template: &mut Template, place: Place, policy: &Asked<'_>) -> Result<(), Failure> {
    let configuration = carried::configuration(place, policy.node, policy.json);
    match template.set_below("configuration:", &configuration) {
        Ok(()) => {}
        // The native module's name for it, without a flag.
        Err(_) => return template.set_below("filter_config:", &configuration),
    }
    if !policy.holds {
        template.remove(FLAG)?;
    }
    Ok(())
}

/// The resource that Envoy discovers.
fn ecds(policy: &Asked<'_>, settings: &Settings) -> Result<String, Failure> {
    let mut template = Template::new(ENVOY);
    filter(&mut template, Place::Ecds, policy, settings)?;
    let filter = Template::new(&template.cut(WASM)?);
    let config = Template::new(&filter.cut("typed_config:")?).text();
    let config: String = config
        .lines()
        .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") })
        .collect();
    let version = quoted(&policy_digest(policy));
    let name = name(&settings.name);
    Ok(format!(
        "\
# The filter and its policy, as Envoy discovers them: written by `mcp-policy render --for
# ecds`. Envoy reads the file again when another is moved into its place.
version_info: {version}
resources:
  - \"@type\": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig
    name: {name}
{config}"
    ))
}

/// A word that changes with the policy.
fn policy_digest(policy: &Asked<'_>) -> String {
    use sha2::{Digest as _, Sha256};
    let hash = Sha256::digest(policy.json.as_bytes());
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Istio's EnvoyFilter.
fn istio(place: Place, policy: &Asked<'_>, settings: &Settings) -> Result<String, Failure> {
    let mut template = Template::new(if place.is_native() { NATIVE_ISTIO } else { ISTIO });
    if !policy.marks {
        template.remove_element("name: mcp-policy-guard")?;
    }
    template.rename(&names(settings));
    let (key, value) = &settings.selector;
    template.set("app: mcp-server", &format!("{}: {}", quoted(key), quoted(value)))?;
    configure(&mut template, place, policy)?;
    if let Some(module) = &settings.module {
        let url = if module.contains("://") { module.clone() } else { format!("oci://{module}") };
        if !place.is_native() {
            template.set("uri:", &format!("uri: {}", quoted(&url)))?;
        } else {
            let module = format!("module: {{ local: {{ filename: {} }} }}", quoted(module));
            template.set("module:", &module)?;
        }
    }
    digest(&mut template, settings)?;
    Ok(template.text())
}

fn digest(template: &mut Template, settings: &Settings) -> Result<(), Failure> {
    match &settings.sha256 {
        Some(digest) if template.cut("sha256:").is_ok() => {
            template.set("sha256:", &format!("sha256: {}", quoted(digest)))
        }
        _ => Ok(()),
    }
}

/// Istio's VirtualService.
fn routes(policy: &Asked<'_>, settings: &Settings) -> Result<String, Failure> {
    let mut template = Template::new(ROUTES);
    let [.., in_namespace] = names(settings);
    template.rename(&[in_namespace]);
    let host = format!("mcp-server.{}.svc.cluster.local", settings.namespace);
    let (host, port) = settings.upstream.clone().unwrap_or((host, 9100));
    template.replace("mcp-server.mcp.svc.cluster.local", &quoted(&host));
    template.replace("number: 9100", &format!("number: {port}"));
    // Without `paths` any path has a route.
    let answered = policy.answered.iter().filter(|_| !policy.paths.is_empty());
    let matches: Vec<String> = policy
        .paths
        .iter()
        .chain(answered)
        .map(|path| match path.strip_suffix('*') {
            Some(below) => format!("- uri: {{ prefix: {} }}", scalar(below)),
            None => format!("- uri: {{ exact: {} }}", scalar(path)),
        })
        .collect();
    if matches.is_empty() {
        template.remove("match:")?;
    } else {
        template.set_below("match:", &matches.join("\n"))?;
    }
    Ok(template.text())
}

/// Envoy Gateway's EnvoyExtensionPolicy.
fn extension(shipped: &str, policy: &Asked<'_>, settings: &Settings) -> Result<String, Failure> {
    let mut template = Template::new(shipped);
    let [name_of_counts, name_of_filter, name_of_guard, in_namespace] = names(settings);
    let route = ("name: mcp", format!("name: {}", name(&settings.route)));
    template.rename(&[name_of_counts, name_of_filter, name_of_guard, in_namespace, route]);
    template.set_below("config:", &policy.node.to_yaml(0))?;
    if shipped == GATEWAY
        && let Some(module) = &settings.module
    {
        let digest = quoted(settings.sha256.as_deref().unwrap_or_default());
        let module = module.strip_prefix("oci://").unwrap_or(module);
        let (kind, key) =
            if module.contains("://") { ("HTTP", "http") } else { ("Image", "image") };
        let module = quoted(module);
        template.set_below(
            "code:",
            &format!("type: {kind}\n{key}:\n  url: {module}\n  sha256: {digest}"),
        )?;
    }
    Ok(template.text())
}

/// Envoy Gateway's EnvoyPatchPolicy, with what the policy needs of it.
fn patch(policy: &Asked<'_>, settings: &Settings) -> Result<String, Failure> {
    let mut template = Template::new(PATCH);
    if !policy.holds {
        template.remove_element("path: /allow_on_headers_stop_iteration")?;
    }
    if !policy.marks {
        template.remove_element("path: /1")?;
    }
    let (namespace, filter) = (&settings.namespace, &settings.name);
    let [_, name_of_filter, name_of_guard, in_namespace] = names(settings);
    template.rename(&[
        name_of_filter,
        name_of_guard,
        in_namespace,
        ("name: mcp/mcp/http", format!("name: {}", quoted(&settings.listener))),
        ("name: mcp", format!("name: {}", name(&settings.gateway))),
    ]);
    let shipped = "envoyextensionpolicy/mcp/mcp-policy/wasm/0";
    template.replace(shipped, &format!("envoyextensionpolicy/{namespace}/{filter}/wasm/0"));
    Ok(template.text())
}
