//! Streamable HTTP for the official client. An answer is read whole and bounded, no
//! redirect is followed, and a refusal is told with its remedy.

use super::answers::{MAX_BYTES, Tap, Trouble, abridged, late, too_much};
use crate::trust;
use core::fmt;
use futures_core::stream::BoxStream;
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, JsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpClientTransportConfig, StreamableHttpError,
    StreamableHttpPostResponse,
};
use sse_stream::Sse;
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read};
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use ureq::http::{HeaderName, HeaderValue, Response, StatusCode};
use ureq::tls::TlsConfig;

const SESSION: &str = "mcp-session-id";
const EVENTS: &str = "text/event-stream";
/// The most bytes that are read of the text of a refusal.
const MAX_REFUSAL: u64 = 64 << 10;
/// The time for questions beside the list: for the old transport, the end of a session.
const ASIDE: Duration = Duration::from_secs(2);

/// Headers of every request.
#[derive(Clone, Default)]
pub(super) struct Headers(pub(super) Vec<(HeaderName, HeaderValue)>);

impl Headers {
    fn pairs(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

/// The names alone: the values may be secrets.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// The client behind the official one.
#[derive(Clone)]
pub(super) struct Client {
    agent: Agent,
    headers: Headers,
    timeout: Duration,
    trouble: Trouble,
    tap: Tap,
}

/// A trouble, whose words are noted.
#[derive(Debug)]
pub(super) struct Noted;

impl fmt::Display for Noted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a trouble that is noted")
    }
}

impl core::error::Error for Noted {}

type Error = StreamableHttpError<Noted>;

/// The transport to a server at a URL.
pub(super) fn transport(
    url: &str,
    headers: &Headers,
    tls: &TlsConfig,
    timeout: Duration,
    (trouble, tap): (&Trouble, &Tap),
) -> StreamableHttpClientTransport<Client> {
    let agent = Agent::config_builder()
        .tls_config(tls.clone())
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        // A redirect may lead to a server that must not get the token.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("mcp-policy/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent();
    let (headers, trouble, tap) = (headers.clone(), trouble.clone(), tap.clone());
    let client = Client { agent, headers, timeout, trouble, tap };
    StreamableHttpClientTransport::with_client(
        client,
        StreamableHttpClientTransportConfig::with_uri(url),
    )
}

impl StreamableHttpClient for Client {
    type Error = Noted;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _token: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Error> {
        let client = self.clone();
        tokio::task::spawn_blocking(move || {
            client.post(&uri, &message, session.as_deref(), &headers)
        })
        .await?
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        _token: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Error> {
        let client = self.clone();
        let work = move || {
            let mut request = client.agent.delete(&*uri).header(SESSION, &*session);
            for (name, value) in client.headers.pairs().chain(&headers) {
                request = request.header(name, value);
            }
            // Whether the server ends the session is its own affair.
            let _ = request.config().timeout_global(Some(ASIDE)).build().call();
        };
        Ok(tokio::task::spawn_blocking(work).await?)
    }

    /// No list of tools needs a stream of its own.
    async fn get_stream(
        &self,
        _uri: Arc<str>,
        _session: Option<Arc<str>>,
        _last_event: Option<String>,
        _token: Option<String>,
        _headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Error> {
        Err(StreamableHttpError::ServerDoesNotSupportSse)
    }
}

impl Client {
    /// Notes a trouble.
    fn fail(&self, words: impl Into<String>) -> Error {
        self.trouble.note(words);
        StreamableHttpError::Client(Noted)
    }

    fn post(
        &self,
        uri: &str,
        message: &ClientJsonRpcMessage,
        session: Option<&str>,
        headers: &HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Error> {
        let body = serde_json::to_vec(message)?;
        let mut request = self.agent.post(uri).header(CONTENT_TYPE, "application/json");
        request = request.header(ACCEPT, "application/json, text/event-stream");
        for (name, value) in self.headers.pairs().chain(headers) {
            request = request.header(name, value);
        }
        if let Some(session) = session {
            request = request.header(SESSION, session);
        }
        let mut response =
            request.send(&body[..]).map_err(|error| self.fail(self.words(&error)))?;
        let status = response.status();
        if !status.is_success() {
            let mut text = Vec::new();
            let _ = response.body_mut().as_reader().take(MAX_REFUSAL).read_to_end(&mut text);
            // An error of MCP's own, such as about the version, is the client's to read.
            if let JsonRpcMessage::Request(request) = message
                && let Ok(JsonRpcMessage::Error(error)) =
                    serde_json::from_slice::<ServerJsonRpcMessage>(&text)
                && !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
            {
                let error = ServerJsonRpcMessage::error(error.error, Some(request.id.clone()));
                return Ok(StreamableHttpPostResponse::Json(error, None));
            }
            return Err(self.refused(uri, message, &response, &text));
        }
        let JsonRpcMessage::Request(_) = message else {
            return Ok(StreamableHttpPostResponse::Accepted);
        };
        let text = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let new_session = text(SESSION);
        let kind = text("content-type").unwrap_or_default().to_ascii_lowercase();
        let body = response.into_body().into_reader();
        let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        let answer = if kind.starts_with(EVENTS) {
            self.answer_of_events(body.take(limit))?
        } else if kind.starts_with("application/json") {
            let mut bytes = Vec::new();
            body.take(limit).read_to_end(&mut bytes).map_err(|error| self.broken(&error))?;
            self.enough(bytes.len())?;
            self.message(&bytes)?
        } else {
            return Err(self.fail(format!(
                "the server answers with `{}`, so this is not an endpoint of MCP; its path is often \
                 /mcp",
                abridged(&kind)
            )));
        };
        Ok(StreamableHttpPostResponse::Json(answer, new_session))
    }

    /// The first response in a stream of events.
    fn answer_of_events(&self, body: impl Read) -> Result<ServerJsonRpcMessage, Error> {
        let mut lines = BufReader::new(body);
        let (mut data, mut read) = (Vec::new(), 0_usize);
        loop {
            let mut line = Vec::new();
            let length = lines.read_until(b'\n', &mut line).map_err(|error| self.broken(&error))?;
            read = read.saturating_add(length);
            self.enough(read)?;
            let ends = length == 0;
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if let Some(more) = line.strip_prefix(b"data:") {
                data.extend_from_slice(more);
                data.push(b'\n');
            } else if line.is_empty() && !data.trim_ascii().is_empty() {
                let message = self.message(&data)?;
                data.clear();
                if matches!(message, JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_)) {
                    return Ok(message);
                }
            }
            if ends {
                return Err(self.fail("the server ended its stream of events without an answer"));
            }
        }
    }

    fn enough(&self, read: usize) -> Result<(), Error> {
        if read > MAX_BYTES { Err(self.fail(too_much())) } else { Ok(()) }
    }

    fn message(&self, bytes: &[u8]) -> Result<ServerJsonRpcMessage, Error> {
        self.tap.keep(bytes);
        serde_json::from_slice(bytes).map_err(|_| {
            let start = abridged(&String::from_utf8_lossy(bytes));
            self.fail(format!("the server's answer is not a message of MCP: {start}"))
        })
    }

    fn broken(&self, error: &std::io::Error) -> Error {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
        self.fail(inner.map_or_else(|| abridged(&error.to_string()), |inner| self.words(inner)))
    }

    fn words(&self, error: &ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(_) => late(self.timeout),
            ureq::Error::Io(error) => format!("cannot reach the server: {}", trust::words(error)),
            ureq::Error::HostNotFound => "cannot reach the server: no such host".into(),
            error => format!("cannot reach the server: {}", abridged(&trust::words(error))),
        }
    }

    fn refused(
        &self,
        uri: &str,
        message: &ClientJsonRpcMessage,
        response: &Response<ureq::Body>,
        text: &[u8],
    ) -> Error {
        let status = response.status();
        let with_token = self.headers.0.iter().any(|(name, _)| name == AUTHORIZATION);
        self.fail(match status {
            StatusCode::UNAUTHORIZED if with_token => {
                "the server refuses the token (HTTP 401)".into()
            }
            StatusCode::UNAUTHORIZED => "the server asks for a token (HTTP 401); put it into a \
                                         file and name that with --bearer-file"
                .into(),
            status if status.is_redirection() => {
                let to = response.headers().get(LOCATION).map(HeaderValue::as_bytes);
                let to = to.map(String::from_utf8_lossy).unwrap_or_default();
                format!(
                    "the server redirects to `{}` (HTTP {}), which is not followed; give that URL \
                     if you trust it",
                    abridged(&to),
                    status.as_u16()
                )
            }
            status if self.speaks_old_transport(uri, message, status) => format!(
                "the server speaks the old HTTP+SSE transport; put mcp-proxy in front: mcp-policy \
                 init -- mcp-proxy {}",
                abridged(uri)
            ),
            status => {
                let text = abridged(String::from_utf8_lossy(text).trim());
                let text = if text.is_empty() { text } else { format!(": {text}") };
                format!("the server answers with HTTP {}{text}", status.as_u16())
            }
        })
    }

    /// Whether the server is one of before 2025, which answers a GET with events.
    fn speaks_old_transport(
        &self,
        uri: &str,
        message: &ClientJsonRpcMessage,
        status: StatusCode,
    ) -> bool {
        let JsonRpcMessage::Request(request) = message else { return false };
        let begins = matches!(request.request, ClientRequest::InitializeRequest(_));
        if !begins || !status.is_client_error() {
            return false;
        }
        let mut request = self.agent.get(uri).header(ACCEPT, EVENTS);
        for (name, value) in self.headers.pairs() {
            request = request.header(name, value);
        }
        let answer = request.config().timeout_global(Some(ASIDE)).build().call();
        answer.is_ok_and(|answer| {
            let kind = answer.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
            answer.status().is_success()
                && kind.is_some_and(|kind| kind.starts_with(EVENTS.as_bytes()))
        })
    }
}
