//! The options of `render`, with their defaults, which are those of the shipped files.

use super::sha256;
use crate::failure::Failure;
use crate::output::shown;
use std::net::IpAddr;

/// The default of `--name`.
const NAME: &str = "mcp-policy";
/// The default of `--namespace`.
const NAMESPACE: &str = "mcp";
/// The default of `--selector`.
const SELECTOR: &str = "app=mcp-server";
/// The default of `--route`.
const ROUTE: &str = "mcp";
/// The default of `--gateway`.
const GATEWAY: &str = "mcp/http";

/// The places that a configuration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Place {
    /// Envoy by itself: its whole configuration
    Envoy,
    /// The file from which Envoy discovers the filter, with `--for envoy --ecds FILE`
    Ecds,
    /// Istio: an EnvoyFilter in a sidecar, and a VirtualService without retries
    Istio,
    /// Envoy Gateway: an EnvoyExtensionPolicy and its EnvoyPatchPolicy
    Gateway,
    /// Envoy by itself, with the native module
    EnvoyNative,
    /// Istio, with the native module
    IstioNative,
    /// Envoy Gateway, with the native module: an EnvoyProxy and an EnvoyExtensionPolicy
    GatewayNative,
    /// The limits across replicas, as the file of Kuadrant's Limitador
    Limitador,
    /// The domain of these limits, as a file of envoyproxy/ratelimit
    Ratelimit,
}

impl Place {
    /// Whether it is Istio.
    pub(super) const fn is_istio(self) -> bool {
        matches!(self, Self::Istio | Self::IstioNative)
    }

    /// Whether it is Envoy Gateway, where the policy is an object of Kubernetes, whose
    /// numbers are doubles.
    pub(super) const fn is_gateway(self) -> bool {
        matches!(self, Self::Gateway | Self::GatewayNative)
    }

    /// Whether Envoy reads what is written itself, and not by way of a control plane.
    pub(super) const fn is_own(self) -> bool {
        matches!(self, Self::Envoy | Self::Ecds | Self::EnvoyNative)
    }

    /// Whether the filter is the native module.
    pub(super) const fn is_native(self) -> bool {
        matches!(self, Self::EnvoyNative | Self::IstioNative | Self::GatewayNative)
    }

    /// Whether it is an engine that counts, which carries no policy.
    pub(super) const fn is_engine(self) -> bool {
        matches!(self, Self::Limitador | Self::Ratelimit)
    }

    /// Whether the module is fetched by a control plane.
    const fn fetches(self) -> bool {
        matches!(self, Self::Istio | Self::Gateway)
    }
}

/// The options.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The port, or the address and port, where Envoy listens [default: 127.0.0.1:10000]
    #[arg(long, value_name = "[ADDRESS:]PORT")]
    listen: Option<String>,
    /// The MCP server [default: 127.0.0.1:9100]; in Istio the host and port of its Service
    #[arg(long, value_name = "HOST:PORT")]
    upstream: Option<String>,
    /// The port of Envoy's administration, on 127.0.0.1 [default: 9901]
    #[arg(long, value_name = "PORT")]
    admin: Option<u16>,
    /// The module: a file where Envoy runs, or for `istio` and `gateway` its image or URL
    #[arg(long, value_name = "FILE|URL")]
    module: Option<String>,
    /// The digest of what the URL gives: 64 digits, or a file that has the same bytes
    #[arg(long, value_name = "DIGEST|FILE")]
    sha256: Option<String>,
    /// The file from which Envoy discovers the filter, so that pushes need no restart
    #[arg(long, value_name = "FILE")]
    ecds: Option<String>,
    /// The name of the filter and of the resources; filters of one name share their counts
    #[arg(long, default_value = NAME)]
    name: String,
    /// The namespace of the resources
    #[arg(long, default_value = NAMESPACE)]
    namespace: String,
    /// The label of the server's pods, in Istio [default: app=mcp-server]
    #[arg(long, value_name = "KEY=VALUE")]
    selector: Option<String>,
    /// The HTTPRoute that has the policy, in Envoy Gateway [default: mcp]
    #[arg(long, value_name = "HTTPROUTE")]
    route: Option<String>,
    /// The Gateway and its listener, in Envoy Gateway [default: mcp/http]
    #[arg(long, value_name = "GATEWAY/LISTENER")]
    gateway: Option<String>,
    /// The whole name of the listener, where Envoy Gateway does not name it by `--gateway`
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
}

impl Options {
    /// The options that were given and that change nothing at a place. Of those with a
    /// default, one that is given as it is changes nothing anywhere.
    pub(super) fn idle(&self, place: Place) -> Vec<&'static str> {
        use Place::{Envoy, EnvoyNative, Gateway, Istio};
        let is_envoy = matches!(place, Envoy | EnvoyNative);
        let (is_istio, is_gateway) = (place.is_istio(), place.is_gateway());
        let compares = place == Istio || (place == Gateway && self.module.is_some());
        let differs = |value: &str, default: &str| value != default;
        let all = [
            ("--listen", self.listen.is_some(), is_envoy),
            ("--upstream", self.upstream.is_some(), is_envoy || is_istio),
            ("--admin", self.admin.is_some(), is_envoy),
            ("--module", self.module.is_some(), !place.is_engine()),
            ("--sha256", self.sha256.is_some(), compares),
            ("--name", differs(&self.name, NAME), !place.is_engine()),
            ("--namespace", differs(&self.namespace, NAMESPACE), is_istio || is_gateway),
            ("--selector", self.selector.is_some(), is_istio),
            ("--route", self.route.is_some(), is_gateway),
            ("--gateway", self.gateway.is_some(), place == Gateway),
            ("--listener", self.listener.is_some(), place == Gateway),
        ];
        all.iter().filter(|(_, given, used)| *given && !used).map(|(name, ..)| *name).collect()
    }

    /// The names of others' resources that manifests take for granted, since no option gives
    /// them: a wrong one applies the policy to nothing.
    pub(super) fn assumed(&self, place: Place) -> Vec<&'static str> {
        use Place::Gateway;
        let (is_istio, is_gateway) = (place.is_istio(), place.is_gateway());
        let all = [
            (
                is_istio && self.selector.is_none(),
                "the policy applies to pods with `app: mcp-server`; give `--selector` for others",
            ),
            (
                is_istio && self.upstream.is_none(),
                "the routes are those of the Service `mcp-server`, port 9100; give `--upstream` for \
                 another",
            ),
            (
                is_gateway && self.route.is_none(),
                "the policy applies to the HTTPRoute `mcp`; give `--route` for another",
            ),
            (
                place == Gateway && self.gateway.is_none() && self.listener.is_some(),
                "the patch is for the Gateway `mcp`; give `--gateway` for another",
            ),
            (
                place == Gateway && self.gateway.is_none() && self.listener.is_none(),
                "the patch is for the listener `http` of the Gateway `mcp`; give `--gateway` for \
                 another",
            ),
        ];
        all.iter().filter(|(is_assumed, _)| *is_assumed).map(|(_, words)| *words).collect()
    }
}

/// The options, each read and fit for the place.
#[derive(Debug)]
pub(super) struct Settings {
    /// The address and the port of the listener.
    pub(super) listen: (String, u16),
    /// The host and the port of the server, if they are given.
    pub(super) upstream: Option<(String, u16)>,
    /// The port of the administration.
    pub(super) admin: u16,
    /// The module, if it is given.
    pub(super) module: Option<String>,
    /// The digest of the module, if it is given.
    pub(super) sha256: Option<String>,
    /// The file from which the filter is discovered.
    pub(super) ecds: Option<String>,
    /// `--name`
    pub(super) name: String,
    /// `--namespace`
    pub(super) namespace: String,
    /// The key and the value of `--selector`.
    pub(super) selector: (String, String),
    /// `--route`
    pub(super) route: String,
    /// The Gateway.
    pub(super) gateway: String,
    /// The whole name of its listener.
    pub(super) listener: String,
}

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// An option does not fit the place, or cannot be read.
    pub(super) fn new(place: Place, options: &Options) -> Result<Self, Failure> {
        let upstream = options.upstream.as_deref();
        let upstream = upstream.map(|text| host_and_port("--upstream", text)).transpose()?;
        if let Some(module) = &options.module {
            fits(module, options.sha256.is_some(), place)?;
        }
        if options.ecds.is_some() && place != Place::Envoy {
            return Err(Failure::new("--ecds goes with `--for envoy`"));
        }
        let route = options.route.as_deref().unwrap_or(ROUTE);
        for (option, name) in
            [("--name", &*options.name), ("--namespace", &*options.namespace), ("--route", route)]
        {
            is_name(option, name)?;
        }
        let gateway = options.gateway.as_deref().unwrap_or(GATEWAY);
        let (gateway, listener) = gateway.split_once('/').unwrap_or((gateway, "http"));
        is_name("--gateway", gateway)?;
        is_name("--gateway", listener)?;
        let listener = match &options.listener {
            Some(whole) if whole.is_empty() => {
                return wrong("--listener", whole, "is empty; give the name of a listener");
            }
            Some(whole) => whole.clone(),
            None => format!("{}/{gateway}/{listener}", options.namespace),
        };
        Ok(Self {
            listen: listen(options.listen.as_deref())?,
            upstream,
            admin: options.admin.unwrap_or(9901),
            module: options.module.clone(),
            sha256: options.sha256.as_deref().map(sha256).transpose()?,
            ecds: options.ecds.clone(),
            name: options.name.clone(),
            namespace: options.namespace.clone(),
            selector: label(options.selector.as_deref().unwrap_or(SELECTOR))?,
            route: route.to_owned(),
            gateway: gateway.to_owned(),
            listener,
        })
    }
}

/// The address of an Envoy on the author's machine.
const LOOPBACK: &str = "127.0.0.1";

/// The address and the port to listen on.
fn listen(text: Option<&str>) -> Result<(String, u16), Failure> {
    let Some(text) = text else { return Ok((LOOPBACK.to_owned(), 10000)) };
    if let Ok(port) = text.parse() {
        return Ok((LOOPBACK.to_owned(), port));
    }
    let (address, port) = host_and_port("--listen", text)?;
    match address.parse::<IpAddr>() {
        Ok(_) => Ok((address, port)),
        Err(_) => wrong("--listen", text, "is not an address and a port"),
    }
}

/// Checks that the place takes the module in this form.
fn fits(module: &str, has_digest: bool, place: Place) -> Result<(), Failure> {
    let is_url = module.contains("://");
    let is_file = module.starts_with(['/', '.']) || module.ends_with(".wasm") && !is_url;
    let why = match place.fetches() {
        false if is_url => "is a URL, and Envoy loads a file here; fetch it first",
        true if is_file => "is a file, and an image or a URL is fetched here",
        true if !has_digest => "needs its digest; give it with `--sha256`",
        _ => return Ok(()),
    };
    wrong("--module", module, why)
}

/// The key and the value of a label of Kubernetes.
fn label(text: &str) -> Result<(String, String), Failure> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && key.bytes().chain(value.bytes()).all(known) => {
            Ok((key.to_owned(), value.to_owned()))
        }
        _ => wrong("--selector", text, "is not a label like `app=mcp-server`"),
    }
}

/// A host and a port; an IPv6 address is in brackets.
fn host_and_port(option: &str, text: &str) -> Result<(String, u16), Failure> {
    let parts = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let Some((host, port)) = parts.filter(|(_, port)| *port > 0) else {
        return wrong(option, text, "is not a host and a port, like `127.0.0.1:9100`");
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    if bare.is_empty() || !bare.bytes().all(known) || (bare.contains(':') && bare == host) {
        return wrong(option, text, "is not a host and a port, like `127.0.0.1:9100`");
    }
    Ok((bare.to_owned(), port))
}

/// A name of Kubernetes.
fn is_name(option: &str, name: &str) -> Result<(), Failure> {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty()
        || name.len() > 63
        || !name.bytes().all(known)
        || name.starts_with('-')
        || name.ends_with('-')
    {
        return wrong(option, name, "is not a name of small letters, digits and `-`");
    }
    Ok(())
}

fn wrong<T>(option: &str, value: &str, why: &str) -> Result<T, Failure> {
    Err(Failure::new(format!("{option}: `{}` {why}", shown(value))))
}
