//! The list of what a policy meant in its dialect and does not mean here.

use crate::document::positions;
use crate::finding::Source;
use crate::output::shown;
use core::fmt::Write as _;
use core::ops::Range;
use std::collections::HashMap;

/// The kinds of entries of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The file cannot be converted.
    Error,
    /// Some call may be decided in another way.
    Warning,
    /// Every call is decided as before, or the page of the verb says where not.
    Note,
}

/// The topics of entries: a word for machines, and the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Topic {
    /// The file is not of the dialect.
    Invalid,
    /// A rule that cannot be said here; its calls are denied.
    NoCounterpart,
    /// Values that are equal there by their text.
    TextEquality,
    /// A null or a value of another type, which passes a negative operator there.
    OtherType,
    /// Values that are compared there by the text that Go prints for them.
    GoText,
    /// A path through something that is not an object.
    NestedAbsence,
    /// A condition that denies, and a missing argument.
    NegativeRule,
    /// A regular expression that the two engines read differently.
    Expression,
    /// An amount that is cut off or negative.
    Amount,
    /// Calls that the server answered with an error.
    FailedCalls,
    /// A count by session or by grant.
    Scope,
    /// A name with a `*`.
    Star,
    /// A key that is left out.
    UnknownKey,
    /// No default.
    NoDefault,
    /// A part of a rule without an effect.
    NoEffect,
    /// A name or a message that is left out.
    Words,
    /// Calls that servers may read in two ways.
    Ambiguous,
}

impl Topic {
    /// The word for it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NoCounterpart => "no_counterpart",
            Self::TextEquality => "text_equality",
            Self::OtherType => "other_type",
            Self::GoText => "go_text",
            Self::NestedAbsence => "nested_absence",
            Self::NegativeRule => "negative_rule",
            Self::Expression => "expression",
            Self::Amount => "amount",
            Self::FailedCalls => "failed_calls",
            Self::Scope => "scope",
            Self::Star => "star",
            Self::UnknownKey => "unknown_key",
            Self::NoDefault => "no_default",
            Self::NoEffect => "no_effect",
            Self::Words => "words",
            Self::Ambiguous => "ambiguous",
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Invalid => Kind::Error,
            Self::NoEffect | Self::Words | Self::Ambiguous => Kind::Note,
            _ => Kind::Warning,
        }
    }
}

impl Kind {
    /// The word for it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One entry.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// The bytes of the file that it is about.
    pub(super) at: Range<usize>,
    /// The topic.
    pub(super) topic: Topic,
    /// The difference, and what becomes of it.
    pub(super) words: String,
}

/// The list.
#[derive(Debug, Default)]
pub(super) struct List(Vec<Said>);

impl List {
    /// Adds an entry.
    pub(super) fn say(&mut self, topic: Topic, at: &Range<usize>, words: impl Into<String>) {
        self.0.push(Said { at: at.clone(), topic, words: words.into() });
    }

    /// Adds an error of the file.
    pub(super) fn error(&mut self, at: &Range<usize>, words: impl Into<String>) {
        self.say(Topic::Invalid, at, words);
    }

    /// The most serious kind.
    pub(super) fn worst(&self) -> Option<Kind> {
        self.0.iter().map(|one| one.topic.kind()).min()
    }

    /// All entries, in the order of the file. Of a file that cannot be converted, they
    /// are its errors alone.
    pub(super) fn sorted(mut self) -> Vec<Said> {
        if self.worst() == Some(Kind::Error) {
            self.0.retain(|one| one.topic == Topic::Invalid);
        }
        self.0.sort_by_key(|one| (one.at.start, one.topic));
        self.0
    }
}

impl Said {
    /// The kind.
    pub(super) const fn kind(&self) -> Kind {
        self.topic.kind()
    }
}

/// The most further lines that an entry names.
const MAX_LINES: usize = 8;

/// The entries as lines, each once with the places where it holds.
pub(super) fn lines(source: &Source, all: &[Said]) -> Vec<String> {
    let places = positions(&source.text, all.iter().map(|one| one.at.start));
    let mut known = HashMap::new();
    let mut groups: Vec<(&Said, (usize, usize), Vec<usize>)> = Vec::new();
    for (one, place) in all.iter().zip(places) {
        let index = *known.entry((one.topic, &*one.words)).or_insert(groups.len());
        match groups.get_mut(index) {
            Some((.., further)) => further.push(place.0),
            None => groups.push((one, place, vec![place.0])),
        }
    }
    let mut lines = Vec::new();
    for (one, (line, column), mut further) in groups {
        let (name, kind) = (shown(&source.name), one.kind().as_str());
        let mut text = format!("{name}:{line}:{column}: {kind}: {}", shown(&one.words));
        further.dedup();
        let rest = further.len().saturating_sub(MAX_LINES.saturating_add(1));
        let named: Vec<String> =
            further.iter().skip(1).take(MAX_LINES).map(ToString::to_string).collect();
        match &*named {
            [] => {}
            [one] => _ = write!(text, " (also at line {one})"),
            _ if rest > 0 => {
                _ = write!(text, " (also at lines {} and {rest} more)", named.join(", "))
            }
            [.., last] => {
                let first = named.split_last().map_or(String::new(), |(_, first)| first.join(", "));
                _ = write!(text, " (also at lines {first} and {last})");
            }
        }
        lines.push(text);
    }
    lines
}
