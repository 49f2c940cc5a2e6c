//! An MCP server with prompts and resources, by the official Rust SDK. It remembers every
//! one that it was asked for.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rmcp::model::{
    CompleteRequestParams, CompleteResult, CompletionInfo, GetPromptRequestParams,
    GetPromptResponse, GetPromptResult, Implementation, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, PaginatedRequestParams, Prompt,
    PromptMessage, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Reference,
    Resource, ResourceContents, ResourceTemplate, Role, ServerCapabilities, ServerConfig,
    SubscribeRequestParams, UnsubscribeRequestParams,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{Mode, serve};

/// The prompts on offer.
pub const PROMPTS: [&str; 3] = ["review", "deploy", "admin_keys"];
/// The resources on offer.
pub const RESOURCES: [&str; 3] = ["note://team/1", "note://boss/1", "file:///srv/a b.txt"];
/// The templates on offer.
pub const TEMPLATES: [&str; 2] = ["note://team/{id}", "note://boss/{id}"];

/// A running server; stopped when dropped.
#[derive(Debug)]
pub struct OfferServer {
    addr: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl OfferServer {
    /// Starts on any free port of loopback.
    pub async fn start(mode: Mode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let addr = listener.local_addr().expect("a bound port");
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let serving = tokio::spawn(serve(listener, Handler { asked: Arc::clone(&asked) }, mode));
        Self { addr, asked, serving }
    }

    /// Its address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The requests since this was last called: the method, and the name or URI.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().expect("no panic while recording"))
    }
}

impl Drop for OfferServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[derive(Clone)]
struct Handler {
    asked: Arc<Mutex<Vec<String>>>,
}

impl Handler {
    fn record(&self, method: &str, name: &str) {
        self.asked.lock().expect("no panic while recording").push(format!("{method} {name}"));
    }
}

type Page = Option<PaginatedRequestParams>;
type Context = RequestContext<RoleServer>;

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_prompts()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_completions()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("mcp-rig", env!("CARGO_PKG_VERSION")))
    }

    async fn list_prompts(&self, _: Page, _: Context) -> Result<ListPromptsResult, ErrorData> {
        let prompts = PROMPTS.map(|name| Prompt::new(name, None::<String>, None));
        Ok(ListPromptsResult::with_all_items(prompts.into()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: Context,
    ) -> Result<GetPromptResponse, ErrorData> {
        self.record("prompts/get", &request.name);
        let message = PromptMessage::new_text(Role::User, request.name);
        Ok(GetPromptResult::new(vec![message]).into())
    }

    async fn list_resources(&self, _: Page, _: Context) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(RESOURCES.map(|uri| Resource::new(uri, uri)).into()))
    }

    async fn list_resource_templates(
        &self,
        _: Page,
        _: Context,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let templates = TEMPLATES.map(|uri| ResourceTemplate::new(uri, uri));
        Ok(ListResourceTemplatesResult::with_all_items(templates.into()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        self.record("resources/read", &request.uri);
        let contents = ResourceContents::text(&*request.uri, &*request.uri);
        Ok(ReadResourceResult::new(vec![contents]).into())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        _: Context,
    ) -> Result<(), ErrorData> {
        self.record("resources/subscribe", &request.uri);
        Ok(())
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _: Context,
    ) -> Result<(), ErrorData> {
        self.record("resources/unsubscribe", &request.uri);
        Ok(())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: Context,
    ) -> Result<CompleteResult, ErrorData> {
        let name = match &request.r#ref {
            Reference::Prompt(prompt) => &prompt.name,
            Reference::Resource(resource) => &resource.uri,
            _ => return Err(ErrorData::invalid_params("another kind of reference", None)),
        };
        self.record("completion/complete", name);
        let values = CompletionInfo::new(vec![name.clone()]).expect("one value");
        Ok(CompleteResult::new(values))
    }
}
