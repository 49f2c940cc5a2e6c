//! The parts of messages, each as its reader takes it.

use super::{KEY, edge_policy, gateway};
use crate::approvals::{Id, Put};
use crate::digest::unhex;
use crate::exchange::approvals::Stage;
use crate::exchange::approvals::store::Told;
use crate::exchange::approvals::store::question::Question;
use crate::exchange::approvals::store::seal::{Seal, Way, seal};
use crate::policy::HmacKey;
use crate::policy::document::StoreKeys;
use serde_json::json;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const QUESTION: &str = r#"{"caller":"agent","tool":"refund","route":"","authority":"mcp","path":"/mcp","rules":["/tools/refund/action"],"rule_hash":"HEX","message":"m","policy":"3f9a1c0e8d27","params":"{}","approvers":["pay-*"],"need":1,"wait":3600,"valid":3600,"identity":"HEX","look":true}"#;

fn read(text: &str) -> Option<Question> {
    let text = text.replace("HEX", KEY);
    Question::read(text.as_bytes(), b"home/", 7_200)
}

#[test]
fn a_question_is_whole_or_none() {
    let whole = read(QUESTION).unwrap();
    assert!(whole.is_look && whole.message.as_deref() == Some("m"));
    assert_eq!((whole.entry.wait, whole.entry.valid, whole.entry.need), (3_600, 3_600, 1));
    assert!(
        read(&QUESTION.replace(r#""message":"m","#, "")).is_some_and(|one| one.message.is_none())
    );
    // The home bounds the time for which a request holds a place.
    assert_eq!(
        read(&QUESTION.replace(r#""wait":3600"#, r#""wait":604800"#)).unwrap().entry.wait,
        7_200
    );
    let wrong = [
        ("agent", ""),
        ("agent", "a\\u0007"),
        (r#""rules":["/tools/refund/action"]"#, r#""rules":[]"#),
        (r#""rules":["/tools/refund/action"]"#, r#""rules":[1]"#),
        (r#""rules":["/tools/refund/action"]"#, r#""rules":"/tools""#),
        (r#"["pay-*"]"#, "[]"),
        (r#"["pay-*"]"#, r#"[""]"#),
        (r#""need":1"#, r#""need":0"#),
        (r#""need":1"#, r#""need":4"#),
        (r#""need":1"#, r#""need":1.0"#),
        (r#""need":1"#, r#""need":"1""#),
        (r#""wait":3600"#, r#""wait":9"#),
        (r#""wait":3600"#, r#""wait":604801"#),
        (r#""valid":3600"#, r#""valid":86401"#),
        (r#""look":true"#, r#""look":1"#),
        (r#""look":true"#, r#""look":true,"more":1"#),
        (r#""look":true"#, r#""look":true,"look":true"#),
        (r#","look":true"#, ""),
        (r#""rule_hash":"HEX""#, r#""rule_hash":"HE""#),
        (r#""identity":"HEX""#, r#""identity":"HEX0""#),
        (r#""policy":"3f9a1c0e8d27""#, r#""policy":"""#),
        (r#""message":"m""#, r#""message":1"#),
        (r#""params":"{}""#, r#""params":{}"#),
    ];
    for (from, to) in wrong {
        assert!(QUESTION.contains(from));
        assert!(read(&QUESTION.replacen(from, to, 1)).is_none(), "{from} {to}");
    }
    for cut in 0..QUESTION.len() {
        assert!(read(&QUESTION[..cut]).is_none(), "{cut}");
    }
    let many = vec![r#""a""#; 65].join(",");
    assert!(read(&QUESTION.replace(r#""pay-*""#, &many)).is_none());
    let long = format!(r#""params":"{}""#, "x".repeat(16_385));
    assert!(read(&QUESTION.replace(r#""params":"{}""#, &long)).is_none());
}

#[test]
fn all_that_an_edge_says_is_in_the_digest_except_for_what_changes_with_a_push() {
    let digest = |text: &str| read(text).unwrap().entry.digest;
    let first = digest(QUESTION);
    for (from, to) in [(r#""m""#, r#""n""#), ("3f9a1c0e8d27", "3f9a1c0e8d28"), ("true", "false")] {
        assert_eq!(digest(&QUESTION.replace(from, to)), first, "{from}");
    }
    assert_eq!(digest(&QUESTION.replace("refund/action", "refund/another")), first, "by its hash");
    let changes = [
        (r#""caller":"agent""#, r#""caller":"agents""#),
        (r#""tool":"refund""#, r#""tool":"refunds""#),
        (r#""route":"""#, r#""route":"r""#),
        (r#""authority":"mcp""#, r#""authority":"mcq""#),
        (r#""path":"/mcp""#, r#""path":"/mcq""#),
        (r#""params":"{}""#, r#""params":"{ }""#),
        (r#""pay-*""#, r#""pay-a*""#),
        (r#""pay-*""#, r#""pay-","*""#),
        (r#""need":1"#, r#""need":2"#),
        (r#""wait":3600"#, r#""wait":3601"#),
        (r#""valid":3600"#, r#""valid":3601"#),
        (r#""rule_hash":"0"#, r#""rule_hash":"1"#),
        (r#""identity":"0"#, r#""identity":"1"#),
    ];
    let question = QUESTION.replace("HEX", KEY);
    for (from, to) in changes {
        assert!(question.contains(from), "{from}");
        assert_ne!(digest(&question.replacen(from, to, 1)), first, "{from} {to}");
    }
}

#[test]
fn edge_and_home_take_claims_from_one_place_where_one_is_written() {
    let identity = |jwt: serde_json::Value| {
        let mut edge = edge_policy();
        edge["identity"] = json!([{ "jwt": jwt }]);
        gateway(&edge).policy.approvals.unwrap().identity
    };
    let all = [
        json!({ "claim": "sub" }),
        json!({ "claim": "azp" }),
        json!({ "claim": "sub", "payload": "people" }),
        json!({ "claim": "sub", "payload": "agents" }),
        json!({ "claim": "sub", "payload_state": "people" }),
        json!({ "claim": "sub", "payload_state": "agents" }),
    ]
    .map(identity);
    for (number, one) in all.iter().enumerate() {
        assert!(!all[..number].contains(one), "{number}");
    }
    assert_eq!(all[0], identity(json!({ "claim": "sub" })));
    assert_eq!(all[2], identity(json!({ "claim": "sub", "payload": "people" })));
}

#[test]
fn an_answer_is_read_as_it_was_written() {
    let id = Id::parse("apr_nyq2fi5euwtkpkfj").unwrap();
    let by = vec!["ann".to_owned(), "b\u{fc}b \"c\"".to_owned()];
    let waits = |stage, url| Told::Waits { id, stage, expires_in: 9, by: Vec::new(), url };
    let all = [
        Told::Approved { id, by: by.clone() },
        waits(Stage::Requested, None),
        waits(Stage::Pending, Some("https://gateway.example.com/ok/apr".to_owned())),
        Told::Denied { id, by, reason: "Not \u{202e}today.".into() },
        Told::Full,
        Told::Limited { retry_after: 7 },
    ];
    for told in all {
        let text = told.write();
        assert_eq!(Told::read(text.as_bytes()), Some(told), "{text}");
        for cut in 0..text.len() {
            assert_eq!(Told::read(&text.as_bytes()[..cut]), None, "{text} {cut}");
        }
        let more = text.replacen('{', r#"{"more":1,"#, 1);
        assert_eq!(Told::read(more.as_bytes()), None, "{more}");
    }
    for wrong in [
        r#"{"state":"used","id":"apr_nyq2fi5euwtkpkfj"}"#,
        r#"{"state":"approved","by":[]}"#,
        r#"{"state":"approved","id":"apr_nyq2fi5euwtkpkfJ","by":[]}"#,
        r#"{"state":"approved","id":"apr_nyq2fi5euwtkpkfj","by":[""]}"#,
        r#"{"state":"approved","id":"apr_nyq2fi5euwtkpkfj","by":[],"by":[]}"#,
        r#"{"state":"limited","retry_after":0}"#,
        r#"{"state":"pending","id":"apr_nyq2fi5euwtkpkfj","expires_in":1,"by":[],"url":"javascript:x"}"#,
        r#"{"state":"pending","id":"apr_nyq2fi5euwtkpkfj","expires_in":1,"by":[],"url":"https://a b"}"#,
        r#"{"state":"denied","id":"apr_nyq2fi5euwtkpkfj","by":[],"reason":"a\nb"}"#,
        "[]",
        "null",
    ] {
        assert_eq!(Told::read(wrong.as_bytes()), None, "{wrong}");
    }
}

#[test]
fn a_seal_has_one_spelling() {
    let first = HmacKey::of_bytes(&unhex(KEY.as_bytes()).unwrap()).unwrap();
    let keys = StoreKeys { first, second: None };
    let put = Put { nonce: [0xab; 16], seconds: 1_800_000_000 };
    let line = seal(Way::Question, &keys, put, "/ok/-/calls", b"{}");
    let read = Seal::parse(line.as_bytes()).unwrap();
    assert_eq!(read.put, put);
    assert!(read.holds(Way::Question, &keys, "/ok/-/calls", b"{}"));
    // The vector of the reference.
    let page = include_str!("../../../../../docs/policy/store.md");
    assert!(page.contains(&line), "{line}");
    for (from, to) in [
        ("v1,", ""),
        ("v1,", "v1, "),
        ("v1,", "V1,"),
        ("1800000000", "01800000000"),
        ("1800000000", "+1800000000"),
        ("1800000000", "18446744073709551616"),
        ("1800000000", ""),
        ("abab", "aba"),
        (",abab", "abab"),
    ] {
        assert!(line.contains(from));
        assert_eq!(Seal::parse(line.replacen(from, to, 1).as_bytes()), None, "{from} {to}");
    }
    assert_eq!(Seal::parse(format!("{line}0").as_bytes()), None);
    assert_eq!(Seal::parse(b"v1,1,\xff,"), None);
    for cut in 0..line.len() {
        assert_eq!(Seal::parse(&line.as_bytes()[..cut]), None, "{cut}");
    }
}
