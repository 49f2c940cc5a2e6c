use super::*;
use crate::limits::MemoryStore;
use crate::limits::window::Nanos;
use crate::policy::Policy;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod head;
mod shown;
mod stream;

const POLICY: &str = r#"{"version": "1", "default": "allow", "hide": ["no*"]}"#;

fn policy() -> Policy {
    Policy::parse(POLICY.as_bytes(), "test").unwrap()
}

fn listing(policy: &Policy, ids: &[&str], batch: bool) -> Listing {
    let mut listing = Listing::for_caller(policy, &policy.caller("anonymous", Nanos(0))).unwrap();
    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
    listing.expect(Asked { ids, batch, awaited: None }, Nanos(0));
    listing
}

/// A host with a store of its own.
fn lent(policy: &Policy) -> Reading<'_, MemoryStore> {
    Reading { policy, store: Box::leak(Box::default()), now: &|| Some(Nanos(0)) }
}

/// The text that a client gets of a JSON body that answers the request 7.
fn whole(body: &str) -> String {
    let policy = policy();
    let mut listing = listing(&policy, &["7"], false);
    let headers =
        [(b":status".as_slice(), b"200".as_slice()), (b"content-type", b"application/json")];
    assert!(matches!(listing.headers(&policy, headers.into_iter(), false, false), HeadStep::Hold));
    let out = listing.whole(&lent(&policy), body.as_bytes());
    out.map_or(body.to_owned(), |out| String::from_utf8(out).unwrap())
}

/// The text that a client gets of a stream, in whatever pieces it comes.
fn stream(body: &str) -> String {
    let policy = policy();
    let pass = |size: usize| {
        let mut listing = listing(&policy, &[], false);
        let headers = [(b"content-type".as_slice(), b"text/event-stream".as_slice())];
        assert!(matches!(
            listing.headers(&policy, headers.into_iter(), false, false),
            HeadStep::Stream
        ));
        let mut out = Vec::new();
        let count = body.len().div_ceil(size);
        for (index, piece) in body.as_bytes().chunks(size).enumerate() {
            let changed = listing.piece(&lent(&policy), piece, index + 1 == count);
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
        String::from_utf8(batch.whole(&lent(&policy), b"x").unwrap()).unwrap(),
        format!("[{},{}]", error("1"), error(r#""a""#))
    );
    assert!(batch.take_unreadable());
    assert!(!batch.take_unreadable());
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
