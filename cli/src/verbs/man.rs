//! `man`: the pages of the manual, one for the command and one for each verb.

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
  mcp-policy man --into /usr/local/share/man/man1")]
pub(crate) struct Arguments {
    /// The verb whose page is printed; without one, the command's
    verb: Option<String>,
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
        for command in core::iter::once(&face).chain(face.get_subcommands()) {
            write(folder, command)?;
        }
        return Ok(Outcome::Clean);
    }
    let command = match &arguments.verb {
        None => &face,
        Some(verb) => face.find_subcommand(verb).ok_or_else(|| {
            let verbs: Vec<&str> = face.get_subcommands().map(Command::get_name).collect();
            let verbs = verbs.join("`, `");
            Failure::new(format!("there is no verb `{}`; it is one of `{verbs}`", shown(verb)))
        })?,
    };
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

/// Writes a page into its place.
fn write(folder: &str, command: &Command) -> Result<(), Failure> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    replace(Path::new(folder).join(format!("{name}.1")), &page(command)?)
}
