//! The files of one Envoy, and the command that starts it.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use super::Shell;

/// A directory under `target/rig/`; removed when dropped, except for a failed
/// test's, which stays to be read.
#[derive(Debug)]
pub(crate) struct Run {
    directory: PathBuf,
}

impl Run {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        let name = format!("rig/{}-{number}", std::process::id());
        let directory = workspace().join(target).join(name);
        fs::create_dir_all(&directory).expect("a directory under target/");
        Self { directory }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.directory.join(file)
    }

    /// The file's text so far; empty while there is no file.
    pub(crate) fn read(&self, file: &str) -> String {
        let bytes = fs::read(self.path(file)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(super) fn log(&self) -> String {
        self.read("envoy.log")
    }

    pub(super) fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).expect("writing under target/");
    }

    /// Replaces the file in one step, which is what Envoy watches for.
    pub(super) fn replace(&self, file: &str, json: &Value) {
        self.write("next", &json.to_string());
        fs::rename(self.path("next"), self.path(file)).expect("renaming under target/");
    }

    /// Envoy on a file of this run, logging to its `envoy.log`.
    pub(super) fn envoy(&self, file: &str, concurrency: u32, log_level: &str) -> Command {
        let log = File::create(self.path("envoy.log")).expect("a log under target/");
        let mut command = Command::new(program());
        command
            .current_dir(workspace())
            .arg("-c")
            .arg(self.path(file))
            .arg("--admin-address-path")
            .arg(self.path("admin"))
            .args(["--concurrency", &concurrency.to_string()])
            .args(["--disable-hot-restart", "--drain-time-s", "1", "--log-level", log_level])
            .args(["--file-flush-interval-msec", "50"])
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log);
        command
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        match std::thread::panicking() {
            true => eprintln!("the gateway's files are in {}", self.directory.display()),
            false => drop(fs::remove_dir_all(&self.directory)),
        }
    }
}

/// The module under test.
pub(super) fn module(shell: Shell) -> PathBuf {
    let path = workspace().join(required(match shell {
        Shell::Wasm => "MODULE",
        Shell::Native => "NATIVE_MODULE",
    }));
    assert!(path.is_file(), "no module at {}: run the tests with `make test`", path.display());
    path
}

/// Envoy: a path, or a bare name to look up in PATH.
fn program() -> PathBuf {
    let program = PathBuf::from(required("ENVOY_BIN"));
    match program.components().count() {
        1 => program,
        _ => workspace().join(program),
    }
}

pub(crate) fn required(variable: &str) -> OsString {
    let value = env::var_os(variable).filter(|value| !value.is_empty());
    value.unwrap_or_else(|| {
        panic!("{variable} is not set: run the tests with `make test`, which sets it")
    })
}

fn workspace() -> PathBuf {
    let rig = Path::new(env!("CARGO_MANIFEST_DIR"));
    rig.ancestors().nth(2).expect("the rig lies in tests/rig").to_owned()
}
