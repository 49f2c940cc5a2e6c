//! Requests in the notation of the pages.
//!
//! ```text
//! CALL [(WITH; WITH ..)]
//! ```
//!
//! | CALL | what is sent |
//! | --- | --- |
//! | `TOOL`, `TOOL {"a": 1}` | a `tools/call` |
//! | `POST PATH METHOD` | another JSON-RPC message |
//! | `POST PATH` | a form |
//! | `GET PATH` and the like | a request without a body |
//!
//! | WITH | what goes with it |
//! | --- | --- |
//! | `no Accept` | no Accept header |
//! | `NAME: VALUE` | a header |
//! | `claim PATH = JSON` | a claim of a verified token |
//! | `certificate URI` | a client certificate with this URI; `certificate` alone has none |
//! | `ends UF` | Envoy's response flags at the end; `-` for none |

use crate::corpus::Client;
use serde_json::Value;

/// One HTTP request, and what Envoy knows of it.
pub struct Ask {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub client: Client,
    /// The response flags with which it ends, where that is played.
    pub flags: Option<u64>,
}

/// Envoy's response flags that the pages use.
const FLAGS: [(&str, u64); 7] =
    [("-", 0), ("UH", 0x2), ("UT", 0x4), ("UF", 0x20), ("UO", 0x80), ("NR", 0x100), ("DC", 0x4000)];

impl Ask {
    /// A POST as MCP clients send it.
    pub fn post(body: &str) -> Self {
        Self {
            method: "POST".into(),
            path: "/mcp".into(),
            headers: vec![("accept".into(), "application/json, text/event-stream".into())],
            body: body.into(),
            client: Client::default(),
            flags: None,
        }
    }

    /// A call of a tool without arguments.
    pub fn tool(name: &str) -> Self {
        Self::call(name, "")
    }

    fn call(name: &str, arguments: &str) -> Self {
        let name = Value::from(name);
        let arguments = match arguments {
            "" => String::new(),
            arguments => format!(r#","arguments":{arguments}"#),
        };
        Self::post(&format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":{name}{arguments}}}}}"#
        ))
    }

    /// A JSON-RPC request, or a notification where the name says so.
    pub fn rpc(method: &str) -> Self {
        let id = if method.starts_with("notifications/") { "" } else { r#""id":1,"# };
        Self::post(&format!(r#"{{"jsonrpc":"2.0",{id}"method":"{method}"}}"#))
    }

    /// A cell of a table of calls.
    pub fn parse(cell: &str) -> Result<Self, String> {
        let (call, with) = cell
            .strip_suffix(')')
            .and_then(|cell| cell.rsplit_once(" ("))
            .map_or((cell, None), |(call, with)| (call, Some(with)));
        let ask = match call.split_once(' ').unwrap_or((call, "")) {
            ("POST", rest) => match rest.split_once(' ') {
                Some((path, method)) => Self { path: path.into(), ..Self::rpc(method) },
                None => Self { path: rest.into(), ..Self::post("grant_type=x&code=y") },
            },
            (tool, "") => Self::tool(tool),
            (tool, arguments) if arguments.starts_with('{') => Self::call(tool, arguments),
            (method, path) if path.starts_with('/') => {
                Self { method: method.into(), path: path.into(), ..Self::post("") }
            }
            _ => return Err(format!("`{call}` is no call")),
        };
        match with {
            Some(with) => ask.with_words(with),
            None => Ok(ask),
        }
    }

    /// The same with what a parenthesis says, or with nothing.
    pub fn with_parenthesis(self, text: &str) -> Result<Self, String> {
        match text.trim_matches([' ', '(', ')']) {
            "" => Ok(self),
            words => self.with_words(words),
        }
    }

    /// The same with what stands in the parentheses behind a call.
    pub fn with_words(self, words: &str) -> Result<Self, String> {
        words.split("; ").try_fold(self, Self::with_word)
    }

    fn with_word(mut self, word: &str) -> Result<Self, String> {
        if word == "no Accept" {
            return Ok(self.without_accept());
        } else if let Some(claim) = word.strip_prefix("claim ") {
            let (path, value) = claim.split_once(" = ").ok_or("a claim is `PATH = JSON`")?;
            let value = serde_json::from_str(value).map_err(|error| error.to_string())?;
            self.claim(&path.replace('.', "/"), &value)?;
        } else if let Some(uri) = word.strip_prefix("certificate") {
            self.client.san = Some(uri.trim_start().into());
        } else if let Some(flag) = word.strip_prefix("ends ") {
            let known = FLAGS.iter().find(|(name, _)| *name == flag);
            self.flags = Some(known.ok_or("an unknown response flag")?.1);
        } else if let Some((name, value)) = word.split_once(": ") {
            return Ok(self.with(name, value));
        } else if let Some(name) = word.strip_suffix(':') {
            return Ok(self.with(name, ""));
        } else {
            return Err(format!("nobody knows `{word}`"));
        }
        Ok(self)
    }

    /// Adds a claim, or the elements of one.
    fn claim(&mut self, path: &str, value: &Value) -> Result<(), String> {
        match value {
            Value::String(_) | Value::Bool(_) | Value::Number(_) => {
                self.client.claims.push((path.into(), value.clone()));
                Ok(())
            }
            Value::Array(elements) => {
                (0..).zip(elements).try_for_each(|(index, element): (usize, _)| {
                    self.claim(&format!("{path}/{index}"), element)
                })
            }
            _ => Err("a claim is a text, a number, a boolean or a list".into()),
        }
    }

    /// The same with another header.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same at another path.
    pub fn at(self, path: &str) -> Self {
        Self { path: path.into(), ..self }
    }

    /// The same without a body.
    pub fn without_body(self) -> Self {
        Self { body: Vec::new(), ..self }
    }

    /// The same without an Accept header.
    pub fn without_accept(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "accept");
        self
    }
}
