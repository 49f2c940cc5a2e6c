//! Requests as people write them in a table of calls: on a page, in a test of a
//! policy, as an argument of the command.
//!
//! ```text
//! CALL [(WITH; WITH ..)]
//! ```
//!
//! | CALL | request |
//! | --- | --- |
//! | `TOOL`, `TOOL {"a": 1}` | a `tools/call` |
//! | `POST PATH METHOD`, `POST PATH METHOD {"a": 1}` | another JSON-RPC message, with its parameters |
//! | `POST PATH` | a form |
//! | `GET PATH` and the like | a request without a body |
//!
//! | WITH | goes with it |
//! | --- | --- |
//! | `no Accept` | no Accept header |
//! | `NAME: VALUE` | a header |
//! | `claim PATH = JSON` | a claim of a verified token |
//! | `certificate URI` | a client certificate with this URI; `certificate` alone has none |
//! | `ends UF` | Envoy's response flags at the end; `-` for none |
//!
//! Between JSON and Envoy's flags nothing is guessed: a word that is not known is an
//! error with its place.

mod error;

pub use error::{NotationError, NotationErrorKind};
pub(super) use error::{fault, place};

use crate::exchange;
use crate::limits::Store;
use crate::policy::Policy;
use crate::policy::condition::is_header;
use crate::simulate::client::Client;
use crate::simulate::explain::Explanations;
use crate::simulate::{Body, Ending, Host, Outcome, Sent};
use serde_json::Value;

/// One HTTP request, and the client that sends it.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The HTTP method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The other headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether trailers follow the body.
    pub trailers: bool,
    /// The client.
    pub client: Client,
    /// The response flags with which it ends, where that is played.
    pub flags: Option<u64>,
}

/// Envoy's response flags that have a name here.
const FLAGS: [(&str, u64); 10] = [
    ("-", 0),
    ("UH", 0x2),
    ("UT", 0x4),
    ("UR", 0x10),
    ("UF", 0x20),
    ("UC", 0x40),
    ("UO", 0x80),
    ("NR", 0x100),
    ("DC", 0x4000),
    ("NC", 0x100_0000),
];

/// The path at which MCP servers are, unless a policy has others.
const MCP: &str = "/mcp";

/// The answer types that MCP clients accept.
const ACCEPT: &str = "application/json, text/event-stream";

/// The name of a header as Envoy has it, which writes all in lower case; none if no header
/// can have the name.
pub fn header_name(written: &str) -> Option<String> {
    let name = written.to_ascii_lowercase();
    is_header(name.strip_prefix(':').unwrap_or(&name)).then_some(name)
}

/// Whether a text can be the value of a header.
pub fn is_value(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() && c != '\t')
}

impl Ask {
    /// A POST as MCP clients send it.
    pub fn post(body: &str) -> Self {
        Self {
            method: "POST".into(),
            path: MCP.into(),
            headers: vec![("accept".into(), ACCEPT.into())],
            body: body.into(),
            trailers: false,
            client: Client::default(),
            flags: None,
        }
    }

    /// A call of a tool without arguments.
    pub fn tool(name: &str) -> Self {
        Self::call(name, "")
    }

    /// A call of a tool with these arguments, which are JSON, or without any.
    pub fn call(name: &str, arguments: &str) -> Self {
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
        Self::rpc_with(method, "")
    }

    /// The same with these parameters, which are JSON, or without any.
    fn rpc_with(method: &str, params: &str) -> Self {
        let id = if method.starts_with("notifications/") { "" } else { r#""id":1,"# };
        let method = Value::from(method);
        let params = match params {
            "" => String::new(),
            params => format!(r#","params":{params}"#),
        };
        Self::post(&format!(r#"{{"jsonrpc":"2.0",{id}"method":{method}{params}}}"#))
    }

    /// Reads one request.
    ///
    /// # Errors
    /// The text is not in the notation.
    ///
    /// ```
    /// use mcp_policy_filter::simulate::notation::Ask;
    ///
    /// let ask = Ask::parse(r#"pay {"amount": 5} (x-agent-id: planner; no Accept)"#).unwrap();
    /// assert_eq!(ask.headers, [("x-agent-id".to_owned(), "planner".to_owned())]);
    /// assert_eq!(Ask::parse("pay (x-agent-id)").unwrap_err().at, 5);
    /// ```
    pub fn parse(cell: &str) -> Result<Self, NotationError> {
        let (call, with) = cell
            .strip_suffix(')')
            .and_then(|cell| cell.rsplit_once(" ("))
            .map_or((cell, None), |(call, with)| (call, Some(with)));
        let ask = match call.split_once(' ').unwrap_or((call, "")) {
            ("POST", rest) => match rest.split_once(' ') {
                Some((path, call)) => {
                    let (method, params) = match call.split_once(' ') {
                        Some((method, params)) if params.starts_with('{') => {
                            error::check_arguments(cell, method, params)?;
                            (method, params)
                        }
                        _ => (call, ""),
                    };
                    Self { path: path.into(), ..Self::rpc_with(method, params) }
                }
                None => Self { path: rest.into(), ..Self::post("grant_type=x&code=y") },
            },
            ("", _) => return fault(cell, call, NotationErrorKind::Call(call.into())),
            (tool, "") => Self::tool(tool),
            (tool, arguments) if arguments.starts_with('{') => {
                error::check_arguments(cell, tool, arguments)?;
                Self::call(tool, arguments)
            }
            (method, path) if path.starts_with('/') => {
                Self { method: method.into(), path: path.into(), ..Self::post("") }
            }
            _ => return fault(cell, call, NotationErrorKind::Call(call.into())),
        };
        let Some(with) = with else { return Ok(ask) };
        let start = place(cell, with);
        ask.with_words(with).map_err(|mut error| {
            error.at = error.at.saturating_add(start);
            error
        })
    }

    /// The same with the words of a parenthesis, or with nothing.
    ///
    /// # Errors
    /// See [`Ask::with_words`].
    pub fn with_parenthesis(self, text: &str) -> Result<Self, NotationError> {
        match text.trim_matches([' ', '(', ')']) {
            "" => Ok(self),
            words => self.with_words(words),
        }
    }

    /// The same with the words that go behind a call in parentheses.
    ///
    /// # Errors
    /// A word is not known.
    pub fn with_words(self, words: &str) -> Result<Self, NotationError> {
        words.split("; ").try_fold(self, |ask, word| ask.with_word(words, word))
    }

    fn with_word(mut self, words: &str, word: &str) -> Result<Self, NotationError> {
        if word == "no Accept" {
            return Ok(self.without_accept());
        } else if let Some(claim) = word.strip_prefix("claim ") {
            let Some((path, value)) = claim.split_once(" = ") else {
                return fault(words, claim, NotationErrorKind::Claim);
            };
            match serde_json::from_str(value) {
                Ok(value) => self.client.add_claims(&path.replace('.', "/"), &value),
                Err(why) => return Err(error::of_claim(words, path, value, &why)),
            }
        } else if let Some(uri) = word.strip_prefix("certificate") {
            self.client.certificate = Some(uri.trim_start().into());
        } else if let Some(flag) = word.strip_prefix("ends ") {
            let Some((_, bits)) = FLAGS.iter().find(|(name, _)| *name == flag) else {
                return fault(words, flag, NotationErrorKind::Flag(flag.into()));
            };
            self.flags = Some(*bits);
        } else {
            let header = word.split_once(": ").or_else(|| Some((word.strip_suffix(':')?, "")));
            return match header.and_then(|(name, value)| Some((header_name(name)?, value))) {
                Some((name, value)) if is_value(value) => Ok(self.with(&name, value)),
                _ => fault(words, word, NotationErrorKind::With(word.into())),
            };
        }
        Ok(self)
    }

    /// The same with another header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same at another path.
    #[must_use]
    pub fn at(self, path: &str) -> Self {
        Self { path: path.into(), ..self }
    }

    /// The same at the path where MCP is under a policy: `/mcp`, or else the first that it
    /// lists.
    #[must_use]
    pub fn where_mcp_is(self, policy: &Policy) -> Self {
        let Some(paths) = &policy.settings.paths else { return self.at(MCP) };
        let is_listed = paths.iter().any(|path| path.matches(MCP));
        match paths.first() {
            Some(first) if !is_listed => self.at(first.as_str().trim_end_matches('*')),
            _ => self.at(MCP),
        }
    }

    /// The same without a body.
    #[must_use]
    pub fn without_body(self) -> Self {
        Self { body: Vec::new(), ..self }
    }

    /// The same without an Accept header.
    #[must_use]
    pub fn without_accept(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "accept");
        self
    }

    /// The headers as a host gives them.
    pub fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        let pseudo = [(":method", &self.method), (":path", &self.path)].into_iter();
        let headers = self.headers.iter().map(|(name, value)| (&**name, value));
        pseudo.chain(headers).map(|(name, value)| (name.as_bytes(), value.as_bytes()))
    }

    /// Sends it, and ends it where it went on and has response flags.
    ///
    /// # Errors
    /// See [`Host::send`].
    pub fn send(&self, host: &Host<'_, impl Store>) -> Result<Sent, exchange::Step> {
        let mut sent = host.send(self.pairs(), &self.client, &self.whole())?;
        if self.flags.is_some() && matches!(sent.outcome, Outcome::WentOn(_)) {
            host.end(&mut sent, self.flags);
        }
        Ok(sent)
    }

    /// Takes it apart; nothing is counted.
    ///
    /// # Errors
    /// See [`Host::send`].
    pub fn explain(&self, host: &Host<'_, impl Store>) -> Result<Explanations, exchange::Step> {
        host.explain(self.pairs(), &self.client, &self.whole())
    }

    fn whole(&self) -> Body<'_> {
        let ending = if self.trailers { Ending::Trailers } else { Ending::Last };
        Body { ending, ..Body::whole(&self.body) }
    }
}
