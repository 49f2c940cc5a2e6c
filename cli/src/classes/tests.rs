//! The classes of tools by name, by description, by annotation.

use super::{Class, Definition, Sign, classify, words_of_name};
use serde_json::json;

fn class(name: &str, description: &str) -> Class {
    let tool = json!({ "name": name, "description": description });
    classify(&Definition::read(&tool).unwrap()).0
}

#[test]
fn the_words_of_names() {
    let words = |name| words_of_name(name).join(" ");
    assert_eq!(words("enhancedSend"), "enhanced send");
    assert_eq!(words("getHTTPStatus"), "get http status");
    assert_eq!(words("git_log-v2.show/it"), "git log v show it");
    assert_eq!(words("x2Get"), "x get");
    assert_eq!(words("__"), "");
}

#[test]
fn verbs_of_the_name_decide_and_the_most_severe_counts() {
    for (name, expected) in [
        ("get_invoice", Class::Read),
        ("list_charges", Class::Read),
        ("get_charge", Class::Read),
        ("get_build_log", Class::Read),
        ("github_list_merge_requests", Class::Read),
        ("create_issue", Class::Write),
        ("get_or_create_user", Class::Write),
        ("search_and_replace", Class::Write),
        ("run_query", Class::Execute),
        ("send_email", Class::Execute),
        ("startBuild", Class::Execute),
        ("read_and_delete", Class::Destructive),
        ("list_delete_markers", Class::Destructive),
        ("dropTable", Class::Destructive),
        ("refund", Class::Financial),
        ("charge_card", Class::Financial),
        ("create_refund", Class::Financial),
        ("send_payment", Class::Financial),
        ("get_payment", Class::Read),
        ("delete_payment", Class::Financial),
    ] {
        // The description has no say where the name has a verb.
        assert_eq!(class(name, "Delete everything"), expected, "{name}");
    }
}

#[test]
fn without_a_verb_in_the_name_the_description_decides() {
    for (description, expected) in [
        ("List Git branches", Class::Read),
        ("Returns the status.", Class::Read),
        ("Gets or sets the volume", Class::Write),
        // A verb of reading further on says little.
        ("The thing that gets a status", Class::Write),
        ("Get it. Then deletes it", Class::Destructive),
        ("Fetch it by running a program", Class::Execute),
        ("Shows a run of the build", Class::Read),
        ("Show it, run it", Class::Execute),
        ("Can be used to transfer funds", Class::Financial),
        ("", Class::Write),
        ("Whatever", Class::Write),
    ] {
        assert_eq!(class("branches", description), expected, "{description}");
    }
}

#[test]
fn annotations_make_a_class_more_severe_and_never_less() {
    let class = |name, annotations| {
        let tool = json!({ "name": name, "annotations": annotations });
        classify(&Definition::read(&tool).unwrap())
    };
    let read_only = json!({ "readOnlyHint": true, "destructiveHint": false });
    for (name, expected) in [
        ("get_it", Class::Read),
        ("it", Class::Write),
        ("set_it", Class::Write),
        ("run_it", Class::Execute),
        ("delete_it", Class::Destructive),
        ("refund_it", Class::Financial),
    ] {
        assert_eq!(class(name, read_only.clone()).0, expected, "{name}");
    }
    let raised = Sign::Annotation("destructiveHint: true");
    let destructive = json!({ "destructiveHint": true });
    for name in ["get_it", "it", "run_it", "send_command"] {
        let judged = class(name, destructive.clone());
        assert_eq!(judged, (Class::Destructive, raised.clone()), "{name}");
    }
    assert_eq!(class("refund_it", destructive).0, Class::Financial);
    let writes = json!({ "readOnlyHint": false });
    assert_eq!(class("get_it", writes.clone()).0, Class::Write);
    assert_eq!(class("run_it", writes).0, Class::Execute);
    assert_eq!(class("get_it", json!({ "readOnlyHint": "no" })).0, Class::Read);
}

#[test]
fn the_part_that_decided_is_quoted() {
    let sign = |description: &str| {
        let tool = json!({ "name": "it", "description": description });
        classify(&Definition::read(&tool).unwrap()).1.to_string()
    };
    assert_eq!(sign("Short. Deletes it! More"), "\"Deletes it!\"");
    let long = format!("{}and deletes it{}", "so ".repeat(40), " too".repeat(40));
    let quoted = sign(&long);
    assert!(quoted.starts_with("\"…") && quoted.ends_with("…\"") && quoted.contains("deletes it"));
    assert!(quoted.chars().count() < 80, "{quoted}");
}

#[test]
fn no_word_has_two_classes() {
    let mut seen = std::collections::BTreeSet::new();
    for (_, words) in super::table::VERBS {
        let words: Vec<&str> = words.split_ascii_whitespace().collect();
        assert!(words.is_sorted(), "{words:?}");
        for word in words {
            assert!(seen.insert(word), "{word}");
        }
    }
    let nouns: Vec<&str> = super::table::NOUNS.split_ascii_whitespace().collect();
    assert!(nouns.is_sorted());
    for noun in nouns {
        assert!(seen.contains(noun), "{noun}");
    }
}
