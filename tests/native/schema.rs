//! `policy.schema.json` is for editors, and says what the code says: it lets
//! every good policy pass and no bad one, except for what a schema cannot express;
//! its keys, operators and defaults are the code's.

use crate::config::{files, root};
use boon::{Compiler, SchemaIndex, Schemas};
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::policy::condition::Test;
use mcp_policy_filter::policy::document::{Ask, Document, OnFailure};
use mcp_policy_filter::wire::mcp::KNOWN_METHODS;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Broken policies that no reader of JSON hands to a schema.
const NOT_JSON: [(&str, &str); 14] = [
    ("bare_key", "a key without quotes"),
    ("blank", "no value"),
    ("byte_order_mark", "a byte order mark"),
    ("comment_in_json", "a comment"),
    ("control_character_in_text", "a raw line break in a string"),
    ("empty", "no value"),
    ("lone_surrogate", "half of a surrogate pair"),
    ("max_overflow", "a number beyond doubles"),
    ("not_json", "YAML"),
    ("not_utf8", "Latin-1"),
    ("single_quotes", "the quotes of another language"),
    ("trailing_comma", "a comma before a bracket"),
    ("two_documents", "text after the document"),
    ("value_overflows", "a number beyond doubles"),
];

/// Broken policies that the schema lets pass: why, and which.
const BEYOND_A_SCHEMA: [(&str, &[&str]); 18] = [
    (
        "where the references of a schema of arguments lead, and whether arguments can fit it",
        &["schema_circles", "schema_no_arguments"],
    ),
    (
        "a reader of JSON keeps one of two equal keys",
        &[
            "duplicate_key_condition",
            "duplicate_key_deep_in_value",
            "duplicate_key_escaped",
            "duplicate_key_grant",
            "duplicate_key_in_value",
            "duplicate_key_limit",
            "duplicate_key_settings",
            "duplicate_key_token",
            "duplicate_keys",
        ],
    ),
    (
        "distant places of the document have to be compared",
        &[
            "approvals_flood",
            "approvals_flood_by_requests",
            "approvals_home_bare",
            "approvals_home_flood",
            "approvals_in_grant",
            "approvals_path_exempt",
            "approvals_path_missing",
            "approvals_path_of_mcp",
            "approvals_path_over_an_exempt_one",
            "approvals_path_over_mcp",
            "approvals_without_identity",
            "approve_if_nobody",
            "approve_if_too_many",
            "approve_if_too_many_for_all",
            "authorization_with_bearer",
            "authorization_with_bearer_in_grant",
            "anonymous_token",
            "anonymous_without_identity",
            "authorization_with_bearer_in_group",
            "authorization_with_bearer_quoted",
            "bearer_same_token_for_two",
            "bearer_same_token_in_upper_case",
            "counters_disagree",
            "counters_disagree_across_grants",
            "counters_disagree_in_grant",
            "counters_disagree_on_algorithm",
            "counters_disagree_on_increment_from",
            "counters_disagree_on_scope",
            "counters_disagree_on_window",
            "counters_disagree_with_all_tools",
            "counters_disagree_with_rate_limit",
            "extends_counters",
            "extends_shadow_counters",
            "extends_too_many_approvals",
            "extends_too_many_limits",
            "groups_after_all_grants",
            "paths_exempt",
            "per_authorization",
            "per_disagrees",
            "protected_resource_no_sources",
            "replicas_caller_in_name",
            "replicas_disagree",
            "replicas_disagree_on_unit",
            "replicas_same_name",
            "replicas_same_name_as_global",
            "replicas_two_maxima",
            "replicas_window",
            "replicas_without_service",
            "protected_resource_without_identity",
            "hide_expressions",
            "lock_patterns",
            "named_check_authorization",
            "named_check_unknown",
            "offers_counters_differ",
            "offers_default_of_no_top",
            "offers_missing_in_bodies",
            "require_approval",
            "shadow_approver_require",
            "shadow_entry_shares_a_counter",
            "shadow_shares_a_counter",
            "tool_expressions",
            "weight_above_max",
        ],
    ),
    (
        "elements of a list have to be compared by one of their keys",
        &[
            "budget_weighed_twice",
            "check_name_twice",
            "counter_twice_in_one_rule",
            "group_names_twice",
            "named_check_twice",
            "grants_without_kind",
            "grants_without_token",
            "host_header",
            "offers_weighed_twice",
            "weighed_twice",
        ],
    ),
    (
        "the limit that bounds the caller may stand elsewhere",
        &[
            "offers_session_alone",
            "per_does_not_bound_sessions",
            "session_alone",
            "shadow_does_not_bound_extending",
            "shadow_does_not_bound_sessions",
            "session_alone_in_all_tools",
            "group_session_alone",
            "session_alone_in_extending_grant",
            "session_alone_in_grant",
            "session_bounded_elsewhere",
            "session_bound_by_budget",
        ],
    ),
    ("the parts of a URI have to be told apart", &["offers_uri_patterns"]),
    ("a `max` has to be divided by its unit", &["replicas_max", "unit_and_max"]),
    (
        "what two patterns match has to be compared",
        &["grants_of_one_pattern", "offers_twins", "same_pattern"],
    ),
    (
        "the regular expression has to be compiled",
        &[
            "regex_back_reference",
            "regex_backwards_range",
            "regex_look_ahead",
            "regex_repeat_beyond",
            "regex_too_large",
            "regex_unclosed",
            "regex_unicode_class",
        ],
    ),
    (
        "the path's pattern takes any index and any escape",
        &["path_half_surrogate", "path_huge_index", "path_nul"],
    ),
    (
        "a schema counts characters, the code bytes",
        &["settings_namespace_long", "tool_long_in_bytes"],
    ),
    (
        "`multipleOf` is computed with doubles, in which 0.1 is no multiple of 0.000001",
        &["max_seven_decimals"],
    ),
    ("a schema knows a number by its value, not by its spelling", &["number_too_long"]),
    ("a port has to be read as a number", &["protected_resource_hosts"]),
    ("a schema does not add the lengths of two values", &["limit_service_long_names"]),
    ("two moments have to be compared", &["valid_for_no_time"]),
    (
        "a schema does not measure how deep and how large a value is",
        &["connective_too_deep", "named_check_too_large", "value_too_deep"],
    ),
    (
        "that an address has one spelling, and a label none of another script, is beyond a pattern",
        &["host_in_long_address", "host_in_masked"],
    ),
];

/// The objects of the language: where the schema has them, and a policy with a
/// key in one that is none, so that the error lists those that are.
const OBJECTS: [(&str, &str); 27] = [
    ("", r#"{"zzzzzzzz": 0}"#),
    ("/$defs/all_tools", r#"{"all_tools": {"zzzzzzzz": 0}}"#),
    ("/$defs/approval", r#"{"tools": {"a": {"approval": {"zzzzzzzz": 0}}}}"#),
    ("/$defs/approvals", r#"{"settings": {"approvals": {"zzzzzzzz": 0}}}"#),
    (
        "/$defs/approvals/properties/notify",
        r#"{"settings": {"approvals": {"notify": {"zzzzzzzz": 0}}}}"#,
    ),
    (
        "/$defs/approvals/properties/serve_store",
        r#"{"settings": {"approvals": {"serve_store": {"zzzzzzzz": 0}}}}"#,
    ),
    (
        "/$defs/approvals/properties/store",
        r#"{"settings": {"approvals": {"store": {"zzzzzzzz": 0}}}}"#,
    ),
    ("/$defs/check", r#"{"all_tools": {"deny_if": [{"zzzzzzzz": 0}]}}"#),
    ("/$defs/condition", r#"{"all_tools": {"require": [{"conditions": [{"zzzzzzzz": 0}]}]}}"#),
    ("/$defs/counters", r#"{"settings": {"counters": {"zzzzzzzz": 0}}}"#),
    ("/$defs/grant", r#"{"grants": {"a": {"zzzzzzzz": 0}}}"#),
    ("/$defs/group", r#"{"groups": [{"zzzzzzzz": 0}]}"#),
    ("/$defs/limit", r#"{"all_tools": {"limits": [{"zzzzzzzz": 0}]}}"#),
    ("/$defs/limit_service", r#"{"settings": {"limit_service": {"zzzzzzzz": 0}}}"#),
    ("/$defs/offer", r#"{"prompts": {"rules": {"a": {"zzzzzzzz": 0}}}}"#),
    // A body that extends may leave the default to the top level.
    ("/$defs/prompts", r#"{"grants": {"a": {"extends": "top", "prompts": {"zzzzzzzz": 0}}}}"#),
    ("/$defs/resources", r#"{"grants": {"a": {"extends": "top", "resources": {"zzzzzzzz": 0}}}}"#),
    ("/$defs/rate_limit/anyOf/1", r#"{"tools": {"a": {"rate_limit": {"zzzzzzzz": 0}}}}"#),
    (
        "/$defs/protected_resource",
        r#"{"identity": [], "settings": {"protected_resource": {"zzzzzzzz": 0}}}"#,
    ),
    ("/properties/lock", r#"{"lock": {"zzzzzzzz": 0}}"#),
    (
        "/properties/lock/properties/tools/additionalProperties",
        r#"{"lock": {"mode": "report", "tools": {"a": {"zzzzzzzz": 0}}}}"#,
    ),
    ("/$defs/settings", r#"{"settings": {"zzzzzzzz": 0}}"#),
    ("/$defs/named_check", r#"{"checks": {"a": {"zzzzzzzz": 0}}}"#),
    ("/$defs/source", r#"{"identity": [{"zzzzzzzz": 0}]}"#),
    ("/$defs/source/properties/bearer", r#"{"identity": [{"bearer": {"zzzzzzzz": 0}}]}"#),
    ("/$defs/source/properties/jwt", r#"{"identity": [{"jwt": {"zzzzzzzz": 0}}]}"#),
    ("/$defs/tool", r#"{"tools": {"a": {"zzzzzzzz": 0}}}"#),
];

fn schema() -> Value {
    serde_json::from_slice(&fs::read(root().join("policy.schema.json")).unwrap()).unwrap()
}

/// The schema, or parts of it, made ready to judge.
struct Judge {
    compiler: Compiler,
    schemas: Schemas,
}

impl Judge {
    fn new() -> Self {
        let mut compiler = Compiler::new();
        compiler.add_resource("urn:schema", schema()).unwrap();
        Self { compiler, schemas: Schemas::new() }
    }

    /// The part of the schema at a JSON pointer.
    fn part(&mut self, pointer: &str) -> SchemaIndex {
        let place = format!("urn:schema#{pointer}");
        let part = self.compiler.compile(&place, &mut self.schemas);
        part.unwrap_or_else(|error| panic!("{pointer}: {error:#}"))
    }

    fn judge(&self, value: &Value, part: SchemaIndex) -> Result<(), String> {
        self.schemas.validate(value, part).map_err(|error| format!("{error:#}"))
    }
}

fn stem(file: &Path) -> &str {
    file.file_stem().unwrap().to_str().unwrap()
}

/// Every part of the schema below `value`, with its JSON pointer. All
/// under `examples`, `default` and the like is data.
fn parts<'v>(pointer: String, value: &'v Value, found: &mut Vec<(String, &'v Value)>) {
    let Value::Object(members) = value else { return };
    for (key, value) in members {
        match (&**key, value) {
            ("properties" | "$defs", Value::Object(parts_by_name)) => {
                for (name, part) in parts_by_name {
                    parts(format!("{pointer}/{key}/{name}"), part, found);
                }
            }
            ("allOf" | "anyOf", Value::Array(list)) => {
                for (index, part) in list.iter().enumerate() {
                    parts(format!("{pointer}/{key}/{index}"), part, found);
                }
            }
            ("items" | "additionalProperties" | "propertyNames", part) => {
                parts(format!("{pointer}/{key}"), part, found);
            }
            _ => {}
        }
    }
    found.push((pointer, value));
}

fn all_parts(schema: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    parts(String::new(), schema, &mut found);
    found
}

/// The words in backticks.
fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn names(object: Option<&Value>) -> BTreeSet<&str> {
    object.and_then(Value::as_object).into_iter().flatten().map(|(key, _)| &**key).collect()
}

fn words(list: Option<&Value>) -> BTreeSet<&str> {
    list.and_then(Value::as_array).into_iter().flatten().map(|v| v.as_str().unwrap()).collect()
}

#[test]
fn the_schema_lets_good_policies_pass() {
    let mut judge = Judge::new();
    let whole = judge.part("");
    for folder in ["tests/data/policies/valid", "envoy/policies/minimal"] {
        for file in files(folder, "json") {
            let policy = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            if let Err(error) = judge.judge(&policy, whole) {
                panic!("{}: {error}", file.display());
            }
        }
    }
}

#[test]
fn the_schema_lets_no_other_bad_policy_pass_than_those_listed() {
    let mut judge = Judge::new();
    let whole = judge.part("");
    let (mut not_json, mut pass) = (BTreeSet::new(), BTreeSet::new());
    let files = files("tests/data/policies/broken", "json");
    for file in &files {
        match serde_json::from_slice(&fs::read(file).unwrap()) {
            Err(_) => not_json.insert(stem(file)),
            Ok(policy) => judge.judge(&policy, whole).is_ok() && pass.insert(stem(file)),
        };
    }
    assert_eq!(not_json, NOT_JSON.map(|(name, _)| name).into());
    assert_eq!(pass, BEYOND_A_SCHEMA.iter().flat_map(|(_, names)| *names).copied().collect());
}

#[test]
fn the_schema_has_the_keys_of_the_code() {
    let schema = schema();
    let objects: BTreeSet<String> = all_parts(&schema)
        .into_iter()
        .filter(|(_, part)| part["additionalProperties"] == json!(false))
        .map(|(pointer, _)| pointer)
        .collect();
    assert_eq!(objects, OBJECTS.map(|(pointer, _)| pointer.to_owned()).into());
    for (pointer, policy) in OBJECTS {
        let errors = Policy::parse(policy.as_bytes(), "").unwrap_err();
        let lines: Vec<_> = errors.lines().collect();
        let unknown = lines.iter().find_map(|line| line.split_once("/zzzzzzzz: unknown key;"));
        let (place, keys) = unknown.unwrap_or_else(|| panic!("{lines:?}"));
        let place = if place.is_empty() { "(top level)" } else { place };
        let missing = lines.iter().filter_map(|line| line.split_once(": "));
        let required: BTreeSet<&str> = missing
            .filter(|(at, message)| *at == place && message.ends_with(" is missing"))
            .flat_map(|(_, message)| quoted(message))
            .collect();
        let part = schema.pointer(pointer).unwrap();
        assert_eq!(names(part.get("properties")), quoted(keys), "{pointer}");
        let mut needed = words(part.get("required"));
        // Without any key, the first way to be complete is the one to take.
        needed.extend(words(part.pointer("/anyOf/0/required")));
        assert_eq!(needed, required, "{pointer}");
    }
}

#[test]
fn the_schema_has_the_operators_of_the_code() {
    let schema = schema();
    let condition = &schema["$defs"]["condition"];
    assert_eq!(words(condition["properties"]["op"].get("enum")), Test::NAMES.into());
    let rules = condition["allOf"].as_array().unwrap();
    for rule in rules {
        let ops = words(rule["if"]["properties"]["op"].get("enum"));
        assert!(!ops.is_empty() && ops.is_subset(&Test::NAMES.into()), "{ops:?}");
    }
}

#[test]
fn the_schema_has_the_defaults_of_the_code() {
    let schema = schema();
    let settings = Document::parse(br#"{"version": "1", "default": "deny"}"#).0.unwrap().settings;
    let given = |object: &str, key: &str| &schema["$defs"][object]["properties"][key]["default"];
    let methods: Vec<_> = KNOWN_METHODS.into_iter().chain(["notifications/*"]).collect();
    assert_eq!(given("settings", "methods"), &json!(methods));
    assert_eq!(given("settings", "max_body_bytes"), settings.max_body_bytes);
    assert_eq!(given("settings", "max_depth"), settings.max_depth);
    assert_eq!(given("settings", "hold_request_headers"), settings.hold_request_headers);
    assert_eq!(given("settings", "mark_requests"), settings.mark_requests);
    assert_eq!(given("counters", "capacity"), settings.counters.capacity);
    assert_eq!(given("counters", "max_entries"), settings.counters.max_entries);
    assert_eq!(given("counters", "values"), settings.counters.values);
    let policy = br#"{"version": "1", "default": "deny", "settings": {"limit_service": {}}}"#;
    let service = Document::parse(policy).0.unwrap().settings.limit_service.unwrap();
    assert_eq!(given("limit_service", "timeout_ms"), service.timeout_ms);
    assert_eq!(service.on_failure, OnFailure::Deny);
    assert_eq!(given("limit_service", "on_failure"), "deny");
    let policy = br#"{"version": "1", "default": "deny", "settings": {"approvals": {}}}"#;
    let approvals = Document::parse(policy).0.unwrap().settings.approvals.unwrap();
    assert_eq!(given("approvals", "approvers_may_ask"), approvals.approvers_may_ask);
    assert_eq!(given("approvals", "max_arguments_bytes"), approvals.max_arguments_bytes);
    assert_eq!((given("approvals", "ask").as_str(), approvals.ask), (Some("error"), Ask::Error));
}

#[test]
fn the_schema_explains_every_key_and_its_examples_fit() {
    let schema = schema();
    let mut judge = Judge::new();
    for (pointer, part) in all_parts(&schema) {
        let meant = match part["$ref"].as_str() {
            Some(place) => schema.pointer(place.trim_start_matches('#')).unwrap(),
            None => part,
        };
        if pointer.rsplit('/').nth(1) == Some("properties") && !pointer.contains("/allOf/") {
            for key in ["title", "description"] {
                let text = meant[key].as_str().unwrap_or_default();
                assert!(!text.is_empty(), "{pointer} has no {key}");
            }
        }
        let examples = part.get("examples").and_then(Value::as_array);
        for example in examples.into_iter().flatten().chain(part.get("default")) {
            let place = judge.part(&pointer);
            if let Err(error) = judge.judge(example, place) {
                panic!("{pointer}: {example}: {error}");
            }
        }
    }
}

/// A text in the place of a token's hash may by mistake be the token.
#[test]
fn tokens_are_not_shown_in_errors() {
    let mut shown = 0;
    for file in files("tests/data/policies/broken", "json") {
        let text = fs::read_to_string(&file).unwrap_or_default();
        if text.contains("s3cr3t") {
            let errors = fs::read_to_string(file.with_extension("txt")).unwrap();
            assert!(!errors.contains("s3cr3t"), "{}", file.display());
            shown += 1;
        }
    }
    assert!(shown >= 3);
}
