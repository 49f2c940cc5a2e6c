//! Paths and URLs: what `within` and `host_in` call inside and outside, against what
//! the readers of real servers make of the same texts, and two such servers behind a
//! real Envoy.
//!
//! A text that the operator calls inside, no reader may resolve to outside, and one that it
//! calls outside, none to inside. Of all else it must say that it cannot decide.

mod bridge;
mod files;
mod pages;
mod paths;
mod readers;
mod urls;

pub use paths::odd;
pub use readers::read;

use std::collections::BTreeMap;
use std::io::Write as _;

use mcp_policy_filter::policy::Reason;
use mcp_policy_filter::simulate::{Gateway, Outcome};
use serde_json::{Value, json};

/// The filter's answer about a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Inside,
    Outside,
    Undecidable,
}

/// The core of the filter, with one condition on `args.x`.
struct Judge(Gateway);

impl Judge {
    fn new(op: &str, value: &Value) -> Self {
        let condition = json!({ "path": "args.x", "op": op, "value": value });
        let policy = json!({ "version": "1", "default": "deny", "tools": {
            "t": { "require": [{ "conditions": [condition] }] },
        } });
        Self(Gateway::new(&policy.to_string()).expect("a policy"))
    }

    fn place(&self, text: &str) -> Place {
        let body = call(text);
        match self.0.post(&body).expect("an exchange in order").outcome {
            Outcome::WentOn(_) => Place::Inside,
            Outcome::Refused(refused) => match refused.reason {
                Reason::Require => Place::Outside,
                Reason::Undecidable => Place::Undecidable,
                other => panic!("{text:?}: {other:?}"),
            },
            Outcome::Served(_) => panic!("{text:?} is a call"),
        }
    }
}

fn call(text: &str) -> String {
    let params = json!({ "name": "t", "arguments": { "x": text } });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string()
}

/// The readings of one text, by the names of its readers: `None` of one that refuses it.
pub type Read<T> = BTreeMap<String, Option<T>>;

/// The outcome of many texts.
#[derive(Default)]
struct Tally {
    places: BTreeMap<Place, usize>,
    /// Undecidable texts of which some readers make something inside, and others not.
    disputed: usize,
    failures: Vec<String>,
}

impl Tally {
    /// Compares what the filter says of a text with what readers make of it.
    fn count<T: std::fmt::Debug>(
        &mut self,
        text: &str,
        place: Place,
        read: &Read<T>,
        is_inside: impl Fn(&T) -> bool,
    ) {
        *self.places.entry(place).or_default() += 1;
        let found = |inside: bool| {
            let mut values = read.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
            values.find(|(_, value)| is_inside(value) == inside)
        };
        let wrong = match place {
            Place::Inside => found(false),
            Place::Outside => found(true),
            Place::Undecidable => {
                self.disputed += usize::from(found(true).is_some() && found(false).is_some());
                None
            }
        };
        if let Some((reader, value)) = wrong {
            self.failures.push(format!("{place:?}: {text:?}, and {reader} makes it {value:?}"));
        }
    }

    fn of(&self, place: Place) -> usize {
        self.places.get(&place).copied().unwrap_or_default()
    }

    /// Tells what came of it, and fails if anything was wrong or too little was tried.
    fn end(self, name: &str, readers: usize) {
        let [inside, outside, undecidable] =
            [Place::Inside, Place::Outside, Place::Undecidable].map(|place| self.of(place));
        let all = inside + outside + undecidable;
        let told = format!(
            "differential {name}: {readers} readers; of {all} texts {inside} inside, {outside} \
             outside, {undecidable} undecidable, about {} of which they differ; {} read otherwise",
            self.disputed,
            self.failures.len()
        );
        // Past the capture of what tests print.
        let _ = writeln!(std::io::stderr(), "{told}");
        let shown = &self.failures[..self.failures.len().min(40)];
        assert!(self.failures.is_empty(), "{told}\n{}", shown.join("\n"));
        for count in [inside, outside, self.disputed] {
            assert!(count * 50 >= all, "too few of one kind to prove anything: {told}");
        }
    }
}
