//! The gateway as an agent meets it, check by check, in the words of cargo's tests, so that
//! whoever reads those can read these.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use crate::prometheus::Prometheus;
use mcp_rig::client::mcp::{CallError, McpClient};
use mcp_rig::client::{Request, http1};
use mcp_rig::server::TOOLS;
use mcp_rig::wait::until;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinHandle;

/// The calls of `session_send` that the policy allows in a minute.
const LIMIT: usize = 10;

/// The end of a check, with the reason of one that failed.
pub type Checked = Result<(), String>;

/// The addresses that a client needs.
#[derive(Clone, Copy)]
struct Place {
    gateway: SocketAddr,
    metrics: SocketAddr,
    calls: SocketAddr,
}

/// Runs all checks, one after the other, since they share the server.
pub async fn run() -> Result<(), String> {
    let place = Place {
        gateway: address("GATEWAY").await,
        metrics: address("METRICS").await,
        calls: address("CALLS").await,
    };
    // Envoy is the last of the services to start.
    until("a gateway that answers", async || {
        http1::Connection::try_open(place.gateway).await.ok().map(drop)
    })
    .await;

    let (mut passed, mut failed) = (0, 0);
    let mut told = |name: &str, checked: Checked| match checked {
        Ok(()) => {
            passed += 1;
            println!("test compose::{name} ... ok");
        }
        Err(why) => {
            failed += 1;
            println!("test compose::{name} ... FAILED\n    {why}");
        }
    };
    told("an_allowed_call_runs_once", place.check(allowed).await);
    told("a_denied_call_never_runs_and_the_session_lives", place.check(denied).await);
    told("an_argument_decides", place.check(by_argument).await);
    told("a_hidden_tool_is_in_no_list_and_cannot_be_called", place.check(hidden).await);
    told("ten_calls_a_minute_and_not_one_more", place.check(limited).await);
    told("metrics_can_be_seen_and_nothing_else_of_envoy", place.check(metrics).await);
    if std::env::var_os("PROMETHEUS").is_some() {
        let prometheus = Prometheus { addr: address("PROMETHEUS").await };
        let counted = tokio::spawn(prometheus.has_the_figures());
        told("prometheus_has_the_figures_with_their_labels", done(counted).await);
        let loaded = tokio::spawn(prometheus.has_the_alarms());
        told("prometheus_has_loaded_the_alarms", done(loaded).await);
    }

    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {word}. {passed} passed; {failed} failed");
    if failed == 0 { Ok(()) } else { Err("compose: the checks failed".into()) }
}

/// The address that the variable names, once its name can be resolved.
pub async fn address(variable: &str) -> SocketAddr {
    resolved(&variable_of(variable)).await
}

/// The value of a variable.
pub fn variable_of(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// The address of a name, once it can be resolved.
pub async fn resolved(name: &str) -> SocketAddr {
    until(name, async || lookup_host(name).await.ok()?.next()).await
}

/// The end of a check. A panic of the rig's is a failure of this check, and not the end of
/// the others.
async fn done(check: JoinHandle<Checked>) -> Checked {
    check.await.unwrap_or_else(|panic| Err(panic.to_string()))
}

/// A connected client, and the server's own word.
struct Session {
    client: McpClient,
    place: Place,
    before: usize,
}

impl Place {
    /// Runs `check` in a session of its own.
    async fn check<F>(self, check: fn(Session) -> F) -> Checked
    where
        F: Future<Output = Checked> + Send + 'static,
    {
        let run = async move {
            let client = McpClient::connect(self.gateway).await;
            let before = self.ran().await?.len();
            check(Session { client, place: self, before }).await
        };
        done(tokio::spawn(run)).await
    }

    /// The calls that the server ran since it started.
    async fn ran(self) -> Result<Vec<Value>, String> {
        ran(self.calls).await
    }
}

/// The calls that the server at this address ran since it started.
pub async fn ran(calls: SocketAddr) -> Result<Vec<Value>, String> {
    let read = async {
        let mut text = String::new();
        TcpStream::connect(calls).await?.read_to_string(&mut text).await?;
        Ok::<_, std::io::Error>(text)
    };
    let text = read.await.map_err(|error| format!("the server's calls: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("the server's calls: {error}"))
}

impl Session {
    /// Asserts which calls the server has run in this session.
    async fn has_run(&self, expected: &[Value]) -> Checked {
        let ran = self.place.ran().await?;
        let ran = ran.get(self.before..).unwrap_or_default();
        is("what the server ran", &json!(ran), &json!(expected))
    }

    /// Calls what has to be refused; the code and the data of the refusal.
    async fn refused(&self, tool: &str, arguments: Value) -> Result<(i64, Value), String> {
        match self.client.call(tool, arguments).await {
            Err(CallError::JsonRpc { code, data, .. }) => Ok((code, data)),
            other => Err(format!("{tool} was to be refused, and this came: {other:?}")),
        }
    }

    async fn allowed(&self, tool: &str, arguments: Value) -> Checked {
        match self.client.call_text(tool, arguments).await {
            Ok(text) if text.starts_with(tool) => Ok(()),
            other => Err(format!("{tool} was to be answered, and this came: {other:?}")),
        }
    }
}

fn is(what: &str, found: &Value, expected: &Value) -> Checked {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{what}: expected {expected}, found {found}")),
    }
}

async fn allowed(session: Session) -> Checked {
    session.allowed("session_list", json!({})).await?;
    session.has_run(&[json!(["session_list", {}])]).await
}

async fn denied(session: Session) -> Checked {
    let (code, data) = session.refused("session_kill", json!({ "sessionId": "s1" })).await?;
    is("code and rule", &json!([code, data["rule"]]), &json!([403, "(default deny)"]))?;
    session.has_run(&[]).await?;
    session.allowed("session_list", json!({})).await
}

async fn by_argument(session: Session) -> Checked {
    let (tool, with) = ("claude_code_session", |action: &str| json!({ "action": action }));
    session.allowed(tool, with("get")).await?;
    let (code, data) = session.refused(tool, with("cancel")).await?;
    is("code and reason", &json!([code, data["reason"]]), &json!([403, "require"]))?;
    session.has_run(&[json!([tool, { "action": "get" }])]).await
}

async fn hidden(session: Session) -> Checked {
    let listed = session.client.list_tools().await.map_err(|error| format!("{error:?}"))?;
    let shown = TOOLS.iter().map(|tool| tool.name).filter(|name| *name != "delete_account");
    is("the tools", &json!(listed), &json!(shown.collect::<Vec<_>>()))?;
    let (code, data) = session.refused("delete_account", json!({ "account": "a" })).await?;
    is("code and reason", &json!([code, data["reason"]]), &json!([403, "hidden"]))?;
    session.has_run(&[]).await
}

/// Within one minute by the clock, which is what the policy counts in. After
/// another client of this minute's, or when the minute ends meanwhile, in the
/// next one, as the refusal says.
async fn limited(session: Session) -> Checked {
    for _ in 0..3 {
        let (started, before) = (minute(), session.place.ran().await?.len());
        let arguments = json!({ "sessionId": "s1", "message": "hello" });
        let refusal = loop {
            match session.client.call_text("session_send", arguments.clone()).await {
                Ok(_) => {}
                Err(refusal) => break refusal,
            }
            if session.place.ran().await?.len() > before + 3 * LIMIT {
                return Err("there is no limit".into());
            }
        };
        let CallError::JsonRpc { code: 429, data, .. } = refusal else {
            return Err(format!("refused by {refusal:?}"));
        };
        let again = data["retry_after"].as_u64().filter(|seconds| (1..=60).contains(seconds));
        let again = again.ok_or_else(|| format!("retry_after is missing in {data}"))?;
        let ran = session.place.ran().await?.len() - before;
        if minute() == started && ran >= LIMIT {
            return is("the calls of a minute", &json!(ran), &json!(LIMIT));
        }
        println!("    {ran} calls were left of this minute; the next is in {again} s");
        tokio::time::sleep(Duration::from_secs(again)).await;
    }
    Err(format!("never {LIMIT} calls within a minute"))
}

/// The metrics that Prometheus scrapes, beside which Envoy has an interface that ends it.
async fn metrics(session: Session) -> Checked {
    let get = |path: &str| Request::new("GET", path);
    let shown = http1::send(session.place.metrics, &get("/stats/prometheus")).await;
    let counter = "mcp_policy_evaluations_total";
    if shown.status != 200 || !shown.text().contains(counter) {
        return Err(format!("HTTP {}, and no {counter}", shown.status));
    }
    for path in ["/", "/config_dump", "/stats/prometheus/../../quitquitquit"] {
        let status = http1::send(session.place.metrics, &get(path)).await.status;
        is(path, &json!(status), &json!(404))?;
    }
    Ok(())
}

/// The minute by the clock, in which the policy counts.
pub fn minute() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("a clock after 1970").as_secs() / 60
}
