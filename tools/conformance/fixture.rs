//! The server that the suite is run against: `tests/conformance/server.mjs`.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use mcp_rig::gateway::Process;
use mcp_rig::wait::until;

use crate::DIRECTORY;

/// The running server; stopped when dropped.
pub struct Fixture {
    _process: Process,
    addr: SocketAddr,
}

impl Fixture {
    /// Starts it, and waits until it says on which port it listens.
    pub async fn start(node: &Path) -> Self {
        let directory = Path::new(DIRECTORY);
        let (port, log) = (directory.join("server.port"), directory.join("server.log"));
        let create = |path| File::create(path).expect("a file under target/");
        let mut command = Command::new(node);
        command.arg(directory.join("server.mjs")).stdout(create(&port)).stderr(create(&log));
        let mut process = Process::spawn(command).expect("starting the server");

        let port = until("the server's port", async || {
            if let Some(status) = process.exited() {
                let log = fs::read_to_string(&log).unwrap_or_default();
                panic!("the server ended with {status}:\n{log}");
            }
            let text = fs::read_to_string(&port).ok()?;
            // Without its end of line it may be half of a number.
            text.strip_suffix('\n')?.parse::<u16>().ok()
        });
        let addr = SocketAddr::from(([127, 0, 0, 1], port.await));
        Self { _process: process, addr }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}
