//! The policies that requests are sent to, each with the same in Rust.

use mcp_policy_filter::policy::Policy;

/// A policy, and what it says.
pub(super) struct Subject {
    pub(super) policy: Policy,
    /// Whether a caller may call a tool, as far as names go.
    pub(super) allows: fn(&str, &str) -> bool,
    pub(super) exempts: bool,
    pub(super) any_method: bool,
    /// The arguments whose values may be recorded.
    pub(super) recorded: Vec<&'static str>,
    /// Whether it is in shadow mode.
    pub(super) watches: bool,
}

/// Asks the subject that `choice` stands for.
pub(super) fn with(choice: u8, ask: impl FnOnce(&Subject)) {
    thread_local! {
        static SUBJECTS: Vec<Subject> = subjects();
    }
    SUBJECTS.with(|subjects| ask(&subjects[usize::from(choice) % subjects.len()]));
}

/// The conditions on the arguments of `pay`, and of `wire`, which moreover may have no
/// others.
const ASKED: &str = r#"
    "require": [{"conditions": [{"path": "args.amount", "op": "lte", "value": 100}]}],
    "deny_if": [
        {"conditions": [{"path": "args.to", "op": "eq", "value": "mallory"}]},
        {"conditions": [{"path": "args.path", "op": "contains", "value": ".."}]}
    ]"#;
/// The same of `wire` by a schema.
const FORMED: &str = r##""wire": {
    "schema": {"properties": {"amount": {"$ref": "#/$defs/amount"}, "to": {}, "path": true},
               "required": ["amount"], "additionalProperties": false,
               "$defs": {"amount": {"type": "number", "maximum": 100}}},
    "deny_if": [
        {"conditions": [{"path": "args.to", "op": "eq", "value": "mallory"}]},
        {"conditions": [{"path": "args.path", "op": "contains", "value": ".."}]}
    ]}"##;
const WIRE: &str = r#""wire": {"args": ["amount", "to", "path"], ASKED}"#;

/// The key of digests, which no record shows.
pub(super) const AUDIT_KEY: &str = "correct horse battery";

fn subjects() -> Vec<Subject> {
    let subject = |text: &str, allows| {
        let text = text
            .replace("FORMED", FORMED)
            .replace("WIRE", WIRE)
            .replace("ASKED", ASKED)
            .replace("KEY", AUDIT_KEY);
        let policy = Policy::parse(text.as_bytes(), "fuzz")
            .unwrap_or_else(|errors| panic!("{:?}", errors.lines().collect::<Vec<_>>()));
        let exempts = !policy.settings.exempt_paths.is_empty();
        let paths = ["args.to", "args.path", "args.x.y"];
        let recorded = paths.into_iter().filter(|_| text.contains("record")).collect();
        let any_method = policy.settings.passes("anything");
        Subject { policy, allows, exempts, any_method, recorded, watches: text.contains("shadow") }
    };
    vec![
        subject(
            r#"{"version": "1", "default": "deny", "hide": ["secret_*"], "tools": {
                "safe": {}, "danger": {"action": "deny", "reason": "No."}, "pay": {ASKED}, WIRE,
                "github_*": {"action": "deny"}, "github_list_*": {}}}"#,
            |tool, _| matches!(tool, "safe" | "pay" | "wire") || tool.starts_with("github_list_"),
        ),
        subject(
            r#"{"version": "1", "default": "allow", "tools": {
                "danger": {"action": "deny"}, "danger_*": {"action": "deny"}, "pay": {ASKED}, WIRE},
                "settings": {"paths": ["/mcp"], "batches": "judge", "denied_as": "result", "audit_key": "KEY"}}"#,
            |tool, _| tool != "danger" && !tool.starts_with("danger_"),
        ),
        subject(
            r#"{"version": "1", "default": "allow", "tools": {"danger": {"action": "deny"}, "pay": {ASKED}, WIRE},
                "settings": {"max_body_bytes": 160, "max_depth": 3, "exempt_paths": ["/healthz"]}}"#,
            |tool, _| tool != "danger",
        ),
        subject(
            r#"{"version": "1", "default": "deny", "tools": {"safe": {}, "pay": {ASKED}, WIRE},
                "identity": [{"header": "x-user"}],
                "grants": {
                    "alice": {"default": "allow", "tools": {"danger": {"action": "deny"}, "pay": {ASKED}, WIRE}},
                    "b*": {"default": "deny", "tools": {"list_*": {"rate_limit": "1/minute"}}}},
                "settings": {"batches": "judge"}}"#,
            |tool, user| match user {
                "alice" => tool != "danger",
                "bob" => tool.starts_with("list_"),
                _ => matches!(tool, "safe" | "pay" | "wire"),
            },
        ),
        subject(
            r#"{"version": "1", "default": "deny", "tools": {
                "safe": {"rate_limit": "2/minute"},
                WIRE, "pay": {ASKED,
                    "limits": [
                        {"counter": "budget", "window": "day", "max": 150,
                            "increment_from": "args.amount"},
                        {"counter": "calls", "window": 60, "max": 3, "algorithm": "sliding",
                            "scope": "session"},
                        {"counter": "all", "window": "hour", "max": 5}]}},
                "settings": {"batches": "judge"}}"#,
            |tool, _| matches!(tool, "safe" | "pay" | "wire"),
        ),
        subject(
            r#"{"version": "1", "default": "allow", "tools": {"danger": {"action": "deny"}, "pay": {ASKED}, WIRE},
                "settings": {"methods": ["*"]}}"#,
            |tool, _| tool != "danger",
        ),
        subject(
            r#"{"version": "1", "default": "allow", "tools": {"danger": {"action": "deny"}, "pay": {ASKED}, FORMED}}"#,
            |tool, _| tool != "danger",
        ),
        subject(
            r#"{"version": "1", "default": "allow", "mode": "shadow",
                "settings": {"batches": "judge", "audit_key": "KEY", "record": ["args.to"]},
                "tools": {"danger": {"action": "deny", "record": ["args.path", "args.x.y"]}, "pay": {ASKED}, WIRE}}"#,
            |tool, _| tool != "danger",
        ),
    ]
}
