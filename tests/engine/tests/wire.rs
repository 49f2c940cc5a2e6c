//! The filter's writer and reader, held to prost and to the engines themselves.

use std::sync::atomic::AtomicI64;

use mcp_engine::fault::Fault;
use mcp_engine::limitador::Limitador;
use mcp_engine::ratelimit::{Ratelimit, Store};
use mcp_engine::rls::{
    Code, DescriptorStatus, Duration, Entry, HeaderValue, RateLimit, RateLimitRequest,
    RateLimitResponse, Unit,
};
use mcp_engine::{Engine, Limit};
use mcp_policy_filter::limit_service::{self, Charge, Failure, Plan, Verdict};
use prost::Message;

const HOUR: u32 = 3_600;
const DAY: u32 = 86_400;

fn charge<'a>(counter: &'a str, caller: &'a str, max: u32, window: u32, units: u64) -> Charge<'a> {
    Charge { counter, caller: Some(caller), max, window, units }
}

fn limits() -> Vec<Limit> {
    let limit = |counter: &str, max, seconds, per_caller| Limit {
        counter: counter.to_owned(),
        max,
        seconds,
        per_caller,
    };
    vec![
        limit("calls", 3, HOUR, true),
        limit("money \"in\" €", 100, DAY, true),
        limit("all", 5, 7_200, false),
    ]
}

async fn limitador(headers: bool) -> Engine {
    Engine::Limitador(Limitador::new("mcp", &limits(), None, headers).await)
}

async fn ratelimit(domain: &str, stops: bool, old: bool) -> Engine {
    let (store, ahead) = (Store::new(None).await, AtomicI64::new(0));
    let (domain, limits) = (domain.to_owned(), Vec::new());
    Engine::Ratelimit(Ratelimit { domain, limits, stops, old, store, ahead })
}

const RATELIMIT: limit_service::Engine = limit_service::Engine::Ratelimit;
const LIMITADOR: limit_service::Engine = limit_service::Engine::Limitador;

/// Asks all questions about a call, and returns the last verdict; the answers with a
/// fault, if there is one.
async fn ask(
    engine: &Engine,
    kind: limit_service::Engine,
    fault: Option<Fault>,
    charges: &[Charge<'_>],
) -> Verdict {
    let mut plan = match Plan::new(kind, "mcp", charges) {
        Ok(plan) => plan,
        Err(index) => return Verdict::Over { index, retry_after: None },
    };
    let mut verdict = Verdict::Ok(Vec::new());
    while let Some(question) = plan.question() {
        let request = RateLimitRequest::decode(&*question.bytes).unwrap();
        assert_eq!(request.encode_to_vec(), question.bytes, "prost writes the same");
        let answer = engine.answer(&request).await.unwrap();
        let bytes = match fault {
            Some(fault) => fault.spoil(answer),
            None => answer.encode_to_vec(),
        };
        verdict = plan.answered(&bytes);
        if !matches!(verdict, Verdict::Ok(_)) {
            break;
        }
    }
    verdict
}

fn is_ok(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Ok(_))
}

/// The limit without room, if there is one.
fn over(verdict: &Verdict) -> Option<usize> {
    match verdict {
        Verdict::Over { index, .. } => Some(*index),
        _ => None,
    }
}

#[test]
fn questions_are_those_messages() {
    let charges =
        [charge("calls", "ann", 20, HOUR, 1), charge("money", "ann", u32::MAX, DAY, 123_456)];
    let plan = Plan::new(RATELIMIT, "mcp", &charges).unwrap();
    let look = RateLimitRequest::decode(&*plan.question().unwrap().bytes).unwrap();
    assert_eq!((&*look.domain, look.hits_addend, look.descriptors.len()), ("mcp", 0, 2));
    let [calls, money] = &*look.descriptors else { panic!("{look:?}") };
    let entry = |key: &str, value: &str| Entry { key: key.to_owned(), value: value.to_owned() };
    assert_eq!(calls.entries, [entry("mcp_counter", "calls"), entry("mcp_caller", "ann")]);
    assert_eq!(calls.limit.unwrap().requests_per_unit, 20);
    assert_eq!(calls.limit.unwrap().unit(), Unit::Hour);
    assert_eq!(calls.hits_addend.unwrap().value, 0);
    assert_eq!(money.limit.unwrap().requests_per_unit, u32::MAX);
    assert_eq!(money.limit.unwrap().unit(), Unit::Day);
    assert!(!calls.is_negative_hits);
}

/// Every number that an answer may have, in every place.
#[test]
fn answers_by_prost_are_read_alike() {
    let numbers = [0, 1, 2, 3, 19, 20, 21, 127, 128, 16_384, u32::MAX - 1, u32::MAX];
    let start = || Plan::new(RATELIMIT, "mcp", &[charge("c", "ann", 20, HOUR, 1)]).unwrap();
    for number in numbers {
        let with = |change: &dyn Fn(&mut RateLimitResponse, &mut DescriptorStatus)| {
            let mut status = DescriptorStatus {
                code: Code::Ok.into(),
                current_limit: Some(RateLimit {
                    name: "a name".to_owned(),
                    requests_per_unit: 20,
                    unit: Unit::Hour.into(),
                }),
                limit_remaining: 19,
                duration_until_reset: Some(Duration { seconds: 7, nanos: 1 }),
            };
            let header = HeaderValue { key: "x".into(), value: "y".into(), raw_value: vec![0xff] };
            let mut response = RateLimitResponse {
                overall_code: Code::Ok.into(),
                response_headers_to_add: vec![header.clone()],
                request_headers_to_add: vec![header],
                raw_body: b"text".to_vec(),
                ..Default::default()
            };
            change(&mut response, &mut status);
            response.statuses.push(status);
            start().answered(&response.encode_to_vec())
        };
        let unproven = Verdict::Failed(Failure::Unproven);
        let left = with(&|_, status| status.limit_remaining = number);
        let expected = if number < 20 { Verdict::Ok(vec![(0, number)]) } else { unproven.clone() };
        assert_eq!(left, expected, "{number}");
        let limit = with(&|_, status| {
            status.current_limit.as_mut().unwrap().requests_per_unit = number;
        });
        assert_eq!(is_ok(&limit), number == 20, "{number}");
        let unit = with(&|_, status| {
            status.current_limit.as_mut().unwrap().unit = i32::try_from(number).unwrap_or(-1);
        });
        assert_eq!(is_ok(&unit), number == 3, "{number}");
        let code = i32::try_from(number).unwrap_or(-1);
        let whole = with(&|response, _| response.overall_code = code);
        let own = with(&|_, status| status.code = code);
        match number {
            1 => assert!(is_ok(&whole) && is_ok(&own)),
            2 => {
                assert_eq!(whole, Verdict::Over { index: 0, retry_after: None });
                assert_eq!(own, Verdict::Over { index: 0, retry_after: Some(8) });
            }
            _ => {
                assert_eq!(whole, Verdict::Failed(Failure::Unknown), "{number}");
                assert_eq!(own, unproven, "{number}");
            }
        }
        let negative = with(&|_, status| {
            status.duration_until_reset.as_mut().unwrap().seconds = -1 - i64::from(number);
        });
        assert_eq!(negative, Verdict::Failed(Failure::Unreadable));
        let negative = with(&|_, status| {
            status.duration_until_reset.as_mut().unwrap().nanos = -1;
        });
        assert_eq!(negative, Verdict::Failed(Failure::Unreadable));
    }
}

#[tokio::test]
async fn limitador_counts_and_its_headers_prove_it() {
    let engine = limitador(true).await;
    let global = |units| Charge { caller: None, ..charge("all", "", 5, 7_200, units) };
    let calls = |caller| charge("calls", caller, 3, HOUR, 1);
    let money = |units| charge("money \"in\" €", "ann", 100, DAY, units);
    for _ in 0..3 {
        assert!(is_ok(&ask(&engine, LIMITADOR, None, &[calls("ann"), money(20)]).await));
    }
    assert_eq!(over(&ask(&engine, LIMITADOR, None, &[calls("ann"), money(20)]).await), Some(0));
    assert!(is_ok(&ask(&engine, LIMITADOR, None, &[calls("bob"), global(2)]).await));
    // What is refused is charged to nothing.
    assert_eq!(over(&ask(&engine, LIMITADOR, None, &[money(41)]).await), Some(0));
    assert!(is_ok(&ask(&engine, LIMITADOR, None, &[money(40)]).await));
    assert_eq!(over(&ask(&engine, LIMITADOR, None, &[money(1)]).await), Some(0));
    assert_eq!(over(&ask(&engine, LIMITADOR, None, &[global(4)]).await), Some(0));
    let verdict = ask(&engine, LIMITADOR, None, &[global(3)]).await;
    assert!(is_ok(&verdict), "{verdict:?}");
    let Verdict::Over { retry_after: Some(wait), .. } =
        ask(&engine, LIMITADOR, None, &[global(1)]).await
    else {
        panic!("without a wait")
    };
    assert!((7_000..=7_200).contains(&wait), "{wait}");
    let unproven = Verdict::Failed(Failure::Unproven);
    // A counter that its file does not have, another max, another window.
    for unknown in [
        charge("unknown", "ann", 3, HOUR, 1),
        charge("calls", "new", 4, HOUR, 1),
        charge("calls", "new", 3, DAY, 1),
    ] {
        assert_eq!(ask(&engine, LIMITADOR, None, &[unknown]).await, unproven);
    }
    let silent = limitador(false).await;
    assert_eq!(ask(&silent, LIMITADOR, None, &[calls("ann")]).await, unproven);
}

#[tokio::test]
async fn ratelimit_counts_by_the_limits_of_the_question() {
    for stops in [false, true] {
        let engine = ratelimit("mcp", stops, false).await;
        let ask = async |charges: &[Charge<'_>]| ask(&engine, RATELIMIT, None, charges).await;
        let calls = |caller| charge("calls", caller, 3, DAY, 1);
        let money = |units| charge("money", "ann", 100, DAY, units);
        assert_eq!(ask(&[calls("ann")]).await, Verdict::Ok(vec![(0, 2)]));
        assert_eq!(ask(&[calls("ann"), money(60)]).await, Verdict::Ok(vec![(0, 1), (1, 40)]));
        // A heavy call that is refused does not use the budget up.
        assert_eq!(over(&ask(&[calls("ann"), money(50)]).await), Some(1));
        assert_eq!(ask(&[calls("ann"), money(40)]).await, Verdict::Ok(vec![(0, 0), (1, 0)]));
        assert_eq!(over(&ask(&[calls("ann"), money(1)]).await), Some(0));
        assert_eq!(over(&ask(&[calls("ann")]).await), Some(0));
        assert_eq!(ask(&[calls("bob")]).await, Verdict::Ok(vec![(0, 2)]));
        // Two calls of a batch.
        assert_eq!(ask(&[calls("bob"), calls("bob")]).await, Verdict::Ok(vec![(0, 0)]));
        let Verdict::Over { retry_after: Some(wait), .. } = ask(&[calls("bob")]).await else {
            panic!("without a wait")
        };
        assert!((1..=u64::from(DAY)).contains(&wait), "{wait}");
    }
}

#[tokio::test]
async fn an_engine_that_does_not_count_as_asked_proves_nothing() {
    let unproven = Verdict::Failed(Failure::Unproven);
    let calls = charge("calls", "ann", 30, DAY, 1);
    let money = charge("money", "ann", 100, DAY, 20);
    // A domain that its file does not have.
    let unknown = ratelimit("other", false, false).await;
    assert_eq!(ask(&unknown, RATELIMIT, None, &[calls]).await, unproven);
    assert_eq!(ask(&unknown, RATELIMIT, None, &[calls, money]).await, unproven);
    // A version that charges 1, whatever the weight.
    let old = ratelimit("mcp", false, true).await;
    assert!(is_ok(&ask(&old, RATELIMIT, None, &[calls]).await));
    for _ in 0..20 {
        assert_eq!(ask(&old, RATELIMIT, None, &[money]).await, unproven);
    }
}

#[tokio::test]
async fn faults_are_failures_and_never_an_ok() {
    use Fault::{
        Cut, Empty, FewerStatuses, Large, MoreStatuses, NoLimit, OtherLimit, Shadow, Unknown,
    };
    for (fault, by_ratelimit, by_limitador) in [
        (Unknown, Failure::Unknown, Some(Failure::Unknown)),
        (Empty, Failure::Unknown, Some(Failure::Unknown)),
        (Cut, Failure::Unreadable, Some(Failure::Unreadable)),
        (Large, Failure::Unreadable, Some(Failure::Unreadable)),
        (NoLimit, Failure::Unproven, Some(Failure::Unproven)),
        (OtherLimit, Failure::Unproven, Some(Failure::Unproven)),
        // Limitador has no statuses.
        (FewerStatuses, Failure::Unproven, None),
        (MoreStatuses, Failure::Unproven, None),
    ] {
        let calls = charge("calls", "ann", 3, HOUR, 1);
        let engine = ratelimit("mcp", true, false).await;
        let verdict = ask(&engine, RATELIMIT, Some(fault), &[calls]).await;
        assert_eq!(verdict, Verdict::Failed(by_ratelimit), "{fault:?}");
        let Some(failure) = by_limitador else { continue };
        let engine = limitador(true).await;
        let verdict = ask(&engine, LIMITADOR, Some(fault), &[calls]).await;
        assert_eq!(verdict, Verdict::Failed(failure), "{fault:?}");
    }
    let engine = ratelimit("mcp", true, false).await;
    let calls = charge("calls", "ann", 3, HOUR, 1);
    assert_eq!(over(&ask(&engine, RATELIMIT, Some(Shadow), &[calls]).await), Some(0));
}

/// As `ratelimit` joins them without an escape, no caller's key is that of another count.
#[test]
fn no_caller_can_name_the_count_of_another() {
    let hostile = ["ann", "a_mcp_caller_ann", "ann_17", "_", "ann_mcp_counter_c_mcp_caller_x"];
    let counters = ["c", "c_mcp_counter_d", "c_", "_c"];
    let mut keys = std::collections::BTreeSet::new();
    for counter in counters {
        for caller in hostile.map(Some).into_iter().chain([None]) {
            let one = Charge { caller, ..charge(counter, "", 3, HOUR, 1) };
            let plan = Plan::new(RATELIMIT, "mcp", &[one]).unwrap();
            let request = RateLimitRequest::decode(&*plan.question().unwrap().bytes).unwrap();
            let mut key = String::from("mcp_");
            for entry in &request.descriptors[0].entries {
                key += &format!("{}_{}_", entry.key, entry.value);
            }
            assert!(keys.insert(format!("{key}1700000000")), "{key}");
        }
    }
}
