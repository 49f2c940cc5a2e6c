//! The words for a condition that an argument does not meet, for the agent that
//! may try again. They hold texts of the policy's author alone, and none of the
//! call.

use super::{Condition, Literal, Order, Root, Test};
use crate::text::{disturbs, start};

/// The most characters of one of the author's texts.
const MAX_TEXT: usize = 64;
/// The most elements of a list.
const MAX_ELEMENTS: usize = 8;

impl Condition {
    /// A sentence about the arguments that would meet the condition, without its
    /// full stop. `None` where it is about something that an agent has no business
    /// with: headers, claims, callers.
    pub fn asks(&self) -> Option<String> {
        if self.path.root != Root::Args {
            return None;
        }
        let each = if self.path.has_each() { "every " } else { "" };
        Some(format!("{each}{} must {}", cut(self.path.as_str()), self.test.asks()?))
    }
}

impl Test {
    /// The end of a sentence that begins with "must". Absence meets no test but
    /// `exists`, so those that deny a value say that there has to be one.
    fn asks(&self) -> Option<String> {
        Some(match self {
            Self::Eq(value) => format!("be {}", value.shown()),
            Self::Neq(value) => format!("be given, and not be {}", value.shown()),
            Self::In(values) if values.is_empty() => return None,
            Self::In(values) => format!("be one of {}", listed(values)),
            Self::NotIn(values) if values.is_empty() => "be given".into(),
            Self::NotIn(values) => format!("be given, and be none of {}", listed(values)),
            Self::Order(order, number) => {
                let relation = match order {
                    Order::Less => "below",
                    Order::LessOrEqual => "at most",
                    Order::Greater => "above",
                    Order::GreaterOrEqual => "at least",
                };
                format!("be {relation} {}", cut(&number.shown()))
            }
            Self::Regex(regex, _) => {
                format!("match the regular expression {}", quoted(regex.as_str()))
            }
            // The other value is not for an agent.
            Self::From(_) => return None,
            Self::StartsWith(text) => format!("begin with {}", quoted(text)),
            Self::EndsWith(text) => format!("end with {}", quoted(text)),
            Self::Contains(value) => format!("contain {}", value.shown()),
            Self::Length(order, bound) => {
                let relation = match order {
                    Order::Less | Order::LessOrEqual => "at most",
                    Order::Greater | Order::GreaterOrEqual => "at least",
                };
                format!("have {relation} {bound} characters or elements")
            }
            Self::Exists(true) => "be given".into(),
            Self::Exists(false) => "not be given".into(),
            Self::Within(folders) => format!("be an absolute path within {}", any(&folders.0)),
            Self::HostIn(hosts) => format!("be a URL of {}", any(&hosts.hosts)),
        })
    }
}

impl Literal {
    fn shown(&self) -> String {
        match self {
            Self::List(elements) => format!("[{}]", listed(elements)),
            Self::Object(members) => {
                let member = |(key, value): &(Box<str>, Self)| {
                    format!("{}: {}", quoted(key), value.shown_within())
                };
                format!("{{{}}}", enumerated(members.iter().map(member), members.len()))
            }
            other => other.shown_within(),
        }
    }

    /// The value as a part of another, with nothing of its own parts.
    fn shown_within(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => cut(&number.shown()),
            Self::String(text) => quoted(text),
            Self::List(_) => "[…]".into(),
            Self::Object(_) => "{…}".into(),
        }
    }
}

/// Texts of which one has to be met.
fn any(texts: &[Literal]) -> String {
    let one_of = if texts.len() > 1 { "one of " } else { "" };
    one_of.to_owned() + &listed(texts)
}

fn listed(values: &[Literal]) -> String {
    enumerated(values.iter().map(Literal::shown_within), values.len())
}

fn enumerated(values: impl Iterator<Item = String>, count: usize) -> String {
    let shown: Vec<String> = values.take(MAX_ELEMENTS).collect();
    let more = if count > shown.len() { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", cut(text))
}

/// The start of a text, on one line.
pub(super) fn cut(text: &str) -> String {
    // No character is longer than four bytes.
    let begins = start(text, MAX_TEXT.saturating_mul(4).saturating_add(4));
    let mut shown = String::new();
    for (count, c) in begins.chars().enumerate() {
        if count == MAX_TEXT {
            shown.push('…');
            break;
        }
        if disturbs(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::super::tests::condition;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn conditions_on_arguments_say_what_they_ask() {
        for (path, op, value, asks) in [
            ("args.n", "lte", "2", "args.n must be at most 2"),
            ("args.n", "lt", "1e2", "args.n must be below 100"),
            ("args.n", "gt", "-0.5", "args.n must be above -0.5"),
            ("args.n", "gte", "2.0", "args.n must be at least 2"),
            ("args.x", "eq", "\"prod\"", "args.x must be \"prod\""),
            ("args.x", "eq", "null", "args.x must be null"),
            ("args.x", "eq", "[1,[2]]", "args.x must be [1, […]]"),
            (
                "args.x",
                "eq",
                r#"{"a":true,"b":{"c":1}}"#,
                r#"args.x must be {"a": true, "b": {…}}"#,
            ),
            ("args.x", "neq", "\"a\"", "args.x must be given, and not be \"a\""),
            ("args.x", "in", r#"["eu",7]"#, "args.x must be one of \"eu\", 7"),
            (
                "args.x",
                "in",
                "[1,2,3,4,5,6,7,8,9]",
                "args.x must be one of 1, 2, 3, 4, 5, 6, 7, 8, …",
            ),
            ("args.x", "not_in", "[1]", "args.x must be given, and be none of 1"),
            ("args.x", "not_in", "[]", "args.x must be given"),
            ("args.x", "regex", "\"^a$\"", "args.x must match the regular expression \"^a$\""),
            ("args.x", "starts_with", "\"/srv/\"", "args.x must begin with \"/srv/\""),
            ("args.x", "ends_with", "\"\\n\"", "args.x must end with \"\\n\""),
            ("args.x", "contains", "5", "args.x must contain 5"),
            ("args.x", "exists", "true", "args.x must be given"),
            (
                "args.x",
                "within",
                r#"["/srv/a/","/srv/b"]"#,
                r#"args.x must be an absolute path within one of "/srv/a", "/srv/b""#,
            ),
            ("args.x", "within", r#"["/a"]"#, r#"args.x must be an absolute path within "/a""#),
            ("args.x", "host_in", r#"["*.A.b"]"#, r#"args.x must be a URL of "*.a.b""#),
            ("args.x", "exists", "false", "args.x must not be given"),
            ("args.x", "length_lte", "8e1", "args.x must have at most 80 characters or elements"),
            ("args.x", "length_gte", "1", "args.x must have at least 1 characters or elements"),
            ("args.x[*].y", "lte", "2", "every args.x[*].y must be at most 2"),
        ] {
            assert_eq!(condition(path, op, value).asks().as_deref(), Some(asks), "{op} {value}");
        }
        let long = format!("\"{}\"", "é".repeat(65));
        let asks = condition("args.x", "eq", &long).asks().unwrap();
        assert_eq!(asks, format!("args.x must be \"{}…\"", "é".repeat(64)));
        let fits = format!("\"{}\"", "é".repeat(64));
        let asks = condition("args.x", "eq", &fits).asks().unwrap();
        assert_eq!(asks, format!("args.x must be {fits}"));
    }

    #[test]
    fn other_roots_say_nothing() {
        for (path, op, value) in [
            ("headers.x-team", "eq", "\"red\""),
            ("claims.team", "eq", "\"red\""),
            ("grant", "eq", "\"red\""),
            ("tool", "eq", "\"red\""),
            ("args.x", "in", "[]"),
        ] {
            assert_eq!(condition(path, op, value).asks(), None, "{path} {op}");
        }
    }
}
