//! The path to a condition's value: `args.items[*].price`.

use crate::wire::json::{Kind, Reader};
use core::fmt;
use std::borrow::Cow;

/// The most steps of a path: more than any honest policy has.
const MAX_STEPS: usize = 32;

/// The root of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// The call's arguments.
    Args,
    /// The claims of the verified token.
    Claims,
    /// The request's headers.
    Headers,
    /// The caller's id.
    Grant,
    /// The tool's name.
    Tool,
    /// The hour of the day, of `time`.
    Hour,
    /// The weekday, of `time`.
    Weekday,
}

const ROOTS: [(&str, Root); 6] = [
    ("args", Root::Args),
    ("claims", Root::Claims),
    ("headers", Root::Headers),
    ("grant", Root::Grant),
    ("tool", Root::Tool),
    ("time", Root::Hour),
];

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `.key` or `["key"]`
    Key(Box<str>),
    /// `[0]`
    Index(usize),
    /// `[*]`
    Each,
}

impl Step {
    /// The step as Envoy names it in a path of its own.
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Key(key) => (&**key).into(),
            Self::Index(index) => index.to_string().into(),
            Self::Each => "*".into(),
        }
    }
}

/// A path, with the text that it was written as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    text: Box<str>,
    /// The root.
    pub root: Root,
    /// The steps from there.
    pub steps: Vec<Step>,
}

/// The reason why a text is not a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// The root is unknown.
    Root,
    /// A step cannot be read.
    Step,
    /// The path has too many steps.
    Length,
    /// This root has no parts.
    NoParts(&'static str),
    /// A header is named by one key in lower case.
    Header,
    /// Envoy shows this header under another name.
    Host,
    /// Claims are named one by one.
    Claims,
    /// Of the time there are two parts.
    Time,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "it must begin with `args`, `claims`, `headers`, `grant`, `tool` or `time`",
            Self::Step => "after the root come steps like `.key`, `[\"a key\"]`, `[0]` or `[*]`",
            Self::Length => "it has more than 32 steps",
            Self::NoParts(root) => return write!(f, "`{root}` is a text and has no parts"),
            Self::Header => {
                "a header is named in lower case, like `headers.x-team` or `headers[\"x-team\"]`"
            }
            Self::Host => "Envoy shows no `host` header to filters; match hosts in its routes",
            Self::Time => "the time is named by `time.hour` or `time.weekday`",
            Self::Claims => "claims are named one by one, by keys and indexes, like `claims.team` or `claims[\"https://example.com/team\"]`",
        })
    }
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// The text is not a path.
    ///
    /// ```
    /// use mcp_policy_filter::policy::condition::{Path, Step};
    ///
    /// let path = Path::parse(r#"args.items[*]["unit price"][0]"#).unwrap();
    /// assert_eq!(path.steps, [
    ///     Step::Key("items".into()),
    ///     Step::Each,
    ///     Step::Key("unit price".into()),
    ///     Step::Index(0),
    /// ]);
    /// ```
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let end = text.find(['.', '[']).unwrap_or(text.len());
        let (word, mut rest) = text.split_at_checked(end).ok_or(PathError::Root)?;
        let (name, mut root) =
            *ROOTS.iter().find(|(name, _)| *name == word).ok_or(PathError::Root)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, tail) = step(rest).ok_or(PathError::Step)?;
            steps.push(step);
            rest = tail;
        }
        if steps.len() > MAX_STEPS {
            return Err(PathError::Length);
        }
        match root {
            Root::Args => {}
            Root::Claims
                if steps.is_empty()
                    || steps.contains(&Step::Each)
                    || text.contains("://") && !text.contains("[\"") =>
            {
                return Err(PathError::Claims);
            }
            Root::Claims => {}
            Root::Headers => match &*steps {
                [Step::Key(name)] if **name == *"host" => return Err(PathError::Host),
                [Step::Key(name)] if is_header(name) => {}
                _ => return Err(PathError::Header),
            },
            Root::Hour | Root::Weekday => {
                root = match &*steps {
                    [Step::Key(key)] if **key == *"hour" => Root::Hour,
                    [Step::Key(key)] if **key == *"weekday" => Root::Weekday,
                    _ => return Err(PathError::Time),
                };
            }
            Root::Grant | Root::Tool if steps.is_empty() => {}
            Root::Grant | Root::Tool => return Err(PathError::NoParts(name)),
        }
        Ok(Self { text: text.into(), root, steps })
    }

    /// The path as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it has a step `[*]`.
    pub fn has_each(&self) -> bool {
        self.steps.contains(&Step::Each)
    }

    /// The header that it names, if it names one.
    pub fn header(&self) -> Option<&str> {
        match (self.root, &*self.steps) {
            (Root::Headers, [Step::Key(name)]) => Some(name),
            _ => None,
        }
    }
}

/// Whether a text can be the name of a header as Envoy shows it.
pub fn is_header(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase())
        && !name.contains(['[', ']', '<', '>', '@', '?', '/', '\\'])
        && !name.contains(['"', ',', ';', '=', '(', ')', '{', '}', ':'])
}

fn step(text: &str) -> Option<(Step, &str)> {
    if let Some(rest) = text.strip_prefix('.') {
        let stops = |c: char| ".[]\"'*".contains(c) || c.is_whitespace() || c.is_control();
        let end = rest.find(stops).unwrap_or(rest.len());
        let (key, rest) = rest.split_at_checked(end)?;
        return (!key.is_empty()).then(|| (Step::Key(key.into()), rest));
    }
    let rest = text.strip_prefix('[')?;
    if let Some(rest) = rest.strip_prefix("*]") {
        return Some((Step::Each, rest));
    }
    if rest.starts_with('"') {
        let (key, tail) = quoted(rest)?;
        return Some((Step::Key(key), tail.strip_prefix(']')?));
    }
    let (index, tail) = rest.split_once(']')?;
    let plain = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
    let index: u32 = Some(index).filter(|_| plain)?.parse().ok()?;
    Some((Step::Index(usize::try_from(index).ok()?), tail))
}

/// A key in JSON's own quotes.
fn quoted(text: &str) -> Option<(Box<str>, &str)> {
    // The first closing quote with which the text reads as a string.
    text.char_indices().skip(1).filter(|(_, c)| *c == '"').find_map(|(at, _)| {
        let (string, rest) = text.split_at_checked(at.checked_add(1)?)?;
        let mut reader = Reader::new(string.as_bytes(), 1).ok()?;
        let Kind::String(key) = reader.value().ok()?.kind else { return None };
        reader.end().ok()?;
        (!key.has_nul()).then(|| (key.decode().into(), rest))
    })
}
