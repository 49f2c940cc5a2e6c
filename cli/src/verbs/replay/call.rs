//! A call as a log has it.

use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::condition::{Path, Step};

/// One call, or another request.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The moment at which it was made; that of the line before, where its own has none.
    pub(super) time: Nanos,
    /// Whether that is its own.
    pub(super) is_timed: bool,
    /// The tool, or the method of another request, where the line says so.
    pub(super) tool: String,
    /// The caller, where the line says so.
    pub(super) caller: Option<String>,
    /// The beginning of the hash of its session.
    pub(super) session: Option<[u8; 32]>,
    /// The decision that was made, if the line has one.
    pub(super) was: Option<Was>,
    /// The rest.
    pub(super) content: Content,
}

/// The content of a call.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// That of a record.
    Recorded(Recorded),
    /// A request as it was sent.
    Sent {
        /// The body.
        body: String,
        /// The headers, if they are known.
        headers: Option<Vec<(String, String)>>,
        /// The claims, if they are known.
        claims: Option<String>,
    },
    /// It cannot be judged, for this reason.
    Opaque(&'static str),
}

/// The decision that a log has about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Was {
    /// The decision.
    pub(super) word: Word,
    /// The reason, empty of an allowed call.
    pub(super) reason: String,
    /// The rule; empty where there is none.
    pub(super) rule: String,
    /// Whether it ran by an approval.
    pub(super) was_approved: bool,
}

/// The decisions that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Word {
    /// It goes on.
    Allowed,
    /// It goes on, although the policy denies it.
    Shadow,
    /// A person decides about it.
    Approval,
    /// It does not go on.
    Denied,
}

impl Call {
    /// Bytes that it takes, about.
    pub(super) fn size(&self) -> usize {
        let content = match &self.content {
            Content::Recorded(recorded) => recorded.text.len().saturating_mul(3),
            Content::Sent { body, .. } => body.len(),
            Content::Opaque(_) => 0,
        };
        content.saturating_add(self.tool.len()).saturating_add(512)
    }
}

impl Word {
    /// The word for it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Shadow => "shadow",
            Self::Approval => "needs approval",
            Self::Denied => "denied",
        }
    }
}

/// The arguments of a call, as a record has them.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorded {
    /// The names; none where the call has no arguments.
    pub(super) names: Option<Vec<String>>,
    /// Whether these are all names, and none is cut.
    pub(super) is_complete: bool,
    /// The values by their paths, each with the one or two forms that it may have.
    pub(super) values: Vec<Value>,
    /// The arguments with the first forms, and null for every value that is not known.
    pub(super) text: String,
}

/// The value of a path, which leads through keys alone.
#[derive(Clone, Debug)]
pub(super) struct Value {
    /// The path.
    pub(super) path: Path,
    /// The JSON texts that it may have had.
    pub(super) forms: Vec<String>,
}

/// Records cut names at this many bytes.
const NAME_BYTES: usize = 64;
/// Records cut values at this many bytes.
const VALUE_BYTES: usize = 256;
/// The most bytes of a character, which may be cut whole.
const CHARACTER: usize = 4;

/// Whether a text may have been cut at this many bytes.
const fn may_be_cut(text: &str, at: usize) -> bool {
    text.len().saturating_add(CHARACTER) > at
}

impl Recorded {
    /// The arguments of a record. With `as_json`, a value that reads as JSON is that.
    pub(super) fn new(
        names: Option<Vec<String>>,
        more: u64,
        values: Vec<(String, Option<String>)>,
        as_json: bool,
    ) -> Self {
        let Some(mut names) = names else {
            return Self { is_complete: true, ..Self::default() };
        };
        let all = names.len();
        names.retain(|name| !may_be_cut(name, NAME_BYTES));
        let is_complete = more == 0 && names.len() == all;
        let value = |(path, text): (String, Option<String>)| {
            let path = Path::parse(&path).ok()?;
            let by_keys = path.steps.iter().all(|step| matches!(step, Step::Key(_)));
            let text = text.filter(|text| !may_be_cut(text, VALUE_BYTES))?;
            // A text is recorded as it reads, anything else as its JSON: `17` is either.
            let is_json = is_json(&text);
            let quoted = (!is_json || !as_json).then(|| quote(&text));
            let forms = is_json.then_some(text).into_iter().chain(quoted).collect();
            (by_keys && !path.steps.is_empty()).then_some(Value { path, forms })
        };
        let values: Vec<Value> = values.into_iter().filter_map(value).collect();
        let mut recorded = Self { names: Some(names), is_complete, values, text: String::new() };
        recorded.text = recorded.with(usize::MAX, 0);
        recorded
    }

    /// The arguments, with one of the other forms of one value.
    pub(super) fn with(&self, value: usize, form: usize) -> String {
        let chosen: Vec<(&[Step], &str)> = self
            .values
            .iter()
            .enumerate()
            .filter_map(|(index, one)| {
                let form = if index == value { form } else { 0 };
                Some((&*one.path.steps, one.forms.get(form)?.as_str()))
            })
            .collect();
        let mut text = String::from("{");
        for name in self.names.iter().flatten() {
            text.push_str(if text.len() > 1 { "," } else { "" });
            text.push_str(&quote(name));
            text.push(':');
            write(&mut text, &below(&chosen, name));
        }
        text.push('}');
        text
    }

    /// The number of the value that a path leads to or into.
    pub(super) fn value_of(&self, path: &Path) -> Option<usize> {
        self.values.iter().position(|value| path.steps.starts_with(&value.path.steps))
    }
}

/// The values below a key.
fn below<'v>(values: &[(&'v [Step], &'v str)], key: &str) -> Vec<(&'v [Step], &'v str)> {
    let within = |(steps, text): &(&'v [Step], &'v str)| match steps.split_first() {
        Some((Step::Key(first), rest)) if **first == *key => Some((rest, *text)),
        _ => None,
    };
    values.iter().filter_map(within).collect()
}

/// Writes a value with the values that are known within.
fn write(text: &mut String, values: &[(&[Step], &str)]) {
    if let Some((_, whole)) = values.iter().find(|(steps, _)| steps.is_empty()) {
        text.push_str(whole);
        return;
    }
    let mut keys: Vec<&str> = Vec::new();
    for (steps, _) in values {
        if let Some(Step::Key(key)) = steps.first()
            && !keys.contains(&&**key)
        {
            keys.push(key);
        }
    }
    if keys.is_empty() {
        text.push_str("null");
        return;
    }
    text.push('{');
    for (index, key) in keys.into_iter().enumerate() {
        text.push_str(if index > 0 { "," } else { "" });
        text.push_str(&quote(key));
        text.push(':');
        write(text, &below(values, key));
    }
    text.push('}');
}

/// Whether a recorded text may be the JSON of something other than a text. A null is
/// not recorded.
fn is_json(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c == '-' || c.is_ascii_digit() || "{[tf".contains(c));
    begins && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn quote(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Recorded;

    fn recorded(names: &[&str], values: &[(&str, &str)], as_json: bool) -> Recorded {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let values = values.iter().map(|(path, text)| ((*path).into(), Some((*text).into())));
        Recorded::new(Some(names), 0, values.collect(), as_json)
    }

    #[test]
    fn arguments_are_built_of_names_and_values() {
        let values = [("args.a.b", "x"), ("args.a.c", "1.50"), ("args.d", "[1, 2]")];
        let one = recorded(&["a", "d", "e\""], &values, true);
        assert_eq!(one.text, r#"{"a":{"b":"x","c":1.50},"d":[1, 2],"e\"":null}"#);
        let both = recorded(&["a", "d"], &values, false);
        assert_eq!(both.values[1].forms, ["1.50", "\"1.50\""]);
        assert_eq!(both.with(1, 1), r#"{"a":{"b":"x","c":"1.50"},"d":[1, 2]}"#);
        assert!(both.is_complete);
    }

    #[test]
    fn what_may_be_cut_is_not_known() {
        let long = "x".repeat(61);
        let cut = recorded(&["a", &long], &[("args.a", &"y".repeat(253))], false);
        assert!(!cut.is_complete && cut.values.is_empty());
        assert_eq!(cut.text, r#"{"a":null}"#);
        let more = Recorded::new(Some(vec!["a".into()]), 1, Vec::new(), false);
        assert!(!more.is_complete);
        assert!(recorded(&[&"x".repeat(60)], &[], false).is_complete);
    }
}
