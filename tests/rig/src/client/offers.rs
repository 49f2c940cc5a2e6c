//! The abilities of the official client besides calling tools.

#![allow(deprecated, reason = "older revisions subscribe by methods of their own")]

use rmcp::model::{
    GetPromptRequestParams, ReadResourceRequestParams, SubscribeRequestParams,
    UnsubscribeRequestParams,
};

use super::mcp::{CallError, McpClient};
use super::patiently;

impl McpClient {
    /// The names of the prompts on offer.
    pub async fn list_prompts(&self) -> Result<Vec<String>, CallError> {
        let prompts = patiently("prompts/list", self.service().list_all_prompts()).await?;
        Ok(prompts.into_iter().map(|prompt| prompt.name).collect())
    }

    /// The URIs of the resources on offer.
    pub async fn list_resources(&self) -> Result<Vec<String>, CallError> {
        let all = patiently("resources/list", self.service().list_all_resources()).await?;
        Ok(all.into_iter().map(|resource| resource.uri).collect())
    }

    /// The templates on offer.
    pub async fn list_templates(&self) -> Result<Vec<String>, CallError> {
        let listing = self.service().list_all_resource_templates();
        let all = patiently("resources/templates/list", listing).await?;
        Ok(all.into_iter().map(|template| template.uri_template).collect())
    }

    /// Gets a prompt; the number of its messages.
    pub async fn get_prompt(&self, name: &str) -> Result<usize, CallError> {
        let params = GetPromptRequestParams::new(name);
        Ok(patiently(name, self.service().get_prompt(params)).await?.messages.len())
    }

    /// Reads a resource; the number of its parts.
    pub async fn read_resource(&self, uri: &str) -> Result<usize, CallError> {
        let params = ReadResourceRequestParams::new(uri);
        Ok(patiently(uri, self.service().read_resource(params)).await?.contents.len())
    }

    /// Subscribes to a resource, as revisions before 2026-07-28 have it.
    pub async fn subscribe(&self, uri: &str) -> Result<(), CallError> {
        Ok(patiently(uri, self.service().subscribe(SubscribeRequestParams::new(uri))).await?)
    }

    /// Ends that.
    pub async fn unsubscribe(&self, uri: &str) -> Result<(), CallError> {
        Ok(patiently(uri, self.service().unsubscribe(UnsubscribeRequestParams::new(uri))).await?)
    }

    /// Completes an argument of a prompt.
    pub async fn complete_prompt(&self, name: &str) -> Result<Vec<String>, CallError> {
        Ok(patiently(name, self.service().complete_prompt_simple(name, "a", "")).await?)
    }

    /// Completes a template of resources.
    pub async fn complete_resource(&self, uri: &str) -> Result<Vec<String>, CallError> {
        Ok(patiently(uri, self.service().complete_resource_simple(uri, "id", "")).await?)
    }
}
