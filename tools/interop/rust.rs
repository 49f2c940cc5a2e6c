//! The official Rust SDK's client, in this process.

mod offers;

pub use offers::{listening, offers};

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_rig::wait::until;
#[expect(deprecated, reason = "servers of today's revisions still send these")]
use rmcp::model::LoggingMessageNotificationParam;
use rmcp::model::{
    CallToolRequestParams, ProgressNotificationParam, ProtocolVersion,
    ResourceUpdatedNotificationParam,
};
use rmcp::service::{ClientLifecycleMode, NotificationContext, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, ClientServiceExt, RoleClient, ServiceError};
use serde_json::{Value, json};

use crate::client::Seen;
use crate::plan::{Planned, Step, Way};

/// The messages that came besides answers.
#[derive(Clone, Default)]
struct Ears {
    progress: Arc<AtomicU64>,
    messages: Arc<AtomicU64>,
    /// The resources that have changed.
    updated: Arc<Mutex<Vec<String>>>,
}

impl ClientHandler for Ears {
    async fn on_progress(
        &self,
        _params: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.progress.fetch_add(1, Ordering::SeqCst);
    }

    async fn on_resource_updated(
        &self,
        params: ResourceUpdatedNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.updated.lock().expect("no panic").push(params.uri);
    }

    #[expect(deprecated, reason = "as above")]
    async fn on_logging_message(
        &self,
        _params: LoggingMessageNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.messages.fetch_add(1, Ordering::SeqCst);
    }
}

/// A connected client.
pub struct Rust {
    ears: Ears,
    service: RunningService<RoleClient, Ears>,
}

pub async fn run(way: Way, addr: SocketAddr, steps: &[Planned]) -> Seen {
    let client = Rust::connect(way, addr).await;
    let mut seen = Vec::new();
    for planned in steps {
        seen.push(client.take(planned).await);
    }
    let revision = client.revision();
    let _ = client.service.cancel().await;
    Seen { client: name(), revision, steps: seen }
}

impl Rust {
    pub async fn connect(way: Way, addr: SocketAddr) -> Self {
        let lifecycle = match way {
            Way::Session | Way::Results => ClientLifecycleMode::Initialize,
            Way::Stateless => {
                let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
                ClientLifecycleMode::Discover { preferred_versions }
            }
        };
        let config = StreamableHttpClientTransportConfig::with_uri(format!("http://{addr}/mcp"));
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let transport = StreamableHttpClientTransport::with_client(http, config);
        let ears = Ears::default();
        let service = ears.clone().serve_with_lifecycle(transport, lifecycle).await;
        Self { ears, service: service.expect("a connection") }
    }

    fn revision(&self) -> String {
        self.service.peer_info().expect("a server").protocol_version.to_string()
    }

    /// Does a step, and tells it as the clients in other languages do.
    async fn take(&self, planned: &Planned) -> Value {
        match &planned.step {
            Step::List => match self.service.list_all_tools().await {
                Ok(tools) => {
                    json!({ "tools": tools.iter().map(|tool| &tool.name).collect::<Vec<_>>() })
                }
                Err(error) => failure(error),
            },
            Step::Call(tool, arguments) => {
                self.ears.progress.store(0, Ordering::SeqCst);
                let mut seen = self.call(tool, arguments).await;
                if seen["text"].is_string() {
                    seen["progress"] = self.progress(planned.progress()).await.into();
                }
                seen
            }
            Step::Hear => {
                let heard = || self.ears.messages.load(Ordering::SeqCst);
                let heard = until("a message", async || (heard() > 0).then(heard)).await;
                json!({ "heard": heard })
            }
        }
    }

    /// Waits for that many messages of progress, but not for long, and returns how
    /// many came.
    async fn progress(&self, count: u64) -> u64 {
        let came = || self.ears.progress.load(Ordering::SeqCst);
        let all = async {
            while came() < count {
                tokio::task::yield_now().await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(10), all).await;
        came()
    }

    /// Calls a tool, and tells what came of it as the clients in other languages
    /// do, except for progress.
    pub async fn call(&self, tool: &str, arguments: &Value) -> Value {
        let arguments = arguments.as_object().expect("an object").clone();
        let call = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        match self.service.call_tool(call).await {
            Ok(result) => {
                let text = result.content.first().and_then(|content| content.as_text());
                json!({
                    "text": text.map(|text| &text.text),
                    "failed": result.is_error == Some(true),
                    "why": json!(result.meta)["mcp-policy-filter/denial"],
                })
            }
            Err(error) => failure(error),
        }
    }
}

fn failure(error: ServiceError) -> Value {
    match error {
        ServiceError::McpError(error) => json!({ "error": {
            "code": error.code.0, "message": error.message, "data": error.data,
        } }),
        other => json!({ "other": other.to_string() }),
    }
}

fn name() -> String {
    format!("rmcp {}", version())
}

/// The SDK's version, of which it says nothing itself.
fn version() -> &'static str {
    let lock = include_str!("../../Cargo.lock");
    let after = lock.split_once("name = \"rmcp\"\nversion = \"").expect("the SDK in Cargo.lock").1;
    after.split_once('"').expect("a version").0
}
