//! A rate limit service: `tests/engine`, which `MCP_ENGINE` names, and the Redis that it
//! may count on, which `REDIS_SERVER` names.
//!
//! ```no_run
//! # async fn example() {
//! use mcp_rig::engine::{Engine, Redis};
//! use mcp_rig::gateway::Gateway;
//!
//! let redis = Redis::start().await;
//! let engine = Engine::start(&["ratelimit", "--redis", &redis.url()]).await;
//! let gateway = Gateway::builder().cluster(engine.cluster("ratelimit")).start().await;
//! engine.control("fault/reset").await;
//! assert_eq!(engine.asked().await.0, 0);
//! # }
//! ```

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::client::{Request, http2};
use crate::gateway::Process;
use crate::gateway::run::{Run, required};
use crate::wait::until;

/// A running engine; killed when dropped.
#[derive(Debug)]
pub struct Engine {
    process: Process,
    addr: SocketAddr,
    _run: Run,
}

impl Engine {
    /// Starts an engine, and waits until it serves. `tests/engine/src/main.rs` has the
    /// arguments.
    ///
    /// # Panics
    ///
    /// If it ends or does not serve in time.
    pub async fn start(arguments: &[&str]) -> Self {
        let run = Run::new();
        let output = File::create(run.path("engine")).expect("a file under target/");
        let mut command = Command::new(required("MCP_ENGINE"));
        command.args(arguments).stdout(output);
        let mut process = Process::spawn(command).expect("starting MCP_ENGINE");
        let addr = until("the engine's address", async || {
            assert!(process.exited().is_none(), "the engine has ended");
            run.read("engine").trim_end().parse().ok()
        });
        let addr = addr.await;
        Self { process, addr, _run: run }
    }

    /// The address that it serves. An engine that is started with this behind `--listen`
    /// takes its place.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The cluster of it, as Envoy's JSON.
    pub fn cluster(&self, name: &str) -> Value {
        let (ip, port) = (self.addr.ip().to_string(), self.addr.port());
        json!({
            "name": name,
            "type": "STATIC",
            "connect_timeout": "1s",
            "load_assignment": {
                "cluster_name": name,
                "endpoints": [{ "lb_endpoints": [{ "endpoint": {
                    "address": { "socket_address": { "address": ip, "port_value": port } },
                } }] }],
            },
            "typed_extension_protocol_options": {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                    "explicit_http_config": { "http2_protocol_options": {} },
                },
            },
        })
    }

    /// Tells it something: `tests/engine/src/server.rs` has the paths.
    ///
    /// # Panics
    ///
    /// If it does not know the path.
    pub async fn control(&self, path: &str) -> String {
        let request = Request::new("GET", &format!("/-/{path}"));
        let response = http2::send(self.addr, &request).await;
        assert_eq!(response.status, 200, "{path}");
        response.text()
    }

    /// The number of its questions so far, and the last one.
    pub async fn asked(&self) -> (u64, Vec<u8>) {
        let told = self.control("asked").await;
        let (count, hex) = told.split_once(' ').expect("a number and a question");
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("digits");
        let bytes = (0..hex.len()).step_by(2).map(byte).collect();
        (count.parse().expect("a number"), bytes)
    }
}

/// A running Redis, which keeps nothing; killed when dropped.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    run: Run,
    socket: PathBuf,
}

impl Redis {
    /// Starts Redis on a socket, and waits until it serves.
    ///
    /// # Panics
    ///
    /// If it ends or does not serve in time.
    pub async fn start() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Not under target/: the path of a socket has at most 107 bytes.
        let name = format!("mcp-rig-{}-{number}.sock", std::process::id());
        let socket = std::env::temp_dir().join(name);
        let run = Run::new();
        let log = File::create(run.path("redis.log")).expect("a file under target/");
        let mut command = Command::new(required("REDIS_SERVER"));
        command.args(["--port", "0", "--save", "", "--unixsocket"]).arg(&socket);
        command.current_dir(run.path("")).stdout(log);
        let mut process = Process::spawn(command).expect("starting REDIS_SERVER");
        until("Redis serving", async || {
            assert!(process.exited().is_none(), "Redis has ended: {}", run.read("redis.log"));
            UnixStream::connect(&socket).ok()
        })
        .await;
        Self { process, run, socket }
    }

    /// Its address for an engine.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket.display())
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// All that it logged.
    pub fn log(&self) -> String {
        self.run.read("redis.log")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}
