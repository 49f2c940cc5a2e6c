//! The values that conditions saw: for the one who makes a call to try a policy, and
//! never for a log.

use super::find::{Found, find_argument};
use super::host_in::Hosts;
use super::{
    Claim, Elements, Facts, JsonTexts, Line, Literal, Order, Path, Root, Step, Test, Truth, Why,
    Work,
};
use crate::text::start;
use crate::wire::json::Kind;

/// The most values of one condition that are kept.
const MAX_VALUES: usize = 32;
/// The most bytes of one value that are kept.
const MAX_BYTES: usize = 1_024;
/// Headers that hold a credential.
const SECRET: [&str; 5] =
    ["authorization", "proxy-authorization", "cookie", "mcp-session-id", "x-api-key"];

/// A value that a condition saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A value, as JSON; a long one is cut and ends with `…`.
    Value(String),
    /// There is none, or it is null.
    Absent,
    /// Readers may differ on it.
    Unclear(Why),
    /// A credential, which is not repeated.
    Secret,
}

/// The one value at a path.
pub(super) fn of_one(path: &Path, facts: &Facts<'_>) -> Seen {
    seen(path, false, facts).0.pop().unwrap_or(Seen::Absent)
}

/// The values at a path, and the number of those that are left out. `of_null` says
/// whether a null is a value.
pub(super) fn seen(path: &Path, of_null: bool, facts: &Facts<'_>) -> (Vec<Seen>, usize) {
    let one = |seen| (vec![seen], 0);
    match path.root {
        Root::Args => seen_arguments(path, of_null, facts),
        Root::Claims => {
            let names: Vec<_> = path.steps.iter().map(Step::name).collect();
            let names: Vec<&str> = names.iter().map(|name| &**name).collect();
            one(of_claim(&facts.claims.claim(&names)))
        }
        Root::Headers => {
            let name = path.header();
            let line = facts.headers.iter().find(|(other, _)| Some(&**other) == name);
            one(match line.map_or(&Line::Absent, |(_, line)| line) {
                Line::Absent => Seen::Absent,
                _ if name.is_some_and(|name| SECRET.contains(&name)) => Seen::Secret,
                Line::Text(text) => Seen::Value(cut(quoted(text))),
                Line::Unclear => Seen::Unclear(Why::Header),
            })
        }
        Root::Grant => one(Seen::Value(cut(quoted(facts.caller_id)))),
        Root::Hour => one(match facts.moment.hour() {
            Some(hour) => Seen::Value(hour.to_string()),
            None => Seen::Absent,
        }),
        Root::Weekday => one(match facts.moment.weekday() {
            Some(day) => Seen::Value(quoted(day)),
            None => Seen::Absent,
        }),
        Root::Tool => one(Seen::Value(cut(quoted(facts.tool)))),
    }
}

fn seen_arguments(path: &Path, of_null: bool, facts: &Facts<'_>) -> (Vec<Seen>, usize) {
    let Some(arguments) = facts.arguments else { return (vec![Seen::Absent], 0) };
    // Looking takes nothing from the budget of the call.
    let (work, texts) = (Work::default(), JsonTexts::default());
    let facts = Facts { work: &work, texts: &texts, ..*facts };
    let (mut seen, mut count) = (Vec::new(), 0_usize);
    find_argument(&facts, arguments, &path.steps, Elements::All, &mut |found| {
        count = count.saturating_add(1);
        if seen.len() < MAX_VALUES {
            seen.push(match found {
                Found::Value(raw) if matches!(raw.kind, Kind::Null) && !of_null => Seen::Absent,
                Found::Value(raw) => Seen::Value(cut(raw.text.to_owned())),
                Found::Absent => Seen::Absent,
                Found::Unclear(why) => Seen::Unclear(why),
            });
        }
        Truth::True
    });
    // Of one value, what is known last holds: its neighbour may be a look-alike.
    if !path.has_each() {
        return (seen.pop().into_iter().collect(), 0);
    }
    let more = count.saturating_sub(seen.len());
    (seen, more)
}

fn of_claim(claim: &Claim) -> Seen {
    fn json(claim: &Claim) -> String {
        match claim {
            Claim::Absent => "null".into(),
            Claim::Text(text) => quoted(text),
            Claim::Number(number) => number.to_string(),
            Claim::Bool(value) => value.to_string(),
            Claim::List(elements) => {
                let elements: Vec<String> = elements.iter().take(MAX_VALUES).map(json).collect();
                format!("[{}]", elements.join(", "))
            }
            Claim::Opaque => "{…}".into(),
            Claim::Untyped(_) | Claim::Unreadable => "…".into(),
        }
    }
    match claim {
        Claim::Absent => Seen::Absent,
        Claim::Unreadable => Seen::Unclear(Why::Claim),
        Claim::Untyped(value) => match (&value.text, value.number, value.boolean) {
            (Some(text), ..) => Seen::Value(cut(quoted(text))),
            (None, Some(number), _) => Seen::Value(number.to_string()),
            (None, None, Some(value)) => Seen::Value(value.to_string()),
            (None, None, None) => Seen::Unclear(Why::Claim),
        },
        other => Seen::Value(cut(json(other))),
    }
}

impl Test {
    /// The operator's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Eq(_) => "eq",
            Self::Neq(_) => "neq",
            Self::In(_) => "in",
            Self::NotIn(_) => "not_in",
            Self::Order(Order::Less, _) => "lt",
            Self::Order(Order::LessOrEqual, _) => "lte",
            Self::Order(Order::Greater, _) => "gt",
            Self::Order(Order::GreaterOrEqual, _) => "gte",
            Self::Regex(..) => "regex",
            Self::StartsWith(_) => "starts_with",
            Self::EndsWith(_) => "ends_with",
            Self::Contains(_) => "contains",
            Self::Exists(_) => "exists",
            Self::From(operand) => operand.op,
            Self::Length(Order::Less | Order::LessOrEqual, _) => "length_lte",
            Self::Length(Order::Greater | Order::GreaterOrEqual, _) => "length_gte",
            Self::Within(_) => "within",
            Self::HostIn(_) => "host_in",
        }
    }

    /// The policy's value, as JSON.
    pub(super) fn value(&self) -> String {
        match self {
            Self::Eq(value) | Self::Neq(value) | Self::Contains(value) => value.json(),
            Self::In(values) | Self::NotIn(values) => list(values),
            Self::Order(_, number) => number.shown(),
            Self::Regex(regex, _) => quoted(regex.as_str()),
            Self::StartsWith(text) | Self::EndsWith(text) => quoted(text),
            Self::Exists(value) => value.to_string(),
            Self::From(operand) => operand.path.as_str().to_owned(),
            Self::Length(_, bound) => bound.to_string(),
            Self::Within(folders) => list(&folders.0),
            Self::HostIn(hosts) => hosts.shown(),
        }
    }
}

impl Literal {
    fn json(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => number.shown(),
            Self::String(text) => quoted(text),
            Self::List(elements) => list(elements),
            Self::Object(members) => {
                let member =
                    |(key, value): &(Box<str>, Self)| format!("{}: {}", quoted(key), value.json());
                let members: Vec<String> = members.iter().map(member).collect();
                format!("{{{}}}", members.join(", "))
            }
        }
    }
}

fn list(values: &[Literal]) -> String {
    let values: Vec<String> = values.iter().map(Literal::json).collect();
    format!("[{}]", values.join(", "))
}

impl Hosts {
    /// The hosts alone where schemes and ports are the usual ones.
    fn shown(&self) -> String {
        let [hosts, schemes, ports] =
            [&self.hosts, &self.schemes, &self.ports].map(|all| list(all));
        match &*self.ports {
            [] if schemes == r#"["https"]"# => hosts,
            [] => format!(r#"{{"hosts": {hosts}, "schemes": {schemes}}}"#),
            _ => format!(r#"{{"hosts": {hosts}, "schemes": {schemes}, "ports": {ports}}}"#),
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn cut(text: String) -> String {
    if text.len() <= MAX_BYTES { text } else { format!("{}…", start(&text, MAX_BYTES)) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::condition;
    use super::*;
    use crate::policy::condition::{Asked, Claims, Formula, Moment, Of, One};
    use crate::wire::json::{Raw, Reader};
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    struct Teams;

    impl Claims for Teams {
        fn claim(&self, path: &[&str]) -> Claim {
            match path {
                ["team"] => Claim::Text("red".into()),
                ["teams"] => Claim::List(vec![Claim::Text("red".into()), Claim::Number(7.0)]),
                ["level"] => Claim::Number(5.0),
                ["broken"] => Claim::Unreadable,
                _ => Claim::Absent,
            }
        }
    }

    fn asked(arguments: Raw<'_>, path: &str, op: &str, value: &str) -> (Option<Truth>, One) {
        let headers = [
            ("x-team".to_owned(), Line::Text("red".into())),
            ("x-api-key".to_owned(), Line::Text("s3cret".into())),
            ("x-twice".to_owned(), Line::Unclear),
        ];
        let facts = Facts {
            arguments: Some(arguments),
            members: None,
            headers: &headers,
            claims: &Teams,
            caller_id: "alice",
            tool: "pay",
            moment: Moment::default(),
            work: &Work::default(),
            texts: &JsonTexts::default(),
        };
        let formula = Formula::One(condition(path, op, value));
        let mut asked = Asked::all([&formula].into_iter(), &facts, Elements::Any);
        let Asked { truth, of: Of::One(one) } = asked.remove(0) else { panic!("{path}") };
        (truth, one)
    }

    #[test]
    fn each_condition_shows_the_value_that_it_saw() {
        let text = r#"{"n": 8.0, "s": "a\u0062", "url": "http://[::1]/", "none": null, "Case": 1, "case": 2,
            "items": [{"p": 1}, {"q": 2}, {"p": "x"}]}"#;
        let arguments = Reader::new(text.as_bytes(), 9).unwrap().value().unwrap();
        let value = |text: &str| Seen::Value(text.into());
        let undecidable = |why| Truth::Undecidable(why);
        let wrong = undecidable(Why::Type("a string"));
        for (path, op, operand, truth, seen) in [
            ("args.n", "lte", "5", Truth::False, vec![value("8.0")]),
            ("args.s", "eq", r#""ab""#, Truth::True, vec![value(r#""a\u0062""#)]),
            ("args.none", "exists", "true", Truth::False, vec![Seen::Absent]),
            (
                "args.s",
                "within",
                r#"["/srv/a"]"#,
                undecidable(Why::Form("the path does not begin with `/`")),
                vec![value(r#""a\u0062""#)],
            ),
            (
                "args.url",
                "host_in",
                r#"{"hosts": ["a.example", "[::1]"], "schemes": ["https", "http"], "ports": [80, 443]}"#,
                Truth::True,
                vec![value(r#""http://[::1]/""#)],
            ),
            (
                "headers.x-team",
                "host_in",
                r#"["a.example"]"#,
                undecidable(Why::Form(
                    "the URL does not begin with a scheme that the policy allows",
                )),
                vec![value(r#""red""#)],
            ),
            ("args.none", "eq", "null", Truth::True, vec![value("null")]),
            ("args.gone", "in", "[1, 2]", Truth::False, vec![Seen::Absent]),
            (
                "args.case",
                "eq",
                "2",
                undecidable(Why::LookAlike),
                vec![Seen::Unclear(Why::LookAlike)],
            ),
            ("args.items[*].p", "gt", "1", wrong, vec![value("1"), Seen::Absent, value(r#""x""#)]),
            ("headers.x-team", "neq", r#""red""#, Truth::False, vec![value(r#""red""#)]),
            ("headers.x-api-key", "exists", "true", Truth::True, vec![Seen::Secret]),
            ("headers.x-gone", "exists", "true", Truth::False, vec![Seen::Absent]),
            (
                "headers.x-twice",
                "eq",
                r#""a""#,
                undecidable(Why::Header),
                vec![Seen::Unclear(Why::Header)],
            ),
            ("claims.team", "eq", r#""red""#, Truth::True, vec![value(r#""red""#)]),
            ("claims.level", "gte", "6", Truth::False, vec![value("5")]),
            ("claims.teams", "exists", "true", Truth::True, vec![value(r#"["red", 7]"#)]),
            (
                "claims.broken",
                "eq",
                r#""a""#,
                undecidable(Why::Claim),
                vec![Seen::Unclear(Why::Claim)],
            ),
            ("claims.gone", "exists", "false", Truth::True, vec![Seen::Absent]),
            ("grant", "starts_with", r#""a""#, Truth::True, vec![value(r#""alice""#)]),
            ("tool", "regex", r#""^p""#, Truth::True, vec![value(r#""pay""#)]),
        ] {
            let (answer, asked) = asked(arguments, path, op, operand);
            assert_eq!((answer, &asked.seen), (Some(truth), &seen), "{path}");
            assert_eq!((&*asked.path, asked.op, &*asked.value, asked.more), (path, op, operand, 0));
        }
    }

    #[test]
    fn long_values_are_cut_and_many_are_counted() {
        let text =
            format!(r#"{{"long": "{}", "many": [{}]}}"#, "é".repeat(600), ["1"; 40].join(","));
        let arguments = Reader::new(text.as_bytes(), 9).unwrap().value().unwrap();
        let (_, long) = asked(arguments, "args.long", "exists", "true");
        let [Seen::Value(long)] = &*long.seen else { panic!("{long:?}") };
        assert_eq!((long.len(), long.ends_with("é…")), (1_023 + "…".len(), true));
        let (truth, many) = asked(arguments, "args.many[*]", "eq", "2");
        assert_eq!((many.seen.len(), many.more, truth), (32, 8, Some(Truth::False)));
    }
}
