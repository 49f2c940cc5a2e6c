//! `settings`: the filter's behaviour apart from its decisions.

use super::approvals::Approvals;
use super::at::At;
use super::checks;
use super::limit_service::LimitService;
use super::protected_resource::ProtectedResource;
use super::request_path::RequestPath;
use super::validity;
use super::wording::quote;
use crate::limits::DEFAULT_VALUES;
use crate::policy::condition::Path;
use crate::policy::fingerprint::HmacKey;
use crate::policy::pattern::{Pattern, PatternMap};
use crate::wire::mcp::KNOWN_METHODS;

/// The filter's behaviour.
#[derive(Debug)]
pub struct Settings {
    /// `paths`: the only paths at which MCP is served; `None` where any may be one.
    pub paths: Option<Vec<RequestPath>>,
    /// `exempt_paths`: requests that are not MCP.
    pub exempt_paths: Vec<RequestPath>,
    /// `protected_resource`: the metadata by which clients find where to sign in.
    pub protected_resource: Option<ProtectedResource>,
    /// `anonymous`: a request without any credential has a caller too.
    pub admits_anonymous: bool,
    /// `methods`: the methods that pass besides `tools/call`.
    pub methods: PatternMap<()>,
    /// `hold_request_headers`: nothing of a request goes upstream before it
    /// is judged.
    pub hold_request_headers: bool,
    /// `mark_requests`: what passes through the filter carries its mark.
    pub mark_requests: bool,
    /// `max_body_bytes`
    pub max_body_bytes: usize,
    /// `max_result_bytes`: the longest answer of a server, if there is a bound.
    pub max_result_bytes: Option<usize>,
    /// `max_depth`: the deepest nesting of JSON.
    pub max_depth: usize,
    /// `denied_as`
    pub denied_as: DeniedAs,
    /// `explain_denials`: a denial says what the policy asks for.
    pub explain_denials: bool,
    /// `json_texts`
    pub json_texts: JsonTexts,
    /// `utc_offset`: the minutes by which the clock of conditions is ahead of UTC.
    pub utc_offset: i64,
    /// `unusual_tool_names`: tools may have names that MCP does not allow.
    pub unusual_tool_names: bool,
    /// `batches`
    pub batches: Batches,
    /// `tools_list`
    pub tools_list: ToolsList,
    /// `audit_log`
    pub audit_log: AuditLog,
    /// `audit_key`: the key of the HMACs of arguments in records, if there are
    /// to be any.
    pub audit_key: Option<HmacKey>,
    /// `record`: the arguments of every tool whose values are recorded.
    pub record: Vec<Path>,
    /// `counters`
    pub counters: Counters,
    /// `limit_service`: the service that counts across replicas.
    pub limit_service: Option<LimitService>,
    /// `approvals`
    pub approvals: Option<Approvals>,
}

/// The form in which a call is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeniedAs {
    /// A JSON-RPC error, which the client's program handles.
    Error,
    /// A tool's result that is an error, which the model reads.
    Result,
}

/// The readings of a text in arguments that is JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonTexts {
    /// As a text and as JSON: a condition has to say the same of both.
    Both,
    /// As a text alone.
    Text,
}

/// The treatment of several messages in one body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batches {
    /// They are refused.
    Reject,
    /// Each is judged, and all go on or none.
    Judge,
}

/// The tools that are left in the lists that servers send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolsList {
    /// All except for those of `hide`.
    Hide,
    /// Those of which a call of the caller's could be allowed.
    Callable,
}

/// The decisions that become a line of Envoy's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditLog {
    /// Every one.
    All,
    /// Those that denied, or would have.
    Denied,
    /// None.
    Off,
}

/// The bounds of the counters' memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Callers that one counter can hold in a window.
    pub capacity: u64,
    /// Entries of all counters together.
    pub max_entries: u64,
    /// Values of one counter that one caller can hold in a window.
    pub values: u64,
    /// The name that separates two filters that share Envoy's shared data.
    pub namespace: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let known = KNOWN_METHODS.into_iter().chain(["notifications/*"]);
        Self {
            paths: None,
            exempt_paths: Vec::new(),
            protected_resource: None,
            admits_anonymous: false,
            methods: PatternMap::set(known.map(Pattern::new).collect()),
            hold_request_headers: false,
            mark_requests: false,
            max_body_bytes: 1 << 20,
            max_result_bytes: None,
            max_depth: 64,
            denied_as: DeniedAs::Error,
            explain_denials: true,
            json_texts: JsonTexts::Both,
            utc_offset: 0,
            unusual_tool_names: false,
            batches: Batches::Reject,
            tools_list: ToolsList::Hide,
            audit_log: AuditLog::Denied,
            audit_key: None,
            record: Vec::new(),
            counters: Counters::default(),
            limit_service: None,
            approvals: None,
        }
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self { capacity: 32_768, max_entries: 262_144, values: DEFAULT_VALUES, namespace: None }
    }
}

const KEYS: [&str; 23] = [
    "approvals",
    "paths",
    "exempt_paths",
    "protected_resource",
    "anonymous",
    "methods",
    "hold_request_headers",
    "mark_requests",
    "max_body_bytes",
    "max_result_bytes",
    "max_depth",
    "denied_as",
    "explain_denials",
    "json_texts",
    "utc_offset",
    "unusual_tool_names",
    "batches",
    "tools_list",
    "audit_log",
    "audit_key",
    "record",
    "counters",
    "limit_service",
];
const ANONYMOUS: [(&str, bool); 2] = [("refuse", false), ("allow", true)];
const DENIED_AS: [(&str, DeniedAs); 2] = [("error", DeniedAs::Error), ("result", DeniedAs::Result)];
const JSON_TEXTS: [(&str, JsonTexts); 2] = [("both", JsonTexts::Both), ("text", JsonTexts::Text)];
const BATCHES: [(&str, Batches); 2] = [("reject", Batches::Reject), ("judge", Batches::Judge)];
const TOOLS_LIST: [(&str, ToolsList); 2] =
    [("hide", ToolsList::Hide), ("callable", ToolsList::Callable)];
const AUDIT_LOG: [(&str, AuditLog); 3] =
    [("all", AuditLog::All), ("denied", AuditLog::Denied), ("off", AuditLog::Off)];

/// The largest `max_depth`: values are read by recursion, in a stack of one
/// megabyte.
const MAX_DEPTH: u64 = 256;
/// The largest `max_body_bytes`: the host and the module hold a body at once.
const MAX_BODY_BYTES: u64 = 64 << 20;
/// The largest `capacity` and `max_entries`: an entry takes some 50 bytes in
/// the memory of the Envoy process.
const MAX_COUNTER_ENTRIES: u64 = 1 << 20;

fn size(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

impl Settings {
    /// Reads the settings; `has_sources` if the policy says how callers are known.
    pub(super) fn read(at: &At<'_>, has_sources: bool) -> Self {
        let mut settings = Self::default();
        let Some(object) = at.object(&KEYS) else { return settings };
        if let Some(at) = object.get("paths") {
            settings.paths = Some(RequestPath::read_listed(at));
        }
        if let Some(at) = object.get("exempt_paths") {
            let listed = settings.paths.as_deref().unwrap_or_default();
            settings.exempt_paths = RequestPath::read_exempt(at, listed);
        }
        if let Some(at) = object.get("protected_resource") {
            if !has_sources {
                at.wrong(
                    "needs `identity`, which says who is calling; without it, no client is asked \
                     to sign in",
                );
            }
            settings.protected_resource = ProtectedResource::read(at);
        }
        if let Some(at) = object.get("anonymous") {
            if !has_sources {
                at.wrong("needs `identity`; without it, every caller is `anonymous`");
            }
            settings.admits_anonymous = at.choice(&ANONYMOUS).unwrap_or_default();
        }
        if let Some(at) = object.get("methods") {
            settings.methods = PatternMap::set(at.each(method));
        }
        if let Some(hold) = object.get("hold_request_headers").and_then(At::boolean) {
            settings.hold_request_headers = hold;
        }
        if let Some(mark) = object.get("mark_requests").and_then(At::boolean) {
            settings.mark_requests = mark;
        }
        settings.max_result_bytes = object.get("max_result_bytes").and_then(max_result_bytes);
        let whole = |key, most| object.get(key).and_then(|at| at.whole(1, most)).map(size);
        if let Some(bytes) = whole("max_body_bytes", MAX_BODY_BYTES) {
            settings.max_body_bytes = bytes;
        }
        if let Some(depth) = whole("max_depth", MAX_DEPTH) {
            settings.max_depth = depth;
        }
        if let Some(form) = object.get("denied_as").and_then(|at| at.choice(&DENIED_AS)) {
            settings.denied_as = form;
        }
        if let Some(explain) = object.get("explain_denials").and_then(At::boolean) {
            settings.explain_denials = explain;
        }
        if let Some(way) = object.get("json_texts").and_then(|at| at.choice(&JSON_TEXTS)) {
            settings.json_texts = way;
        }
        if let Some(ahead) = object.get("utc_offset").and_then(validity::utc_offset) {
            settings.utc_offset = ahead;
        }
        if let Some(admit) = object.get("unusual_tool_names").and_then(At::boolean) {
            settings.unusual_tool_names = admit;
        }
        if let Some(batches) = object.get("batches").and_then(|at| at.choice(&BATCHES)) {
            settings.batches = batches;
        }
        if let Some(which) = object.get("tools_list").and_then(|at| at.choice(&TOOLS_LIST)) {
            settings.tools_list = which;
        }
        if let Some(at) = object.get("audit_key") {
            settings.audit_key = key(at);
        }
        if let Some(which) = object.get("audit_log").and_then(|at| at.choice(&AUDIT_LOG)) {
            settings.audit_log = which;
        }
        if let Some(at) = object.get("approvals") {
            let served = settings.paths.as_deref().unwrap_or_default();
            settings.approvals = Approvals::read(at, &settings.exempt_paths, served);
        }
        if let Some(at) = object.get("record") {
            settings.record = checks::recorded(at);
        }
        if let Some(at) = object.get("counters") {
            settings.counters = Counters::read(at);
        }
        settings.limit_service = object.get("limit_service").map(LimitService::read);
        settings
    }
}

/// Reads the length of the longest answer. The host or the module holds one until its end.
pub(super) fn max_result_bytes(at: &At<'_>) -> Option<usize> {
    at.whole(1, MAX_BODY_BYTES).map(size)
}

impl Settings {
    /// Whether a JSON-RPC method besides `tools/call` passes.
    pub fn passes(&self, method: &str) -> bool {
        self.methods.get(method).is_some()
    }
}

impl Counters {
    fn read(at: &At<'_>) -> Self {
        let mut counters = Self::default();
        let Some(object) = at.object(&["capacity", "max_entries", "values", "namespace"]) else {
            return counters;
        };
        let whole = |key| object.get(key).and_then(|at| at.whole(1, MAX_COUNTER_ENTRIES));
        if let Some(capacity) = whole("capacity") {
            counters.capacity = capacity;
        }
        if let Some(entries) = whole("max_entries") {
            counters.max_entries = entries;
        }
        if let Some(values) = whole("values") {
            counters.values = values;
        }
        if let Some(at) = object.get("namespace") {
            match at.string() {
                Some(name) if (1..=256).contains(&name.len()) => {
                    counters.namespace = Some(name.into());
                }
                Some(name) => {
                    at.wrong(format!("{} cannot be a namespace: 1 to 256 bytes", quote(name)))
                }
                None => {}
            }
        }
        counters
    }
}

/// The fewest bytes of a key: those of a strong password. A shorter one can be
/// found by trying, and with it the arguments, or a signature.
const MIN_KEY_BYTES: usize = 16;

/// Reads a key. It is a secret, so no message repeats it.
pub(super) fn key(at: &At<'_>) -> Option<HmacKey> {
    let text = at.as_string().filter(|text| text.len() >= MIN_KEY_BYTES);
    if text.is_none() {
        at.wrong(format!("expected a string of at least {MIN_KEY_BYTES} bytes"));
    }
    text.and_then(HmacKey::new)
}

fn method(at: &At<'_>) -> Option<Pattern> {
    let text = at.string()?;
    if text.is_empty() || text.chars().any(char::is_control) {
        at.wrong(format!(
            "{} is not a method: it must be a name without control characters",
            quote(text)
        ));
        return None;
    }
    Some(Pattern::new(text))
}
