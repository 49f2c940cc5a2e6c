//! The class of a tool, by its definition: a first policy has to treat `delete_branch`
//! and `list_branches` differently before anybody has read what they do.
//!
//! The verbs of the name decide; without one, the words of the description. Of several
//! the most severe counts. Annotations are the server's own word, so they make a class
//! more severe and never less. Without any sign a tool is [`Class::Write`]. The words
//! are in [`table`].

mod table;

use core::fmt;
use mcp_policy_filter::text;
use serde_json::{Map, Value};
use table::has;

/// The most bytes of a description that are looked at.
const MAX_LOOKED_AT: usize = 64 << 10;
/// The most characters of a description that are quoted.
const MAX_QUOTED: usize = 72;

/// The classes, from the mildest to the most severe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// It shows something.
    Read,
    /// It makes or changes something.
    Write,
    /// It sets something off, such as a program or a message.
    Execute,
    /// It takes something away.
    Destructive,
    /// It moves money.
    Financial,
}

impl Class {
    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "Read",
            Self::Write => "Write",
            Self::Execute => "Execute",
            Self::Destructive => "Destructive",
            Self::Financial => "Financial",
        }
    }

    /// The risk of calls to its tools.
    pub(crate) const fn risk(self) -> &'static str {
        match self {
            Self::Read => "low",
            Self::Write => "medium",
            Self::Execute => "high",
            Self::Destructive | Self::Financial => "critical",
        }
    }
}

/// A tool as its server defines it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Definition {
    /// `name`
    pub(crate) name: String,
    /// `title` and `description`
    pub(crate) description: String,
    /// `inputSchema`
    pub(crate) schema: Map<String, Value>,
    /// `annotations`
    pub(crate) annotations: Map<String, Value>,
}

impl Definition {
    /// Reads a definition as it is in a list of tools.
    ///
    /// # Errors
    /// The member that is not as MCP has it.
    pub(crate) fn read(tool: &Value) -> Result<Self, &'static str> {
        let Value::Object(tool) = tool else { return Err("is not an object") };
        let text = |key| match tool.get(key) {
            None | Some(Value::Null) => Ok(""),
            Some(Value::String(text)) => Ok(text.as_str()),
            Some(_) => Err(()),
        };
        let object = |key| match tool.get(key) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(object)) => Ok(object.clone()),
            Some(_) => Err(()),
        };
        let name = text("name").map_err(|()| "has a `name` that is not a text")?;
        let title = text("title").map_err(|()| "has a `title` that is not a text")?;
        let description =
            text("description").map_err(|()| "has a `description` that is not a text")?;
        let parts = [title, description];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Ok(Self {
            name: name.into(),
            description: parts.join(".\n"),
            schema: object("inputSchema")
                .map_err(|()| "has an `inputSchema` that is not an object")?,
            annotations: object("annotations")
                .map_err(|()| "has `annotations` that are not an object")?,
        })
    }
}

/// The sign by which a tool has its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// A word of its name.
    Name(String),
    /// A part of its description.
    Description(String),
    /// An annotation.
    Annotation(&'static str),
    /// The tool is a named exception.
    Exception(&'static str),
    /// There is none.
    None,
}

/// The sign, in words that follow "From the tool's definition: ".
impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(word) => write!(f, "\"{word}\" in its name"),
            Self::Description(part) => write!(f, "\"{part}\""),
            Self::Annotation(annotation) => write!(f, "the annotation {annotation}"),
            Self::Exception(why) => f.write_str(why),
            Self::None => f.write_str("no sign of what it does, so it is taken to write"),
        }
    }
}

/// The class of a tool, and the sign by which it has it.
pub(crate) fn classify(tool: &Definition) -> (Class, Sign) {
    let named = table::EXCEPTIONS.iter().find(|exception| exception.tool == tool.name);
    let (class, sign) = named
        .map(|exception| (exception.class, Sign::Exception(exception.why)))
        .or_else(|| by_name(&tool.name))
        .or_else(|| by_description(&tool.description))
        .unwrap_or((Class::Write, Sign::None));
    let hint = |key| tool.annotations.get(key).and_then(Value::as_bool);
    if class < Class::Destructive && hint("destructiveHint") == Some(true) {
        return (Class::Destructive, Sign::Annotation("destructiveHint: true"));
    }
    if class < Class::Write && hint("readOnlyHint") == Some(false) {
        return (Class::Write, Sign::Annotation("readOnlyHint: false"));
    }
    (class, sign)
}

/// The class of a verb in its base form.
fn verb(word: &str) -> Option<Class> {
    let of = |(class, words): &(Class, &str)| has(words, word).then_some(*class);
    table::VERBS.iter().find_map(of)
}

fn by_name(name: &str) -> Option<(Class, Sign)> {
    let mut found: Option<(Class, Sign)> = None;
    let mut reading = false;
    let mut acting = false;
    for word in words_of_name(name) {
        if has(table::CONJUNCTIONS, &word) {
            reading = false;
            continue;
        }
        let class = match verb(&word) {
            Some(_) if reading && has(table::NOUNS, &word) => continue,
            _ if acting && has(table::MONEY, &word) => Class::Financial,
            Some(class) => class,
            None => continue,
        };
        reading |= class == Class::Read;
        acting |= class > Class::Read;
        if found.as_ref().is_none_or(|(before, _)| class > *before) {
            found = Some((class, Sign::Name(word)));
        }
    }
    found
}

/// The words of a name in lower case: `enhancedSend`, `git_log`, `getHTTPStatus`.
fn words_of_name(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = None::<char>;
    let mut rest = text::start(name, text::MAX_NAME).chars().peekable();
    while let Some(c) = rest.next() {
        let after = rest.peek().copied();
        let begins = before.is_some_and(|before| {
            c.is_uppercase()
                && (before.is_lowercase()
                    || before.is_numeric()
                    || (before.is_uppercase() && after.is_some_and(char::is_lowercase)))
        });
        if begins || !c.is_alphabetic() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphabetic()) {
            word.extend(c.to_lowercase());
        }
        before = Some(c);
    }
    words.retain(|word| !word.is_empty());
    words
}

fn by_description(description: &str) -> Option<(Class, Sign)> {
    let mut found: Option<(Class, &str, usize)> = None;
    let looked_at = text::start(description, MAX_LOOKED_AT);
    for (number, sentence) in sentences(looked_at).enumerate() {
        let mut before: Option<String> = None;
        for (at, spelt) in words_of_text(sentence) {
            let word = spelt.to_lowercase();
            let first = before.is_none();
            let listed = sentence.get(..at).is_some_and(|text| text.trim_end().ends_with(','));
            let joined = |before: &str| has(table::BEFORE_VERBS, before) || verb(before).is_some();
            let place = listed || word.ends_with("ing") || before.as_deref().is_none_or(joined);
            before = Some(word.clone());
            let Some((base, class)) = base_of(&word) else { continue };
            // Only the first word of all makes a tool Read: "status" or "list" further
            // on is nothing that it does.
            let counts = match class {
                Class::Read => number == 0 && first,
                _ => place || !has(table::NOUNS, &base),
            };
            if counts && found.as_ref().is_none_or(|(before, ..)| class > *before) {
                found = Some((class, sentence, at));
            }
        }
    }
    found.map(|(class, sentence, at)| (class, Sign::Description(quoted(sentence, at))))
}

/// The verb that a word is a form of, and its class.
fn base_of(word: &str) -> Option<(String, Class)> {
    let stem = |ending: &str| word.strip_suffix(ending);
    let mut forms = vec![word.to_owned()];
    if let Some(stem) = stem("ies") {
        forms.push(format!("{stem}y"));
    }
    forms.extend(stem("es").map(str::to_owned));
    forms.extend(stem("s").map(str::to_owned));
    if let Some(stem) = stem("ing") {
        forms.extend([stem.to_owned(), format!("{stem}e")]);
        // `running`, `dropping`
        let mut letters = stem.chars();
        if letters.next_back() == letters.clone().next_back() {
            forms.push(letters.as_str().to_owned());
        }
    }
    forms.into_iter().find_map(|form| verb(&form).map(|class| (form, class)))
}

/// The sentences and lines of a text.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['\n', '.', '!', '?', ';', ':'])
        .map(|sentence| sentence.trim().trim_end_matches(['.', ';', ':']))
        .filter(|sentence| sentence.chars().any(char::is_alphabetic))
}

/// The words of a text, each with its place.
fn words_of_text(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0_usize;
    text.split(|c: char| !c.is_alphabetic()).filter_map(move |word| {
        let start = at;
        let next =
            text.get(start.saturating_add(word.len())..).and_then(|rest| rest.chars().next());
        at = start.saturating_add(word.len()).saturating_add(next.map_or(0, char::len_utf8));
        (!word.is_empty()).then_some((start, word))
    })
}

/// A part of a sentence around a place, on one line.
fn quoted(sentence: &str, at: usize) -> String {
    let before = sentence.get(..at).unwrap_or_default().chars().count();
    let all = sentence.chars().count();
    if all <= MAX_QUOTED {
        return sentence.to_owned();
    }
    let start = before.saturating_sub(MAX_QUOTED / 3);
    let part: String = sentence.chars().skip(start).take(MAX_QUOTED).collect();
    let cut = |is_cut: bool| if is_cut { "…" } else { "" };
    let ends = start.saturating_add(MAX_QUOTED) < all;
    format!("{}{}{}", cut(start > 0), part.trim(), cut(ends))
}

#[cfg(test)]
mod tests;
