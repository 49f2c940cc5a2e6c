//! `completions`: a script by which a shell completes the command's arguments.

use crate::failure::Failure;
use crate::output::output;
use crate::{Outcome, verbs};
use clap::CommandFactory as _;
use std::io::Write as _;

/// The shells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// The arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mcp-policy completions bash > ~/.local/share/bash-completion/completions/mcp-policy
  mcp-policy completions zsh > ~/.zfunc/_mcp-policy
  mcp-policy completions fish > ~/.config/fish/completions/mcp-policy.fish")]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// Standard output cannot be written.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let mut face = verbs::Face::command();
    let name = face.get_name().to_owned();
    let mut script = Vec::new();
    let shell = match arguments.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    clap_complete::generate(shell, &mut face, name, &mut script);
    let mut out = output();
    out.write_all(&script)?;
    out.flush()?;
    Ok(Outcome::Clean)
}
