//! Lists in streams of events.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn events_of_every_framing_are_read() {
    let (before, after) = (list(NO), list(""));
    for (start, end) in [
        ("data: ", "\n\n"),
        ("event: message\nid: 1\ndata: ", "\n\n"),
        ("event: message\r\ndata:", "\r\nid: 1\r\n\r\n"),
        ("id: 0\ndata: \n\ndata: ", "\n\n: ping\n\n"),
        ("\u{feff}data: ", "\n\n"),
        ("data\ndata: ", "\ndata:\n\n"),
        ("data: ", "\n"),
        ("data: ", ""),
    ] {
        let event = |data: &str| format!("{start}{data}{end}");
        assert_eq!(stream(&event(&before)), event(&after), "{start:?} {end:?}");
        assert_eq!(stream(&event("{}").repeat(2)), event("{}").repeat(2));
    }
}

/// The texts that a client finds in a stream, if it ends lines at these characters alone.
fn found(stream: &str, ends: &[char]) -> Vec<String> {
    let (mut all, mut data) = (Vec::new(), Vec::new());
    // An LF after a CR ends the same line.
    let stream = if ends.contains(&'\r') { stream.replace("\r\n", "\n") } else { stream.into() };
    for line in stream.split(|c| ends.contains(&c)) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        match line.split_once(':').unwrap_or((line, "")) {
            ("", "") if line.is_empty() => all.push(core::mem::take(&mut data).join("\n")),
            ("data", value) => data.push(value.trim().to_owned()),
            _ => {}
        }
    }
    all.push(data.join("\n"));
    all
}

#[test]
fn no_client_finds_a_hidden_tool_wherever_it_ends_lines() {
    let list = format!(r#"{{"id":7,"result":{{"tools":[{NO}]}}}}"#);
    let streams = [
        format!("data: \r{list}\n\n"),
        format!(
            "data: {{\"x\":[\r],\"result\":\ndata: {{\"tools\":[{NO}]}}\r,\"y\":[\ndata: ]}}\n\n"
        ),
        format!("data: {{\"id\":7,\r\r\"result\":{{\"tools\":[{NO}]}}}}\n\n"),
        format!(": x\u{2028}data: {list}\n\n"),
        format!("x\u{2029}data: {list}\n\n"),
        format!("id: 1\u{85}data: {list}\r\n\r\n"),
        format!(": \u{c}data: {list}\n\n"),
        format!(": \u{1e}data: {{\"result\":\ndata: {{\"tools\":[{NO}]}}}}\n\n"),
        format!("data: {{\"x\":\"\u{2028}\u{2028}data: {list}\u{2028}data\"}}\n\n"),
        format!(": x\u{2028}data: {list}"),
    ];
    let splitlines = "\n\r\u{b}\u{c}\u{1c}\u{1d}\u{1e}\u{85}\u{2028}\u{2029}";
    for before in streams {
        let after = stream(&before);
        let (mut shown, mut hidden) = (false, false);
        for ends in ["\n", "\r\n", splitlines] {
            let ends: Vec<char> = ends.chars().collect();
            let shows = |stream: &str| {
                found(stream, &ends).iter().any(|text| {
                    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
                    value["result"]["tools"].to_string().contains("\"no\"")
                })
            };
            shown |= shows(&before);
            hidden |= shows(&after);
        }
        assert!(shown, "nobody finds it in {before:?}");
        assert!(!hidden, "{before:?} became {after:?}");
    }
    // These ends are nothing special in a text.
    for same in ["data: \"a\u{2028}b\u{85}c\"\n\n", ": \u{c}\n\n", "data: \"\u{2028}data\"\n\n"] {
        assert_eq!(stream(same), same);
    }
}

#[test]
fn a_line_that_ends_with_a_cr_ends_for_all_clients() {
    let (before, after) = (list(NO), list(""));
    assert_eq!(
        stream(&format!(": ping\rdata: {before}\rretry: 3\r\r: x\r")),
        format!(": ping\r\ndata: {after}\r\nretry: 3\r\n\r\n: x\r"),
    );
}

#[test]
fn an_error_takes_the_place_of_data_in_lines_without_a_colon() {
    let error = String::from_utf8(unreadable_list(&policy(), "null")).unwrap();
    let event = "data\ndata\ndata: {\"result\":{\"tools\":[{\"name\":\n\n";
    assert_eq!(stream(event), format!("data\ndata: {error}\ndata: \n\n"));
}

#[test]
fn data_in_several_lines_is_one_text() {
    let before = format!(
        "data: {{\"result\":{{\ndata: \"tools\":[\ndata:{NO},\nid: 3\ndata: {YES}\ndata: ]}}}}\n\n"
    );
    let after = format!(
        "data: {{\"result\":{{\ndata: \"tools\":[\ndata:\nid: 3\ndata: {YES}\ndata: ]}}}}\n\n"
    );
    assert_eq!(stream(&before), after);
    // An error is in the first line that has room for it.
    let broken = "data:\ndata: {\"result\":\ndata: {\"tools\":[}\n\n";
    let error = String::from_utf8(unreadable_list(&policy(), "null")).unwrap();
    assert_eq!(stream(broken), format!("data:\ndata: {error}\ndata: \n\n"));
}

#[test]
fn events_pass_as_soon_as_they_are_complete() {
    let policy = policy();
    let mut listing = listing(&policy, &[], false);
    let headers = [(b"content-type".as_slice(), b"text/event-stream; charset=utf-8".as_slice())];
    listing.headers(&policy, headers.into_iter(), false, false);
    for (piece, out) in [
        (": ping\n", ": ping\n"),
        ("id: 1\n", "id: 1\n"),
        ("data: {}", ""),
        ("\n", ""),
        ("\n", "data: {}\n\n"),
        ("data: {}\r\n\r", "data: {}\r\n\r"),
        ("\n", "\n"),
        ("event: message\r", "event: message\r"),
        ("\ndata: [", "\n"),
        ("]\r\n\r\n: p", "data: []\r\n\r\n"),
    ] {
        let changed = listing.piece(&lent(&policy), piece.as_bytes(), false);
        let got = changed.unwrap_or_else(|| piece.into());
        assert_eq!(String::from_utf8(got).unwrap(), out, "{piece:?}");
    }
}

#[test]
fn what_is_too_long_to_be_held_passes_without_a_list() {
    let text = r#"{"version": "1", "default": "allow", "hide": ["no*"], "settings": {"max_body_bytes": 100}}"#;
    let policy = Policy::parse(text.as_bytes(), "test").unwrap();
    let error = String::from_utf8(unreadable_list(&policy, "null")).unwrap();
    let long = "x".repeat(150);
    let cases = [
        // Nothing in it can be a list.
        (
            format!("data: \"{long}\"\n\ndata: {{}}\n\n"),
            format!("data: \"{long}\"\n\ndata: {{}}\n\n"),
        ),
        // The list is seen before anything has gone on.
        (
            format!("data: {{\"tools\":\"{long}\"\n\ndata: 1\n\n"),
            format!("data: {error}\n\ndata: 1\n\n"),
        ),
    ];
    for (body, expected) in cases {
        for size in [1, 7, 1000] {
            let mut listing = listing(&policy, &[], false);
            listing.state = State::Events(Events::default());
            let mut out = Vec::new();
            for piece in body.as_bytes().chunks(size) {
                out.extend(
                    listing.piece(&lent(&policy), piece, false).unwrap_or_else(|| piece.to_vec()),
                );
            }
            assert_eq!(String::from_utf8(out).unwrap(), expected, "in pieces of {size}");
        }
    }
    // The list is seen later: the event is broken off.
    for size in [1, 7, 64] {
        let mut listing = listing(&policy, &[], false);
        listing.state = State::Events(Events::default());
        let body =
            format!("data: {{\"a\":\"{long}\",\"tools\":[{{\"name\":\"no\"}}]}}\n\ndata: 2\n\n");
        let mut out = Vec::new();
        for piece in body.as_bytes().chunks(size) {
            out.extend(
                listing.piece(&lent(&policy), piece, false).unwrap_or_else(|| piece.to_vec()),
            );
        }
        let out = String::from_utf8(out).unwrap();
        assert!(!out.contains("tools\""), "{out}");
        assert!(out.ends_with(&format!("\n\ndata: {error}\n\ndata: 2\n\n")), "{out}");
    }
    let mut whole = listing(&policy, &["7"], false);
    whole.state = State::Whole(0);
    assert_eq!(whole.body(&policy, 100, false), BodyStep::Wait);
    assert!(
        matches!(whole.body(&policy, 101, false), BodyStep::Replace(error) if !error.is_empty())
    );
    assert_eq!(whole.body(&policy, 50, true), BodyStep::Replace(Vec::new()));
}

#[test]
fn an_event_is_replaced_by_an_answer_to_its_own_request() {
    let error = |id: &str| String::from_utf8(unreadable_list(&policy(), id)).unwrap();
    for (body, id) in [
        (r#"{"id":"a\u0062","result":{"tools":1,"tools":2}}"#, r#""a\u0062""#),
        (r#"{"result":{"tools":[],"n":1e999},"id":5}"#, "5"),
        (r#"{"id":5,"result":{"tools":["#, "5"),
        (r#"{"id":5,"method":"x","params":{"tools":1,"tools":2}}"#, "null"),
        (r#"{"id":5,"id":6,"result":{"tools":[]}}"#, "null"),
        (r#"[{"id":5,"result":{"tools":[]}},]"#, "null"),
        (r#"{"id":1e999,"result":{"tools":[]}}"#, "null"),
        (r#"{"id":5,"id":null,"result":{"tools":[]}}"#, "null"),
    ] {
        assert_eq!(stream(&format!("data: {body}\n\n")), format!("data: {}\n\n", error(id)));
    }
}

#[test]
fn a_stream_keeps_no_room_for_events_that_have_gone_on() {
    let policy = policy();
    let mut listing = listing(&policy, &[], false);
    listing.state = State::Events(Events::default());
    let long = format!("data: {}\n\n", list(&[NO; 1_000].join(",")));
    for piece in long.as_bytes().chunks(100) {
        listing.piece(&lent(&policy), piece, false);
    }
    let State::Events(events) = &listing.state else { panic!("{listing:?}") };
    assert!(events.room() < 10_000, "{} bytes", events.room());
}

#[test]
fn no_client_finds_a_hidden_tool_by_putting_lines_together_or_reading_bare_keys() {
    for hidden in [
        format!("data: {{\"id\":7,\"result\":{{\"to\ndata: ols\":[{NO}]}}}}\n\n"),
        format!("data: {{\"id\":7,\ndata: \"result\":{{\"tool \ndata:  s\":[{NO}]}}}}\n\n"),
        format!("data: {{\"id\":7,\"result\":{{tools:[{NO}]}}}}\n\n"),
        format!("data:  [{{id:7,result:{{ tools : [{NO}]}}}}]\n\n"),
    ] {
        let after = stream(&hidden);
        assert!(!after.contains(NO) && after.contains("cannot be read"), "{hidden:?}: {after:?}");
    }
    for same in [
        "data: {\"id\":7,\ndata: \"result\":{\"content\":\ndata: []}}\n\n",
        "data: {\"id\":7,\"result\":{\"a\":1,\"a\":2,\"text\":\"tools: 5\"}}\n\n",
        "event: endpoint\ndata: /messages?tools:5\n\n",
    ] {
        assert_eq!(stream(same), same);
    }
}
