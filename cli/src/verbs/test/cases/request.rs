//! The act of a step: a request, with the client that sends it, or a decision.

use super::object::{Object, Wrong, bytes, headers, number};
use crate::document::{Node, Value};
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::policy::condition::Payload;
use mcp_policy_filter::policy::document::PayloadPlace;
use mcp_policy_filter::simulate::notation::Ask;
use mcp_policy_filter::simulate::table::{Act, Decision};

/// The server's response to a request.
#[derive(Clone, Debug)]
pub(in super::super) struct Response {
    /// The HTTP status.
    pub(in super::super) status: u64,
    /// The headers, without the status.
    pub(in super::super) headers: Vec<(String, String)>,
    /// The body.
    pub(in super::super) body: Vec<u8>,
    /// Whether trailers follow.
    pub(in super::super) trailers: bool,
}

type Doing = (Act, Option<Response>);

/// The keys of which a step has one.
const ACTS: [&str; 6] = ["call", "message", "body", "list", "approve", "deny"];

/// The act of a step, if it has one.
///
/// # Errors
/// It has two, or one that cannot be read.
pub(super) fn act(
    node: &Node,
    object: &Object<'_>,
    policy: &Policy,
) -> Result<Option<Doing>, Vec<Wrong>> {
    let mut acts = ACTS.iter().filter(|key| object.get(key).is_some());
    let (act, second) = (acts.next(), acts.next());
    if let (Some(first), Some(second)) = (act, second) {
        return Err(Wrong::new(node, format!("`{first}` and `{second}`: one of them")).into());
    }
    let mut response = object.get("response").map(Response::read).transpose()?;
    let value = act.and_then(|act| Some((*act, object.get(act)?)));
    let mut ask = match value {
        None if object.get("method").is_some() || object.get("path").is_some() => Ask::post(""),
        None => return Ok(None),
        Some(("call", node)) => call(node)?,
        Some(("message", node)) => Ask::post(&node.to_json()),
        Some(("list", node)) => {
            if response.is_some() {
                return Err(Wrong::new(node, "`list` is the response; leave one out").into());
            }
            response = Some(Response::list(node)?);
            Ask::rpc("tools/list")
        }
        Some(("body", node)) => Ask { body: bytes(node)?, ..Ask::post("") },
        Some((_, _)) => Ask::post(""),
    };
    if let Some((_, method)) = object.text_at("method")? {
        method.clone_into(&mut ask.method);
    }
    if let Some((_, path)) = object.text_at("path")? {
        path.clone_into(&mut ask.path);
    }
    ask.trailers = object.is("trailers")?;
    client(object, policy, &mut ask)?;
    let decided = match value {
        Some(("approve", _)) => object.is("approve")?.then(|| "/approve".to_owned()),
        Some(("deny", node)) => match &node.value {
            Value::Bool(true) => Some("/deny".to_owned()),
            Value::Text(reason) => Some(Decision::denial(reason)),
            _ => None,
        },
        _ => return Ok(Some((Act::Ask(Box::new(ask)), response))),
    };
    match decided {
        Some(below) => Ok(Some((Act::Decide(Box::new(Decision { below, by: ask })), None))),
        None => {
            Err(Wrong::new(node, "write `approve: true`, `deny: true` or `deny: REASON`").into())
        }
    }
}

/// A call: in the notation of tables, or `{tool, arguments}`.
fn call(node: &Node) -> Result<Ask, Vec<Wrong>> {
    if let Some(text) = node.text() {
        return Ask::parse(text).map_err(|error| Wrong::new(node, error.to_string()).into());
    }
    let object = Object::new(node, &[&["tool", "arguments"]])?;
    let tool = object.text("tool")?;
    let tool = tool.ok_or_else(|| Wrong::new(node, "`tool` is missing: a name"))?;
    let arguments = object.get("arguments").map(Node::to_json).unwrap_or_default();
    Ok(Ask::call(tool, &arguments))
}

/// Everything that is known of the client.
fn client(object: &Object<'_>, policy: &Policy, ask: &mut Ask) -> Result<(), Vec<Wrong>> {
    if let Some(node) = object.get("headers") {
        for (name, values) in headers(node)? {
            // A header that is given is the only one of its name.
            ask.headers.retain(|(other, _)| *other != name);
            ask.headers.extend(values.into_iter().map(|value| (name.clone(), value)));
        }
    }
    if let Some(node) = object.get("claims") {
        if !matches!(node.value, Value::Object(_)) {
            return Err(Wrong::new(node, "`claims` is an object, the payload of a token").into());
        }
        claims(policy, ask, &node.to_json()).map_err(|why| Wrong::new(node, why))?;
    }
    if let Some((_, payload)) = object.text_at("payload")? {
        ask.client.payload = Some(Payload::read(Some(payload.as_bytes().to_vec())));
    }
    if let Some((_, certificate)) = object.text_at("certificate")? {
        ask.client.certificate = Some(certificate.to_owned());
    }
    if let Some((_, route)) = object.text_at("route")? {
        route.clone_into(&mut ask.client.route);
    }
    if let Some((node, id)) = object.text_at("as")? {
        let by = ask.clone().by(policy, id);
        *ask = by.map_err(|why| Wrong::new(node, why.to_string()))?;
    }
    if let Some((node, flags)) = object.text_at("ends")? {
        let with = ask.clone().with_words(&format!("ends {flags}"));
        *ask = with.map_err(|error| Wrong::new(node, error.to_string()))?;
    }
    Ok(())
}

/// Claims as the policy reads them: whole where it reads them from filter state, one by
/// one where it reads them from metadata.
fn claims(policy: &Policy, ask: &mut Ask, text: &str) -> Result<(), String> {
    if matches!(policy.payload(), PayloadPlace::State(_)) {
        ask.client.payload = Some(Payload::read(Some(text.as_bytes().to_vec())));
        return Ok(());
    }
    let value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    ask.client.add_claims("", &value);
    Ok(())
}

impl Response {
    /// A response of a server. Its headers are those of JSON, unless they are given.
    fn read(node: &Node) -> Result<Self, Vec<Wrong>> {
        let object = Object::new(node, &[&["status", "headers", "body", "trailers"]])?;
        let status = match object.get("status") {
            None => 200,
            Some(node) => number(node)
                .filter(|status| (100..1_000).contains(status))
                .ok_or_else(|| Wrong::new(node, "`status` is an HTTP status"))?,
        };
        let mut all = Vec::new();
        match object.get("headers") {
            None => all.push(("content-type".to_owned(), "application/json".to_owned())),
            Some(node) => {
                for (name, values) in headers(node)? {
                    all.extend(values.into_iter().map(|value| (name.clone(), value)));
                }
            }
        }
        let body = object.get("body").map(bytes).transpose()?.unwrap_or_default();
        Ok(Self { status, headers: all, body, trailers: object.is("trailers")? })
    }

    /// The response to a request for a list of these tools: names, or whole definitions.
    fn list(node: &Node) -> Result<Self, Vec<Wrong>> {
        let Value::List(tools) = &node.value else {
            return Err(Wrong::new(node, "`list` is a list of tools").into());
        };
        let mut json = Vec::new();
        for tool in tools {
            json.push(match &tool.value {
                Value::Text(name) => format!(r#"{{"name":{}}}"#, serde_json::Value::from(&**name)),
                Value::Object(_) => tool.to_json(),
                _ => return Err(Wrong::new(tool, "a tool is a name, or an object").into()),
            });
        }
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{}]}}}}"#, json.join(","));
        Ok(Self {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.into_bytes(),
            trailers: false,
        })
    }
}
