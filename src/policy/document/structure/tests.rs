use super::super::tree::{Node, parse};
use super::{BOOLEANS_AND_TEXTS, Fault, NUMBERS_AND_TEXTS, decode};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A field of wire type 2.
fn bytes(number: u8, inner: &[u8]) -> Vec<u8> {
    let length = inner.len();
    let mut field = vec![number << 3 | 2];
    if length > 0x7f {
        field.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
    }
    field.push(u8::try_from(if length > 0x7f { length >> 7 } else { length }).unwrap());
    field.extend(inner);
    field
}

fn member(key: &str, value: &[u8]) -> Vec<u8> {
    bytes(1, &[bytes(1, key.as_bytes()), bytes(2, value)].concat())
}

fn double(value: f64) -> Vec<u8> {
    [&[0x11][..], &value.to_le_bytes()].concat()
}

fn fault(message: &[u8]) -> (String, &'static str) {
    match decode(message) {
        Ok((node, _)) => panic!("{node:?}"),
        Err(Fault { path, why }) => (path, why),
    }
}

/// The errors of a document that comes as these bytes.
fn errors(message: &[u8]) -> Vec<String> {
    let errors = match parse(message) {
        Ok((_, errors)) | Err(errors) => errors,
    };
    errors.lines().collect()
}

#[test]
fn a_struct_is_read_as_the_json_that_it_stands_for() {
    let list = [double(-0.5), vec![0x20, 1], vec![0x20, 0], bytes(6, b"")];
    let list: Vec<u8> = list.iter().flat_map(|value| bytes(1, value)).collect();
    let message = [
        member("text", &bytes(3, "é\u{0}".as_bytes())),
        member("", &[0x08, 0]),
        member("list", &bytes(6, &list)),
        member(
            "object",
            &bytes(5, &[member("b", &double(1e20 / 1e5)), member("a", &double(10.0))].concat()),
        ),
        member("no", &double(-0.0)),
    ]
    .concat();
    let json = r#"{"":null,"list":[-0.5,true,false,[]],"no":0,
        "object":{"a":10,"b":1000000000000000},"text":"é\u0000"}"#;
    let (found, errors) = parse(&message).unwrap();
    let (expected, _) = parse(json.as_bytes()).unwrap();
    assert!(errors.is_empty());
    assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    assert_eq!(found.digest(), expected.digest());
}

#[test]
fn the_first_byte_of_a_struct_is_also_a_line_break_before_json() {
    let (node, errors) = parse(b"\n{\"a\": 10.0}").unwrap();
    assert!(errors.is_empty());
    let Node::Object(members) = node else { panic!("{node:?}") };
    assert!(matches!(&*members, [(key, Node::Number(number))] if key == "a" && number == "10.0"));
}

#[test]
fn members_are_in_the_order_of_their_keys_and_duplicates_stay() {
    let members = [("b", 1.0), ("a", 2.0), ("b", 3.0)].map(|(key, n)| member(key, &double(n)));
    let message = members.concat();
    let Ok((Node::Object(members), _)) = parse(&message) else { panic!("{message:?}") };
    let keys: Vec<_> = members.iter().map(|(key, _)| &**key).collect();
    assert_eq!(keys, ["a", "b", "b"]);
}

#[test]
fn whatever_is_not_a_struct_has_its_place_named() {
    let in_a = |value: &[u8]| fault(&member("a", value));
    let at_a = |why| ("/a".to_owned(), why);
    assert_eq!(in_a(b""), at_a("a Value has no kind"));
    assert_eq!(in_a(&[0x20, 1, 0x20, 1]), at_a("a Value has more than one kind"));
    assert_eq!(in_a(&[0x08, 1]), at_a("a field is not one of a Value's"));
    assert_eq!(in_a(&[0x20, 2]), at_a("a field is not one of a Value's"));
    assert_eq!(in_a(&[0x38, 0]), at_a("a field is not one of a Value's"));
    assert_eq!(in_a(&bytes(2, b"x")), at_a("a field is not one of a Value's"));
    assert_eq!(in_a(&[0x15, 0, 0, 0, 0]), at_a("a field is not one of a Value's"));
    assert_eq!(in_a(&[0x13]), at_a("a field has a wire type that is no longer used"));
    assert_eq!(in_a(&[0x11, 0, 0]), at_a("a field ends before its length"));
    assert_eq!(in_a(&[0x20]), at_a("a field ends before its length"));
    assert_eq!(in_a(&[0x20, 0x81, 0]), at_a("a length or a tag is not in its shortest form"));
    assert_eq!(in_a(&[0x20, 0x81, 0x81]), at_a("a field ends before its length"));
    let endless = [&[0x20][..], &[0xff; 11]].concat();
    assert_eq!(in_a(&endless), at_a("a length or a tag is not in its shortest form"));
    assert_eq!(in_a(&bytes(3, b"\xff")), at_a("a text is not UTF-8"));
    for double_ in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(in_a(&double(double_)), at_a("a number is NaN or infinite"));
    }
    let in_list = bytes(6, &[bytes(1, &[0x20, 1]), bytes(1, b"")].concat());
    assert_eq!(in_a(&in_list), ("/a/1".into(), "a Value has no kind"));
    assert_eq!(in_a(&bytes(6, &bytes(2, b""))), at_a("a field is not one of a ListValue's"));
    let odd = bytes(5, &member("x/y~", b""));
    assert_eq!(in_a(&odd), ("/a/x~1y~0".into(), "a Value has no kind"));

    let top = |why| (String::new(), why);
    let (key, value) = (bytes(1, b"k"), bytes(2, &[0x20, 1]));
    let entry = |parts: &[&[u8]]| fault(&bytes(1, &parts.concat()));
    assert_eq!(entry(&[&key]), top("a member lacks its key or its value"));
    assert_eq!(entry(&[&value]), top("a member lacks its key or its value"));
    assert_eq!(entry(&[&key, &key, &value]), top("a member has two keys or two values"));
    assert_eq!(entry(&[&key, &value, &value]), top("a member has two keys or two values"));
    assert_eq!(entry(&[&key, &value, &bytes(3, b"")]), top("a field is not one of a member's"));
    assert_eq!(fault(&bytes(2, b"")), top("a field is not one of a Struct's"));
    assert_eq!(fault(&[0x0a, 0x05, 0x0a]), top("a field ends before its length"));
    assert_eq!(fault(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]), top("a field ends before its length"));
}

#[test]
fn depth_is_that_of_json() {
    let nested = |depth: usize| {
        let value = (1..depth).fold(vec![0x20, 1], |inner, _| bytes(6, &bytes(1, &inner)));
        member("a", &value)
    };
    let json =
        |depth: usize| format!(r#"{{"a":{}true{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    let (message, text) = (nested(64), json(64));
    let (found, _) = parse(&message).unwrap();
    let (expected, _) = parse(text.as_bytes()).unwrap();
    assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    assert!(parse(json(65).as_bytes()).is_err());
    let (path, why) = fault(&nested(65));
    assert_eq!((path, why), (format!("/a{}", "/0".repeat(63)), "values are nested too deeply"));
}

#[test]
fn numbers_that_a_double_may_have_rounded_are_errors() {
    let number = |value| errors(&member("a", &double(value)));
    assert!(number(9_007_199_254_740_991.0).is_empty());
    assert!(number(-9_007_199_254_740_991.0).is_empty());
    for value in [9_007_199_254_740_992.0, -9_007_199_254_740_992.0, 1e300] {
        assert_eq!(
            number(value),
            ["/a: this may have been another number before a google.protobuf.Struct rounded it, \
              as it rounds whole numbers from 9007199254740992 on; give the policy as JSON in a \
              google.protobuf.StringValue"]
        );
    }
}

#[test]
fn a_list_in_which_yaml_may_have_made_two_types_of_one_is_an_error() {
    let in_list = |first: &[u8], text: &str| {
        let list = [bytes(1, first), bytes(1, &bytes(3, text.as_bytes()))].concat();
        errors(&member("a", &bytes(6, &list)))
    };
    let (number, yes) = (double(1.0), [0x20, 1]);
    for text in ["0.5", "1e3", ".5", "1_000", "3000000000", "08", "prod", ""] {
        assert_eq!(in_list(&number, text), [format!("/a: {NUMBERS_AND_TEXTS}")], "{text}");
        assert_eq!(in_list(&yes, text), [format!("/a: {BOOLEANS_AND_TEXTS}")], "{text}");
        assert!(in_list(&bytes(3, b"x"), text).is_empty(), "{text}");
    }
    // Without quotes, these would not be texts.
    for text in ["10", "-10", "0"] {
        assert!(in_list(&number, text).is_empty(), "{text}");
    }
    for text in ["true", "No", "ON", "y"] {
        assert!(in_list(&yes, text).is_empty(), "{text}");
    }
}

#[test]
fn another_message_is_told_by_its_looks() {
    let remedy = "give the policy as a google.protobuf.Struct, or as JSON in a \
                  google.protobuf.StringValue";
    let json = br#"{"version": "1", "default": "deny"}"#;
    let any = [bytes(1, b"type.googleapis.com/google.protobuf.Struct"), bytes(2, b"")].concat();
    let long = [&json[..], &[b' '; 200]].concat();
    for (message, expected) in [
        (bytes(5, &member("a", &[0x20, 1])), format!("like a google.protobuf.Value; {remedy}")),
        (bytes(1, &[0x20, 1]), format!("like a google.protobuf.ListValue; {remedy}")),
        (bytes(1, json), format!("like a google.protobuf.StringValue within another; {remedy}")),
        (bytes(1, &long), format!("like a google.protobuf.StringValue within another; {remedy}")),
        (
            any,
            "like a message around a `google.protobuf.Struct`; take the outer one away, so that \
             the policy stands under the `value` of a google.protobuf.Struct"
                .into(),
        ),
        (vec![0x08, 0x01], format!("like a protobuf message of another type; {remedy}")),
    ] {
        assert_eq!(errors(&message), [format!("(top level): the bytes look {expected}")]);
    }
    assert_eq!(
        errors(&member("a", b"")),
        ["/a: a Value has no kind; this is not a google.protobuf.Struct as Envoy writes one; \
             give the policy as JSON in a google.protobuf.StringValue"]
    );
    // A line break before JSON with a mistake, of which the second byte is a length
    // and a later one a tag.
    for indented in ["\n{ \"version\": \"1\",", "\n    {\"version\": \"1\","] {
        let text =
            format!("{indented} \"default\": \"deny\",\n \"tools\": {{{}}},}}", " ".repeat(120));
        let [error] = &*errors(text.as_bytes()) else { panic!("{text}") };
        assert!(error.starts_with("line 3 column"), "{error}");
    }
    // A line break before what is neither.
    assert_eq!(
        errors(b"\nversion: \"1\"\ndefault: deny\n"),
        ["line 2 column 1: expected a value; this looks like YAML, so give the policy as \
             YAML in a google.protobuf.Struct, with no `|` behind `value:`"]
    );
}
