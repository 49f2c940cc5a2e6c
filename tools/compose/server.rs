//! The MCP server, and beside it a port on which it tells what it ran: whether
//! a denied call was kept from it is not for Envoy to say.

use mcp_rig::server::{McpServer, Mode};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Serves until it is told to stop, as `docker stop` does.
pub async fn run() -> Result<(), String> {
    let server = McpServer::start("0.0.0.0:9100", Mode::Sessions).await;
    let failed = |error: std::io::Error| format!("server: {error}");
    let calls = TcpListener::bind("0.0.0.0:9101").await.map_err(failed)?;
    // The first process of a container has to ask for signals to get them.
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    println!("MCP on port 9100");
    loop {
        tokio::select! {
            accepted = calls.accept() => {
                let (mut stream, _) = accepted.map_err(failed)?;
                let ran = server.calls().into_iter();
                let ran: Vec<_> = ran.map(|call| json!([call.tool, call.arguments])).collect();
                // A reader who leaves does not concern the server.
                let _ = stream.write_all(json!(ran).to_string().as_bytes()).await;
            }
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }
}
