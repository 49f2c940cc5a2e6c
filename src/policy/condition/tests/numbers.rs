//! Numbers: exactly, as doubles, and as whole ones.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The answers of `eq` about numbers, against one of the policy.
fn equal(policy: &str, rows: &[(&str, &str)]) {
    for (number, expected) in rows {
        let arguments = format!(r#"{{"x":{number}}}"#);
        let said =
            |op, value: &str| ask(&condition("args.x", op, value), &arguments, Elements::Any);
        let list = format!("[77777,{policy}]");
        let not = match *expected {
            "T" => "F",
            "F" => "T",
            undecidable => undecidable,
        };
        assert_eq!(said("eq", policy), *expected, "{number} eq {policy}");
        assert_eq!(said("in", &list), *expected, "{number} in {list}");
        assert_eq!(said("neq", policy), not, "{number} neq {policy}");
        assert_eq!(said("not_in", &list), not, "{number} not_in {list}");
    }
}

#[test]
fn a_number_that_becomes_the_whole_one_of_the_policy_is_undecidable() {
    equal(
        "5",
        &[
            ("5", "T"),
            ("5.0", "T"),
            ("50e-1", "T"),
            ("5.5", "U fraction"),
            ("5.999", "U fraction"),
            ("5.000000000000000000001", "U double"),
            ("4.5", "U fraction"),
            ("4.50001", "U fraction"),
            ("45e-1", "U fraction"),
            ("4.4", "F"),
            ("6.0", "F"),
            ("6.1", "F"),
            ("-5.5", "F"),
            ("0.5", "F"),
        ],
    );
    equal(
        "0",
        &[("0.4", "U fraction"), ("-0.4", "U fraction"), ("0.0", "T"), ("1e-400", "U double")],
    );
    equal("0", &[("-0.9", "U fraction"), ("1.2", "F"), ("0.01", "U fraction")]);
    equal("1", &[("0.5", "U fraction"), ("0.49", "F"), ("0.05", "F"), ("1.9", "U fraction")]);
    equal("-1", &[("-0.5", "U fraction"), ("0.5", "F"), ("-1.9", "U fraction"), ("-2.1", "F")]);
    equal(
        "1000",
        &[("999.5", "U fraction"), ("999.4", "F"), ("1000.1", "U fraction"), ("99.5", "F")],
    );
    equal("1100", &[("1099.5", "U fraction"), ("1099.49", "F"), ("1100.9", "U fraction")]);
    equal("1e3", &[("999.5", "U fraction"), ("1001.5", "F")]);
    equal("5.5", &[("5.5", "T"), ("5", "F"), ("6", "F"), ("5.4", "F")]);
    equal("100", &[("99.49999999999999999999", "U fraction"), ("99.4999", "F")]);
    equal("1", &[("0.49999999999999999999", "U fraction"), ("0.4999999", "F")]);
    equal("1e200", &[("1e200", "T"), ("10000000000000000000000.5", "F")]);
}

#[test]
fn order_does_not_mind_fractions() {
    table(&[
        ("args.x", "lt", "5", r#"{"x":4.5}"#, "T"),
        ("args.x", "lte", "5", r#"{"x":5.5}"#, "F"),
        ("args.x", "gt", "5", r#"{"x":5.5}"#, "T"),
        ("args.x", "gte", "5", r#"{"x":4.5}"#, "F"),
    ]);
}

/// Doubles are made only of numbers that are near each other: the answer must be
/// that of making them of all.
#[test]
fn numbers_that_are_near_each_other_are_compared_as_doubles_too() {
    let numbers = [
        "0",
        "1e-400",
        "-1e-400",
        "4e-324",
        "2e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1e-323",
        "1e-308",
        "1.0000000000000001e-308",
        "1e-301",
        "9.99999999999999999e-302",
        "0.1",
        "0.10000000000000000000001",
        "0.09999999999999999999",
        "0.9999999999999999",
        "0.99999999999999999",
        "1",
        "1.0000000000000001",
        "1.0000000000000002",
        "1.00000000000000011102230246251565",
        "1.00000000000000011102230246251566",
        "9007199254740991",
        "9007199254740992",
        "9007199254740993",
        "9007199254740994",
        "9.9999999999999999e22",
        "1e23",
        "99999999999999991611392",
        "10000000000024865675e281",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "-9007199254740993",
        "-1",
    ];
    let order = [("lt", Order::Less), ("lte", Order::LessOrEqual), ("gt", Order::Greater)];
    for policy in numbers {
        for call in numbers {
            let exact = Decimal::parse(call).unwrap().cmp(&Decimal::parse(policy).unwrap());
            let double = |text: &str| text.parse::<f64>().unwrap();
            let doubles = double(call).partial_cmp(&double(policy)).unwrap();
            for (name, order) in order {
                let expected = match (order.holds(exact), order.holds(doubles)) {
                    (true, true) => "T",
                    (false, false) => "F",
                    _ => "U double",
                };
                let said = ask(
                    &condition("args.x", name, policy),
                    &format!(r#"{{"x":{call}}}"#),
                    Elements::Any,
                );
                assert_eq!(said, expected, "{call} {name} {policy}");
            }
        }
    }
}

#[test]
fn weights_are_counted_in_millionths() {
    let path = Path::parse("args.amount").unwrap();
    for (arguments, expected) in [
        (r#"{"amount":12.5}"#, Ok(12_500_000)),
        (r#"{"amount":0}"#, Ok(0)),
        (r#"{"amount":1e3}"#, Ok(1_000_000_000)),
        (r#"{"amount":0.0000001}"#, Err(Why::Weight)),
        (r#"{"amount":-1}"#, Err(Why::Weight)),
        (r#"{"amount":1e300}"#, Ok(u64::MAX)),
        (r#"{"amount":"5"}"#, Err(Why::Type("a string"))),
        (r#"{"amount":null}"#, Err(Why::Absent)),
        ("{}", Err(Why::Absent)),
        (r#"{"amount":1,"Amount":2}"#, Err(Why::LookAlike)),
    ] {
        let raw = Reader::new(arguments.as_bytes(), 64).unwrap().value().unwrap();
        let ground = Default::default();
        assert_eq!(weight(&path, &facts(Some(raw), &ground)), expected, "{arguments}");
    }
}
