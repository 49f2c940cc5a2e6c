//! The client that the suite starts, with a way of its own to the server that
//! the suite started for it: `tests/conformance/client.mjs`.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mcp_rig::gateway::Process;

use crate::DIRECTORY;
use crate::way::Way;

/// Runs the client against `url` on the way called `way`; whether it succeeded.
pub async fn run(node: &Path, way: &str, url: &str) -> Result<bool, String> {
    let way = Way::ALL.into_iter().find(|known| known.name() == way);
    let way = way.ok_or("there is no such way")?;
    let (port, path) = port_and_path(url).ok_or_else(|| format!("{url} is no address here"))?;
    let server = SocketAddr::from(([127, 0, 0, 1], port));
    let gateway = way.to(server).await;
    let addr = gateway.as_ref().map_or(server, |gateway| gateway.addr());

    let mut command = Command::new(node);
    command.arg(Path::new(DIRECTORY).join("client.mjs")).arg(format!("http://{addr}{path}"));
    let mut process = Process::spawn(command).map_err(|error| error.to_string())?;
    let status = loop {
        // The suite gives a client 30 seconds.
        match process.exited() {
            Some(status) => break status,
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    // The suite keeps what is said here.
    for line in gateway.iter().flat_map(|gateway| gateway.access_log()) {
        eprintln!("{line}");
    }
    Ok(status.success())
}

/// Of `http://localhost:41111/mcp`.
fn port_and_path(url: &str) -> Option<(u16, &str)> {
    let rest = url.strip_prefix("http://localhost:")?;
    let (port, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Some((port.parse().ok()?, path))
}
