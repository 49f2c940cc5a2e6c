use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn questions_come_in_the_order_of_evaluation() {
    let policy = br#"{"version": "1", "default": "deny", "tools": {
        "pay": {"args": ["x"], "require": [{"conditions": []}], "limits": [
            {"counter": "c", "window": "minute", "max": 1}]},
        "drop": {"action": "deny"}}, "all_tools": {
        "require": [{"conditions": []}], "deny_if": [{"name": "all", "conditions": []}]}}"#;
    let policy = Policy::parse(policy, "").unwrap();
    let asked = |tool: &str| {
        let words = policy.questions(&policy.caller("anonymous", Nanos(0)), tool);
        words.iter().map(Question::as_str).collect::<Vec<_>>()
    };
    assert_eq!(
        asked("pay"),
        ["hidden", "entry", "action", "args", "require", "require", "deny_if", "limits"]
    );
    assert_eq!(asked("drop"), ["hidden", "entry", "action", "require", "deny_if", "limits"]);
    assert_eq!(asked("other"), ["hidden", "entry", "require", "deny_if", "limits"]);
}
