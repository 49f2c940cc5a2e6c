//! `state` and `rate_limit`: counters.
//!
//! Intercept bounds a counter by the first `lt` or `lte` on it in the rule with the
//! `state`: the count after the call may be at most that. Counts are one for each tool,
//! whoever calls, so the scope is `global` here. Windows are those of the UTC clock in
//! both.

use super::condition::path_of;
use super::{EVERY_TOOL, Reader, Rule};
use crate::document::{Node, Value};
use crate::verbs::convert::entry::{Lost, fault};
use crate::verbs::convert::said::Topic;
use crate::verbs::convert::scalar::{field, keys, text_of};
use core::ops::Range;

const STATE: [&str; 4] = ["counter", "window", "increment", "increment_from"];
const WINDOWS: [&str; 3] = ["minute", "hour", "day"];

/// A `state` that is valid.
struct State {
    name: String,
    window: String,
    increment: i64,
    from: String,
}

impl Reader<'_, '_> {
    /// The limit of a `rate_limit`.
    pub(super) fn rate_limit(
        &mut self,
        node: &Node,
        on_deny: Option<&str>,
        counters: &mut Vec<String>,
    ) -> Result<Option<Node>, Lost> {
        let text = text_of(node).unwrap_or_default();
        let parts = text.split_once('/').map(|(max, window)| (max.parse::<i64>(), window));
        let Some((Ok(max @ 1..), window)) = parts.filter(|(_, window)| WINDOWS.contains(window))
        else {
            let words = "Intercept takes a `rate_limit` like `5/hour`, by minute, hour or day";
            self.list.error(&node.span, words);
            return Ok(None);
        };
        let name = format!("_rate_{window}");
        if counters.contains(&name) {
            let words = "Intercept refuses two limits of a tool by the same window";
            self.list.error(&node.span, words);
            return Ok(None);
        }
        let counter = format!("{}.{name}", self.scope);
        counters.push(name);
        self.failed_calls(&node.span);
        limit(&node.span, &counter, window, max, ("weight", None), on_deny).map(Some)
    }

    /// The limit of a rule with a `state`, or with conditions on counters.
    pub(super) fn counter(
        &mut self,
        rule: &Rule<'_>,
        conditions: &[(String, &Node)],
        counters: &mut Vec<String>,
    ) -> Result<Option<Node>, Lost> {
        for (path, condition) in conditions {
            if !self.is_counted(path) {
                self.list.error(&condition.span, format!("no `state` counts `{path}`"));
            }
        }
        let Some(at) = rule.state.map(|node| &node.span) else {
            return conditions.first().map_or(Ok(None), |(path, node)| Err(elsewhere(path, node)));
        };
        let Some(State { name, window, increment, from }) = self.state(rule, counters) else {
            return Ok(None);
        };
        let own = format!("state.{}.{name}", self.scope);
        let Some(max) = bound(&own, conditions)? else {
            if !from.is_empty() {
                let words = format!("the call has to have `{from}`, and nothing bounds its sum");
                return Err(Lost::new(at, words));
            }
            let words = "nothing bounds the counter, so nothing is counted; it is left out";
            self.list.say(Topic::NoEffect, at, words);
            return Ok(None);
        };
        let weight = if from.is_empty() {
            ("weight", (increment != 1).then(|| Node::of_number(increment)))
        } else {
            let names: Vec<&str> = from.split('.').skip(1).collect();
            self.list.say(
                Topic::Amount,
                at,
                "amounts lose their fraction there, and negative ones take something off the \
                 count; here sums are exact in millionths, and other amounts are denied",
            );
            ("increment_from", Some(Node::of_text(path_of(&names))))
        };
        self.failed_calls(at);
        let counter = format!("{}.{name}", self.scope);
        limit(at, &counter, &window, max, weight, rule.on_deny).map(Some)
    }

    /// The `state` of a rule, or an error in the list.
    fn state(&mut self, rule: &Rule<'_>, counters: &mut Vec<String>) -> Option<State> {
        let state = rule.state?;
        keys(state, &STATE, self.list);
        let mut of = |key: &str| field(state, key, self.list).into_owned();
        let (name, window, from) = (of("counter"), of("window"), of("increment_from"));
        let increment = match &*of("increment") {
            "" => Some(1),
            text => text.parse::<i64>().ok(),
        };
        let mut fault = None;
        if name.is_empty() || counters.contains(&name) {
            fault = Some("the counter has no name, or one that another rule of the tool has");
        } else if !WINDOWS.contains(&&*window) {
            fault = Some("Intercept has the windows `minute`, `hour` and `day`");
        } else if !from.is_empty() && !from.starts_with("args.") {
            fault = Some("`increment_from` does not begin with `args.`");
        } else if increment.is_none() {
            fault = Some("`increment` is not a whole number");
        }
        if let Some(fault) = fault {
            self.list.error(&state.span, fault);
            return None;
        }
        counters.push(name.clone());
        // Nothing, to Intercept, is 1.
        let increment = increment.filter(|number| *number != 0).unwrap_or(1);
        Some(State { name, window, increment, from })
    }

    /// Whether some rule counts what a path reads.
    fn is_counted(&self, path: &str) -> bool {
        let mut parts = path.splitn(3, '.').skip(1);
        let (Some(tool), Some(counter)) = (parts.next(), parts.next()) else { return false };
        let tools = self.file.get("tools");
        let found = tools.and_then(|tools| tools.get(tool)).or_else(|| {
            tools.filter(|_| tool == "_global").and_then(|tools| tools.get(EVERY_TOOL))
        });
        let rules = found.and_then(|tool| tool.get("rules")).map_or(&[][..], Node::elements);
        rules.iter().any(|rule| match rule.get("rate_limit").and_then(text_of) {
            Some(limit) => {
                let window = limit.split_once('/').map(|(_, window)| format!("_rate_{window}"));
                window.as_deref() == Some(counter)
            }
            None => {
                let state = rule.get("state").and_then(|state| state.get("counter"));
                state.and_then(text_of).as_deref() == Some(counter)
            }
        })
    }

    fn failed_calls(&mut self, at: &Range<usize>) {
        self.list.say(
            Topic::FailedCalls,
            at,
            "a call that the server answers with a JSON-RPC error is not counted there, and is \
             counted here",
        );
    }
}

fn elsewhere(path: &str, condition: &Node) -> Lost {
    let words = format!("`{path}` is read by this rule and counted by another");
    Lost::new(&condition.span, words)
}

/// The most that the counter may hold after a call, by the rule's conditions on it.
fn bound(own: &str, conditions: &[(String, &Node)]) -> Result<Option<i64>, Lost> {
    let mut bound: Option<i64> = None;
    for (path, condition) in conditions {
        if path != own {
            return Err(elsewhere(path, condition));
        }
        let op = condition.get("op").and_then(text_of).unwrap_or_default();
        let number = condition.get("value").and_then(|value| match &value.value {
            Value::Number(number) => number.parse::<f64>().ok(),
            _ => None,
        });
        // The cast cuts the fraction off, as Intercept does.
        let most = match (&*op, number.map(|number| number as i64)) {
            ("lte", Some(most)) => most,
            ("lt", Some(above)) => above.saturating_sub(1),
            _ => {
                let words = format!("`{op}` bounds no counter here");
                return Err(Lost::new(&condition.span, words));
            }
        };
        match bound {
            None => bound = Some(most),
            // The first bounds the count after the call, and so the one before it.
            Some(first) if first <= most => {}
            Some(_) => {
                let words = "a second bound is on the count before the call";
                return Err(Lost::new(&condition.span, words));
            }
        }
    }
    Ok(bound)
}

/// A limit, if this language can say it.
fn limit(
    at: &Range<usize>,
    counter: &str,
    window: &str,
    max: i64,
    weight: (&str, Option<Node>),
    on_deny: Option<&str>,
) -> Result<Node, Lost> {
    let limit = Node::of_members([
        ("counter", Some(Node::of_text(counter))),
        ("window", Some(Node::of_text(window))),
        ("max", Some(Node::of_number(max))),
        ("scope", Some(Node::of_text("global"))),
        weight,
        ("on_deny", on_deny.map(Node::of_text)),
    ]);
    match fault("limits", &limit) {
        Some(fault) => Err(Lost::new(at, format!("the limit cannot be said here: {fault}"))),
        None => Ok(limit),
    }
}
