//! `init`: a first policy for a server that is there.

mod answers;
mod draft;
mod file;
mod http;
mod merge;
mod report;
mod server;
pub(super) mod source;
mod stdio;
mod told;
pub(super) mod yaml;

use crate::Outcome;
use crate::document::{self, Node, position, survives};
use crate::failure::Failure;
use crate::finding::Source;
use crate::interrupt;
use crate::output::{output, shown, write_json};
use crate::policy;
use clap::ValueEnum;
use file::{Place, Replace};
use merge::Written;
use serde_json::{Map, Value};
use source::Origin;
use std::io::Write as _;
use std::rc::Rc;
use told::Course;

/// The arguments of `init`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mcp-policy init https://mcp.example.com/mcp --bearer-file token > policy.json
  mcp-policy init --output policy.json -- npx -y @modelcontextprotocol/server-filesystem .
  mcp-policy init tools.json --merge policy.json --output policy.json

Each tool has a class by its definition, and a rule by its class:
  Read         low       allowed
  Write        medium    30 calls a minute
  Execute      high      10 calls a minute
  Destructive  critical  hidden
  Financial    critical  a person approves, or denied where nobody is named who does
Every other tool is denied. Read the policy before you use it.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    origin: Origin,
    /// Write the policy to a file
    #[arg(long, short, value_name = "FILE")]
    output: Option<String>,
    /// Replace the file of --output
    #[arg(long, requires = "output")]
    force: bool,
    /// Keep all of this policy, and add the tools that it does not decide about
    #[arg(long, value_name = "POLICY")]
    merge: Option<String>,
    /// Write a policy that denies nothing and records what it would deny
    #[arg(long, conflicts_with = "merge")]
    shadow: bool,
    /// The path at which clients will reach the server; nothing passes elsewhere
    #[arg(long, value_name = "PATH", conflicts_with = "merge")]
    path: Option<String>,
    /// Write YAML; a file whose name ends with .yaml is YAML anyway
    #[arg(long)]
    yaml: bool,
    /// The form of standard output
    #[arg(long, value_name = "FORM", default_value = "human")]
    format: Format,
}

/// The forms of standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The policy, unless it goes to a file; the reasons on standard error
    Human,
    /// The policy and the reasons as one JSON object
    Json,
}

/// Writes a policy for the tools of a server.
///
/// # Errors
/// The server's tools cannot be had, or the policy cannot be written.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    // From here on, also between the list of tools and the file.
    interrupt::check()?;
    // Wrong arguments are told before a server is started.
    let place = arguments.place()?;
    let base = match &arguments.merge {
        None => merge::fresh(arguments.shadow, arguments.path.as_deref())
            .map_err(|fault| Failure::new(format!("--path: {}", shown(&fault))))?,
        Some(name) => match given(name, Purpose::Write)? {
            Ok(old) => old,
            Err(outcome) => return Ok(outcome),
        },
    };
    let tools = draft::judged(arguments.origin.listed()?.tools);
    let written = merge::written(base, &tools);
    let text = arguments.text(&written)?;
    if let Some(place) = &place {
        place.write(&text)?;
    }
    let mut out = output();
    match arguments.format {
        Format::Json => {
            write_json(&mut out, &report::json(&tools, &written, arguments.merge.is_some()))?;
        }
        Format::Human => {
            if place.is_none() {
                out.write_all(text.as_bytes())?;
            }
            out.flush()?;
            let path = arguments.origin.url_path();
            let course = Course {
                merged: arguments.merge.is_some(),
                path: path.as_deref(),
                output: arguments.output.as_deref(),
            };
            let mut err = std::io::BufWriter::new(anstream::stderr().lock());
            // The policy is written even if nobody reads the reasons.
            let _ = told::tell(&mut err, &tools, &written, &course).and(err.flush());
        }
    }
    out.flush()?;
    Ok(Outcome::Clean)
}

impl Arguments {
    fn place(&self) -> Result<Option<Place>, Failure> {
        let Some(name) = &self.output else { return Ok(None) };
        let same = |old: &String| {
            let real = |name: &String| std::fs::canonicalize(name).ok();
            real(old).is_some_and(|old| Some(old) == real(name))
        };
        let may = self.force || self.merge.as_ref().is_some_and(same);
        Place::new(name, if may { Replace::Yes } else { Replace::No }).map(Some)
    }

    /// The policy as text, which the core takes.
    fn text(&self, written: &Written) -> Result<String, Failure> {
        let is_yaml = self.yaml || self.output.as_deref().is_some_and(yaml::is_name);
        let (name, text) = if is_yaml {
            ("policy.yaml", yaml::text(&written.policy))
        } else {
            let mut json = Vec::new();
            write_json(&mut json, &written.policy)?;
            ("policy.json", String::from_utf8(json).unwrap_or_default())
        };
        let source = Rc::new(Source { name: name.into(), text });
        match policy::parse(Rc::clone(&source)) {
            Ok(_) => Ok(source.text.clone()),
            Err(errors) => {
                let first = errors.first().map(ToString::to_string).unwrap_or_default();
                Err(Failure::new(format!(
                    "the policy for these tools would not be valid: {first}; leave the tool out of \
                     the server, or write its entry by hand and give the policy with --merge"
                )))
            }
        }
    }
}

/// The purpose of a policy that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A part of it is compared.
    Compare,
    /// It is written again, with more in it.
    Write,
}

/// A policy from a file, as a JSON object; if it is invalid, its errors are printed.
///
/// # Errors
/// It cannot be read, or would be another one as it is written again.
pub(super) fn given(
    name: &str,
    purpose: Purpose,
) -> Result<Result<Map<String, Value>, Outcome>, Failure> {
    let errors = match policy::load(name)? {
        Ok(loaded) => {
            if purpose == Purpose::Write
                && let Some(number) = rounded(&loaded.node)
            {
                let (line, column) = position(&loaded.source.text, number.span.start);
                return Err(Failure::new(format!(
                    "{}:{line}:{column}: this number would be written as another one; write one \
                     of at most 15 digits, or add to the policy by hand",
                    shown(name)
                )));
            }
            match serde_json::from_str(&loaded.json) {
                Ok(Value::Object(policy)) => return Ok(Ok(policy)),
                _ => return Err(Failure::new(format!("{}: is not a policy", shown(name)))),
            }
        }
        Err(errors) => errors,
    };
    policy::refuse(&errors).map(Err)
}

/// The first number that is not kept by being read and written: one of many digits, other
/// than a whole one of 64 bits, or one that is too close to 0.
fn rounded(node: &Node) -> Option<&Node> {
    if let document::Value::Number(number) = &node.value {
        let is_whole = number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok();
        return (!is_whole && !survives(number)).then_some(node);
    }
    let inner = node.elements().iter().chain(node.members().iter().map(|member| &member.value));
    inner.into_iter().find_map(rounded)
}
