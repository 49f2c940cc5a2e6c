//! Conditions joined by `any`, `all` and `not`.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const UNCLEAR: Truth = Truth::Undecidable(Why::Header);

/// A condition with this answer.
fn with(truth: Truth) -> Formula {
    Formula::One(match truth {
        Truth::True => condition("tool", "eq", "\"create_refund\""),
        Truth::False => condition("tool", "eq", "\"other\""),
        Truth::Undecidable(_) => condition("headers.h", "eq", "\"x\""),
    })
}

#[test]
fn connectives_are_decided_in_any_order() {
    let ground = Default::default();
    let headers = [("h".to_owned(), Line::Unclear)];
    let facts = Facts { headers: &headers, ..facts(None, &ground) };
    let all = [Truth::True, Truth::False, UNCLEAR];
    for (a, b, c) in all
        .iter()
        .flat_map(|a| all.iter().map(move |b| (a, b)))
        .flat_map(|(a, b)| all.iter().map(move |c| (*a, *b, *c)))
    {
        let list = || [a, b, c].map(with).into();
        let given = [a, b, c];
        let has = |truth| given.contains(&truth);
        let any = match (has(Truth::True), has(UNCLEAR)) {
            (true, _) => Truth::True,
            (false, true) => UNCLEAR,
            (false, false) => Truth::False,
        };
        let every = match (has(Truth::False), has(UNCLEAR)) {
            (true, _) => Truth::False,
            (false, true) => UNCLEAR,
            (false, false) => Truth::True,
        };
        let ask = |formula: Formula| {
            let (truth, by) = formula.evaluate(&facts, Elements::All);
            // The condition is named where, and only where, it cannot be decided.
            assert_eq!(by.is_some(), truth == UNCLEAR, "{formula:?}");
            truth
        };
        assert_eq!(ask(Formula::Any(list())), any, "{given:?}");
        assert_eq!(ask(Formula::All(list())), every, "{given:?}");
        assert_eq!(ask(Formula::Not(Box::new(Formula::Any(list())))), any.not());
        assert_eq!(ask(Formula::Not(Box::new(Formula::All(list())))), every.not());
    }
}

#[test]
fn the_first_condition_that_cannot_be_decided_is_named() {
    let ground = Default::default();
    let headers = [("h".to_owned(), Line::Unclear), ("i".to_owned(), Line::Unclear)];
    let facts = Facts { headers: &headers, ..facts(None, &ground) };
    let i = || Formula::One(condition("headers.i", "eq", "\"x\""));
    let named = |formula: Formula| {
        let (_, by) = formula.evaluate(&facts, Elements::All);
        by.map(|condition| condition.path.as_str().to_owned())
    };
    let any = Formula::Any(vec![with(UNCLEAR), with(Truth::True)]);
    assert_eq!(named(Formula::All(vec![any, i()])).as_deref(), Some("headers.i"));
    let any = Formula::Any(vec![with(Truth::False), with(UNCLEAR)]);
    assert_eq!(named(Formula::All(vec![any, i()])).as_deref(), Some("headers.h"));
    assert_eq!(named(with(Truth::True)).as_deref(), Some("tool"));
}
