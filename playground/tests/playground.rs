//! The playground's answers, by the same tests natively and, by `wasm-bindgen-test`, in a
//! browser.

use mcp_policy_playground::{Gateway, MAX_CALLS, check, compose};
use serde_json::{Value, json};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[cfg(target_family = "wasm")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

/// The steps of the tour.
const STEPS: [&str; 13] = [
    include_str!("../../docs/tour/01-deny-by-default.md"),
    include_str!("../../docs/tour/02-patterns.md"),
    include_str!("../../docs/tour/03-arguments.md"),
    include_str!("../../docs/tour/04-what-cannot-be-decided.md"),
    include_str!("../../docs/tour/05-limits.md"),
    include_str!("../../docs/tour/06-budgets.md"),
    include_str!("../../docs/tour/07-repeats.md"),
    include_str!("../../docs/tour/08-callers.md"),
    include_str!("../../docs/tour/09-grants-and-groups.md"),
    include_str!("../../docs/tour/10-shadow.md"),
    include_str!("../../docs/tour/11-lists.md"),
    include_str!("../../docs/tour/12-approvals.md"),
    include_str!("../../docs/tour/README.md"),
];

/// The first fence of a kind.
fn fence<'p>(page: &'p str, kind: &str) -> &'p str {
    let open = format!("```{kind}\n");
    let rest = page.split_once(&open).unwrap().1;
    rest.split_once("\n```").unwrap().0
}

const REFUNDS: &str = r#"{
  "version": "1",
  "default": "deny",
  "identity": [ { "header": "x-agent-id" } ],
  "tools": {
    "refund": { "limits": [ { "counter": "refunds", "window": "minute", "max": 2 } ] },
    "pay": { "deny_if": [ { "name": "much", "conditions": [ { "path": "args.amount", "op": "gt", "value": 5 } ] } ] }
  },
  "settings": { "paths": ["/mcp"] }
}"#;

#[test]
fn the_tour_gives_what_its_tables_say() {
    let mut lines = 0;
    for page in STEPS {
        let policy = fence(page, "json policy");
        let findings = check(policy);
        let is_error = |one: &Value| one["severity"] == "error";
        assert!(!findings.as_array().unwrap().iter().any(is_error), "{findings}");
        let mut gateway = Gateway::open(policy).unwrap();
        for line in fence(page, "text calls").lines() {
            let row = gateway.play(line, true);
            assert_eq!(row["kind"], "call", "{line}: {row}");
            assert_eq!(row["met"], true, "{line}: {row}");
            assert!(row["told"]["answer"]["status"].is_u64() || row["told"]["answer"].is_null());
            lines += 1;
        }
    }
    assert!(lines > 70, "{lines}");
}

#[test]
fn a_statement_that_is_not_true_is_told() {
    let mut gateway = Gateway::open(REFUNDS).unwrap();
    let row = gateway.play("refund (x-agent-id: a)  rate_limited", false);
    assert_eq!((&row["met"], &row["expected"]), (&json!(false), &json!("rate_limited")));
    assert_eq!(gateway.play("refund (x-agent-id: a)", false)["met"], Value::Null);
}

#[test]
fn warnings_of_a_step_have_their_places() {
    let policy = fence(STEPS[1], "json policy");
    let findings = check(policy);
    let told: Vec<String> = findings
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            assert_eq!(one["severity"], "warning");
            let units: Vec<u16> = policy.encode_utf16().collect();
            let place =
                one["from"].as_u64().unwrap() as usize..one["to"].as_u64().unwrap() as usize;
            let key = String::from_utf16(&units[place]).unwrap();
            assert_eq!(one["path"], format!("/tools/{}", key.trim_matches('"')));
            format!("{}: {}", one["path"].as_str().unwrap(), one["message"].as_str().unwrap())
        })
        .collect();
    assert_eq!(told.join("\n"), fence(STEPS[1], "text warnings"));
}

#[test]
fn places_are_in_units_of_the_page() {
    let findings = check("{\"version\": \"1\", \"description\": \"😀é\", \"default\": \"denyy\"}");
    let one = &findings[0];
    assert_eq!(
        (&one["path"], &one["from"], &one["to"]),
        (&json!("/default"), &json!(39), &json!(48))
    );
    let broken = check("{\"version\": \"😀\", }");
    assert_eq!((&broken[0]["from"], &broken[0]["severity"]), (&json!(18), &json!("error")));
    let twice = check("{\"version\": \"1\", \"default\": \"deny\", \"default\": \"allow\"}");
    assert_eq!((&twice[0]["from"], &twice[0]["to"]), (&json!(36), &json!(45)));
    assert_eq!(check(" \n")[0]["message"], "the text is empty; give it a policy");
}

#[test]
fn limits_count_down_and_a_case_begins_anew() {
    let mut gateway = Gateway::open(REFUNDS).unwrap();
    let mut left = Vec::new();
    for _ in 0..3 {
        let row = gateway.play("refund (x-agent-id: a)", true);
        left.push(row["told"]["limits"][0]["left"].clone());
    }
    assert_eq!(left, [json!(1), json!(0), json!(0)]);
    let row = gateway.play("00:00:20  refund (x-agent-id: b), 3 times", true);
    let rounds: Vec<_> = row["rounds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["times"], &one["outcome"]))
        .collect();
    assert_eq!(rounds, [(&json!(2), &json!("allowed")), (&json!(1), &json!("rate_limited"))]);
    assert_eq!(row["told"]["limits"][0]["retry_after"], 40);
    let place = &row["told"]["place"];
    let rule =
        &REFUNDS[place["from"].as_u64().unwrap() as usize..place["to"].as_u64().unwrap() as usize];
    assert_eq!(rule, r#"{ "counter": "refunds", "window": "minute", "max": 2 }"#);
    assert_eq!(gateway.play("case other", false)["kind"], "case");
    assert_eq!(gateway.play("refund (x-agent-id: a)", false)["rounds"][0]["outcome"], "allowed");
}

#[test]
fn a_decision_is_explained_in_the_words_of_the_command() {
    let mut gateway = Gateway::open(REFUNDS).unwrap();
    let row = gateway.play("pay {\"amount\": 80} (x-agent-id: a)", true);
    let told = &row["told"];
    assert_eq!(told["verdict"], "DENIED (deny_if): pay {\"amount\": 80}");
    assert_eq!(told["rule"], "/tools/pay/deny_if/much");
    assert!(told["remedy"].as_str().unwrap().starts_with("send a call for which"));
    let steps: Vec<&str> =
        told["steps"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert!(steps.contains(&"caller  a: named by the header x-agent-id"), "{steps:?}");
    assert!(told["answer"]["body"].as_str().unwrap().contains("\"code\":403"));
    assert_eq!(told["records"].as_array().unwrap().len(), 1);
    // A step has no counts to lose by being told.
    assert_eq!(gateway.play("pay {\"amount\": 5} (x-agent-id: a)", false)["told"], Value::Null);
}

#[test]
fn a_message_is_sent_as_it_is() {
    let mut gateway = Gateway::open(REFUNDS).unwrap();
    let message = r#"{"jsonrpc": "2.0", "id": 12345678901234567, "method": "tools/call", "params": {"name": "x"}}"#;
    let row = gateway.play(&format!("{message} (x-agent-id: a)"), true);
    assert_eq!(row["rounds"][0]["outcome"], "default_deny");
    assert!(row["told"]["answer"]["body"].as_str().unwrap().contains("\"id\":12345678901234567"));
    assert_eq!(
        gateway.play("[1, 2] (x-agent-id: a)", false)["rounds"][0]["outcome"],
        "batch_refused"
    );
    let row = gateway.play("{} (x-agent-id)", false);
    assert_eq!((&row["kind"], &row["at"]), (&json!("fault"), &json!(4)));
}

#[test]
fn calls_go_where_the_policy_has_mcp() {
    let policy = REFUNDS.replace("/mcp", "/shop/mcp");
    let mut gateway = Gateway::open(&policy).unwrap();
    assert_eq!(gateway.play("refund (x-agent-id: a)", false)["rounds"][0]["outcome"], "allowed");
    let row = gateway.play("POST /mcp tools/list (x-agent-id: a)", false);
    assert_eq!(row["rounds"][0]["outcome"], "path");
}

#[test]
fn a_table_is_bounded() {
    let mut gateway = Gateway::open(REFUNDS).unwrap();
    let row = gateway.play(&format!("x (x-agent-id: a), {} times", MAX_CALLS + 1), false);
    assert_eq!(row["kind"], "fault");
    assert_eq!(gateway.play("x (x-agent-id: a)", false)["kind"], "fault");
}

#[test]
fn a_form_becomes_a_line_that_says_the_same() {
    let mut gateway = Gateway::open(REFUNDS).unwrap();
    let composed = |fields: Value| compose(gateway.policy(), &fields.to_string());
    let line = composed(json!({
        "time": "00:00:05", "tool": "pay", "arguments": "{\n  \"amount\": 5,\n  \"note\": \"a  b (c); \\\"d\"\n}",
        "caller": "planner", "claims": "{\"team\": \"a; (b)\", \"realm\": {\"level\": 2}}",
        "headers": "X-Trace: 1\n", "times": "2",
    }));
    let line = line["line"].as_str().unwrap();
    assert_eq!(
        line,
        "00:00:05  pay {\"amount\": 5, \"note\": \"a \\u0020b (c); \\\"d\"} (x-agent-id: planner; \
         claim team = \"a\\u003b \\u0028b\\u0029\"; claim realm = {\"level\":2}; x-trace: 1), 2 times"
    );
    let faults = [
        (json!({}), "tool"),
        (json!({ "tool": "a b" }), "tool"),
        (json!({ "tool": "a", "time": "1:2" }), "time"),
        (json!({ "tool": "a", "times": "x" }), "times"),
        (json!({ "tool": "a", "times": "0" }), "times"),
        (json!({ "tool": "a", "arguments": "{} {" }), "arguments"),
        (json!({ "tool": "case" }), "tool"),
        (json!({ "tool": "a", "arguments": "5" }), "arguments"),
        (json!({ "tool": "a", "claims": "[]" }), "claims"),
        (json!({ "tool": "a", "claims": "{\"a.b\": 1}" }), "claims"),
        (json!({ "tool": "a", "caller": "x; y: z" }), "caller"),
        (json!({ "tool": "a", "headers": "x" }), "headers"),
        (json!({ "tool": "a", "headers": "x: a; b: c" }), "headers"),
        (json!({ "tool": "a", "headers": "x: a  b" }), "headers"),
        (json!({ "tool": "a", "headers": "x: y (z" }), "headers"),
    ];
    for (fields, field) in faults {
        let answer = composed(fields.clone());
        assert_eq!(answer["field"], field, "{fields}: {answer}");
    }
    let row = gateway.play(line, true);
    assert_eq!(
        row["rounds"],
        json!([{
            "times": 2, "outcome": "allowed", "facts": ["/tools/pay"], "message": "", "text": "allowed  /tools/pay",
        }])
    );
}

#[test]
fn each_source_of_ids_has_words_for_a_caller() {
    let hash = "00".repeat(32);
    for identity in [
        r#"[{"header": "x-id"}]"#.to_owned(),
        r#"[{"jwt": {"claim": ["iss", "sub.id"]}}]"#.to_owned(),
        r#"[{"mtls": "subject"}]"#.to_owned(),
        format!(r#"[{{"bearer": {{"tokens": {{"a|b": "sha256:{hash}"}}}}}}]"#),
    ] {
        let policy = format!(
            r#"{{"version": "1", "default": "deny", "identity": {identity},
                 "grants": {{"a|b": {{"default": "allow"}}}}, "settings": {{"paths": ["/mcp"]}}}}"#
        );
        let mut gateway = Gateway::open(&policy).unwrap();
        let answer = compose(gateway.policy(), r#"{"tool": "x", "caller": "a|b"}"#);
        let line = answer["line"].as_str().unwrap_or_else(|| panic!("{identity}: {answer}"));
        assert_eq!(gateway.play(line, false)["rounds"][0]["outcome"], "allowed", "{line}");
    }
}

/// Numbers that are the same each time: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    /// A text with a few changes: characters that go, come or are another.
    fn changed(&mut self, text: &str) -> String {
        const NEW: [&str; 20] = [
            "{",
            "}",
            "[",
            "]",
            "\"",
            ",",
            ":",
            "\\",
            "  ",
            "\n",
            "0",
            "-1e999",
            "null",
            "é",
            "😀",
            "\u{0}",
            " (",
            ")",
            "; ",
            "claim sub = \"x\"",
        ];
        let mut chars: Vec<String> = text.chars().map(String::from).collect();
        for _ in 0..=self.below(4) {
            let at = self.below(chars.len() + 1);
            let new = NEW[self.below(NEW.len())].to_owned();
            match self.below(3) {
                0 => chars.insert(at, new),
                1 if at < chars.len() => chars[at] = new,
                _ => {
                    let end = (at + self.below(20)).min(chars.len());
                    chars.drain(at..end);
                }
            }
        }
        chars.concat()
    }
}

#[test]
fn every_text_has_an_answer() {
    let mut random = Random(0x5eed_1234_abcd_0001);
    let (mut valid, mut calls) = (0, 0);
    for round in 0..40 {
        for page in STEPS {
            let policy = fence(page, "json policy");
            let policy = if round % 4 == 0 { policy.to_owned() } else { random.changed(policy) };
            let units = policy.encode_utf16().count() as u64;
            for one in check(&policy).as_array().unwrap() {
                let (from, to) = (one["from"].as_u64().unwrap(), one["to"].as_u64().unwrap());
                assert!(from <= to && to <= units, "{one}\n{policy}");
                assert!(!one["message"].as_str().unwrap().is_empty());
            }
            let Some(mut gateway) = Gateway::open(&policy) else { continue };
            valid += 1;
            for line in fence(page, "text calls").lines() {
                let line = random.changed(line).replace('\n', " ");
                let row = gateway.play(&line, true);
                let known = ["nothing", "case", "day", "fault", "call"];
                assert!(known.contains(&row["kind"].as_str().unwrap()), "{row}");
                calls += usize::from(row["kind"] == "call");
                let fields = json!({ "tool": line, "arguments": line, "caller": line, "claims": line, "headers": line });
                assert!(compose(gateway.policy(), &fields.to_string()).is_object());
            }
        }
    }
    assert!(valid > 100 && calls > 200, "{valid} {calls}");
}
