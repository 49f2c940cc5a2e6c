//! Counting across replicas: `settings.limit_service`, and what a limit says of it.

use super::at::{At, Object};
use super::limits::Limit;
use crate::limit_service::Engine;
use crate::limits::window::{ONE_CALL, Scope};

/// Who counts a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Across {
    /// Each Envoy process by itself.
    Process,
    /// The service, for all replicas.
    Replicas,
}

impl Across {
    /// The word for it in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Replicas => "replicas",
        }
    }
}

/// The course of a call that the service does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It is refused.
    Deny,
    /// The count of the process decides.
    Local,
    /// It goes on.
    Allow,
}

/// `settings.limit_service`
#[derive(Debug)]
pub struct LimitService {
    /// `cluster`: the name of an Envoy cluster.
    pub cluster: String,
    /// `authority`: the `:authority` of the questions, unless it is `cluster`.
    pub authority: Option<String>,
    /// `engine`
    pub engine: Engine,
    /// `domain`: the domain of `ratelimit`, the namespace of `limitador`.
    pub domain: String,
    /// `timeout_ms`: the milliseconds after which an answer counts as none.
    pub timeout_ms: u64,
    /// `on_failure`
    pub on_failure: OnFailure,
}

const KEYS: [&str; 6] = ["cluster", "authority", "engine", "domain", "timeout_ms", "on_failure"];
const ACROSS: [(&str, Across); 2] =
    [(Across::Process.as_str(), Across::Process), (Across::Replicas.as_str(), Across::Replicas)];
const ENGINES: [(&str, Engine); 2] = [
    (Engine::Ratelimit.as_str(), Engine::Ratelimit),
    (Engine::Limitador.as_str(), Engine::Limitador),
];
const ON_FAILURE: [(&str, OnFailure); 3] =
    [("deny", OnFailure::Deny), ("local", OnFailure::Local), ("allow", OnFailure::Allow)];

/// The most bytes of `cluster` and `authority` together: they are in a message to Envoy
/// whose lengths have to be below 128.
pub const MAX_SERVICE_NAMES: usize = 117;
/// The longest `timeout_ms`.
const MAX_TIMEOUT: u64 = 5_000;

impl LimitService {
    /// Reads the service. One that cannot be read is an error already, and not missing
    /// besides.
    pub(super) fn read(at: &At<'_>) -> Self {
        let object = at.object(&KEYS);
        let object = object.as_ref();
        let name = |key, what| {
            let at = object.and_then(|object| object.required(key));
            at.and_then(|at| at.name(what)).unwrap_or_default().to_owned()
        };
        let get = |key| object.and_then(|object| object.get(key));
        let cluster = name("cluster", "a cluster");
        let authority = get("authority").and_then(|at| authority(at, cluster.len()));
        if let Some(at) = get("cluster").filter(|_| cluster.len() > MAX_SERVICE_NAMES) {
            at.wrong(format!("a cluster's name has at most {MAX_SERVICE_NAMES} bytes here"));
        }
        Self {
            cluster,
            authority,
            engine: object
                .and_then(|object| object.required("engine"))
                .and_then(|at| at.choice(&ENGINES))
                .unwrap_or(Engine::Limitador),
            domain: name("domain", "a domain"),
            timeout_ms: get("timeout_ms").and_then(|at| at.whole(1, MAX_TIMEOUT)).unwrap_or(100),
            on_failure: get("on_failure")
                .and_then(|at| at.choice(&ON_FAILURE))
                .unwrap_or(OnFailure::Deny),
        }
    }
}

/// The host in `:authority`, beside a cluster's name of this length.
fn authority(at: &At<'_>, cluster: usize) -> Option<String> {
    let name = at.string()?;
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_host) {
        at.expected("a host, with or without a port");
        return None;
    }
    if name.len().saturating_add(cluster) > MAX_SERVICE_NAMES {
        at.wrong(format!(
            "`cluster` and `authority` have at most {MAX_SERVICE_NAMES} bytes together"
        ));
        return None;
    }
    Some(name.to_owned())
}

/// Reads who counts a limit, and the amount that is one unit to the service, in
/// millionths.
pub(super) fn across(object: &Object<'_>, max: Option<u64>) -> Option<(Across, u64)> {
    let across = object.get("across").map_or(Some(Across::Process), |at| at.choice(&ACROSS))?;
    let is_budget = object.get("increment_from").is_some();
    let across_replicas = across == Across::Replicas;
    let unit = match object.get("unit") {
        Some(at) if is_budget && across_replicas => unit(at)?,
        Some(at) => {
            at.wrong("belongs to a limit with `increment_from` and `\"across\": \"replicas\"`");
            return None;
        }
        None if is_budget && across_replicas => {
            object.required("unit");
            return None;
        }
        None => ONE_CALL,
    };
    if across_replicas {
        alone(object);
        if let (Some(max), Some(at)) = (max, object.get("max")) {
            let in_units = max.checked_rem(unit) == Some(0);
            if !in_units || max.checked_div(unit).is_none_or(|max| u32::try_from(max).is_err()) {
                at.wrong(format!(
                    "is not a whole number of units up to {}, as a service counts; take another \
                     `max` or `unit`",
                    u32::MAX
                ));
            }
        }
    }
    Some((across, unit))
}

/// One of the powers of ten from 1 to 0.000001, in millionths.
fn unit(at: &At<'_>) -> Option<u64> {
    let unit = at.millionths(1)?;
    if ![1, 10, 100, 1_000, 10_000, 100_000, ONE_CALL].contains(&unit) {
        at.expected("1, 0.1, 0.01, 0.001, 0.0001, 0.00001 or 0.000001");
        return None;
    }
    Some(unit)
}

/// Refuses beside `"across": "replicas"` what a process counts alone.
fn alone(object: &Object<'_>) {
    const SESSION: &str = "a client can open any number of sessions, which a service keeps; use \
                           the scope `grant` or `global`";
    const SLIDING: &str =
        "a service counts in fixed windows; leave it out, or count in the process";
    const SHADOW: &str = "a limit in shadow is counted in the process; leave `across` out";
    for (key, word, message) in [
        ("scope", "session", SESSION),
        ("algorithm", "sliding", SLIDING),
        ("mode", "shadow", SHADOW),
    ] {
        if let Some(at) = object.get(key)
            && at.as_string() == Some(word)
        {
            at.wrong(message);
        }
    }
    if let Some(at) = object.get("per") {
        at.wrong("counts by value are the process's own; leave it out, or leave `across` out");
    }
}

impl Limit {
    /// The name of the counter to the service, in the rules with this name: `top`,
    /// `grant:KEY` or `group:NAME`.
    pub fn name_in_service(&self, rules: &str) -> String {
        match rules.strip_prefix("grant:").unwrap_or(rules) {
            "top" if rules == "top" => self.counter.clone(),
            _ if self.scope == Scope::Global => self.counter.clone(),
            body => [body, "|", &self.counter].concat(),
        }
    }

    /// The units that a window admits, as a service counts them. More than it can count
    /// are an error of the document, and 0 admits nothing.
    pub fn max_in_units(&self) -> u32 {
        let max = self.max.checked_div(self.unit).unwrap_or_default();
        u32::try_from(max).unwrap_or_default()
    }

    /// Whether the service counts it.
    pub fn is_across_replicas(&self) -> bool {
        self.across == Across::Replicas
    }
}
