//! Findings at places in files, and the forms in which they are printed.

use crate::document::position;
use crate::output::shown;
use core::fmt;
use core::ops::Range;
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

/// One finding.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// The file.
    pub(crate) source: Rc<Source>,
    /// The bytes of the file that it is about.
    pub(crate) span: Range<usize>,
    /// The severity.
    pub(crate) severity: Severity,
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

/// One line, in the form that editors and other programs follow.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = position(&self.source.text, self.span.start);
        let severity = self.severity.as_str();
        write!(f, "{}:{line}:{column}: {severity}: ", shown(&self.source.name))?;
        if !self.pointer.is_empty() {
            write!(f, "{}: ", shown(&self.pointer))?;
        }
        write!(f, "{}", shown(&self.message))
    }
}
