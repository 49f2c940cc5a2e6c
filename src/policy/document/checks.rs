//! `args`, `require` and `deny_if`.

use super::at::{At, Object, escape};
use super::rules::{MODES, Mode};
use super::wording::{choices, nearest, quote};
use crate::policy::condition::{
    Condition, Elements, Facts, Path, Root, Step, Test, TestError, Truth,
};

/// Conditions that hold together or not at all.
#[derive(Debug)]
pub struct Check {
    /// The check's JSON pointer, with its name in the place of its index.
    pub pointer: String,
    /// The path in the document, for messages to the author.
    pub path: String,
    /// `conditions`
    pub conditions: Vec<Condition>,
    /// `on_deny`
    pub on_deny: Option<String>,
    /// The hash of the conditions as written, which tells whether two checks ask the
    /// same.
    pub hash: [u8; 32],
    /// Whether a denial without `on_deny` says what the check asks for.
    pub explains: bool,
    /// Whether it is asked beside the others, and recorded.
    pub shadow: bool,
}

impl Check {
    /// Whether all conditions hold together: one that is false decides, in any
    /// order, and otherwise one that is undecidable does. It comes with the first
    /// condition that is so.
    pub fn holds(&self, facts: &Facts<'_>, elements: Elements) -> (Truth, Option<&Condition>) {
        let mut truth = (Truth::True, None);
        for condition in &self.conditions {
            match condition.evaluate(facts, elements) {
                Truth::True => {}
                Truth::False => return (Truth::False, Some(condition)),
                undecidable if truth.1.is_none() => truth = (undecidable, Some(condition)),
                Truth::Undecidable(_) => {}
            }
        }
        truth
    }
}

/// Reads a list of checks.
pub(super) fn read(at: &At<'_>) -> Vec<Check> {
    let list = at.pointer();
    let mut names: Vec<&str> = Vec::new();
    let mut checks = Vec::new();
    for (index, at) in at.elements().iter().enumerate() {
        let Some(object) = at.object(&["conditions", "on_deny", "name", "mode"]) else { continue };
        let on_deny = object.get("on_deny").and_then(At::string).map(str::to_owned);
        let name = object.get("name").and_then(|at| {
            let name = at.name("a check")?;
            if name.bytes().all(|byte| byte.is_ascii_digit()) {
                at.wrong(format!("{} cannot name a check: digits alone are an index", quote(name)));
                return None;
            }
            if names.contains(&name) {
                at.wrong(format!("another check of this list is named {}", quote(name)));
            }
            names.push(name);
            Some(escape(name).into_owned())
        });
        let Some(conditions) = object.required("conditions") else { continue };
        checks.push(Check {
            pointer: format!("{list}/{}", name.unwrap_or_else(|| index.to_string())),
            path: at.path().into(),
            conditions: conditions.each(condition),
            on_deny,
            hash: conditions.hash(),
            explains: at.reading().explains,
            shadow: shadow(&object),
        });
    }
    checks
}

/// Whether a part of a body is in shadow.
pub(super) fn shadow(object: &Object<'_>) -> bool {
    object.get("mode").and_then(|at| at.choice(&MODES)) == Some(Mode::Shadow)
}

/// Reads the names that arguments may have.
pub(super) fn names(at: &At<'_>) -> Vec<Box<str>> {
    at.each(|at| at.string().map(Into::into))
}

/// Reads the path of a single argument.
pub(super) fn argument(at: &At<'_>) -> Option<Path> {
    let text = at.string()?;
    let path = Path::parse(text).ok();
    let path =
        path.filter(|path| path.root == Root::Args && !path.steps.is_empty() && !path.has_each());
    if path.is_none() {
        at.wrong(format!(
            "{} does not name a single argument; write a path like `args.amount`",
            quote(text)
        ));
    }
    path
}

/// The most arguments that one list records: a record is a line of a log.
const MAX_RECORDED: usize = 16;

/// Reads `record`: the arguments whose values are recorded.
pub(super) fn recorded(at: &At<'_>) -> Vec<Path> {
    let paths = at.each(argument);
    if paths.len() > MAX_RECORDED {
        let found = paths.len();
        at.wrong(format!("at most {MAX_RECORDED} arguments are recorded, found {found}"));
    }
    paths
}

/// Reads one condition.
pub(super) fn condition(at: &At<'_>) -> Option<Condition> {
    let object = at.object(&["path", "op", "value", "literal"])?;
    let literal = object.get("literal").map(|at| (at, at.boolean()));
    let path = object.required("path").and_then(path);
    let op = object.required("op").and_then(|at| Some((at, at.string()?)));
    let value = object.required("value").and_then(|at| Some((at, at.literal()?)));
    let (path, (op_at, op), (value_at, value)) = (path?, op?, value?);
    match Test::new(op, value, path.root) {
        Ok(test) if test.regex_bytes().is_some_and(|bytes| !value_at.has_room_for(bytes)) => {
            value_at.wrong(
                "the regular expressions of the policy take more than 64 MiB; make them shorter, or \
                 fewer",
            );
            None
        }
        Ok(test) => {
            let whole = path.root == Root::Args && matches!(*path.steps, [Step::Key(_)]);
            let literal = match literal {
                Some((at, _)) if !whole => {
                    at.wrong(
                        "only a whole argument can be a text that is JSON; leave `literal` out, or \
                         write a path like `args.text`",
                    );
                    return None;
                }
                Some((_, literal)) => literal?,
                None => at.reading().literal,
            };
            let mut condition = Condition::new(path, test);
            condition.literal = literal;
            Some(condition)
        }
        Err(TestError::Unknown) => {
            op_at.wrong(match nearest(op, &Test::NAMES) {
                Some(word) => format!("unknown operator {}; did you mean `{word}`?", quote(op)),
                None => {
                    let names = choices(Test::NAMES);
                    format!("unknown operator {}; expected one of {names}", quote(op))
                }
            });
            None
        }
        Err(TestError::Value(what)) => {
            value_at.expected(&format!("{what} for the operator `{op}`"));
            None
        }
        Err(other) => {
            value_at.wrong(other.to_string());
            None
        }
    }
}

/// Reads a path.
pub(super) fn path(at: &At<'_>) -> Option<Path> {
    let text = at.string()?;
    match Path::parse(text) {
        Ok(path) => Some(path),
        Err(error) => {
            at.wrong(format!("invalid path {}: {error}", quote(text)));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::condition::{Claim, Claims, JsonTexts, Line, Literal, Why, Work};
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    struct NoClaims;

    impl Claims for NoClaims {
        fn claim(&self, _: &[&str]) -> Claim {
            Claim::Absent
        }
    }

    #[test]
    fn a_false_condition_decides_whatever_the_order() {
        let facts = Facts {
            arguments: None,
            members: None,
            headers: &[("h".into(), Line::Unclear)],
            claims: &NoClaims,
            caller_id: "a",
            tool: "t",
            work: &Work::default(),
            texts: &JsonTexts::default(),
        };
        let condition = |path: &str, value: &str| {
            let path = Path::parse(path).unwrap();
            let test = Test::new("eq", Literal::String(value.into()), path.root).unwrap();
            Condition::new(path, test)
        };
        let yes = || condition("grant", "a");
        let no = || condition("grant", "b");
        let unclear = || condition("headers.h", "b");
        let ask = |conditions: Vec<Condition>| {
            let (pointer, path) = (String::new(), String::new());
            let hash = [0; 32];
            let check = Check {
                pointer,
                path,
                conditions,
                on_deny: None,
                hash,
                explains: true,
                shadow: false,
            };
            let (truth, decided_by) = check.holds(&facts, Elements::Any);
            (truth, decided_by.map(|condition| condition.path.as_str().to_owned()))
        };
        let undecidable = (Truth::Undecidable(Why::Header), Some("headers.h".into()));
        assert_eq!(ask(vec![]), (Truth::True, None));
        assert_eq!(ask(vec![yes(), yes()]), (Truth::True, None));
        let no_by_grant = (Truth::False, Some("grant".into()));
        assert_eq!(ask(vec![unclear(), no()]), no_by_grant);
        assert_eq!(ask(vec![no(), unclear()]), no_by_grant);
        assert_eq!(ask(vec![yes(), unclear(), yes()]), undecidable);
    }
}
