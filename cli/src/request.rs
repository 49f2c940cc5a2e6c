//! A request as it is typed: a call in the notation of the pages, or a message, with the
//! headers, the claims and the certificate that come with it.

mod caller;

use crate::failure::Failure;
use crate::input;
use crate::output::shown;
use mcp_policy_filter::exchange::identity::Peer;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::policy::condition::{Claim, Claims, Payload};
use mcp_policy_filter::policy::document::Certificate;
use serde::de::IgnoredAny;
use std::borrow::Cow;

/// One HTTP request, and the client that sends it.
#[derive(Debug)]
pub(crate) struct Request {
    /// The headers, with `:method` and `:path`.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// The client.
    pub(crate) client: Client,
}

/// A client, as Envoy knows it.
#[derive(Debug)]
pub(crate) struct Client {
    /// The claims of its verified token.
    pub(crate) payload: Payload,
    /// The field of its certificate that policies read; empty for one without it.
    pub(crate) certificate: Option<String>,
}

/// The headers of a request that the notation leaves out.
const ACCEPT: (&str, &str) = ("accept", "application/json, text/event-stream");
/// The path at which MCP servers are, unless a policy has others.
const MCP: &str = "/mcp";

impl Request {
    /// A request of a call: `TOOL {ARGUMENTS}`, `POST PATH METHOD`, `GET PATH`, or a
    /// message of JSON-RPC; `@FILE` and `-` are texts of the same kinds.
    ///
    /// # Errors
    /// The text is none of these, or cannot be read.
    pub(crate) fn parse(call: &str, policy: &Policy) -> Result<Self, Failure> {
        let bytes: Cow<'_, [u8]> = match call.strip_prefix('@') {
            Some(file) => input::bytes(file)?.into(),
            None if call == input::STDIN => input::bytes(call)?.into(),
            None => call.as_bytes().into(),
        };
        let is_json = bytes.trim_ascii_start().starts_with(b"{")
            || bytes.trim_ascii_start().starts_with(b"[");
        let Ok(text) = core::str::from_utf8(&bytes) else {
            // No JSON, and a body that the filter has an answer to.
            return Ok(Self::new("POST", path_of(policy), bytes.into_owned()));
        };
        if is_json {
            return Ok(Self::new("POST", path_of(policy), text.as_bytes().to_vec()));
        }
        let text = text.trim();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim_start();
        if word.is_empty() {
            return Err(Failure::new(
                "the call is empty; write a tool with its arguments, like `search {\"query\": \"x\"}`",
            ));
        }
        if rest.starts_with('/') {
            let (path, method) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            let body = match method.trim() {
                "" => String::new(),
                method => message(method),
            };
            return Ok(Self::new(word, path, body.into_bytes()));
        }
        Ok(Self::new("POST", path_of(policy), tool_call(word, rest)?.into_bytes()))
    }

    fn new(method: &str, path: &str, body: Vec<u8>) -> Self {
        let pairs = [(":method", method), (":path", path), ACCEPT];
        let mut headers: Vec<_> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        if !body.is_empty() {
            headers.push(("content-type".into(), "application/json".into()));
        }
        Self { headers, body, client: Client { payload: Payload::NoToken, certificate: None } }
    }

    /// Sets a header of which the request has one.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Adds a header as typed: `NAME: VALUE`. The first one of a name takes the place of
    /// that of the notation.
    ///
    /// # Errors
    /// It has another form.
    pub(crate) fn add(&mut self, typed: &str) -> Result<(), Failure> {
        let wrong = || {
            let typed = shown(typed);
            Failure::new(format!("--header `{typed}`: write it as `NAME: VALUE`, on one line"))
        };
        let (name, value) = typed.split_once(':').ok_or_else(wrong)?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        let is_name = |c: char| c.is_ascii_graphic() && !"\"(),/:;<=>?@[\\]{}".contains(c);
        if name.is_empty() || !name.chars().all(is_name) || value.chars().any(char::is_control) {
            return Err(wrong());
        }
        let own = [ACCEPT.0, "content-type"].contains(&&*name);
        let is_own = |(other, value): &(String, String)| {
            *other == name && (value == ACCEPT.1 || value == "application/json")
        };
        if own {
            self.headers.retain(|pair| !is_own(pair));
        }
        self.headers.push((name, value.to_owned()));
        Ok(())
    }
}

/// The path of MCP under a policy: `/mcp`, or else the first that it lists.
fn path_of(policy: &Policy) -> &str {
    let Some(paths) = &policy.settings.paths else { return MCP };
    let is_listed = paths.iter().any(|path| path.matches(MCP));
    match paths.first() {
        Some(first) if !is_listed => first.as_str().trim_end_matches('*'),
        _ => MCP,
    }
}

/// A JSON-RPC request, or a notification where the name says so.
fn message(method: &str) -> String {
    let id = if method.starts_with("notifications/") { "" } else { r#""id":1,"# };
    let method = serde_json::Value::from(method);
    format!(r#"{{"jsonrpc":"2.0",{id}"method":{method}}}"#)
}

fn tool_call(tool: &str, arguments: &str) -> Result<String, Failure> {
    if !arguments.is_empty()
        && let Err(error) = serde_json::from_str::<IgnoredAny>(arguments)
    {
        let tool = shown(tool);
        return Err(Failure::new(format!(
            "the arguments of {tool} are not JSON: {error}; write a call as `{tool} {{\"name\": 1}}`, \
             and what comes with it as --header, --claims or --as"
        )));
    }
    let name = serde_json::Value::from(tool);
    let arguments = match arguments {
        "" => String::new(),
        arguments => format!(r#","arguments":{arguments}"#),
    };
    Ok(format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":{name}{arguments}}}}}"#
    ))
}

impl Client {
    /// Takes the claims of a verified token, an object of JSON or `@FILE`.
    ///
    /// # Errors
    /// They cannot be read, or are not one object that all readers take for the same.
    pub(crate) fn take_claims(&mut self, typed: &str) -> Result<(), Failure> {
        let text = text_of(typed)?;
        self.payload = Payload::read(Some(text.into_bytes()));
        match self.payload {
            Payload::Object(_) => Ok(()),
            _ => Err(Failure::new(
                "--claims: not one JSON object, read strictly; write it as `{\"sub\": \"alice\"}`, \
                 or try a payload that Envoy cannot read with --payload",
            )),
        }
    }

    /// Takes the text of the filter state that holds the claims, whatever it is.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn take_payload(&mut self, typed: &str) -> Result<(), Failure> {
        self.payload = Payload::read(Some(text_of(typed)?.into_bytes()));
        Ok(())
    }
}

/// A text that is typed, or is in the file `@FILE`.
fn text_of(typed: &str) -> Result<String, Failure> {
    match typed.strip_prefix('@') {
        Some(file) => input::text(file),
        None => Ok(typed.to_owned()),
    }
}

impl Claims for Client {
    fn claim(&self, path: &[&str]) -> Claim {
        self.payload.claim(path)
    }

    fn has_lists(&self) -> bool {
        self.payload.has_lists()
    }

    fn size(&self) -> usize {
        self.payload.size()
    }
}

impl Peer for Client {
    fn certificate(&self, _: Certificate) -> Option<Vec<u8>> {
        self.certificate.clone().map(String::into_bytes)
    }

    fn has_certificate(&self) -> bool {
        self.certificate.is_some()
    }
}
