//! `convert`: a policy of another gateway in this language, and the list of what it does
//! not mean here.
//!
//! A rule that cannot be said here denies the calls that it is about. Every other
//! difference is in the list.

mod catalogue;
mod entry;
mod expression;
mod intercept;
mod policylayer;
mod said;
mod scalar;

use crate::Outcome;
use crate::document::{self, Language, Node, positions};
use crate::failure::Failure;
use crate::finding::Source;
use crate::input;
use crate::output::{Format, heard, output, replace, say, shown};
use mcp_policy_filter::policy::Policy;
use said::{Kind, List, Said};
use std::io::Write as _;
use std::rc::Rc;

/// The arguments of `convert`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mcp-policy convert intercept.yaml > policy.json
  mcp-policy convert --yaml --output policy.yaml intercept.yaml

The policy is printed on standard output, and on standard error what it does not mean here.
Exit status: 0 every rule keeps its meaning, 1 some do not, or the file is not valid, 2 it
could not run.")]
pub(crate) struct Arguments {
    /// The policy to convert, in YAML or JSON; `-` is standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// The dialect of the file; without it, the file's content tells
    #[arg(long, value_name = "DIALECT")]
    from: Option<Dialect>,
    /// Write the policy to this file, which is replaced whole
    #[arg(long, short, value_name = "FILE")]
    output: Option<String>,
    /// Write YAML and not JSON
    #[arg(long)]
    yaml: bool,
    /// The form of what is printed; `json` has the policy and the list in one document
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Format,
}

/// The dialects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Dialect {
    /// Intercept: `rules` with conditions and counters
    Intercept,
    /// PolicyLayer's catalogue: `action`, `reason`, `rate_limit` with `max` and `window`
    Catalogue,
    /// PolicyLayer's policy.json: `require`, `deny_if`, `limits`
    Policylayer,
}

impl Dialect {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Intercept => "intercept",
            Self::Catalogue => "catalogue",
            Self::Policylayer => "policylayer",
        }
    }
}

/// Converts a file.
///
/// # Errors
/// The file cannot be read, or the policy not written.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let text = input::text(&arguments.file)?;
    let source = Rc::new(Source { name: arguments.file.clone(), text });
    let mut list = List::default();
    let converted = convert(&source, arguments.from, &mut list);
    let good = list.worst() != Some(Kind::Error);
    let converted = converted.filter(|_| good);
    let outcome = match list.worst() {
        Some(Kind::Error | Kind::Warning) => Outcome::Findings,
        Some(Kind::Note) | None => Outcome::Clean,
    };
    let all = list.sorted();
    let policy = converted.as_ref().map(|(_, policy)| policy);
    if arguments.format == Format::Text {
        for line in said::lines(&source, &all) {
            say(line);
        }
    }
    if let Some(policy) = policy {
        let text = if arguments.yaml { policy.to_yaml(0) } else { policy.to_pretty_json() };
        match &arguments.output {
            Some(name) => replace(name, text.as_bytes())?,
            None if arguments.format == Format::Text => {
                heard(print(&text))?;
            }
            None => {}
        }
    }
    if arguments.format == Format::Json {
        let dialect = converted.as_ref().map(|(dialect, _)| *dialect);
        heard(print(&report(&source, dialect, policy, &all).to_pretty_json()))?;
    }
    Ok(outcome)
}

fn print(text: &str) -> Result<(), Failure> {
    let mut out = output();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// The dialect of a file and its policy in this language, which is valid.
fn convert(source: &Rc<Source>, from: Option<Dialect>, list: &mut List) -> Option<(Dialect, Node)> {
    let (language, documents) = match document::read(&source.name, &source.text) {
        Ok(read) => read,
        Err(fault) => {
            list.error(&(fault.at..fault.at), fault.message);
            return None;
        }
    };
    let file = match &*documents {
        [file] => file,
        [] => {
            list.error(&(0..0), "the file is empty; give it a policy");
            return None;
        }
        [_, second, ..] => {
            list.error(&second.span, "another document begins here; a policy is one document");
            return None;
        }
    };
    scalar::faults(file, list);
    let dialect = from.or_else(|| recognised(file, language, list))?;
    let policy = match dialect {
        Dialect::Intercept => intercept::convert(file, list),
        Dialect::Catalogue => catalogue::convert(file, list),
        Dialect::Policylayer => policylayer::convert(file, list),
    };
    if list.worst() == Some(Kind::Error) {
        return None;
    }
    if let Err(errors) = Policy::parse(policy.to_json().as_bytes(), "") {
        // Only what stays as it was can have an error, and has it at the same place.
        for error in errors.iter() {
            list.error(&file.place(&error.path), format!("{}: {}", error.path, error.message));
        }
        return None;
    }
    Some((dialect, policy))
}

/// The dialect of a file, by the keys of its tools.
fn recognised(file: &Node, language: Language, list: &mut List) -> Option<Dialect> {
    let own = ["mode", "identity", "grants", "groups", "settings"];
    if let Some(member) = file.members().iter().find(|member| own.contains(&&*member.key)) {
        let words = format!(
            "`{}` is a key of this project's language, so there is nothing to convert; `mcp-policy \
             check` checks the file",
            member.key
        );
        list.error(&member.key_span, words);
        return None;
    }
    let tools = || file.get("tools").map_or(&[][..], Node::members).iter().map(|tool| &tool.value);
    let rules = || tools().flat_map(|tool| tool.get("rules").map_or(&[][..], Node::elements));
    let of_catalogue = |node: &Node| {
        node.get("reason").is_some()
            || node.get("action").and_then(Node::text) == Some("allow")
            || node.get("rate_limit").is_some_and(|limit| !limit.members().is_empty())
    };
    let judged = ["require", "deny_if", "limits"];
    let layered = file.get("all_tools").is_some()
        || tools().any(|tool| judged.iter().any(|key| tool.get(key).is_some()));
    let ruled = tools().any(|tool| tool.get("rules").is_some());
    let short =
        tools().any(|tool| tool.get("rate_limit").is_some() || tool.get("action").is_some());
    match (layered, ruled) {
        (true, true) => {
            let at = file.member("tools").map_or(&file.span, |member| &member.key_span);
            list.error(at, "the file mixes dialects; name the one that it is in with `--from`");
            None
        }
        (true, false) => Some(Dialect::Policylayer),
        (false, true) if rules().any(of_catalogue) => Some(Dialect::Catalogue),
        (false, true) => Some(Dialect::Intercept),
        (false, false) if short => Some(Dialect::Catalogue),
        // Names alone mean the same in all three.
        (false, false) if language == Language::Json => Some(Dialect::Policylayer),
        (false, false) => Some(Dialect::Intercept),
    }
}

/// The policy and the list for machines.
fn report(source: &Source, dialect: Option<Dialect>, policy: Option<&Node>, all: &[Said]) -> Node {
    let places = positions(&source.text, all.iter().map(|one| one.at.start));
    let entry = |(one, (line, column)): (&Said, (usize, usize))| {
        Node::of_members([
            ("file", Some(Node::of_text(shown(&source.name)))),
            ("line", Some(Node::of_number(line))),
            ("column", Some(Node::of_number(column))),
            ("kind", Some(Node::of_text(one.kind().as_str()))),
            ("topic", Some(Node::of_text(one.topic.as_str()))),
            ("message", Some(Node::of_text(shown(&one.words)))),
        ])
    };
    let null = || Node::new(document::Value::Null);
    Node::of_members([
        ("dialect", Some(dialect.map_or_else(null, |one| Node::of_text(one.as_str())))),
        ("policy", Some(policy.cloned().unwrap_or_else(null))),
        ("list", Some(Node::of_list(all.iter().zip(places).map(entry).collect()))),
    ])
}
