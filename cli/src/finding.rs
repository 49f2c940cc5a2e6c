//! Findings at places in files, and the forms in which they are printed.

mod github;
mod human;
mod json;
mod junit;
mod report;
mod sarif;

use crate::document::position;
use crate::output::shown;
use core::fmt;
use core::ops::Range;
pub(crate) use report::{Format, Report};
use std::rc::Rc;

/// A file, as it was read.
#[derive(Debug)]
pub(crate) struct Source {
    /// The name by which the user gave it.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
}

/// The severities of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// It has to be mended.
    Error,
    /// It is probably not what the author means.
    Warning,
}

/// The code of an error of the policy's language.
pub(crate) const INVALID: &str = "invalid-policy";
/// The code of a file that is not JSON or YAML.
pub(crate) const UNREADABLE: &str = "unreadable";
/// The code of a scalar that readers of YAML take for different values.
pub(crate) const AMBIGUOUS: &str = "ambiguous-yaml";

/// One finding.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// The file.
    pub(crate) source: Rc<Source>,
    /// The bytes of the file that it is about.
    pub(crate) span: Range<usize>,
    /// The severity.
    pub(crate) severity: Severity,
    /// The kind of finding, by a name that never changes.
    pub(crate) code: &'static str,
    /// The JSON pointer of the place within the policy; empty for its top level, and for
    /// what is around it.
    pub(crate) pointer: String,
    /// The finding, and the remedy.
    pub(crate) message: String,
}

impl Severity {
    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Finding {
    /// The line and the column of its first byte, both from 1.
    pub(crate) fn start(&self) -> (usize, usize) {
        position(&self.source.text, self.span.start)
    }

    /// The line and the column behind its last byte.
    pub(crate) fn end(&self) -> (usize, usize) {
        position(&self.source.text, self.span.end.max(self.span.start))
    }

    /// The pointer and the message.
    pub(crate) fn told(&self) -> String {
        match &*self.pointer {
            "" => shown(&self.message).into_owned(),
            pointer => format!("{}: {}", shown(pointer), shown(&self.message)),
        }
    }
}

/// One line, in the form that editors and other programs follow.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.start();
        let severity = self.severity.as_str();
        let name = shown(&self.source.name);
        write!(f, "{name}:{line}:{column}: {severity}: {}", self.told())
    }
}
