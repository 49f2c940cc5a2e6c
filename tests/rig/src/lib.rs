//! The ground of the end-to-end tests.
//!
//! A test of the filter needs some things around it, and each is a module:
//!
//! | module | what it is |
//! | --- | --- |
//! | [`server`] | an MCP server by the official SDK that remembers every tool call it ran |
//! | [`upstream`] | a bare HTTP server that remembers every byte it was sent |
//! | [`gateway`] | a real Envoy with the module loaded, under any policy |
//! | [`engine`] | a rate limit service, and the Redis that it counts on |
//! | [`client`] | the official SDK's client, and raw HTTP/1.1 and HTTP/2 |
//!
//! ```no_run
//! use mcp_rig::client::{Request, http1};
//! use mcp_rig::{gateway::Gateway, server::{McpServer, Mode}};
//!
//! # async fn example() {
//! let server = McpServer::start("127.0.0.1:0", Mode::Stateless).await;
//! let gateway = Gateway::builder()
//!     .upstream(server.addr())
//!     .policy(r#"{"version":"1","default":"deny"}"#)
//!     .start()
//!     .await;
//!
//! let call = Request::tool_call(1, "session_kill", r#"{"sessionId":"s1"}"#);
//! let reply = http1::send(gateway.addr(), &call).await;
//!
//! assert_eq!(reply.json()["error"]["code"], 403);
//! assert!(server.calls().is_empty());
//! # }
//! ```
//!
//! The rig knows nothing of the filter's code: it meets the filter only as a
//! module file (`MODULE`) in an Envoy (`ENVOY_BIN`), as an operator does.
//!
//! Everything here waits with a bound and panics, with what it saw, when the
//! bound is over: a rig that cannot start is a failed test, not an error to
//! pass on. Everything that is started is stopped when its value is dropped.

pub mod client;
pub mod engine;
pub mod gateway;
pub mod http;
pub mod server;
pub mod upstream;
pub mod wait;
