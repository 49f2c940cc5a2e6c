//! The parts of a call that a log tells, as the core asks for them.

use super::call::Recorded;
use mcp_policy_filter::policy::condition::{Facts, JsonTexts, Path, Root, Step, Work};
use mcp_policy_filter::policy::known::Known;
use mcp_policy_filter::wire::json::{Raw, Reader};

/// The deepest nesting of arguments that are built of a record.
const DEPTH: usize = 256;

/// The parts of one call that are known.
pub(super) struct Evidence<'a> {
    /// The facts.
    pub(super) facts: Facts<'a>,
    /// The arguments, if they are those of a record.
    pub(super) recorded: Option<&'a Recorded>,
    /// Whether the headers are known.
    pub(super) has_headers: bool,
    /// Whether the claims are known.
    pub(super) has_claims: bool,
}

/// The arguments that were built of a record.
pub(super) fn arguments(text: &str) -> Option<Raw<'_>> {
    Reader::new(text.as_bytes(), DEPTH).ok()?.value().ok()
}

impl<'a> Known<'a> for Evidence<'a> {
    fn facts(&self) -> &Facts<'a> {
        &self.facts
    }

    fn has_all_names(&self) -> bool {
        self.recorded.is_none_or(|recorded| recorded.is_complete)
    }

    fn has_all_arguments(&self) -> bool {
        self.recorded.is_none_or(|recorded| match &recorded.names {
            Some(names) => names.is_empty() && recorded.is_complete,
            None => true,
        })
    }

    fn versions(&self, path: &Path, show: &mut dyn FnMut(&Facts<'_>)) -> bool {
        let is_known = match path.root {
            Root::Grant | Root::Tool | Root::Hour | Root::Weekday => true,
            Root::Headers => self.has_headers,
            Root::Claims => self.has_claims,
            Root::Args => match self.recorded {
                Some(recorded) => return self.of_record(recorded, path, show),
                None => true,
            },
        };
        if is_known {
            show(&self.facts);
        }
        is_known
    }
}

impl Evidence<'_> {
    fn of_record(
        &self,
        recorded: &Recorded,
        path: &Path,
        show: &mut dyn FnMut(&Facts<'_>),
    ) -> bool {
        if self.has_all_arguments() {
            show(&self.facts);
            return true;
        }
        let Some(Step::Key(name)) = path.steps.first() else { return false };
        if !recorded.is_complete {
            return false;
        }
        if !recorded.names.iter().flatten().any(|other| **other == **name) {
            // It is absent, unless another name is the same except for case.
            show(&self.facts);
            return true;
        }
        let Some(index) = recorded.value_of(path) else { return false };
        show(&self.facts);
        let forms = recorded.values.get(index).map_or(0, |value| value.forms.len());
        for form in 1..forms {
            let text = recorded.with(index, form);
            let Some(arguments) = arguments(&text) else { return false };
            let (work, texts) = (Work::default(), JsonTexts::default());
            show(&Facts {
                arguments: Some(arguments),
                members: None,
                headers: self.facts.headers,
                claims: self.facts.claims,
                caller_id: self.facts.caller_id,
                tool: self.facts.tool,
                moment: self.facts.moment,
                work: &work,
                texts: &texts,
            });
        }
        true
    }
}
