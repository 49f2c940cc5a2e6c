//! The shared state of all clients: the address, and the moment to stop.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use mcp_rig::client::{Request, Response, http1, http2};
use serde_json::{Value, json};

use crate::ledger::Ledger;

/// Between two exchanges of a client: the machine is not ours alone.
pub const PACE: Duration = Duration::from_millis(5);

/// The shared state of all clients.
#[derive(Debug)]
pub struct Stage {
    pub addr: SocketAddr,
    pub ledger: Ledger,
    phase: AtomicU8,
}

impl Stage {
    pub fn new(addr: SocketAddr) -> Self {
        Self { addr, ledger: Ledger::default(), phase: AtomicU8::new(0) }
    }

    /// Whether calls are made that have a limit.
    pub fn meters(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == 0
    }

    /// Whether a client may open another connection.
    pub fn opens(&self) -> bool {
        self.phase.load(Ordering::Relaxed) < LAST_CONNECTIONS
    }

    /// Whether clients go on with the connections that they have.
    pub fn runs(&self) -> bool {
        self.phase.load(Ordering::Relaxed) < END
    }

    /// The soak goes into this phase.
    pub fn enter(&self, phase: u8) {
        self.phase.store(phase, Ordering::Relaxed);
    }
}

/// The phase in which no more calls are made that have a limit.
pub const UNMETERED: u8 = 1;
/// The phase in which clients open no more connections.
pub const LAST_CONNECTIONS: u8 = 2;
/// The phase in which clients stop.
pub const END: u8 = 3;

/// The HTTP version between client and Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Http1,
    Http2,
}

impl Wire {
    pub const BOTH: [Self; 2] = [Self::Http1, Self::Http2];

    /// The client's name in the header by which callers are told apart.
    pub const fn caller(self) -> &'static str {
        match self {
            Self::Http1 => "agent-1",
            Self::Http2 => "agent-2",
        }
    }

    /// Connects. A connection that is refused is none; the listener may close
    /// between the question whether to open one and this.
    pub async fn open(self, stage: &Stage) -> Option<Connection> {
        let http1 = http1::Connection::try_open(stage.addr).await;
        let connection = match (self, http1) {
            (Self::Http1, Ok(connection)) => Ok(Connection::Http1(connection)),
            (Self::Http2, Ok(_)) => {
                Ok(Connection::Http2(http2::Connection::open(stage.addr).await))
            }
            (_, Err(error)) => Err(error),
        };
        match connection {
            Ok(connection) => Some(connection),
            Err(error) => {
                if stage.opens() {
                    stage.ledger.wrong(format!("no connection: {error}"));
                }
                None
            }
        }
    }
}

/// A connection of either version.
#[derive(Debug)]
pub enum Connection {
    Http1(http1::Connection),
    Http2(http2::Connection),
}

impl Connection {
    /// Sends `request`; an error where the answer is broken off.
    pub async fn send(&mut self, request: &Request) -> Result<Response, String> {
        match self {
            Self::Http1(connection) => {
                connection.try_send(request).await.map_err(|error| error.to_string())
            }
            Self::Http2(connection) => {
                connection.send(request).await.map_err(|error| error.to_string())
            }
        }
    }
}

/// Whether the connection takes no more requests.
pub fn closes(response: &Response) -> bool {
    response.header("connection") == Some("close")
}

/// Spreads connections over all workers.
pub fn spread(listener: &mut Value) {
    listener["connection_balance_config"] = json!({ "exact_balance": {} });
}
