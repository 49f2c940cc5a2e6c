//! A server over the standard input and output of a program. The program is ended with
//! all that it started, and nothing that it prints reaches the terminal as it is.

use super::answers::{MAX_BYTES, Tap, Trouble, abridged, too_much};
use crate::output::shown;
use rmcp::RoleClient;
use rmcp::transport::async_rw::AsyncRwTransport;
use std::ffi::OsString;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

/// The time that a program has to end by itself, and once more after it was asked to.
const PATIENCE: Duration = Duration::from_secs(1);
/// The time for the rest of its log.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// The most bytes of its log that are kept.
const MAX_LOG: usize = 4 << 10;

/// A running program.
pub(super) struct Process {
    child: Child,
    group: Option<u32>,
    log: Kept,
    noise: Kept,
    reader: JoinHandle<()>,
}

/// Bytes from a program that are kept to be shown.
type Kept = Arc<Mutex<Vec<u8>>>;

/// The transport over a program's standard input and output.
pub(super) type Transport = AsyncRwTransport<RoleClient, Output, ChildStdin>;

/// Starts a program.
///
/// # Errors
/// It cannot be started, in words for the user.
pub(super) fn start(
    command: &[OsString],
    trouble: &Trouble,
    tap: &Tap,
) -> Result<(Process, Transport), String> {
    let none = || "there is no command; give the server's behind `--`".to_owned();
    let (program, arguments) = command.split_first().ok_or_else(none)?;
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, which can be ended as a whole.
    #[cfg(unix)]
    command.process_group(0);
    let told =
        |error: io::Error| format!("cannot start `{}`: {error}", shown(&program.to_string_lossy()));
    let mut child = command.spawn().map_err(told)?;
    let lost = || told(io::Error::other("its standard streams are not there"));
    let stdin = child.stdin.take().ok_or_else(lost)?;
    let stdout = child.stdout.take().ok_or_else(lost)?;
    let stderr = child.stderr.take().ok_or_else(lost)?;
    let (log, noise) = (Kept::default(), Kept::default());
    let reader = tokio::spawn(keep_end(stderr, Arc::clone(&log)));
    let output = Output {
        stdout,
        left: MAX_BYTES,
        line: Line::Begins,
        noise: Arc::clone(&noise),
        trouble: trouble.clone(),
        text: Vec::new(),
        tap: tap.clone(),
    };
    let transport = AsyncRwTransport::new(output, stdin).with_max_line_length(MAX_BYTES);
    let group = child.id();
    Ok((Process { child, group, log, noise, reader }, transport))
}

impl Process {
    /// Ends the program and all of its group, and waits for it. The words about it that
    /// belong behind a trouble with it.
    pub(super) async fn end(mut self, answered: bool) -> String {
        let patience = if answered { PATIENCE } else { LAST_WORDS };
        let ended = tokio::time::timeout(patience, self.child.wait()).await;
        let status = ended.ok().and_then(Result::ok);
        if status.is_none() {
            signal(self.group, false);
            let _ = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        }
        // Also what the program has left behind.
        signal(self.group, true);
        let _ = self.child.start_kill();
        let _ = self.child.wait().await;
        let _ = tokio::time::timeout(LAST_WORDS, &mut self.reader).await;
        self.reader.abort();

        let mut words = String::new();
        if let Some(status) = status.filter(|status| !status.success()) {
            words.push_str(&format!("; it ended with {status}"));
        }
        if let Some(line) = last_line(&self.noise) {
            words.push_str(&format!(
                "; its standard output has `{line}`, which is not a message of MCP (a log belongs \
                 on standard error)"
            ));
        }
        if let Some(line) = last_line(&self.log) {
            words.push_str(&format!("; its log ends with `{line}`"));
        }
        words
    }
}

/// The last line that is not empty, safe to show.
fn last_line(kept: &Kept) -> Option<String> {
    let bytes = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let text = String::from_utf8_lossy(&bytes);
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(abridged)
}

/// Asks a group of processes to end, or forces it to.
#[cfg(unix)]
fn signal(group: Option<u32>, force: bool) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let group = group.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let signal = if force { Signal::KILL } else { Signal::TERM };
    // An error says that nothing is left of it.
    let _ = group.map(|group| kill_process_group(group, signal));
}

/// Elsewhere the program alone is ended.
#[cfg(not(unix))]
fn signal(_group: Option<u32>, _force: bool) {}

/// Keeps the end of a program's log.
async fn keep_end(mut stderr: ChildStderr, log: Kept) {
    let mut chunk = vec![0; MAX_LOG];
    while let Ok(read) = stderr.read(&mut chunk).await {
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { return };
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.extend_from_slice(bytes);
        let surplus = log.len().saturating_sub(MAX_LOG);
        log.drain(..surplus);
    }
}

/// A program's standard output: bounded, and with the first line kept that is not a
/// message, since the client passes over such lines in silence.
pub(super) struct Output {
    stdout: ChildStdout,
    left: usize,
    line: Line,
    noise: Kept,
    trouble: Trouble,
    /// The present line.
    text: Vec<u8>,
    tap: Tap,
}

/// The line that a program is printing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// Nothing of it has come.
    Begins,
    /// It begins as a message does.
    Message,
    /// It does not.
    Noise,
    /// A line of noise is kept already.
    Known,
}

impl Output {
    /// Keeps each line whole, as the client reads it.
    fn tap(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.text.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.tap.keep(&self.text);
                self.text.clear();
            }
        }
    }

    fn listen(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.line = match (self.line, byte) {
                (Line::Known, _) => return,
                (Line::Noise, b'\n') => Line::Known,
                (_, b'\n') => Line::Begins,
                (Line::Begins, b' ' | b'\t' | b'\r') => Line::Begins,
                (Line::Begins, b'{') => Line::Message,
                (Line::Begins, _) => Line::Noise,
                (line, _) => line,
            };
            if self.line == Line::Noise {
                let mut noise = self.noise.lock().unwrap_or_else(PoisonError::into_inner);
                if noise.len() < MAX_LOG {
                    noise.push(*byte);
                }
            }
        }
    }
}

impl AsyncRead for Output {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let ready = Pin::new(&mut self.stdout).poll_read(context, into);
        let new = into.filled().get(before..).unwrap_or_default();
        match self.left.checked_sub(new.len()) {
            Some(left) => self.left = left,
            None => {
                self.trouble.note(too_much());
                return Poll::Ready(Err(io::Error::other("too much")));
            }
        }
        self.listen(new);
        self.tap(new);
        ready
    }
}
