use super::*;
use crate::policy::Policy;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const POLICY: &str = r#"{"version": "1", "default": "allow", "hide": ["no*"]}"#;

fn policy() -> Policy {
    Policy::parse(POLICY.as_bytes(), "test").unwrap()
}

fn listing(policy: &Policy, ids: &[&str], batch: bool) -> Listing {
    let mut listing = Listing::for_caller(policy, &Caller::anonymous()).unwrap();
    listing.expect(Asked { ids: ids.iter().map(|id| (*id).to_owned()).collect(), batch });
    listing
}

/// The text that a client gets of a JSON body that answers the request 7.
fn whole(body: &str) -> String {
    let policy = policy();
    let mut listing = listing(&policy, &["7"], false);
    let headers =
        [(b":status".as_slice(), b"200".as_slice()), (b"content-type", b"application/json")];
    assert!(matches!(listing.headers(&policy, headers.into_iter(), false), HeadStep::Hold));
    let out = listing.whole(&policy, body.as_bytes());
    out.map_or(body.to_owned(), |out| String::from_utf8(out).unwrap())
}

/// The text that a client gets of a stream, in whatever pieces it comes.
fn stream(body: &str) -> String {
    let policy = policy();
    let pass = |size: usize| {
        let mut listing = listing(&policy, &[], false);
        let headers = [(b"content-type".as_slice(), b"text/event-stream".as_slice())];
        assert!(matches!(listing.headers(&policy, headers.into_iter(), false), HeadStep::Stream));
        let mut out = Vec::new();
        let count = body.len().div_ceil(size);
        for (index, piece) in body.as_bytes().chunks(size).enumerate() {
            let changed = listing.piece(&policy, piece, index + 1 == count);
            out.extend(changed.unwrap_or_else(|| piece.to_vec()));
        }
        String::from_utf8(out).unwrap()
    };
    let all = pass(body.len().max(1));
    for size in 1..body.len().min(40) {
        assert_eq!(pass(size), all, "in pieces of {size}");
    }
    all
}

const NO: &str = r#"{"name":"no","x":[{"name":"a"}]}"#;
const YES: &str = r#"{"name": "yes", "n": 1.0e1}"#;

fn list(tools: &str) -> String {
    format!(r#" {{"id":7, "result" : {{"n":"\u0061","tools":[{tools}],"nextCursor":"c"}} }}"#)
}

#[test]
fn only_the_hidden_tools_go() {
    for (before, after) in [
        (NO.to_owned(), String::new()),
        (format!(" {NO} , {NO} "), "  ".into()),
        (format!(" {NO} ,{YES} "), format!(" {YES} ")),
        (format!(" {YES} , {NO} "), format!(" {YES} ")),
        (format!("{YES},{NO} ,{NO}, {YES}"), format!("{YES},{YES}")),
        (format!("{NO},{YES},{NO},{YES},{NO}"), format!("{YES},{YES}")),
        (format!("{YES}, 1, {{}}, \"no\""), format!("{YES}, 1, {{}}, \"no\"")),
        (r#"{"n":1,"name":"\u006eo"}"#.into(), String::new()),
        (String::new(), String::new()),
    ] {
        assert_eq!(whole(&list(&before)), list(&after));
        let data = |tools: &str| format!("data:{}\n\n", list(tools));
        assert_eq!(stream(&data(&before)), data(&after));
    }
}

#[test]
fn arrays_of_responses_are_taken_from_too() {
    let before = format!("[{},{}]", list(NO), list(YES));
    assert_eq!(whole(&before), format!("[{},{}]", list(""), list(YES)));
}

#[test]
fn what_is_no_list_stays() {
    for body in [
        r#"{"id":7,"result":{}}"#,
        r#"{"id":7,"result":{"tools":{"name":"no"}}}"#,
        r#"{"id":7,"result":[{"tools":[{"name":"no"}]}]}"#,
        r#"{"id":7,"error":{"tools":[{"name":"no"}]}}"#,
        r#"{"tools":[{"name":"no"}]}"#,
        r#"{"id":7,"result":{"content":[{"tools":[{"name":"no"}]}]}}"#,
    ] {
        assert_eq!(whole(body), body);
        let event = format!("data: {body}\r\n\r\n");
        assert_eq!(stream(&event), event);
    }
}

#[test]
fn what_one_caller_is_shown_is_not_for_others() {
    let body = |scope: &str, tools: &str| {
        [
            format!(r#"{{"result":{{"cacheScope":{scope},"tools":[{tools}]}}}}"#),
            format!(r#"{{"result":{{"tools":[{tools}], "cacheScope" : {scope} }}}}"#),
        ]
    };
    for scope in [r#""public""#, "1", r#""\u0070ublic""#, r#""private""#] {
        for (before, after) in [(NO, ""), (YES, YES)] {
            let after = body(r#""private""#, after);
            assert_eq!(body(scope, before).map(|body| whole(&body)), after);
        }
    }
    // A result without tools is not filtered.
    let other = r#"{"result":{"cacheScope":"public"}}"#;
    assert_eq!(whole(other), other);
}

#[test]
fn an_unreadable_list_becomes_an_error() {
    let error = |id: &str| {
        let policy = policy();
        let body = String::from_utf8(unreadable_list(&policy, id)).unwrap();
        assert!(
            body.starts_with(&format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32603,"#))
        );
        body
    };
    for body in [
        "x",
        "\u{feff}{}",
        r#"{"result":{"tools":[{"name":"no","name":"yes"}]}}"#,
        r#"{"result":{"tools":[]},"result":{}}"#,
        r#"{"result":{"tools":[]}} {}"#,
        r#"{"result":{"tools":[{"name":"no"}"#,
    ] {
        assert_eq!(whole(body), error("7"));
        let event = stream(&format!("id: 5\ndata: {body}\n\n"));
        let replaced = body.contains("tools");
        let expected = if replaced { error("null") } else { body.to_owned() };
        assert_eq!(event, format!("id: 5\ndata: {expected}\n\n"));
    }
    let policy = policy();
    let mut batch = listing(&policy, &["1", r#""a""#], true);
    assert_eq!(
        String::from_utf8(batch.whole(&policy, b"x").unwrap()).unwrap(),
        format!("[{},{}]", error("1"), error(r#""a""#))
    );
    assert!(batch.take_unreadable());
    assert!(!batch.take_unreadable());
}

#[test]
fn events_of_every_framing_are_read() {
    let (before, after) = (list(NO), list(""));
    for (start, end) in [
        ("data: ", "\n\n"),
        ("event: message\nid: 1\ndata: ", "\n\n"),
        ("event: message\r\ndata:", "\r\nid: 1\r\n\r\n"),
        (": ping\rdata: ", "\rretry: 3\r\r"),
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

#[test]
fn an_error_takes_the_place_of_data_in_lines_without_a_colon() {
    let error = String::from_utf8(unreadable_list(&policy(), "null")).unwrap();
    let event = "data\ndata\ndata: {\"result\":{\"tools\":[{\"name\":\n\n";
    assert_eq!(stream(event), format!("data\ndata: {error}\ndata: \n\n"));
}

#[test]
fn what_only_some_clients_take_for_a_list_is_one() {
    let tools = |tools: &str, key: &str, name: &str| {
        let tools = tools.replace("name", name);
        format!(r#"{{"Result":{{"cacheScope":"private","{key}":[{tools}],"tools":[{tools}]}}}}"#)
    };
    for (key, name) in [("Tools", "Name"), ("tool\u{17f}", "name"), (r"\u0054OOLS", r"NAM\u0045")] {
        let event = |tools: &str| format!("data: {tools}\n\n");
        let (before, after) = (tools(r#"{"name":"no"}"#, key, name), tools("", key, name));
        assert_eq!(whole(&before), after);
        assert_eq!(stream(&event(&before)), event(&after));
        let alone = |tools: &str| format!("data: {{\"result\":{{\"{key}\":[{tools}]}}}}\n\n");
        assert_eq!(stream(&alone(r#"{"Name":"no","name":"yes"}"#)), alone(""));
    }
    let error = String::from_utf8(unreadable_list(&policy(), "null")).unwrap();
    for data in [r#"{"result":{"tools\u0000":[]}}"#, "{\"result\":{\"tool\u{17f}\\u0000\":[]}}"] {
        assert_eq!(stream(&format!("data: {data}\n\n")), format!("data: {error}\n\n"));
    }
    // The scope of two lists, one before and one behind it.
    let both = |tools: &str, scope: &str| {
        format!(r#"{{"result":{{"tools":[{tools}],"cacheScope":"{scope}","Tools":[{tools}]}}}}"#)
    };
    assert_eq!(whole(&both(NO, "public")), both("", "private"));
    // Clients by the standard see only the second line.
    let list = list(NO);
    let hidden = format!("data: 1\n\n\u{feff}data: [\ndata: {list}\n\u{feff}data: ]\n\n");
    let shown = format!("data: 1\n\n\u{feff}data: {error}\ndata: \n\u{feff}data: \n\n");
    assert_eq!(stream(&hidden), shown);
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
    listing.headers(&policy, headers.into_iter(), false);
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
        let changed = listing.piece(&policy, piece.as_bytes(), false);
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
                out.extend(listing.piece(&policy, piece, false).unwrap_or_else(|| piece.to_vec()));
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
            out.extend(listing.piece(&policy, piece, false).unwrap_or_else(|| piece.to_vec()));
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
        listing.piece(&policy, piece, false);
    }
    let State::Events(events) = &listing.state else { panic!("{listing:?}") };
    assert!(events.room() < 10_000, "{} bytes", events.room());
}

#[test]
fn of_a_response_that_the_host_fails_at_nothing_goes_on() {
    let policy = policy();
    // Less is lent of a list than there was.
    let list = list(NO);
    let mut short = listing(&policy, &["7"], false);
    short.state = State::Whole(0);
    assert_eq!(short.body(&policy, list.len(), false), BodyStep::Wait);
    assert!(short.whole(&policy, b"").is_some_and(|body| body.starts_with(br#"{"jsonrpc""#)));
    for state in [State::Whole(0), State::Events(Events::default())] {
        let mut broken = listing(&policy, &["7"], false);
        broken.state = state;
        broken.break_off();
        assert_eq!(broken.body(&policy, 1, true), BodyStep::Wait);
        assert_eq!(broken.trailers(), BodyStep::Wait);
    }
}

#[test]
fn a_response_is_told_by_its_head() {
    let policy = policy();
    let head = |ids: &[&str], headers: &[(&str, &str)]| {
        let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let mut listing = listing(&policy, ids, false);
        match listing.headers(&policy, headers, false) {
            HeadStep::Pass => "pass".to_owned(),
            HeadStep::Stream => "stream".into(),
            HeadStep::Hold => "hold".into(),
            HeadStep::Replace(reply) => format!("replaced {}", reply.status),
        }
    };
    let json = ("content-type", "application/json; charset=utf-8");
    let events = ("content-type", "Text/Event-Stream");
    let ok = (":status", "200");
    let gzip = ("content-encoding", "gzip");
    for (ids, headers, expected) in [
        (&["1"][..], &[ok, json][..], "hold"),
        (&["1"], &[ok, json, ("content-encoding", "identity")], "hold"),
        (&["1"], &[(":status", "404"), json], "hold"),
        (&["1"], &[ok], "hold"),
        (&["1"], &[ok, ("content-type", "text/html")], "hold"),
        (&["1"], &[(":status", "503"), ("content-type", "text/plain")], "pass"),
        (&["1"], &[ok, json, gzip], "replaced 200"),
        (&["1"], &[ok, events, gzip], "replaced 200"),
        (&["1"], &[ok, ("content-type", "application/json; charset=utf-7")], "replaced 200"),
        (&["1"], &[ok, events], "stream"),
        (&[], &[ok, json], "pass"),
        (&[], &[ok, json, gzip], "pass"),
        (&[], &[ok, events], "stream"),
        (&[], &[ok, events, gzip], "replaced 502"),
        // Some clients read this as JSON, and some as events.
        (&["1"], &[ok, events, json], "replaced 200"),
        (&["1"], &[ok, ("content-type", "application/json; x=text/event-stream")], "replaced 200"),
        (&[], &[ok, events, json], "stream"),
        (&[], &[ok, ("content-type", "text/event-stream; charset=utf-7")], "replaced 502"),
    ] {
        assert_eq!(head(ids, headers), expected, "{ids:?} {headers:?}");
    }
    let mut listing = listing(&policy, &["1"], false);
    let headers = [(b":status".as_slice(), b"200".as_slice())];
    assert!(matches!(listing.headers(&policy, headers.into_iter(), true), HeadStep::Pass));
}

#[test]
fn nothing_is_looked_at_where_nothing_is_hidden() {
    let conceals = |policy: &str| {
        let policy = Policy::parse(policy.as_bytes(), "test").unwrap();
        policy.conceals(&Caller::anonymous())
    };
    let callable = r#""settings": {"tools_list": "callable"}"#;
    for (policy, expected) in [
        (r#"{"version": "1", "default": "deny"}"#.to_owned(), false),
        (r#"{"version": "1", "default": "allow", "hide": ["x"]}"#.into(), true),
        (r#"{"version": "1", "default": "allow", "hide": ["x"], "mode": "shadow"}"#.into(), false),
        (format!(r#"{{"version": "1", "default": "deny", {callable}}}"#), true),
        (format!(r#"{{"version": "1", "default": "allow", {callable}}}"#), false),
        (
            format!(
                r#"{{"version": "1", "default": "allow", "tools": {{"x": {{"action": "deny"}}}}, {callable}}}"#
            ),
            true,
        ),
        (
            format!(
                r#"{{"version": "1", "default": "allow", "tools": {{"x": {{"deny_if": [{{"conditions": []}}]}}}}, {callable}}}"#
            ),
            true,
        ),
    ] {
        assert_eq!(conceals(&policy), expected, "{policy}");
    }
}

#[test]
fn callable_shows_what_some_call_could_reach() {
    let policy = r#"{"version": "1", "default": "deny", "hide": ["h"],
        "tools": {"h": {}, "a": {}, "d": {"action": "deny"}, "g_*": {}, "g_x": {"action": "deny"},
                  "r": {"rate_limit": "1/day"}, "n": {"deny_if": [{"conditions": []}]}},
        "settings": {"tools_list": "callable"}}"#;
    let policy = Policy::parse(policy.as_bytes(), "test").unwrap();
    let shown = ["h", "a", "d", "g_a", "g_x", "r", "n", "other", "", "a\u{1}"];
    let shown = shown.into_iter().filter(|tool| policy.shows(&Caller::anonymous(), tool));
    assert_eq!(shown.collect::<Vec<_>>(), ["a", "g_a", "r"]);
}
