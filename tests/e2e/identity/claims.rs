//! Conditions on claims, as Envoy hands them over: in metadata without their types,
//! lists by index, objects by key; in a filter state as one text with all types.

use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use serde_json::{Map, Value, json};

use crate::support::{passed, reason};
use crate::tokens::{Issuer, Place};

/// A path, an operator and a value, and the outcome of a call that requires the condition.
type Row = (&'static str, &'static str, Value, &'static str);

const HOLDS: &str = "holds";
/// The condition is false: reason `require`.
const FALSE: &str = "require";
/// Reason `undecidable`.
const UNCLEAR: &str = "undecidable";

fn token() -> Value {
    json!({
        "sub": "alice",
        "level": 5,
        "ratio": 0.5,
        "big": 9_007_199_254_740_993_u64,
        "admin": true,
        "off": false,
        "nothing": null,
        "eight": "12345678",
        "blank": "",
        "groups": ["dev", "ops"],
        "numbers": [7, 8],
        "none": [],
        "blanks": [""],
        "holed": { "no": null, "yes": "x" },
        "null_first": [null, "dev"],
        "null_last": ["dev", null],
        "empty": {},
        "org": { "name": "acme", "teams": ["red", "blue"], "size": 12 },
        "with.dot": "dotted",
    })
}

#[tokio::test]
async fn conditions_read_claims_of_every_kind() {
    let rows: Vec<Row> = vec![
        ("claims.sub", "eq", json!("alice"), HOLDS),
        ("claims.sub", "eq", json!("bob"), FALSE),
        ("claims.sub", "neq", json!("bob"), HOLDS),
        ("claims.sub", "in", json!(["bob", "alice"]), HOLDS),
        ("claims.sub", "regex", json!("^al"), HOLDS),
        ("claims.sub", "starts_with", json!("al"), HOLDS),
        ("claims.sub", "gte", json!(1), UNCLEAR),
        ("claims.level", "gte", json!(5), HOLDS),
        ("claims.level", "gt", json!(5), FALSE),
        ("claims.level", "lt", json!(5.5), HOLDS),
        ("claims.level", "eq", json!(5), HOLDS),
        ("claims.level", "in", json!([4, 5]), HOLDS),
        ("claims.level", "not_in", json!([4, 5]), FALSE),
        ("claims.level", "eq", json!("5"), UNCLEAR),
        ("claims.level", "regex", json!("5"), UNCLEAR),
        ("claims.level", "eq", json!(true), UNCLEAR),
        ("claims.ratio", "lte", json!(0.5), HOLDS),
        ("claims.big", "gt", json!(9_007_199_254_740_000_u64), HOLDS),
        ("claims.admin", "eq", json!(true), HOLDS),
        ("claims.admin", "eq", json!(false), FALSE),
        ("claims.missing", "eq", json!("x"), FALSE),
        ("claims.missing", "neq", json!("x"), FALSE),
        ("claims.missing", "exists", json!(false), HOLDS),
        ("claims.missing.deeper", "exists", json!(false), HOLDS),
        ("claims.blank", "exists", json!(true), HOLDS),
        ("claims.blank", "eq", json!(""), HOLDS),
        ("claims.eight", "eq", json!("12345678"), HOLDS),
        ("claims[\"with.dot\"]", "eq", json!("dotted"), HOLDS),
        ("claims.groups", "contains", json!("ops"), HOLDS),
        ("claims.groups", "contains", json!("op"), FALSE),
        ("claims.groups[1]", "eq", json!("ops"), HOLDS),
        ("claims.groups[2]", "exists", json!(false), HOLDS),
        ("claims.groups", "exists", json!(true), HOLDS),
        ("claims.groups", "exists", json!(false), FALSE),
        ("claims.groups", "eq", json!("dev"), UNCLEAR),
        ("claims.groups", "neq", json!("dev"), UNCLEAR),
        ("claims.groups", "regex", json!("dev"), UNCLEAR),
        ("claims.groups", "gte", json!(1), UNCLEAR),
        ("claims.numbers[1]", "eq", json!(8), HOLDS),
        ("claims.none", "exists", json!(true), HOLDS),
        ("claims.none", "eq", json!(""), UNCLEAR),
        ("claims.none", "gte", json!(0), UNCLEAR),
        ("claims.blanks", "gte", json!(0), UNCLEAR),
        ("claims.blanks", "contains", json!(""), HOLDS),
        ("claims.blanks", "contains", json!("x"), FALSE),
        ("claims.empty", "gte", json!(0), UNCLEAR),
        ("claims.empty", "eq", json!(""), UNCLEAR),
        ("claims.missing", "contains", json!("dev"), FALSE),
        ("claims.sub", "contains", json!("ali"), UNCLEAR),
        ("claims.blank", "contains", json!(""), UNCLEAR),
        ("claims.org", "exists", json!(true), HOLDS),
        ("claims.org", "eq", json!("acme"), UNCLEAR),
        ("claims.org", "regex", json!("acme"), UNCLEAR),
        ("claims.org", "contains", json!("acme"), UNCLEAR),
        ("claims.org.name", "eq", json!("acme"), HOLDS),
        ("claims.org.size", "gte", json!(12), HOLDS),
        ("claims.org.teams", "contains", json!("blue"), HOLDS),
        ("claims.org.teams[0]", "eq", json!("red"), HOLDS),
        ("claims.sub.deeper", "exists", json!(true), FALSE),
    ];
    check(&rows).await;
}

#[tokio::test]
async fn a_boolean_claim_is_no_text() {
    check(&[
        ("claims.admin", "eq", json!("true"), UNCLEAR),
        ("claims.admin", "neq", json!("true"), UNCLEAR),
        ("claims.admin", "regex", json!("true"), UNCLEAR),
        ("claims.off", "eq", json!("false"), UNCLEAR),
    ])
    .await;
}

#[tokio::test]
async fn a_null_claim_in_metadata_may_be_an_object_with_a_null_in_it() {
    check_in(
        Place::Metadata,
        &[
            ("claims.nothing", "exists", json!(false), UNCLEAR),
            ("claims.nothing", "exists", json!(true), UNCLEAR),
            ("claims.nothing", "eq", json!("x"), UNCLEAR),
            ("claims.nothing", "contains", json!("x"), UNCLEAR),
            ("claims.holed", "exists", json!(true), UNCLEAR),
            ("claims.holed.yes", "eq", json!("x"), HOLDS),
            ("claims.holed.no", "eq", json!("x"), UNCLEAR),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_list_in_metadata_with_a_null_in_it_is_a_list() {
    check_in(
        Place::Metadata,
        &[
            ("claims.null_first", "contains", json!("dev"), UNCLEAR),
            ("claims.null_first", "contains", json!("ops"), UNCLEAR),
            ("claims.null_first", "exists", json!(true), HOLDS),
            ("claims.null_first", "eq", json!("dev"), UNCLEAR),
            ("claims.null_first[0]", "exists", json!(false), UNCLEAR),
            ("claims.null_first[1]", "eq", json!("dev"), HOLDS),
            ("claims.null_last", "contains", json!("dev"), HOLDS),
            ("claims.null_last", "contains", json!("ops"), UNCLEAR),
            ("claims.null_last", "exists", json!(false), FALSE),
        ],
    )
    .await;
}

/// Bytes without a type leave some conditions undecidable.
#[tokio::test]
async fn a_null_and_eight_characters_are_told_apart_in_a_filter_state() {
    check_in(
        Place::State,
        &[
            ("claims.eight", "gte", json!(0), UNCLEAR),
            ("claims.nothing", "exists", json!(false), HOLDS),
            ("claims.nothing", "eq", json!("x"), FALSE),
            ("claims.holed", "exists", json!(true), HOLDS),
            ("claims.holed.no", "exists", json!(false), HOLDS),
            ("claims.holed.yes", "eq", json!("x"), HOLDS),
            ("claims.null_first", "contains", json!("dev"), HOLDS),
            ("claims.null_first", "contains", json!("ops"), FALSE),
            ("claims.null_last", "contains", json!("ops"), FALSE),
            ("claims.null_first[0]", "exists", json!(false), HOLDS),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_empty_list_of_claims_holds_nothing() {
    check(&[("claims.none", "contains", json!("dev"), FALSE)]).await;
}

#[tokio::test]
async fn a_number_that_envoy_has_rounded_equals_none() {
    // Envoy reads claims as doubles, where this is its even neighbour.
    check(&[
        ("claims.big", "eq", json!(9_007_199_254_740_992_u64), UNCLEAR),
        ("claims.big", "eq", json!(9_007_199_254_740_993_u64), UNCLEAR),
    ])
    .await;
}

/// The same from wherever claims are read.
async fn check(rows: &[Row]) {
    for place in Place::readable() {
        check_in(*place, rows).await;
    }
}

async fn check_in(place: Place, rows: &[Row]) {
    let outcomes = outcomes(place, rows).await;
    let wrong: Vec<_> = rows.iter().zip(outcomes).filter(|(row, found)| row.3 != found).collect();
    assert!(wrong.is_empty(), "found instead, {place:?}: {wrong:#?}");
}

/// The outcomes of a call of a tool that requires the condition, for each of the rows.
async fn outcomes(place: Place, rows: &[Row]) -> Vec<String> {
    let name = |index: usize| format!("tool_{index}");
    let tools = rows.iter().enumerate().map(|(index, (path, op, value, _))| {
        let condition = json!({ "path": path, "op": op, "value": value });
        (name(index), json!({ "require": [{ "conditions": [condition] }] }))
    });
    let policy = json!({
        "version": "1",
        "default": "deny",
        "identity": [place.source(&json!("sub"))],
        "tools": tools.collect::<Map<_, _>>(),
    });
    let (issuer, upstream) = (Issuer::new(), Upstream::start().await);
    let builder = Gateway::builder().policy(policy.to_string()).upstream(upstream.addr());
    let gateway = place.behind(&issuer, builder).start().await;
    let mut connection = http1::Connection::open(gateway.addr()).await;
    let mut outcomes = Vec::new();
    for index in 0..rows.len() {
        let call = Request::tool_call(1, &name(index), "{}");
        let response = connection.send(&issuer.authorize(call, token())).await;
        outcomes.push(match passed(&response) {
            true => HOLDS.to_owned(),
            false => reason(&response).as_str().unwrap_or("no reason").to_owned(),
        });
    }
    outcomes
}
