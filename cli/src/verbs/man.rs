//! `man`: the pages of the manual, one for the command, one for each verb, and one for each
//! verb of a verb.

use crate::failure::Failure;
use crate::output::{output, replace, shown};
use crate::{Outcome, verbs};
use clap::{Command, CommandFactory as _};
use std::io::Write as _;
use std::path::Path;

/// The arguments of `man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mcp-policy man | man -l -
  mcp-policy man check | man -l -
  mcp-policy man approvals deny | man -l -
  mcp-policy man --into /usr/local/share/man/man1")]
pub(crate) struct Arguments {
    /// The verb whose page is printed; without one, the command's
    verb: Vec<String>,
    /// Write all pages into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "verb")]
    into: Option<String>,
}

/// Prints a page, or writes all of them.
///
/// # Errors
/// There is no such verb, or the pages cannot be written.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let mut face = verbs::Face::command().disable_help_subcommand(true);
    face.build();
    if let Some(folder) = &arguments.into {
        write(folder, &face)?;
        return Ok(Outcome::Clean);
    }
    let mut command = &face;
    for verb in &arguments.verb {
        command = command.find_subcommand(verb).ok_or_else(|| none(command, verb))?;
    }
    let mut out = output();
    out.write_all(&page(command)?)?;
    out.flush()?;
    Ok(Outcome::Clean)
}

fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    Ok(page)
}

/// The failure where a command has no such verb.
fn none(command: &Command, verb: &str) -> Failure {
    let verbs: Vec<&str> = verbs(command).map(Command::get_name).collect();
    let (verb, name) = (shown(verb), command.get_name());
    Failure::new(match verbs.join("`, `") {
        known if known.is_empty() => format!("`{name}` has no verbs, and so not `{verb}`"),
        known => format!("there is no verb `{verb}`; it is one of `{known}`"),
    })
}

/// The verbs of a command that have a page.
fn verbs(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|verb| verb.get_name() != "help")
}

/// Writes the page of a command and those of its verbs into their places.
fn write(folder: &str, command: &Command) -> Result<(), Failure> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    replace(Path::new(folder).join(format!("{name}.1")), &page(command)?)?;
    verbs(command).try_for_each(|verb| write(folder, verb))
}
