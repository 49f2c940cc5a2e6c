//! The Rust SDK's client with prompts, resources and streams of changes.

use std::net::SocketAddr;

use mcp_rig::wait::until;
use rmcp::ServiceError;
use rmcp::model::{
    ArgumentInfo, CompleteRequestParams, GetPromptRequestParams, ReadResourceRequestParams,
    Reference, SubscribeRequestParams, SubscriptionFilter, UnsubscribeRequestParams,
};
use serde_json::{Value, json};

use super::{Rust, failure};
use crate::plan::Way;

/// Does steps with prompts and resources; what was seen, as the clients in other languages
/// tell it.
pub async fn offers(addr: SocketAddr, steps: &[&Value]) -> Value {
    let client = Rust::connect(Way::Session, addr).await;
    let mut seen = Vec::new();
    for step in steps {
        seen.push(client.offer(step).await.unwrap_or_else(failure));
    }
    client.end(seen).await
}

/// Does steps with streams of changes, likewise.
pub async fn listening(addr: SocketAddr, steps: &[Value]) -> Value {
    let client = Rust::connect(Way::Stateless, addr).await;
    let mut seen = Vec::new();
    for step in steps {
        seen.push(client.listen(step).await.unwrap_or_else(failure));
    }
    client.end(seen).await
}

impl Rust {
    async fn end(self, seen: Vec<Value>) -> Value {
        let (client, revision) = (super::name(), self.revision());
        let _ = self.service.cancel().await;
        json!({ "client": client, "revision": revision, "seen": seen })
    }

    async fn offer(&self, step: &Value) -> Result<Value, ServiceError> {
        let text = |key: &str| step[key].as_str();
        let service = &self.service;
        Ok(if let Some(kind) = text("list") {
            json!({ "names": self.names(kind).await? })
        } else if let Some(name) = text("prompt") {
            let arguments = step["arguments"].as_object().cloned().unwrap_or_default();
            let asked = GetPromptRequestParams::new(name).with_arguments(arguments);
            let prompt = json!(service.get_prompt(asked).await?);
            json!({ "text": prompt["messages"][0]["content"]["text"] })
        } else if let Some(uri) = text("read") {
            let read = json!(service.read_resource(ReadResourceRequestParams::new(uri)).await?);
            json!({ "text": read["contents"][0]["text"] })
        } else if let Some(uri) = text("subscribe") {
            #[expect(deprecated, reason = "revision 2025-11-25 has no other way")]
            service.subscribe(SubscribeRequestParams::new(uri)).await?;
            json!({ "done": true })
        } else if let Some(uri) = text("unsubscribe") {
            #[expect(deprecated, reason = "as above")]
            service.unsubscribe(UnsubscribeRequestParams::new(uri)).await?;
            json!({ "done": true })
        } else if let Some(kind) = step["complete"]["type"].as_str() {
            let field = |of: &str, key: &str| step[of][key].as_str().unwrap_or_default();
            let asked = match kind {
                "ref/prompt" => Reference::for_prompt(field("complete", "name")),
                _ => Reference::for_resource(field("complete", "uri")),
            };
            let argument = ArgumentInfo::new(field("argument", "name"), field("argument", "value"));
            let completed = service.complete(CompleteRequestParams::new(asked, argument)).await?;
            json!({ "values": json!(completed)["completion"]["values"] })
        } else if let Some(tool) = text("call") {
            self.call(tool, &json!({})).await
        } else {
            let all = || self.ears.updated.lock().expect("no panic").clone();
            let heard = until("the news", async || Some(all()).filter(|all| !all.is_empty()));
            json!({ "heard": heard.await })
        })
    }

    async fn names(&self, kind: &str) -> Result<Vec<String>, ServiceError> {
        let service = &self.service;
        let (all, key) = match kind {
            "prompts" => (json!(service.list_all_prompts().await?), "name"),
            "resources" => (json!(service.list_all_resources().await?), "uri"),
            _ => (json!(service.list_all_resource_templates().await?), "uriTemplate"),
        };
        let names = all.as_array().into_iter().flatten();
        Ok(names.filter_map(|one| Some(one[key].as_str()?.to_owned())).collect())
    }

    async fn listen(&self, step: &Value) -> Result<Value, ServiceError> {
        let uris = step["listen"].as_array().into_iter().flatten();
        let uris: Vec<&str> = uris.filter_map(Value::as_str).collect();
        let asked = match &*uris {
            [] => SubscriptionFilter::builder().tools_list_changed(),
            uris => SubscriptionFilter::builder().resource_subscriptions(uris.iter().copied()),
        };
        let mut stream = self.service.peer().listen(asked.build()).await?;
        let mut heard = Value::Null;
        if let Some(uri) = step["touch"].as_str() {
            self.call("touch", &json!({ "uri": uri })).await;
            let news = json!(stream.next().await?);
            let method = news["method"].as_str().unwrap_or_default();
            let kind = method.trim_start_matches("notifications/");
            heard = json!([kind, news["params"]["uri"].as_str().unwrap_or_default()]);
        }
        let honored = stream.acknowledged().resource_subscriptions.clone().unwrap_or_default();
        stream.cancel().await?;
        Ok(json!({ "honored": honored, "heard": heard }))
    }
}
