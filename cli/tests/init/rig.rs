//! The command, and servers for it.

use crate::outputs::scratch;
use snapbox::cmd::{Command, OutputAssert};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};

/// The folder of these tests.
pub(crate) fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/init")
}

/// `mcp-policy init` with arguments, in the folder of these tests.
pub(crate) fn init(arguments: &[&str]) -> Command {
    Command::new(snapbox::cmd::cargo_bin!("mcp-policy"))
        .current_dir(here())
        .env("NO_PROXY", "*")
        .env("no_proxy", "*")
        .arg("init")
        .args(arguments)
}

/// The outputs of a run, as texts.
pub(crate) fn texts(run: &OutputAssert) -> (String, String) {
    let output = run.get_output();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    (text(&output.stdout), text(&output.stderr))
}

/// A folder that is deleted at the end.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        Self(scratch(&format!("init-{name}")))
    }

    /// The path of a file in it.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_owned()
    }

    /// A file with a text.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.file(name);
        std::fs::write(&path, text).expect("a file");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server that is a process, ended with the test.
pub(crate) struct Running {
    child: Child,
    _output: BufReader<ChildStdout>,
    /// Its port on loopback.
    pub(crate) port: u16,
}

impl Running {
    /// Starts a server that prints a line which ends with its port.
    pub(crate) fn start(mut command: std::process::Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("a server");
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        let port = loop {
            line.clear();
            assert_ne!(output.read_line(&mut line).expect("a line"), 0, "the server ended");
            let port = line.rsplit(' ').next().and_then(|port| port.trim().parse().ok());
            if let Some(port) = port {
                break port;
            }
        };
        Self { child, _output: output, port }
    }

    /// The URL of its endpoint.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/mcp", self.port)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A golden file in the folder of these tests. `SNAPSHOTS=overwrite` writes it anew.
pub(crate) fn golden(name: &str) -> snapbox::Data {
    snapbox::Data::read_from(&here().join(name), None).raw()
}
