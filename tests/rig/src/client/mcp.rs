//! The official Rust SDK's client over Streamable HTTP.
//!
//! An agent's developer sees of a denial the parts that this client hands on, so a denial
//! comes back as [`CallError`]: code, message and data.

use std::net::SocketAddr;

use rmcp::model::{CallToolRequestParams, CallToolResult, JsonObject, ProtocolVersion};
pub use rmcp::service::ClientLifecycleMode;
use rmcp::service::RunningService;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientServiceExt, RoleClient, ServiceError};
use serde_json::Value;

use super::patiently;

/// A connected MCP client.
#[derive(Debug)]
pub struct McpClient {
    service: RunningService<RoleClient, ()>,
}

/// The error that a call came back with instead of a result.
#[derive(Clone, Debug, PartialEq)]
pub enum CallError {
    /// A JSON-RPC error, as every denial is.
    JsonRpc {
        /// `error.code`.
        code: i64,
        /// `error.message`.
        message: String,
        /// `error.data`, or null.
        data: Value,
    },
    /// Anything else: the session died, the connection broke.
    Other(String),
}

impl McpClient {
    /// Connects to `/mcp` there, with `initialize`.
    pub async fn connect(addr: SocketAddr) -> Self {
        let connected = Self::try_connect(addr, &[], ClientLifecycleMode::Initialize).await;
        connected.unwrap_or_else(|error| panic!("connecting to {addr}: {error}"))
    }

    /// Connects as revision 2026-07-28 has it: `server/discover`, no session.
    pub async fn discover(addr: SocketAddr) -> Self {
        let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
        let lifecycle = ClientLifecycleMode::Discover { preferred_versions };
        let connected = Self::try_connect(addr, &[], lifecycle).await;
        connected.unwrap_or_else(|error| panic!("connecting to {addr}: {error}"))
    }

    /// Connects with these headers on every request, or says why not.
    pub async fn try_connect(
        addr: SocketAddr,
        headers: &[(&str, &str)],
        lifecycle: ClientLifecycleMode,
    ) -> Result<Self, String> {
        let headers = headers.iter().map(|(name, value)| {
            (name.parse().expect("a header name"), value.parse().expect("a header value"))
        });
        let config = StreamableHttpClientTransportConfig::with_uri(format!("http://{addr}/mcp"))
            .custom_headers(headers.collect());
        // A proxy from the environment would have loopback traffic.
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let transport = StreamableHttpClientTransport::with_client(http, config);
        let connecting = ().serve_with_lifecycle(transport, lifecycle);
        let service = patiently("connecting", connecting).await;
        Ok(Self { service: service.map_err(|error| error.to_string())? })
    }

    pub(super) fn service(&self) -> &RunningService<RoleClient, ()> {
        &self.service
    }

    /// The names of the tools on offer, all pages of them.
    pub async fn list_tools(&self) -> Result<Vec<String>, CallError> {
        let tools = patiently("tools/list", self.service.list_all_tools()).await?;
        Ok(tools.into_iter().map(|tool| tool.name.into_owned()).collect())
    }

    /// Calls `tool` with these arguments, a JSON object.
    pub async fn call(&self, tool: &str, arguments: Value) -> Result<CallToolResult, CallError> {
        let arguments: JsonObject = serde_json::from_value(arguments).expect("an object");
        let call = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        Ok(patiently(tool, self.service.call_tool(call)).await?)
    }

    /// As [`Self::call`], for the text that the rig's tools answer with.
    pub async fn call_text(&self, tool: &str, arguments: Value) -> Result<String, CallError> {
        let result = self.call(tool, arguments).await?;
        let text = result.content.first().and_then(|content| content.as_text());
        Ok(text.map(|text| text.text.clone()).unwrap_or_default())
    }

    /// Ends the session.
    pub async fn close(self) {
        let _ = patiently("closing", self.service.cancel()).await;
    }
}

impl From<ServiceError> for CallError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::McpError(error) => Self::JsonRpc {
                code: error.code.0.into(),
                message: error.message.into_owned(),
                data: error.data.unwrap_or_default(),
            },
            other => Self::Other(other.to_string()),
        }
    }
}
