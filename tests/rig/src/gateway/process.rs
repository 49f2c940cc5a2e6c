//! A child process that cannot outlive the test.

use std::io::Result;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A child process; killed when dropped, and also when this process dies
/// without dropping anything.
///
/// The second is the work of a small shell beside it. It waits on a pipe that
/// this process holds open, and kills the child when the pipe closes, which
/// the kernel does for the dead: after a panic's abort, a timeout's SIGKILL.
#[derive(Debug)]
pub struct Process {
    child: Child,
    watchdog: Option<Child>,
}

impl Process {
    /// Starts `command` without standard input, and in a process group of its
    /// own, so that Ctrl-C in a terminal reaches this process alone.
    pub fn spawn(mut command: Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).process_group(0).spawn()?;
        let mut process = Self { child, watchdog: None };
        let watchdog = Command::new("sh")
            .args(["-c", r#"read -r _; kill -9 "$0""#, &process.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        process.watchdog = Some(watchdog);
        Ok(process)
    }

    /// The child's process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The child's status, if it has ended.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().ok().flatten()?;
        // The process id may now be another's.
        self.dismiss_watchdog();
        Some(status)
    }

    fn dismiss_watchdog(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            // Killed first: waiting closes the pipe that it listens to.
            let _ = watchdog.kill();
            let _ = watchdog.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.dismiss_watchdog();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
