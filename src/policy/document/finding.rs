//! Findings about a document: its errors, and the warnings about a valid one.
//!
//! They are data for every program that checks policies. [`Findings::lines`] makes of
//! them the lines that a log has room for.

use super::wording::pointer;
use core::fmt;

/// The most findings of one severity that are kept; more are counted. There can be
/// more of them than bytes in the document, since two of its parts can disagree and
/// each path repeats the keys above it, and a worker's memory is small.
const MAX_KEPT: usize = 1_000;
/// The most errors that a log shows.
const MAX_ERRORS: usize = 20;
/// The most overlaps that a log shows. Each may be a denial that its author does not
/// know of.
const MAX_OVERLAPS: usize = 5;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The document is not a policy.
    Error,
    /// The document is a policy, but probably not the one that its author means.
    Warning(Warning),
}

/// The kinds of warnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The policy lists no paths, so requests to any path can reach the server.
    AnyPath,
    /// The metadata of a protected resource is there, and no answer names it.
    UnnamedResource,
    /// A window is so long that a restart of Envoy cuts it short.
    LongWindow,
    /// Results are bounded where a call is known, and not where a server repeats one.
    ReplayedResults,
    /// A schema names a format, which is not asserted.
    UnassertedFormat,
    /// A bound in a schema says nothing about values of other types, and no type is asked
    /// for beside it.
    UntypedBound,
    /// A limit counts by values of the client, and nothing else bounds its calls.
    UnboundedValues,
    /// One caller can take much of the room of a counter by values.
    ManyValues,
    /// A reason is given that no denial shows.
    UnseenReason,
    /// Checks or limits of a tool that is denied anyway are never asked.
    NeverAsked,
    /// A denial in shadow lets calls go on that the default denies.
    ShadowOpens,
    /// The service that counts across replicas has nothing to count.
    UnaskedService,
    /// Calls go on uncounted while the service fails.
    Uncounted,
    /// Clients that could sign in are not asked to.
    NoSignIn,
    /// Every text of the arguments is a text to all conditions, also one that is
    /// JSON.
    AllTexts,
    /// A pattern is probably meant as a regular expression.
    DotStar,
    /// A value holds `${`, which nothing fills in.
    Placeholder,
    /// A value has a `*` that is probably meant as any text.
    Star,
    /// A check or a list of arguments denies every call that comes to it.
    NeverPasses,
    /// A named check is used by no rule.
    UnusedCheck,
    /// A requirement holds for a call without the value that it is about.
    NegatedAbsence,
    /// A denial of a path or a host does not see its other names.
    OtherNames,
    /// A path or a host is compared by its first characters.
    PlaceByStart,
    /// A grant is named after a claim.
    GrantByClaim,
    /// An id is compared with a value of the call, and is not the name of a caller.
    ComparedId,
    /// After its time, callers of a body come under rules that allow by default.
    EndsOpen,
    /// A header decides who belongs to a group.
    GroupByHeader,
    /// A group denies what callers outside of it may do.
    GroupNarrows,
    /// Two patterns match the same names and have different actions.
    Overlap,
    /// There are too many patterns to compare all of them.
    NotCompared,
    /// A header says who approves.
    ApproverByHeader,
    /// Those who approve may make such calls.
    ApproversMayAsk,
    /// A request waits for longer than an Envoy process may live.
    LongWait,
    /// A call without an argument needs no approval.
    ApprovalByAbsent,
    /// A lock names no tool.
    EmptyLock,
    /// An entry is about a tool that the lock does not name.
    UnlockedTool,
}

impl Warning {
    /// The name of the kind, by which programs tell warnings apart. It never changes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AnyPath => "any-path",
            Self::UnnamedResource => "unnamed-resource",
            Self::LongWindow => "long-window",
            Self::ReplayedResults => "replayed-results",
            Self::UnassertedFormat => "unasserted-format",
            Self::UntypedBound => "untyped-bound",
            Self::UnboundedValues => "unbounded-values",
            Self::ManyValues => "many-values",
            Self::UnseenReason => "unseen-reason",
            Self::NeverAsked => "never-asked",
            Self::ShadowOpens => "shadow-opens",
            Self::UnaskedService => "unasked-service",
            Self::Uncounted => "uncounted",
            Self::NoSignIn => "no-sign-in",
            Self::AllTexts => "all-texts",
            Self::DotStar => "dot-star",
            Self::Placeholder => "placeholder",
            Self::Star => "star",
            Self::NeverPasses => "never-passes",
            Self::UnusedCheck => "unused-check",
            Self::NegatedAbsence => "negated-absence",
            Self::OtherNames => "other-names",
            Self::PlaceByStart => "place-by-start",
            Self::GrantByClaim => "grant-by-claim",
            Self::ComparedId => "compared-id",
            Self::EndsOpen => "ends-open",
            Self::GroupByHeader => "group-by-header",
            Self::GroupNarrows => "group-narrows",
            Self::Overlap => "overlap",
            Self::NotCompared => "not-compared",
            Self::ApproverByHeader => "approver-by-header",
            Self::ApproversMayAsk => "approvers-may-ask",
            Self::LongWait => "long-wait",
            Self::ApprovalByAbsent => "approval-by-absent",
            Self::EmptyLock => "empty-lock",
            Self::UnlockedTool => "unlocked-tool",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The severity.
    pub severity: Severity,
    /// A JSON pointer (RFC 6901), or a line and column where there is no JSON.
    pub path: String,
    /// The finding, and the remedy.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str("(top level)")?;
        }
        write!(f, "{}: {}", pointer(&self.path), self.message)
    }
}

/// All findings about a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(Vec<Group>);

/// The findings of one severity, and of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    severity: Severity,
    kept: Vec<Finding>,
    more: usize,
}

impl Group {
    fn keep(&mut self, path: String, message: String) {
        self.kept.push(Finding { severity: self.severity, path, message });
    }
}

impl Findings {
    /// A single error.
    pub fn one(path: impl Into<String>, message: impl Into<String>) -> Self {
        let mut findings = Self::default();
        findings.error(path, message);
        findings
    }

    /// Notes an error.
    pub fn error(&mut self, path: impl Into<String>, message: impl Into<String>) {
        if let Some(group) = self.room(Severity::Error) {
            group.keep(path.into(), message.into());
        }
    }

    /// Notes a warning, which `tell` makes of a path and a message.
    pub fn warning(&mut self, kind: Warning, tell: &dyn Fn() -> (String, String)) {
        if let Some(group) = self.room(Severity::Warning(kind)) {
            let (path, message) = tell();
            group.keep(path, message);
        }
    }

    /// Notes a warning that always has the same words; the parts of its path are put
    /// together. With a closure for each of these, V8 has more functions to compile.
    pub fn warn(&mut self, kind: Warning, path: &[&str], message: &str) {
        self.warning(kind, &|| (path.concat(), message.into()));
    }

    /// Adds further findings.
    pub fn extend(&mut self, others: Self) {
        for Group { severity, kept, more } in others.0 {
            for Finding { path, message, .. } in kept {
                if let Some(group) = self.room(severity) {
                    group.keep(path, message);
                }
            }
            if let Some(group) = self.group(severity) {
                group.more = group.more.saturating_add(more);
            }
        }
    }

    /// The group in which another finding of this severity is kept, if there is room for
    /// it; if not, it is counted.
    fn room(&mut self, severity: Severity) -> Option<&mut Group> {
        let group = self.group(severity)?;
        let has_room = group.kept.len() < MAX_KEPT;
        group.more = group.more.saturating_add(usize::from(!has_room));
        has_room.then_some(group)
    }

    /// The group of this severity, which is made if need be.
    fn group(&mut self, severity: Severity) -> Option<&mut Group> {
        let is_it = |group: &Group| group.severity == severity;
        if !self.0.iter().any(is_it) {
            self.0.push(Group { severity, kept: Vec::new(), more: 0 });
        }
        self.0.iter_mut().find(|group| is_it(group))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The findings that were kept: the first 1,000 of each severity, and of each kind
    /// of warning.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter().flat_map(|group| &group.kept)
    }

    /// The number of findings beyond those that were kept, by severity.
    pub fn more(&self) -> impl Iterator<Item = (Severity, usize)> {
        let groups = self.0.iter().filter(|group| group.more > 0);
        groups.map(|group| (group.severity, group.more))
    }

    /// The lines to show in a log, in the order of the document: 20 errors, five
    /// overlaps, one warning of each other kind, and the number of further ones.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let mut lines = Vec::new();
        for Group { severity, kept, more } in &self.0 {
            let most = match severity {
                Severity::Error => MAX_ERRORS,
                Severity::Warning(Warning::Overlap) => MAX_OVERLAPS,
                Severity::Warning(_) => 1,
            };
            lines.extend(kept.iter().take(most).map(Finding::to_string));
            let more = kept.len().saturating_sub(most).saturating_add(*more);
            match (severity, lines.last_mut()) {
                (_, _) if more == 0 => {}
                (Severity::Warning(_), Some(last)) => {
                    *last = format!("{last} (and {more} more of this kind)");
                }
                _ => lines.push(format!("and {more} more")),
            }
        }
        lines.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn findings_beyond_a_bound_are_counted() {
        let mut findings = Findings::one("/0", "wrong");
        let mut others = Findings::default();
        for at in 1..1_500 {
            others.error(format!("/{at}"), "wrong");
        }
        findings.extend(others);
        assert_eq!(findings.iter().count(), 1_000);
        assert!(findings.iter().all(|finding| finding.severity == Severity::Error));
        assert_eq!(findings.more().collect::<Vec<_>>(), [(Severity::Error, 500)]);
        let lines: Vec<_> = findings.lines().collect();
        assert_eq!(lines.len(), 21);
        assert_eq!(lines.get(19..), Some(&["/19: wrong".to_owned(), "and 1480 more".into()][..]));
    }

    #[test]
    fn each_kind_of_warning_has_its_own_bound() {
        let mut findings = Findings::default();
        let tell = || ("/x".to_owned(), "odd".to_owned());
        for _ in 0..2_000 {
            findings.warning(Warning::LongWindow, &tell);
        }
        findings.warning(Warning::NeverAsked, &tell);
        for _ in 0..6 {
            findings.warning(Warning::Overlap, &tell);
        }
        assert_eq!(findings.iter().count(), 1_007);
        assert_eq!(
            findings.lines().collect::<Vec<_>>(),
            [
                "/x: odd (and 1999 more of this kind)",
                "/x: odd",
                "/x: odd",
                "/x: odd",
                "/x: odd",
                "/x: odd",
                "/x: odd (and 1 more of this kind)",
            ]
        );
    }
}
