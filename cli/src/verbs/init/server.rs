//! The tools of a running server, by the official client. All that it may send is
//! bounded, and so is the time.

use super::answers::{Tap, Trouble, abridged, late};
use super::http::{self, Headers};
use super::stdio;
use crate::classes::Definition;
use crate::failure::Failure;
use crate::output::shown;
use rmcp::model::{ClientConfig, Implementation, PaginatedRequestParams, ProtocolVersion};
use rmcp::service::{ClientInitializeError, RunningService, ServiceError};
use rmcp::transport::IntoTransport;
use rmcp::{ClientLifecycleMode, ClientServiceExt as _, RoleClient};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::pin::Pin;
use std::time::Duration;
use ureq::tls::TlsConfig;

/// The most tools of a server.
pub(super) const MAX_TOOLS: usize = 10_000;
/// The most pages of a list of tools.
const MAX_PAGES: usize = 250;
/// The words of the error of a program's input that nobody reads.
const BROKEN_PIPE: &str = "Broken pipe";
/// The time for the end of a session.
const GOODBYE: Duration = Duration::from_secs(1);

/// A server and the way to it.
#[derive(Debug)]
pub(super) enum Server<'a> {
    /// Over Streamable HTTP.
    Url(&'a str, Headers, TlsConfig),
    /// Over the standard input and output of a program.
    Command(&'a [OsString]),
}

/// The tools of a server.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The tools, as far as their classes need them.
    pub(crate) tools: Vec<Definition>,
    /// The texts that have them, as they came.
    pub(crate) texts: Vec<String>,
}

/// The tools of a server.
///
/// # Errors
/// It cannot be reached, it takes longer than the timeout, its answers are not as MCP has
/// them or too large.
pub(super) fn tools(server: &Server<'_>, timeout: Duration) -> Result<Listed, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start a runtime: {error}")))?;
    let answer = runtime.block_on(async {
        // One for the whole: after the first look, a signal has no other effect, also while
        // a program is ended.
        let mut stop = core::pin::pin!(interrupted());
        // The handshake of the older revisions first: a server that has only the new one
        // refuses it at once.
        let first = asked(server, ClientLifecycleMode::Initialize, timeout, stop.as_mut()).await;
        let answer = match first {
            Err(End::Refused(words)) => {
                let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
                let discover = ClientLifecycleMode::Discover { preferred_versions };
                match asked(server, discover, timeout, stop.as_mut()).await {
                    Err(End::Refused(_) | End::Trouble(_)) => Err(End::Refused(words)),
                    answer => answer,
                }
            }
            answer => answer,
        };
        if matches!(answer, Err(End::Interrupted)) {
            return answer;
        }
        bounded(core::future::ready(answer), timeout, stop).await
    });
    // A request that hangs has a thread of its own, for which nobody waits.
    runtime.shutdown_background();
    answer.map_err(|end| match end {
        End::Interrupted => Failure::Interrupted,
        End::Refused(words) | End::Trouble(words) => Failure::new(words),
    })
}

/// The tools of a server that is spoken to in one way.
async fn asked(
    server: &Server<'_>,
    way: ClientLifecycleMode,
    timeout: Duration,
    stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<Listed, End> {
    let (trouble, tap) = (Trouble::default(), Tap::default());
    let tools = match server {
        Server::Url(url, headers, tls) => {
            let transport = http::transport(url, headers, tls, timeout, (&trouble, &tap));
            let answer = bounded(listed(transport, way, &trouble), timeout, stop).await;
            answer.map_err(|end| end.about(&shown(url), ""))
        }
        Server::Command(command) => {
            let (process, transport) =
                stdio::start(command, &trouble, &tap).map_err(End::Trouble)?;
            let answer = bounded(listed(transport, way, &trouble), timeout, stop).await;
            let more = process.end(answer.is_ok()).await;
            let program = command.first().map(|program| program.to_string_lossy());
            answer.map_err(|end| end.about(&shown(&program.unwrap_or_default()), &more))
        }
    };
    Ok(Listed { tools: tools?, texts: tap.take() })
}

/// The reasons for which a list cannot be had.
enum End {
    /// The user pressed Ctrl-C, or the command is ended in another way.
    Interrupted,
    /// The server answered the handshake with an error, in words for the user.
    Refused(String),
    /// Any other trouble, in words for the user.
    Trouble(String),
}

impl End {
    /// The same with the server's name, and with what is known of it besides.
    fn about(self, server: &str, more: &str) -> Self {
        let words = |words: String| format!("{server}: {words}{more}");
        match self {
            Self::Interrupted => Self::Interrupted,
            Self::Refused(told) => Self::Refused(words(told)),
            Self::Trouble(told) => Self::Trouble(words(told)),
        }
    }
}

/// The answer, if it comes in time and before the end that is waited for.
async fn bounded<T>(
    work: impl Future<Output = Result<T, End>>,
    timeout: Duration,
    stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<T, End> {
    tokio::select! {
        // Heard before the server is.
        biased;
        () = stop => Err(End::Interrupted),
        answer = tokio::time::timeout(timeout, work) => {
            answer.unwrap_or_else(|_| Err(End::Trouble(late(timeout))))
        }
    }
}

/// Waits for Ctrl-C, or for the signal of a job that takes too long or of a terminal that is
/// closed: by itself each ends this process, and not the server that it has started. A
/// terminal that is closed has no effect on a process of `nohup`.
#[cfg(unix)]
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    async fn heard(kind: SignalKind) {
        match signal(kind) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => core::future::pending().await,
        }
    }
    tokio::select! {
        () = heard(SignalKind::interrupt()) => {}
        () = heard(SignalKind::terminate()) => {}
        () = heard(SignalKind::hangup()), if !ignores_hangup() => {}
    }
}

/// Whether a hangup is ignored, where Linux says so. A signal that is listened for is not.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u128::from_str_radix(mask.trim(), 16).ok());
    // The first signal has the lowest bit.
    ignored.is_some_and(|mask| mask & 1 != 0)
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
async fn interrupted() {
    // An error says that nobody can listen for it.
    let _ = tokio::signal::ctrl_c().await;
}

async fn listed<T, E, A>(
    transport: T,
    way: ClientLifecycleMode,
    trouble: &Trouble,
) -> Result<Vec<Definition>, End>
where
    T: IntoTransport<RoleClient, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    let name = Implementation::new("mcp-policy", env!("CARGO_PKG_VERSION"));
    let client = ClientConfig::new(Default::default(), name);
    let session = client.serve_with_lifecycle(transport, way).await;
    let mut session = session.map_err(|error| match (trouble.take(), error) {
        (Some(words), _) => End::Trouble(words),
        (None, ClientInitializeError::JsonRpcError(error)) => {
            End::Refused(answered_error("initialize", &error))
        }
        (None, ClientInitializeError::ConnectionClosed(_)) => End::Trouble(ended("initialize")),
        (None, ClientInitializeError::TransportError { error, context }) => {
            // What follows the answer to `initialize` is a notification.
            let answered = context.contains("notification");
            let method = if answered { "tools/list" } else { "initialize" };
            End::Trouble(unreadable(method, &error.to_string()))
        }
        (None, _) => End::Trouble("the server's answer to `initialize` is not one of MCP".into()),
    })?;
    let tools = all_pages(&session, trouble).await.map_err(End::Trouble);
    // The list is there; a session that does not end is the server's own affair.
    let _ = session.close_with_timeout(GOODBYE).await;
    tools
}

async fn all_pages(
    session: &RunningService<RoleClient, ClientConfig>,
    trouble: &Trouble,
) -> Result<Vec<Definition>, String> {
    let mut tools = Vec::new();
    let mut cursors = BTreeSet::new();
    let mut cursor = None;
    for _ in 0..MAX_PAGES {
        let parameters = PaginatedRequestParams::default().with_cursor(cursor.take());
        let page = session.list_tools(Some(parameters)).await.map_err(|error| {
            trouble.take().unwrap_or_else(|| match error {
                ServiceError::McpError(error) => answered_error("tools/list", &error),
                ServiceError::UnexpectedResponse => {
                    "the server's answer to `tools/list` is not a list of tools as MCP has it, in \
                     which each has a name and an inputSchema"
                        .into()
                }
                ServiceError::TransportClosed => ended("tools/list"),
                error => unreadable("tools/list", &error.to_string()),
            })
        })?;
        for tool in page.tools {
            if tools.len() == MAX_TOOLS {
                return Err(format!(
                    "the server lists more than {MAX_TOOLS} tools; no policy is written for as many"
                ));
            }
            let tool = serde_json::to_value(tool).unwrap_or_default();
            let tool = Definition::read(&tool).map_err(|fault| format!("a tool {fault}"))?;
            tools.push(tool);
        }
        let Some(next) = page.next_cursor else { return Ok(tools) };
        if !cursors.insert(next.clone()) {
            return Err(format!(
                "the server gives the cursor `{}` twice, so its list of tools has no end",
                abridged(&next)
            ));
        }
        cursor = Some(next);
    }
    Err(format!("the server's list of tools has more than {MAX_PAGES} pages"))
}

fn answered_error(method: &str, error: &rmcp::ErrorData) -> String {
    let message = abridged(&error.message);
    format!("the server answered `{method}` with the error {}: {message}", error.code.0)
}

fn ended(method: &str) -> String {
    format!("the server ended before it answered `{method}`")
}

fn unreadable(method: &str, words: &str) -> String {
    // A program that is gone may be told so by its input, before its output ends.
    match words.contains(BROKEN_PIPE) {
        true => ended(method),
        false => format!("the server cannot be talked to: {}", abridged(words)),
    }
}
