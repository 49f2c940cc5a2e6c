use super::*;
use crate::wire::protobuf::{write_bytes, write_number};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const HOUR: u32 = 3_600;
const DAY: u32 = 86_400;

fn charge(counter: &str, max: u32, window: u32, units: u64) -> Charge<'_> {
    Charge { counter, caller: Some("ci"), max, window, units }
}

fn plan(engine: Engine, charges: &[Charge<'_>]) -> Plan {
    Plan::new(engine, "mcp", charges).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

fn bytes(field: u8, inner: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    write_bytes(&mut message, field, inner);
    message
}

fn numbers(fields: &[(u8, u64)]) -> Vec<u8> {
    let mut message = Vec::new();
    fields.iter().for_each(|(field, value)| write_number(&mut message, *field, *value));
    message
}

/// A status: its code, the limit that was applied, the rest and the wait.
fn status(code: u64, limit: Option<(u64, u64)>, left: u64, wait: u64) -> Vec<u8> {
    let mut message = numbers(&[(1, code)]);
    if let Some((max, unit)) = limit {
        message.extend(bytes(2, &numbers(&[(1, max), (2, unit)])));
    }
    message.extend(numbers(&[(3, left)]));
    message.extend(bytes(4, &numbers(&[(1, wait)])));
    bytes(2, &message)
}

fn header(key: &str, value: &str) -> Vec<u8> {
    bytes(3, &[bytes(1, key.as_bytes()), bytes(2, value.as_bytes())].concat())
}

fn ok(parts: &[Vec<u8>]) -> Vec<u8> {
    [numbers(&[(1, 1)]), parts.concat()].concat()
}

fn failed(failure: Failure) -> Verdict {
    Verdict::Failed(failure)
}

fn over(index: usize, retry_after: Option<u64>) -> Verdict {
    Verdict::Over { index, retry_after }
}

#[test]
fn questions_have_the_bytes_that_envoy_would_send() {
    let one = plan(Engine::Ratelimit, &[charge("refunds", 20, HOUR, 1)]);
    assert_eq!(one.questions.len(), 1);
    assert_eq!(
        one.question().unwrap().bytes,
        hex("0a036d637012340a160a0b6d63705f636f756e7465721207726566756e64730a100a0a6d63705f63616c\
             6c6572120263691204081410031a020801")
    );
    let budget = plan(Engine::Ratelimit, &[charge("refunded", 100_050, DAY, 4_000)]);
    let [look, charging] = &*budget.questions else { panic!("{budget:?}") };
    assert_eq!(
        look.bytes,
        hex("0a036d637012350a170a0b6d63705f636f756e7465721208726566756e6465640a100a0a6d63705f6361\
             6c6c657212026369120608d28d0610041a00")
    );
    assert_eq!(charging.bytes[7..58], look.bytes[7..58]);
    assert!(charging.bytes.ends_with(&hex("1a0308a01f")));
    let limitador = plan(Engine::Limitador, &[charge("refunds", 20, HOUR, 1)]);
    assert_eq!(
        limitador.question().unwrap().bytes,
        hex("0a036d6370122a0a160a0b6d63705f636f756e7465721207726566756e64730a100a0a6d63705f63616c\
             6c6572120263691801")
    );
    let everyone = Charge { caller: None, ..charge("refunds", 20, HOUR, 1) };
    let everyone = plan(Engine::Limitador, &[everyone]);
    assert_eq!(
        everyone.question().unwrap().bytes,
        hex("0a036d637012180a160a0b6d63705f636f756e7465721207726566756e64731801")
    );
}

#[test]
fn answers_of_the_page_are_read() {
    let (mut one, mut again) = {
        let plan = plan(Engine::Ratelimit, &[charge("refunds", 20, HOUR, 1)]);
        (plan.clone(), plan)
    };
    let answer = hex("0801120f08011204081410031813220308d209");
    assert_eq!(one.answered(&answer), Verdict::Ok(vec![(0, 19)]));
    assert_eq!(one.question(), None);
    assert_eq!(one.answered(&answer), failed(Failure::Unreadable), "nothing was asked");
    let answer = hex("0802120d0802120408141003220308d209");
    assert_eq!(again.answered(&answer), over(0, Some(1_234)));
    let mut limitador = plan(Engine::Limitador, &[charge("refunds", 20, HOUR, 1)]);
    let answer =
        hex("08021a220a11582d526174654c696d69742d4c696d6974120d32302c2032303b773d333630301a190a\
                      11582d526174654c696d69742d5265736574120431323334");
    assert_eq!(limitador.answered(&answer), over(0, Some(1_234)));
}

#[test]
fn weights_and_several_limits_are_looked_at_first_and_those_of_nothing_left_out() {
    let count = |charges: &[Charge<'_>]| {
        let of = |engine| plan(engine, charges).questions.len();
        (of(Engine::Ratelimit), of(Engine::Limitador))
    };
    let [a, b] = [charge("a", 10, HOUR, 1), charge("b", 10, DAY, 1)];
    let nothing = Charge { units: 0, ..charge("c", 10, DAY, 0) };
    assert_eq!(count(&[]), (0, 0));
    assert_eq!(count(&[nothing]), (0, 0));
    assert_eq!(count(&[a]), (1, 1));
    assert_eq!(count(&[nothing, a]), (1, 1));
    assert_eq!(count(&[a, b]), (2, 2));
    assert_eq!(count(&[Charge { units: 2, ..a }]), (2, 1));
    // Two calls of a batch, one count.
    assert_eq!(count(&[a, a]), (2, 1));
    assert_eq!(count(&[a, Charge { caller: Some("other"), ..a }]), (2, 2));
    // The lightest first.
    let heavy = plan(Engine::Limitador, &[Charge { units: 5, ..a }, b]);
    let order: Vec<_> = heavy.questions.iter().map(|question| question.limits[0].index).collect();
    assert_eq!(order, [1, 0]);
}

#[test]
fn charges_to_one_count_are_one_charge_under_the_smallest_max() {
    let a = charge("a", 10, HOUR, 4);
    let summed = plan(Engine::Ratelimit, &[a, Charge { max: 9, ..a }]);
    let sent = Sent { index: 1, max: 9, window: HOUR, units: 8, before: None };
    assert_eq!(summed.questions[1].limits, [sent]);
    // More than the limit admits: nobody has to be asked.
    assert_eq!(Plan::new(Engine::Ratelimit, "mcp", &[a, a, a]), Err(0));
    let most = Charge { units: u64::MAX, ..a };
    assert_eq!(Plan::new(Engine::Limitador, "mcp", &[most, most]), Err(0));
    let most = charge("a", u32::MAX, HOUR, u32::MAX.into());
    let mut most = plan(Engine::Limitador, &[most]);
    assert!(most.question().unwrap().bytes.ends_with(&hex("18ffffffff0f")));
    let answer = ok(&[header("X-RateLimit-Limit", "4294967295, 4294967295;w=3600")]);
    assert_eq!(most.answered(&answer), Verdict::Ok(vec![]));
}

#[test]
fn an_ok_counts_if_each_limit_was_applied() {
    let plan =
        || plan(Engine::Ratelimit, &[charge("a", 10, HOUR, 1), charge("b", 1_000, DAY, 300)]);
    let read = |parts: &[Vec<u8>]| plan().answered(&ok(parts));
    let (a, b) = (status(1, Some((10, 3)), 9, 5), status(1, Some((1_000, 4)), 300, 50));
    assert_eq!(read(&[a.clone(), b.clone()]), Verdict::Ok(vec![(0, 9), (1, 300)]));
    for unproven in [
        vec![],
        vec![a.clone()],
        vec![b.clone(), a.clone()],
        vec![a.clone(), b.clone(), b.clone()],
        vec![a.clone(), a.clone()],
        // As the engine answers for a domain that it does not know.
        vec![a.clone(), status(1, None, 0, 0)],
        vec![a.clone(), status(1, Some((1_001, 4)), 300, 50)],
        vec![a.clone(), status(1, Some((1_000, 3)), 300, 50)],
        vec![a.clone(), status(1, Some((1_000, 4)), 1_001, 50)],
        vec![a.clone(), status(1, Some((1_000, 4)), 1 << 32, 50)],
        vec![a.clone(), status(0, Some((1_000, 4)), 300, 50)],
        vec![a.clone(), status(3, Some((1_000, 4)), 300, 50)],
    ] {
        assert_eq!(read(&unproven), failed(Failure::Unproven), "{unproven:?}");
    }
    // Without room, whatever the whole says.
    let full = status(2, Some((1_000, 4)), 0, 77);
    assert_eq!(read(&[a.clone(), full.clone()]), over(1, Some(77)));
    assert_eq!(read(&[full.clone(), full.clone()]), over(0, Some(77)));
    assert_eq!(
        read(core::slice::from_ref(&full)),
        over(0, Some(77)),
        "of which limit is not known"
    );
    let endless = status(2, Some((10, 3)), 0, u64::from(u32::MAX));
    assert_eq!(read(&[endless, a.clone()]), over(0, Some(DAY.into())));
    assert_eq!(read(&[status(2, None, 0, 0), b.clone()]), over(0, None));
    let code = |code| plan().answered(&[numbers(&[(1, code)]), a.clone(), b.clone()].concat());
    assert_eq!(code(2), over(0, None));
    for unknown in [0, 3, u64::MAX] {
        assert_eq!(code(unknown), failed(Failure::Unknown));
    }
    assert_eq!(plan().answered(&[a.clone(), b.clone()].concat()), failed(Failure::Unknown));
    assert_eq!(plan().answered(b""), failed(Failure::Unknown));
}

#[test]
fn a_look_refuses_what_has_no_room_and_a_charge_shows_its_whole_weight() {
    let start =
        || plan(Engine::Ratelimit, &[charge("a", 10, HOUR, 1), charge("b", 1_000, DAY, 300)]);
    let answer = |a: (u64, u64), b: (u64, u64)| {
        ok(&[status(1, Some((10, 3)), a.0, a.1), status(1, Some((1_000, 4)), b.0, b.1)])
    };
    assert_eq!(start().answered(&answer((1, 5), (299, 60))), over(1, Some(60)));
    assert_eq!(start().answered(&answer((0, 5), (299, 60))), over(0, Some(60)));
    assert_eq!(start().answered(&answer((0, 5), (300, 60))), over(0, Some(5)));

    let after = |a: (u64, u64), b: (u64, u64)| {
        let mut plan = start();
        assert!(matches!(plan.answered(&answer((7, 5), (700, 60))), Verdict::Ok(_)));
        assert!(plan.question().is_some());
        plan.answered(&answer(a, b))
    };
    assert_eq!(after((6, 5), (400, 60)), Verdict::Ok(vec![(0, 6), (1, 400)]));
    // Others were charged in the meantime, or the window has ended.
    assert_eq!(after((0, 4), (0, 59)), Verdict::Ok(vec![(0, 0), (1, 0)]));
    assert_eq!(after((9, 3_600), (700, 86_400)), Verdict::Ok(vec![(0, 9), (1, 700)]));
    // An engine that does not read the weight of a descriptor, or charges none at all.
    for wrong in [(699, 60), (401, 59), (701, 86_400), (1_000, 60)] {
        assert_eq!(after((6, 5), wrong), failed(Failure::Unproven), "{wrong:?}");
    }
    assert_eq!(after((7, 5), (400, 60)), failed(Failure::Unproven));
    // A window of a second may have ended, whatever the wait.
    let mut second = plan(Engine::Ratelimit, &[charge("s", 10, 1, 5)]);
    let left = |left| ok(&[status(1, Some((10, 1)), left, 1)]);
    assert!(matches!(second.answered(&left(6)), Verdict::Ok(_)));
    assert_eq!(second.answered(&left(5)), Verdict::Ok(vec![(0, 5)]));
}

#[test]
fn limitador_proves_by_its_header_that_it_applied_the_limit() {
    let read = |value: &str| {
        let mut plan = plan(Engine::Limitador, &[charge("a", 20, HOUR, 1)]);
        plan.answered(&ok(&[header("x-ratelimit-LIMIT", value), header("other", "1")]))
    };
    for proven in [
        "20, 20;w=3600",
        "20,20;w=3600",
        "20, 20;name=\"x;w=1, 7\";w=3600",
        "3, 3;w=60, 20;w=3600;name=\"it's, a name\"",
    ] {
        assert_eq!(read(proven), Verdict::Ok(vec![]), "{proven}");
    }
    for unproven in [
        "",
        "20",
        "20, ",
        "20;w=3600",
        "20, 20",
        "20, 20;w=60",
        "20, 21;w=3600",
        "20, 20;w=3600;w=3600",
        "20, 20;w=+3600",
        "20, 20;w=03600",
        "20, 20;w= 3600",
        "20, 020;w=3600",
        "020, 20;w=3600",
        "20, 20;w=3600,",
        "20, -20;w=3600",
        "20, 20;w=99999999999999999999",
        "3, 3;w=60;name=\", 20;w=3600\"",
        "a, 20;w=3600",
    ] {
        assert_eq!(read(unproven), failed(Failure::Unproven), "{unproven}");
    }
    let many = format!("20{}", ", 20;w=3600".repeat(1_025));
    assert_eq!(read(&many), failed(Failure::Unproven));
    let mut plan = plan(Engine::Limitador, &[charge("a", 20, HOUR, 1)]);
    assert_eq!(plan.answered(&ok(&[])), failed(Failure::Unproven));
    let limit = header("X-RateLimit-Limit", "20, 20;w=3600");
    assert_eq!(plan.answered(&ok(&[limit.clone(), limit.clone()])), failed(Failure::Unreadable));
    for (reset, wait) in [("1234", Some(1_234)), ("9999", Some(3_600)), ("0", None), ("-1", None)] {
        let reset = header("X-RateLimit-Reset", reset);
        let answer = [numbers(&[(1, 2)]), reset].concat();
        assert_eq!(plan.answered(&answer), over(0, wait));
    }
    assert_eq!(plan.answered(&numbers(&[(1, 2)])), over(0, None));
}

#[test]
fn what_is_cut_contradictory_or_too_long_is_not_read() {
    let start = || plan(Engine::Ratelimit, &[charge("a", 10, HOUR, 1)]);
    let good = ok(&[status(1, Some((10, 3)), 9, 5)]);
    assert_eq!(start().answered(&good), Verdict::Ok(vec![(0, 9)]));
    for end in 1..good.len() {
        // The code alone is a message.
        let expected = if end == 2 { Failure::Unproven } else { Failure::Unreadable };
        assert_eq!(start().answered(&good[..end]), failed(expected), "{end}");
    }
    let with = |more: Vec<u8>| start().answered(&[good.clone(), more].concat());
    let in_status = |more: &[u8]| {
        let limit = bytes(2, &numbers(&[(1, 10), (2, 3)]));
        let status = [&numbers(&[(1, 1)]), &limit, &numbers(&[(3, 9)]), more].concat();
        start().answered(&ok(&[bytes(2, &status)]))
    };
    // Fields that nobody asks for.
    assert_eq!(with(numbers(&[(4, 1), (99, u64::MAX)])), Verdict::Ok(vec![(0, 9)]));
    assert_eq!(with(bytes(5, b"body")), Verdict::Ok(vec![(0, 9)]));
    assert_eq!(in_status(&bytes(5, b"quota")), Verdict::Ok(vec![(0, 9)]));
    for wrong in [
        numbers(&[(1, 1)]),
        numbers(&[(1, 2)]),
        bytes(1, b""),
        numbers(&[(2, 1)]),
        numbers(&[(3, 1)]),
        vec![0x0b],
        bytes(3, &numbers(&[(1, 1)])),
        bytes(3, &[bytes(1, b"a"), bytes(1, b"a")].concat()),
    ] {
        assert_eq!(with(wrong.clone()), failed(Failure::Unreadable), "{wrong:?}");
    }
    for wrong in [
        numbers(&[(1, 1)]),
        numbers(&[(3, 9)]),
        bytes(2, &numbers(&[(1, 10), (2, 3)])),
        bytes(1, b""),
        numbers(&[(4, 1)]),
        bytes(4, &numbers(&[(1, u64::MAX)])),
        bytes(4, &numbers(&[(2, 1_000_000_000)])),
        bytes(4, &bytes(1, b"")),
        bytes(4, &[0x08]),
    ] {
        assert_eq!(in_status(&wrong), failed(Failure::Unreadable), "{wrong:?}");
    }
    let long = |length: usize| with(bytes(5, &vec![0; length - good.len() - 4]));
    assert_eq!(long(MAX_ANSWER_BYTES), Verdict::Ok(vec![(0, 9)]));
    assert_eq!(long(MAX_ANSWER_BYTES + 1), failed(Failure::Unreadable));
}
