//! `lock`: the digests of a server's tools, written or compared.

mod compare;
mod listed;
mod members;

use super::init::source::Origin;
use super::init::{Purpose, given, yaml};
use crate::Outcome;
use crate::failure::Failure;
use crate::finding::{Finding, Source};
use crate::output::{heard, output, replace, shown, write_json};
use crate::policy;
use clap::ValueEnum;
use compare::{Comparison, Kept};
use listed::{Tool, tools};
use serde_json::{Map, Value, json};
use std::io::Write as _;
use std::rc::Rc;

/// The arguments of `lock`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mcp-policy lock https://mcp.example.com/mcp --bearer-file token --save tools.json
  mcp-policy lock --policy policy.json --output policy.json https://mcp.example.com/mcp
  mcp-policy lock --check policy.json --saved tools.json -- npx -y @modelcontextprotocol/server-memory

Review the definitions of the tools before you lock them. With --check the exit status is 1
if any tool is new, gone, or has another definition than the policy locks.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    origin: Origin,
    /// Compare with the lock of this policy, and write nothing
    #[arg(long, value_name = "POLICY", conflicts_with_all = ["policy", "mode", "ignore_meta", "output"])]
    check: Option<String>,
    /// The definitions as they were locked, to tell which of their members are different
    #[arg(long, value_name = "FILE", requires = "check")]
    saved: Option<String>,
    /// Write this policy with the lock, in the place of the lock alone
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,
    /// The mode of the lock; that of the policy's lock, or else `enforce`
    #[arg(long, value_name = "MODE")]
    mode: Option<Mode>,
    /// Leave `_meta` out of the digests, as the policy's lock may say anyway
    #[arg(long)]
    ignore_meta: bool,
    /// Write to this file, which is replaced
    #[arg(long, short, value_name = "FILE")]
    output: Option<String>,
    /// Write the definitions to this file, which is replaced
    #[arg(long, value_name = "FILE")]
    save: Option<String>,
    /// The form of standard output
    #[arg(long, value_name = "FORM", default_value = "human")]
    format: Format,
}

/// The modes of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Refuse and hide
    Enforce,
    /// Record
    Report,
}

/// The forms of standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The lock or the policy as JSON, or a line for each tool that is different
    Human,
    /// One JSON object
    Json,
}

/// Writes the lock of a server, or compares it.
///
/// # Errors
/// The server's tools cannot be had, or the lock cannot be written.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    if arguments.save.is_some() && arguments.save == arguments.output {
        return Err(Failure::new("--save and --output name one file; give each its own"));
    }
    let purpose = if arguments.check.is_some() { Purpose::Compare } else { Purpose::Write };
    let given = match arguments.check.as_ref().or(arguments.policy.as_ref()) {
        Some(name) => match given(name, purpose)? {
            Ok(policy) => Some((name, policy)),
            Err(outcome) => return Ok(outcome),
        },
        None => None,
    };
    // A file that cannot be read is told before a server is started.
    let saved = arguments.saved.as_ref().map(|name| saved(name)).transpose()?;
    let listed = arguments.origin.listed()?;
    let tools = tools(&listed.texts).map_err(Failure::new)?;
    match (&arguments.check, given) {
        (Some(_), Some((name, policy))) => {
            save(arguments, &tools)?;
            check(arguments, name, &policy, &tools, saved)
        }
        (_, given) => {
            let text = locked(arguments, given.map(|(_, policy)| policy), &tools)?;
            let written = write(arguments, &text)?;
            // Not before: without a new lock, the saved definitions stay as they are.
            save(arguments, &tools)?;
            Ok(written)
        }
    }
}

/// Writes the definitions, where that is asked for.
fn save(arguments: &Arguments, tools: &[Tool]) -> Result<(), Failure> {
    match &arguments.save {
        Some(file) => replace(file, listed::file(tools).as_bytes()),
        None => Ok(()),
    }
}

/// Writes the text of a lock.
fn write(arguments: &Arguments, text: &[u8]) -> Result<Outcome, Failure> {
    match &arguments.output {
        Some(file) => replace(file, text)?,
        None => {
            let mut out = output();
            out.write_all(text)?;
            out.flush()?;
        }
    }
    Ok(Outcome::Clean)
}

/// The text of a lock, alone or in a policy.
fn locked(
    arguments: &Arguments,
    policy: Option<Map<String, Value>>,
    tools: &[Tool],
) -> Result<Vec<u8>, Failure> {
    let old = policy.as_ref().and_then(|policy| policy.get("lock"));
    let ignores = arguments.ignore_meta || old.is_some_and(ignores_meta);
    let mode = match arguments.mode {
        Some(Mode::Enforce) => "enforce",
        Some(Mode::Report) => "report",
        None => old.and_then(|lock| lock.get("mode")).and_then(Value::as_str).unwrap_or("enforce"),
    };
    let mut digests = Map::new();
    let mut unlocked = Vec::new();
    for tool in tools {
        match tool.digest(ignores) {
            Ok(digest) => drop(digests.insert(tool.name.clone(), json!({ "digest": digest }))),
            Err(why) => unlocked.push(format!("{} {why}", shown(&tool.name))),
        }
    }
    if !unlocked.is_empty() {
        return Err(Failure::new(format!(
            "these tools cannot be locked, and would be refused: {}; have the server define them \
             in another way",
            unlocked.join("; ")
        )));
    }
    let mut lock = json!({ "mode": mode, "tools": digests });
    if ignores && let Some(lock) = lock.as_object_mut() {
        lock.insert("ignore".into(), json!(["_meta"]));
    }
    let is_alone = policy.is_none();
    let mut policy = policy.unwrap_or_else(|| {
        Map::from_iter([("version".into(), json!("1")), ("default".into(), json!("deny"))])
    });
    policy.insert("lock".into(), lock.clone());
    valid(&Value::Object(policy.clone()))?;
    let written = if is_alone { json!({ "lock": lock }) } else { Value::Object(policy) };
    if arguments.output.as_deref().is_some_and(yaml::is_name) {
        return Ok(yaml::text(&written).into_bytes());
    }
    let mut text = Vec::new();
    write_json(&mut text, &written)?;
    Ok(text)
}

/// Compares the tools of a server with the lock of a policy.
fn check(
    arguments: &Arguments,
    name: &str,
    policy: &Map<String, Value>,
    tools: &[Tool],
    saved: Option<Vec<Tool>>,
) -> Result<Outcome, Failure> {
    let Some(lock) = policy.get("lock") else {
        return Err(Failure::new(format!(
            "{}: has no `lock`; write it with --policy",
            shown(name)
        )));
    };
    let kept = Kept { lock, ignores: ignores_meta(lock), saved: saved.as_deref() };
    let comparison = Comparison::of(&kept, tools);
    let print = || {
        let mut out = output();
        match arguments.format {
            Format::Human => comparison.tell(&mut out)?,
            Format::Json => write_json(&mut out, &comparison.json())?,
        }
        Ok(out.flush()?)
    };
    heard(print())?;
    Ok(if comparison.is_same() { Outcome::Clean } else { Outcome::Findings })
}

/// Whether a lock leaves `_meta` out of its digests.
fn ignores_meta(lock: &Value) -> bool {
    lock.get("ignore").and_then(Value::as_array).is_some_and(|ignored| !ignored.is_empty())
}

/// The definitions in a file that --save wrote.
fn saved(name: &str) -> Result<Vec<Tool>, Failure> {
    let text = crate::input::text(name)?;
    tools(&[text]).map_err(|fault| Failure::new(format!("{}: {fault}", shown(name))))
}

/// Refuses a lock that the filter would not take.
fn valid(policy: &Value) -> Result<(), Failure> {
    let source = Rc::new(Source { name: "policy.json".into(), text: policy.to_string() });
    match policy::parse(source) {
        Ok(_) => Ok(()),
        Err(errors) => {
            // The text that has the places of the errors is not in a file.
            let errors: Vec<_> = errors.iter().map(Finding::told).collect();
            let errors = errors.join("; ");
            Err(Failure::new(format!("the lock of these tools would not be valid: {errors}")))
        }
    }
}
