//! The values of arguments that records hold.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn a_record_has_the_values_that_the_policy_asks_for_and_no_other() {
    let gateway = gateway(
        r#"{"version": "1", "default": "deny", "hide": ["hid*"], "tools": {
            "a": {"record": ["args.path", "args.opts.force", "args.list[0]", "args.id"]},
            "hidden": {"record": ["args.path"]},
            "no": {"action": "deny", "record": ["args.path"]},
            "checked": {"args": ["id"], "record": ["args.path"]}},
        "settings": {"record": ["args.id"], "batches": "judge"}}"#,
    );
    let body = |tool: &str, arguments: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
        )
    };
    let values = |body: &str| {
        let record = match judge(&gateway, body) {
            Outcome::WentOn(mut records) => records.remove(0),
            Outcome::Refused(refusal) => refusal.record,
            Outcome::Served(_) => panic!("it was served"),
        };
        // Not through a map of values, which would sort them.
        let Some((_, values)) = record.line.split_once(r#""values":{"#) else {
            return String::new();
        };
        let (values, _) = values.split_once(r#"},"policy""#).unwrap();
        let mut shown = Vec::new();
        for member in values.split(r#","args."#) {
            let (path, value) = member.split_once(r#"":"#).unwrap();
            let value: Value = serde_json::from_str(value).unwrap();
            let path = path.trim_start_matches(r#""args."#);
            shown.push(format!("args.{path}={}", value.as_str().unwrap_or("?")));
        }
        shown.join(" ")
    };
    for (tool, arguments, expected) in [
        ("a", "null", ""),
        ("a", "{}", ""),
        ("a", r#"{"path": "/\u0061", "secret": 1}"#, "args.path=/a"),
        (
            "a",
            r#"{"id": 1.50, "path": {"a": [1, "x"]}}"#,
            r#"args.id=1.50 args.path={"a": [1, "x"]}"#,
        ),
        (
            "a",
            r#"{"opts": {"force": true}, "list": ["x", "y"]}"#,
            "args.opts.force=true args.list[0]=x",
        ),
        ("a", r#"{"path": null, "opts": null, "list": []}"#, ""),
        // Readers may differ on these.
        ("a", r#"{"path": "x", "Path": "y"}"#, "args.path=?"),
        ("a", r#"{"PATH": "y"}"#, "args.path=?"),
        ("a", r#"{"opts": "{\"force\": true}"}"#, "args.opts.force=?"),
        ("hidden", r#"{"path": "x", "id": "y"}"#, "args.id=y args.path=x"),
        ("no", r#"{"path": "x"}"#, "args.path=x"),
        ("checked", r#"{"path": "x", "id": 0}"#, "args.id=0 args.path=x"),
        ("unknown", r#"{"path": "x", "id": "y"}"#, "args.id=y"),
    ] {
        assert_eq!(values(&body(tool, arguments)), expected, "{tool} {arguments}");
    }
    // Cut where a character begins, escaped or not.
    for (text, kept) in
        [("a", 256), ("é", 128), (r"\u00e9", 128), ("日", 85), (r"\ud83d\ude00", 64)]
    {
        let long = values(&body("a", &format!(r#"{{"id": "{}"}}"#, text.repeat(400))));
        assert_eq!(long.trim_start_matches("args.id=").chars().count(), kept, "{text}");
    }
    let list = values(&body("a", &format!(r#"{{"id": ["{}"]}}"#, "é".repeat(400))));
    assert_eq!(list, format!(r#"args.id=["{}"#, "é".repeat(127)));
    // All calls of a batch that is refused, each its own.
    let batch = format!(
        "[{},{}]",
        body("a", r#"{"path": "p"}"#),
        body("no", r#"{"id": 7}"#).replace(r#""id":1,"#, r#""id":2,"#)
    );
    let Outcome::Refused(refusal) = judge(&gateway, &batch) else { panic!("it goes on") };
    assert_eq!(json(&refusal.record)["values"], json!({ "args.id": "7" }));
    assert_eq!(json(&refusal.others[0])["values"], json!({ "args.path": "p" }));
}

#[test]
fn what_a_call_costs_its_conditions_takes_no_value_out_of_its_record() {
    let paths: Vec<_> = (0..15).map(|number| format!(r#""args.mail.x{number}""#)).collect();
    let gateway = gateway(&format!(
        r#"{{"version": "1", "default": "deny", "tools": {{"send": {{
            "require": [{{"conditions": [{{"path": "args.note", "op": "regex", "value": "^x{{1,200}}"}}]}}],
            "record": ["args.mail.to", {}]}}}}}}"#,
        paths.join(",")
    ));
    // First the expression costs as much as it may. Then each path reads a long object.
    for (note, pad) in [(8_190, 1_400), (1, 900_000)] {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"send","arguments":
                {{"note":"{}","mail":{{"to":"ann","x14":1,"pad":"{}"}}}}}}}}"#,
            "x".repeat(note),
            "y".repeat(pad)
        );
        let Outcome::WentOn(mut records) = judge(&gateway, &body) else { panic!("{note}") };
        let record = records.remove(0).line;
        assert!(
            record.contains(r#""values":{"args.mail.to":"ann","args.mail.x14":"1"}"#),
            "{record}"
        );
    }
}
