//! The findings about the things around a policy, by their codes.

use crate::finding::{Finding, INVALID, Severity};
use crate::layer::Layer;
use core::ops::Range;

/// A kind of finding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// The name, which never changes.
    pub(super) code: &'static str,
    severity: Severity,
    message: &'static str,
}

impl Rule {
    const fn error(code: &'static str, message: &'static str) -> Self {
        Self { code, severity: Severity::Error, message }
    }

    const fn warning(code: &'static str, message: &'static str) -> Self {
        Self { code, severity: Severity::Warning, message }
    }

    /// The finding at a place of a text.
    pub(super) fn at(&self, layer: &Layer, span: &Range<usize>) -> Finding {
        layer.finding(span, self.severity, self.code, self.message)
    }
}

pub(super) const NO_POLICY: Rule = Rule::error(
    "no-policy",
    "the file holds no filter with this module and no policy; name the file that has it",
);
pub(super) const TESTS: Rule = Rule::error(
    "no-policy",
    "the file holds tests of a policy, which `mcp-policy test` runs; name the file of the policy",
);
pub(super) const NO_CONFIGURATION: Rule = Rule::error(
    "no-configuration",
    "the filter is given no policy and refuses its configuration; give it one",
);
pub(super) const OTHER_TYPE: Rule = Rule::error(
    "configuration-type",
    "the filter cannot read this as a policy; give it a google.protobuf.Struct with the policy \
     under `value`, or a google.protobuf.StringValue with its JSON",
);
pub(super) const SECOND_DOCUMENT: Rule =
    Rule::error(INVALID, "another document begins here; a policy is one document");

pub(super) const FAIL_OPEN: Rule = Rule::error(
    "fail-open",
    "if the module ever fails, every call passes without a policy; say FAIL_RELOAD",
);
pub(super) const FAIL_OPEN_GATEWAY: Rule = Rule::error(
    "fail-open",
    "if the module ever fails, every call passes without a policy; say `failOpen: false`",
);
pub(super) const NO_RELOAD: Rule = Rule::warning(
    "no-reload",
    "a module that fails refuses everything until it is configured anew; say FAIL_RELOAD, with \
     which a fresh one takes over after a second",
);
pub(super) const HOLD_ALONE: Rule = Rule::error(
    "hold-alone",
    "`hold_request_headers` without `allow_on_headers_stop_iteration: true` in Envoy's \
     PluginConfig: every POST hangs; set both or neither",
);
pub(super) const HOLD_IN_PLUGIN: Rule = Rule::error(
    "hold-alone",
    "`hold_request_headers` in a WasmPlugin, in which Istio cannot set Envoy's side of it: every \
     POST hangs; take it out, or use an EnvoyFilter",
);
pub(super) const HOLD_WITHOUT_PATCH: Rule = Rule::warning(
    "hold-alone",
    "`hold_request_headers` needs an EnvoyPatchPolicy that adds \
     `allow_on_headers_stop_iteration: true`, and none is among the files: without it every POST \
     hangs; check both together, or take the setting out",
);
pub(super) const FLAG_ALONE: Rule = Rule::warning(
    "flag-alone",
    "`allow_on_headers_stop_iteration` without `hold_request_headers: true` in the policy's \
     settings: the server gets the headers of denied calls; set both or neither",
);
pub(super) const NO_VM_ID: Rule = Rule::warning(
    "no-vm-id",
    "without a `vm_id` the counters are in the data that all modules without one share; give it \
     one, such as `mcp-policy`",
);
pub(super) const SHARED_COUNTS: Rule = Rule::warning(
    "shared-counts",
    "another filter with another policy has this `vm_id`, name and root id, so the two share \
     their counters; give each a name of its own",
);
pub(super) const NO_DIGEST: Rule = Rule::error(
    "no-digest",
    "the module is fetched and compared with no digest; Envoy refuses that: give `sha256`",
);
pub(super) const NO_DIGEST_OF_IMAGE: Rule = Rule::warning(
    "no-digest",
    "the module is fetched and compared with no digest: whoever can push to the registry can \
     turn the policy off; give `sha256`",
);
pub(super) const ZEROS: Rule = Rule::error(
    "no-digest",
    "64 zeros are the digest of no module, so none is loaded; give the digest that the registry \
     printed",
);
pub(super) const REMOTE_MODULE: Rule = Rule::error(
    "remote-module",
    "while Envoy cannot fetch the native module, calls pass without a policy; name a file on the \
     machine under `local`",
);
pub(super) const CLOSES: Rule = Rule::warning(
    "closes",
    "without `do_not_close: true` the counts go when the last listener with the module goes",
);
pub(super) const CLOSES_IN_GATEWAY: Rule = Rule::warning(
    "closes",
    "without `doNotClose: true` the counts go when the last route with the module goes",
);
pub(super) const ENVOY_VERSION: Rule = Rule::error(
    "envoy-version",
    "this Envoy lacks functions that the native module asks for; use 1.39 or later",
);
pub(super) const NO_GUARD: Rule = Rule::warning(
    "no-guard",
    "`mark_requests` marks what was judged, and no filter behind this one refuses the rest; add \
     the RBAC filter that asks for the filter state `wasm.mcp_policy`, or take the setting out",
);
pub(super) const GUARD_OFF: Rule = Rule::warning(
    "no-guard",
    "the guard is off here, so requests go on that the filter has not judged; take this out",
);
pub(super) const GUARD_IN_FRONT: Rule = Rule::error(
    "guard-in-front",
    "the guard comes before the filter that marks requests, so it refuses everything; put it \
     directly behind the filter",
);
pub(super) const GUARD_ALONE: Rule = Rule::error(
    "guard-alone",
    "the guard asks for a mark that the filter does not make, so it refuses everything; set \
     `mark_requests: true` in the policy's settings",
);
pub(super) const SWITCHED_OFF: Rule = Rule::warning(
    "switched-off",
    "the filter is off here: calls pass without a policy, or, with a guard, none does; take this \
     out",
);
pub(super) const RETRIES: Rule = Rule::warning(
    "retries",
    "this repeats or doubles calls behind the filter, which judged and counted one; take it out",
);
pub(super) const RETRIES_BY_DEFAULT: Rule = Rule::warning(
    "retries",
    "Istio repeats failed calls twice unless a route says otherwise, and a tool that has run runs \
     again; say `retries: { attempts: 0 }`",
);
pub(super) const CLIENT_RETRIES: Rule = Rule::warning(
    "client-retries",
    "clients can ask for retries with headers; list `x-envoy-retry-on` and the others of its kind \
     under `request_headers_to_remove`",
);
pub(super) const ROUTE_TIMEOUT: Rule = Rule::warning(
    "route-timeout",
    "the route's timeout cuts slow tools and streams of events (15s where none is given); say \
     `timeout: 0s`",
);
pub(super) const ROUTE_TIMEOUT_GATEWAY: Rule = Rule::warning(
    "route-timeout",
    "the rule's timeout cuts slow tools and streams of events (15s where none is given); say \
     `timeouts: { request: 0s }`",
);
pub(super) const ROUTE_TIMEOUT_TRAFFIC: Rule = Rule::warning(
    "route-timeout",
    "the timeout cuts slow tools and streams of events; say `requestTimeout: 0s`",
);
pub(super) const IDLE_TIMEOUT: Rule = Rule::warning(
    "idle-timeout",
    "streams of events say nothing for long, and this cuts them (5m where none is given); say \
     `stream_idle_timeout: 3600s`",
);
pub(super) const REQUEST_TIMEOUT: Rule = Rule::warning(
    "request-timeout",
    "nothing bounds the time in which a request comes, so whoever opens requests and sends no \
     bodies holds memory; say `request_timeout: 30s`",
);
pub(super) const PHASE: Rule = Rule::warning(
    "phase",
    "the filter runs before Istio has verified tokens, so it knows no caller; say `phase: AUTHZ`",
);
pub(super) const NO_JWT_AUTHN: Rule = Rule::warning(
    "no-jwt-authn",
    "the policy knows callers by verified tokens, and no filter in front of it verifies any, so no \
     token names a caller; put envoy.filters.http.jwt_authn in front of it",
);
pub(super) const NO_FILTER_STATE: Rule = Rule::warning(
    "no-filter-state",
    "the policy reads the claims of tokens from a filter state that no filter in front of it \
     writes, so every token is refused; put envoy.filters.http.set_filter_state between jwt_authn \
     and the filter",
);
