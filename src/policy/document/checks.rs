//! `args`, `require`, `deny_if`, and the checks that they share.

use super::at::{At, Object, escape};
use super::conditions::formula;
use super::rules::{MODES, Mode};
use super::wording::quote;
use crate::order;
use crate::policy::condition::{Condition, Elements, Facts, Formula, Path, Root, Truth, join};
use crate::text::is_name;
use std::sync::Arc;

/// Conditions that hold together or not at all.
#[derive(Debug)]
pub struct Check {
    /// The check's JSON pointer, with its name in the place of its index.
    pub pointer: String,
    /// The path in the document, for messages to the author.
    pub path: String,
    /// `conditions`
    pub conditions: Arc<[Formula]>,
    /// Whether the conditions are those of a named check.
    pub is_shared: bool,
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
    /// condition that is so, unless a connective decided.
    pub fn holds(&self, facts: &Facts<'_>, elements: Elements) -> (Truth, Option<&Condition>) {
        join(&self.conditions, facts, elements, Truth::False)
    }
}

/// One entry of `checks`, which rules use by its name.
#[derive(Clone, Debug)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// The path in the document, for messages to the author.
    pub path: String,
    /// `conditions`, which all its uses share.
    pub conditions: Arc<[Formula]>,
    /// Whether a rule uses it.
    pub is_used: bool,
    on_deny: Option<String>,
    hash: [u8; 32],
}

/// The most conditions of a named check: each of its uses is looked through.
const MAX_NAMED: usize = 64;

/// Reads `checks`, in the order of their names.
pub(super) fn named(at: &At<'_>) -> Vec<Named> {
    let read = |(name, at): (&str, At<'_>)| {
        usable(&at, name);
        let object = at.object(&["conditions", "on_deny"])?;
        let on_deny = object.get("on_deny").and_then(At::string).map(str::to_owned);
        let conditions = object.required("conditions")?;
        let hash = conditions.hash();
        let formulas = conditions.each(formula);
        let mut count = 0_usize;
        let mut counted = |_: &Condition, _| count = count.saturating_add(1);
        formulas.iter().for_each(|formula| formula.visit(false, &mut counted));
        if count > MAX_NAMED {
            conditions.wrong(format!(
                "a named check has at most {MAX_NAMED} conditions, found {count}; make several \
                 checks of it"
            ));
        }
        let (path, conditions) = (at.path().into(), formulas.into());
        Some(Named { name: name.into(), path, conditions, is_used: false, on_deny, hash })
    };
    let named = at.entries().into_iter().filter_map(read).collect();
    order::sorted(named, |a, b| a.name.cmp(&b.name))
}

/// Whether a check can have this name.
fn usable(at: &At<'_>, name: &str) -> bool {
    if !is_name(name) {
        at.unnamable(name, "a check");
        return false;
    }
    let is_index = name.bytes().all(|byte| byte.is_ascii_digit());
    if is_index {
        at.wrong(format!("{} cannot name a check: digits alone are an index", quote(name)));
    }
    !is_index
}

/// Reads a list of checks.
pub(super) fn read(at: &At<'_>) -> Vec<Check> {
    let list = at.pointer();
    let mut names: Vec<&str> = Vec::new();
    let mut checks = Vec::new();
    for (index, at) in at.elements().iter().enumerate() {
        let known = ["conditions", "on_deny", "name", "mode", "use"];
        let Some(object) = at.object(&known) else { continue };
        let on_deny = object.get("on_deny").and_then(At::string).map(str::to_owned);
        let shared = object.get("use");
        let name = shared.or(object.get("name")).and_then(|at| {
            let name = at.string()?;
            if !usable(at, name) {
                return None;
            }
            if names.contains(&name) {
                at.wrong(format!("another check of this list is named {}", quote(name)));
            }
            names.push(name);
            Some(name)
        });
        let (conditions, hash, otherwise) = if let Some(of) = shared {
            for at in ["conditions", "name"].iter().filter_map(|key| object.get(key)) {
                at.wrong("`use` names a check that has its own; leave this out");
            }
            let Some(named) = name.and_then(|name| of.shared_check(name)) else { continue };
            (named.conditions, named.hash, named.on_deny)
        } else {
            let Some(conditions) = object.required("conditions") else { continue };
            (conditions.each(formula).into(), conditions.hash(), None)
        };
        let name = name.map(|name| escape(name).into_owned());
        checks.push(Check {
            pointer: format!("{list}/{}", name.unwrap_or_else(|| index.to_string())),
            path: at.path().into(),
            conditions,
            is_shared: shared.is_some(),
            on_deny: on_deny.or(otherwise),
            hash,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::condition::{
        Claim, Claims, JsonTexts, Line, Literal, Moment, Test, Why, Work,
    };
    use crate::policy::document::Document;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    struct NoClaims;

    impl Claims for NoClaims {
        fn claim(&self, _: &[&str]) -> Claim {
            Claim::Absent
        }
    }

    #[test]
    fn a_shared_check_is_known_again_by_its_conditions() {
        let hash = |checks: &str, check: &str| {
            let text = format!(
                r#"{{"version": "1", "default": "deny", "checks": {{{checks}}},
                "tools": {{"t": {{"approve_if": [{check}]}}}}}}"#
            );
            let (document, errors) = Document::parse(text.as_bytes());
            assert!(errors.is_empty(), "{errors:?}");
            document.unwrap().rules.tools.pop().unwrap().1.approve_if.pop().unwrap().hash
        };
        let own = r#"{"conditions": [{"path": "args.a", "op": "eq", "value": 1}]}"#;
        let other = own.replace(": 1}", ": 2}");
        let from = own.replace(r#""value": 1"#, r#""value_from": "args.b""#);
        let not = own.replace("[{", r#"[{"not": {"#).replace("}]", "}}]");
        let shared = |check: &str| hash(&format!(r#""c": {check}"#), r#"{"use": "c"}"#);
        // An approval under the one is not one under the others.
        assert_eq!(shared(own), hash("", own));
        assert_ne!(shared(own), shared(&other));
        assert_ne!(shared(own), shared(&from));
        assert_ne!(shared(&from), shared(&from.replace("args.b", "args.c")));
        assert_ne!(shared(own), shared(&not));
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
            moment: Moment::default(),
            work: &Work::default(),
            texts: &JsonTexts::default(),
        };
        let condition = |path: &str, value: &str| {
            let path = Path::parse(path).unwrap();
            let test = Test::new("eq", Literal::String(value.into()), path.root).unwrap();
            Formula::One(Condition::new(path, test))
        };
        let yes = || condition("grant", "a");
        let no = || condition("grant", "b");
        let unclear = || condition("headers.h", "b");
        let ask = |conditions: Vec<Formula>| {
            let (pointer, path) = (String::new(), String::new());
            let hash = [0; 32];
            let check = Check {
                pointer,
                path,
                conditions: conditions.into(),
                is_shared: false,
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
