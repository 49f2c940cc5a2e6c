//! The terminal of an approver, whatever standard input and output are.

use crate::failure::Failure;
use crate::output::shown;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};

/// The terminal of the process.
const TERMINAL: &str = "/dev/tty";
/// The most bytes of a line that is typed, or of a token.
const MAX_LINE: u64 = 64 << 10;

/// A terminal.
pub(super) struct Terminal(File);

/// The terminal of the process.
///
/// # Errors
/// There is none.
pub(super) fn open() -> Result<Terminal, Failure> {
    let terminal = OpenOptions::new().read(true).write(true).open(TERMINAL);
    terminal.map(Terminal).map_err(|_| {
        Failure::new("approving needs a terminal, on which a person types the id of the request")
    })
}

impl Terminal {
    /// The line that is typed after a text.
    ///
    /// # Errors
    /// The terminal fails.
    pub(super) fn ask(&mut self, text: &str) -> Result<String, Failure> {
        let told = |error: std::io::Error| Failure::new(format!("{TERMINAL}: {error}"));
        self.0.write_all(text.as_bytes()).map_err(told)?;
        self.0.flush().map_err(told)?;
        let mut line = String::new();
        BufReader::new((&self.0).take(MAX_LINE)).read_line(&mut line).map_err(told)?;
        Ok(line.trim().to_owned())
    }
}

/// The token that a person types, unseen.
///
/// # Errors
/// The terminal is missing, or the text is not a token.
pub(super) fn token() -> Result<String, Failure> {
    let typed = rpassword::prompt_password("Token: ").map_err(|_| {
        Failure::new("there is no terminal to ask for the token on; give --token-command")
    })?;
    usable(&typed)
}

/// The token that a command prints.
///
/// # Errors
/// The command fails, or does not print a token.
pub(super) fn token_of(command: &str) -> Result<String, Failure> {
    let told = |error: std::io::Error| Failure::new(format!("--token-command: sh: {error}"));
    let mut run = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(told)?;
    let mut printed = Vec::new();
    if let Some(output) = run.stdout.take() {
        output.take(MAX_LINE.saturating_add(1)).read_to_end(&mut printed).map_err(told)?;
    }
    // The pipe is closed by now, so a command that still prints ends.
    let status = run.wait().map_err(told)?;
    if u64::try_from(printed.len()).is_ok_and(|len| len > MAX_LINE) {
        let most = MAX_LINE >> 10;
        let words = format!("--token-command: prints more than {most} KiB; no token is as long");
        return Err(Failure::new(words));
    }
    if !status.success() {
        return Err(Failure::new(format!("--token-command: {}", shown(&status.to_string()))));
    }
    let printed = String::from_utf8(printed).unwrap_or_default();
    usable(printed.lines().next().unwrap_or_default())
}

/// A token as a header can have it. The message does not show it.
fn usable(token: &str) -> Result<String, Failure> {
    let token = token.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::new(
            "the token is empty, or has a space or a character that no token has",
        ));
    }
    Ok(token.to_owned())
}
