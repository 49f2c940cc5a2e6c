//! The MCP server and the Envoy in front of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use mcp_rig::client::http1;
use mcp_rig::gateway::{Admin, Process};
use mcp_rig::server::{McpServer, Mode};
use mcp_rig::wait;

use crate::settings::{DIRECTORY, Settings};

/// Both, running; stopped when dropped.
pub struct Stand {
    pub settings: Settings,
    pub server: McpServer,
    envoy: Process,
    log: PathBuf,
}

/// Where Envoy's access log goes, which the configuration sends to stdout.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AccessLog {
    /// Into Envoy's log.
    File,
    /// To whoever is watching.
    Terminal,
}

impl Stand {
    /// Starts both, and waits until a client can connect.
    pub async fn start(settings: Settings, access_log: AccessLog) -> Result<Self, String> {
        settings.check_ports()?;
        let failed = |error| format!("{DIRECTORY}: {error}");
        fs::create_dir_all(DIRECTORY).map_err(failed)?;
        let log = Path::new(DIRECTORY).join("envoy.log");
        let to_log = File::create(&log).map_err(failed)?;
        let stdout = match access_log {
            AccessLog::File => to_log.try_clone().map_err(failed)?.into(),
            AccessLog::Terminal => Stdio::inherit(),
        };

        let server = McpServer::start(settings.upstream.addr(), Mode::Stateless).await;
        let mut command = Command::new(&settings.envoy);
        command
            .arg("-c")
            .arg(settings.configuration()?)
            .args(["--disable-hot-restart", "--concurrency", "2"])
            .args(["--file-flush-interval-msec", "50"])
            .stdout(stdout)
            .stderr(to_log);
        let envoy = Process::spawn(command);
        let envoy = envoy.map_err(|error| format!("{}: {error}", settings.envoy.display()))?;

        let mut stand = Self { settings, server, envoy, log };
        stand.serving().await.map(|()| stand)
    }

    /// Waits until Envoy has ended, which is an error.
    pub async fn ended(&mut self) -> Result<(), String> {
        loop {
            if let Some(log) = self.post_mortem() {
                return Err(log);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// If Envoy has ended: how, and its last words.
    pub fn post_mortem(&mut self) -> Option<String> {
        let status = self.envoy.exited()?;
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        // Its start alone is a hundred lines of what it is made of.
        let lines: Vec<_> = log.lines().filter(|line| !line.contains("][info][")).collect();
        let tail = lines[lines.len().saturating_sub(15)..].join("\n");
        Some(format!("Envoy ended ({status}); the end of {}:\n{tail}", self.log.display()))
    }

    async fn serving(&mut self) -> Result<(), String> {
        let admin = Admin::new(self.settings.admin.addr());
        let addr = self.settings.port.addr();
        wait::until("Envoy serving", async || {
            if let Some(log) = self.post_mortem() {
                return Some(Err(log));
            }
            let up = admin.ready().await && http1::Connection::try_open(addr).await.is_ok();
            up.then_some(Ok(()))
        })
        .await
    }
}
