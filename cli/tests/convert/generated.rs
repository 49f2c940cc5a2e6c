//! Policies and calls by a generator with a seed, of everything that Intercept's
//! reference has.

use super::intercept::Expression;
use serde_json::{Map, Value, json};

/// Expressions, each with what it matches to Go.
pub(crate) const EXPRESSIONS: [Expression; 6] = [
    ("^/srv/", |text| text.starts_with("/srv/")),
    ("^[a-z]+$", |text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase())),
    ("eu|us", |text| text.contains("eu") || text.contains("us")),
    (r"\.md$", |text| text.ends_with(".md")),
    // Not a vertical tab.
    (r"^\s", |text| text.starts_with(['\t', '\n', '\u{c}', '\r', ' '])),
    // Letters of Unicode, which regex-lite has not.
    (r"^\pL+$", |text| !text.is_empty() && text.chars().all(char::is_alphabetic)),
];

/// Numbers by xorshift, the same in every run.
pub(crate) struct Generator(pub u64);

impl Generator {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// Whether something happens that does so once in a while.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// A policy of Intercept.
    pub(crate) fn policy(&mut self) -> Value {
        let mut policy = json!({ "version": "1" });
        match self.below(4) {
            0 => policy["default"] = "allow".into(),
            1 => policy["default"] = "deny".into(),
            _ => {}
        }
        if self.once_in(12) {
            policy["hide"] = json!([self.one(&["a", "b", "*"])]);
        }
        let mut count = 0;
        let mut tools = Map::new();
        for tool in ["a", "b", "c"] {
            if !self.once_in(4) {
                tools.insert(tool.to_owned(), json!({ "rules": self.rules(tool, &mut count) }));
            }
        }
        if self.once_in(3) {
            tools.insert("*".to_owned(), json!({ "rules": self.rules("_global", &mut count) }));
        }
        policy["tools"] = tools.into();
        policy
    }

    fn rules(&mut self, scope: &str, count: &mut usize) -> Vec<Value> {
        let mut windows = vec!["minute", "hour"];
        let length = self.one(&[1, 1, 1, 2, 2, 3, 0]);
        (0..length)
            .map(|_| {
                *count += 1;
                let name = format!("r{count}");
                match self.below(24) {
                    0 => json!({ "name": name, "action": "deny", "on_deny": "no" }),
                    1..=3 if !windows.is_empty() => {
                        let window = windows.remove(self.below(windows.len()));
                        json!({ "name": name, "rate_limit": format!("{}/{window}", 1 + self.below(4)) })
                    }
                    4..=8 => self.counting(&name, scope),
                    _ => {
                        let conditions: Vec<_> =
                            (0..=usize::from(self.once_in(4))).map(|_| self.condition()).collect();
                        json!({ "name": name, "conditions": conditions, "on_deny": "no" })
                    }
                }
            })
            .collect()
    }

    fn counting(&mut self, name: &str, scope: &str) -> Value {
        let op = self.one(&["lt", "lte", "lte", "gt"]);
        let most = self.one(&[json!(0), json!(3), json!(7), json!(7.5)]);
        let path = format!("state.{scope}.{name}_count");
        let mut conditions = vec![json!({ "path": path, "op": op, "value": most })];
        if self.once_in(3) {
            conditions.insert(0, self.condition());
        }
        let window = self.one(&["minute", "hour", "day"]);
        let mut state = json!({ "counter": format!("{name}_count"), "window": window });
        match self.below(4) {
            0 => state["increment"] = self.one(&[json!(0), json!(2), json!(9), json!(-1)]),
            1 => state["increment_from"] = self.one(&["args.x", "args.z.a"]).into(),
            _ => {}
        }
        json!({ "name": name, "conditions": conditions, "state": state })
    }

    fn condition(&mut self) -> Value {
        let path = self.one(&["args.x", "args.x", "args.y", "args.z.a", "args.z"]);
        let op = self.one(&[
            "eq", "neq", "in", "not_in", "lt", "lte", "gt", "gte", "regex", "contains", "exists",
        ]);
        let value = match op {
            "in" | "not_in" => {
                let count = self.below(4);
                (0..count).map(|_| self.value(true)).collect::<Vec<_>>().into()
            }
            "lt" | "lte" | "gt" | "gte" => self.one(&[json!(0), json!(5), json!(5.5), json!(-3)]),
            "regex" => {
                let rare = if self.once_in(5) { EXPRESSIONS.len() } else { 5 };
                EXPRESSIONS[self.below(rare)].0.into()
            }
            "exists" => json!(self.once_in(2)),
            _ => self.value(true),
        };
        json!({ "path": path, "op": op, "value": value })
    }

    /// A value of a policy or of a call, so that many are equal, or are so by their text.
    fn value(&mut self, is_policy: bool) -> Value {
        let plain = [
            json!("eu"),
            json!("us"),
            json!("/srv/a"),
            json!("x.md"),
            json!("u"),
            json!(""),
            json!("\u{b}x"),
            json!(" x"),
            json!("é"),
        ];
        let printed = [
            json!(5),
            json!("5"),
            json!(true),
            json!("true"),
            json!(5.5),
            json!("5.5"),
            json!(0),
            json!(-3),
            json!(false),
            json!(2_000_000),
            json!("2e+06"),
        ];
        let odd = [
            Value::Null,
            json!("<nil>"),
            json!(["eu"]),
            json!(["us", "eu"]),
            json!("[eu]"),
            json!([5]),
            json!(["5"]),
            json!([]),
            json!({ "a": 5 }),
            json!({ "a": "5" }),
            json!("map[a:5]"),
            json!({}),
            json!([2_000_000]),
            json!(["us eu"]),
        ];
        match self.below(if is_policy { 12 } else { 9 }) {
            0..=2 => self.one(&printed),
            3 | 4 => self.one(&odd),
            5 if !is_policy => self.one(&[json!(1), json!(2), json!(3), json!(1.5), json!(-1)]),
            _ => self.one(&plain),
        }
    }

    /// A call: its tool and its arguments.
    pub(crate) fn call(&mut self) -> (&'static str, Map<String, Value>) {
        let tool = self.one(&["a", "a", "a", "b", "b", "c", "d"]);
        let mut arguments = Map::new();
        for name in ["x", "y"] {
            if !self.once_in(5) {
                arguments.insert(name.to_owned(), self.value(false));
            }
        }
        match self.below(6) {
            0 => {}
            1 => _ = arguments.insert("z".to_owned(), self.value(false)),
            _ => {
                let mut inner = Map::new();
                if !self.once_in(5) {
                    inner.insert("a".to_owned(), self.value(false));
                }
                arguments.insert("z".to_owned(), inner.into());
            }
        }
        // Calls that servers may read in two ways.
        match self.below(40) {
            0 => _ = arguments.insert("X".to_owned(), json!("us")),
            1 => _ = arguments.insert("y".to_owned(), json!("[\"eu\"]")),
            2 => _ = arguments.insert("x".to_owned(), json!("null")),
            3 => _ = arguments.insert("z".to_owned(), json!({ "A": 5, "a": 5 })),
            _ => {}
        }
        (tool, arguments)
    }

    /// Seconds between two calls.
    pub(crate) fn pause(&mut self) -> u64 {
        self.below(20) as u64
    }
}

/// Whether servers may read a call in two ways: by keys that differ by case, by texts that
/// are JSON, by a fraction that is cut off.
pub(crate) fn is_ambiguous(arguments: &Map<String, Value>) -> bool {
    let capital = |key: &String| key.bytes().any(|byte| byte.is_ascii_uppercase());
    let inner = arguments.get("z").and_then(Value::as_object);
    let keys = arguments.keys().chain(inner.into_iter().flat_map(Map::keys));
    let is_json = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        let read = serde_json::from_str::<Value>(text);
        read.is_ok_and(|value| value.is_null() || value.is_array() || value.is_object())
    };
    let is_fraction = |value: &Value| value.is_f64();
    keys.into_iter().any(capital)
        || arguments.values().any(is_json)
        || arguments.values().chain(inner.into_iter().flat_map(Map::values)).any(is_fraction)
}
