//! The packages that `scripts/interop` installed, and the servers among them.

use std::env;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use mcp_rig::gateway::Process;
use mcp_rig::wait::until;
use serde_json::Value;

/// The places of programs and packages.
pub struct Packages {
    /// Node.js.
    pub node: PathBuf,
    /// Python.
    pub python: PathBuf,
    /// The packages of `scripts/sdk-servers`.
    sdks: PathBuf,
    /// Those of `scripts/interop`.
    own: PathBuf,
}

/// A server on a port of loopback; stopped when dropped.
pub struct Server {
    _process: Process,
    addr: SocketAddr,
    log: PathBuf,
}

impl Packages {
    pub fn from_env() -> Self {
        let path = |name| {
            let path = env::var_os(name).filter(|path| !path.is_empty());
            PathBuf::from(path.unwrap_or_else(|| panic!("{name}, which `make interop` sets")))
        };
        Self {
            node: path("NODE"),
            python: path("PYTHON"),
            sdks: path("SDK_SERVERS"),
            own: path("INTEROP"),
        }
    }

    /// The folder of the packages in JavaScript, with the clients beside them.
    pub fn javascript(&self) -> PathBuf {
        self.own.join("node")
    }

    /// The folder of the packages of a client in Python.
    pub fn python_of(&self, client: &str) -> PathBuf {
        let fast = client == "fast-mcp";
        let folder = if fast { self.own.join("fastmcp") } else { self.sdks.join(client) };
        folder.join("packages")
    }

    /// An empty directory.
    pub fn scratch(&self, name: &str) -> PathBuf {
        let path = self.own.join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a directory under target/");
        path.canonicalize().expect("the directory just made")
    }

    /// A file of an installed package.
    pub fn file(&self, package: &str, path: &str) -> PathBuf {
        self.javascript().join("node_modules").join(package).join(path)
    }

    /// A package with its version.
    pub fn named(&self, package: &str) -> String {
        let text = fs::read_to_string(self.file(package, "package.json")).expect(package);
        let manifest: Value = serde_json::from_str(&text).expect(package);
        let short = package.trim_start_matches("@modelcontextprotocol/");
        format!("{short} {}", manifest["version"].as_str().expect("a version"))
    }

    /// A package that we asked of PyPI, with its version.
    pub fn named_python(&self, folder: &str) -> String {
        let list = self.own.join(folder).join("requirements.txt");
        let text = fs::read_to_string(list).expect("the packages that were asked for");
        let line = text.lines().find_map(|line| line.strip_prefix(folder)?.strip_prefix("=="));
        format!("{folder} {}", line.expect("a version"))
    }

    /// Starts a server in Node.js, which `loopback.cjs` keeps on loopback, on a
    /// free port.
    pub async fn serve(&self, name: &str, program: &Path, arguments: &[&str]) -> Server {
        let mut command = bare(&self.node);
        command.arg("--require").arg(self.javascript().join("loopback.cjs"));
        command.arg(program).args(arguments);
        self.start(name, command, "listening ").await
    }

    /// Starts a server in Python, a module of the packages in a folder, which
    /// uvicorn serves. The arguments have to ask for a free port of loopback.
    pub async fn serve_python(&self, folder: &str, module: &str, arguments: &[&str]) -> Server {
        let mut command = bare(&self.python);
        command.env("PYTHONPATH", self.own.join(folder).join("packages"));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.args(["-m", module]).args(arguments);
        self.start(folder, command, "running on http://127.0.0.1:").await
    }

    /// Starts a server that `scripts/sdk-servers` installed.
    pub async fn serve_sdk(&self, name: &str) -> Server {
        let command = bare(&self.sdks.join(name).join("run"));
        self.start(&format!("sdk-{name}"), command, "listening ").await
    }

    /// Starts a server of `tests/interop/servers`, by the packages of the SDK in its name.
    pub async fn serve_notes(&self, name: &str) -> Server {
        let folder = self.sdks.join(name);
        let command = match name.starts_with("typescript") {
            true => {
                let mut command = bare(&self.node);
                command.arg(folder.join("notes.mjs"));
                command
            }
            false => {
                let mut command = bare(&self.python);
                command.env("PYTHONPATH", folder.join("packages"));
                command.env("PYTHONDONTWRITEBYTECODE", "1");
                command.arg(format!("tests/interop/servers/{name}.py"));
                command
            }
        };
        self.start(&format!("notes-{name}"), command, "listening ").await
    }

    /// Starts a server, whose log names its port after `before`.
    async fn start(&self, name: &str, mut command: Command, before: &str) -> Server {
        let log = self.own.join(format!("{name}.log"));
        let to = File::create(&log).expect("a file under target/");
        command.stdout(to.try_clone().expect("a second handle")).stderr(to);
        let mut process = Process::spawn(command).expect("starting a server");
        let what = format!("the port of {name}");
        let port = until(&what, async || {
            let text = fs::read_to_string(&log).ok()?;
            let ended = process.exited();
            assert!(ended.is_none(), "{name} ended ({ended:?}):\n{text}");
            let (_, rest) = text.split_once(before)?;
            rest.split_once(|c: char| !c.is_ascii_digit())?.0.parse().ok()
        });
        let addr = SocketAddr::from(([127, 0, 0, 1], port.await));
        Server { _process: process, addr, log }
    }
}

/// A program without our environment, so that get-env, if it ever ran, had
/// nothing to tell.
fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

impl Server {
    /// All that it has printed.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}
