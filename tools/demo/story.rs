//! The story that the demo tells, and checks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcp_rig::client::{Request, Response, http1};
use serde_json::Value;

use crate::page;
use crate::stand::Stand;

/// What the policy allows in a minute.
const LIMIT: u64 = 10;

/// As long as all the calls may take.
const HASTE: Duration = Duration::from_secs(8);

/// Tells it. An error is the line that says what did not go as told.
pub async fn tell(stand: &Stand) -> Result<(), String> {
    whole_minute().await;

    page::heading("A client says hello. The policy is about tool calls; the rest of MCP passes.");
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"demo","version":"1"}}}"#;
    page::ask("initialize");
    forwarded(&answered(stand, &Request::mcp(hello)).await?, 1)?;

    page::heading("The policy names session_send, so a call of it goes through.");
    send(stand, 2).await?;

    page::heading("It names no other tool. The call is refused, and never reaches the MCP server.");
    let arguments = r#"{"sessionId":"s1"}"#;
    page::ask(&format!("tools/call session_kill {arguments}"));
    let refusal = answered(stand, &Request::tool_call(3, "session_kill", arguments)).await?;
    refused(&refusal, 3, 403, "(default deny)")?;

    page::heading("session_send is allowed ten times a minute. Nine more calls are fine.");
    let ids = 4..LIMIT + 3;
    for id in ids.clone() {
        let reply = ask(stand, &call(id)).await?;
        check_result(&reply, id)
            .map_err(|why| format!("call {} of session_send: {why}", id - 2))?;
    }
    page::ask(&format!("tools/call session_send {ARGUMENTS}, {} times", ids.count()));
    page::answers("a result each time");
    page::decided("forwarded");

    page::heading("The eleventh is one too many.");
    let id = LIMIT + 3;
    page::ask(&format!("tools/call session_send {ARGUMENTS}"));
    let refusal = answered(stand, &call(id)).await?;
    refused(&refusal, id, 429, "/tools/session_send/limits/session_send_rate")?;

    page::heading("The session is alive: everything else still works.");
    page::ask("tools/list");
    let id = id + 1;
    forwarded(&answered(stand, &Request::tools_list(id)).await?, id)?;

    let (sent, killed) = (stand.server.count("session_send"), stand.server.count("session_kill"));
    if (sent, killed) != (LIMIT as usize, 0) {
        return Err(format!(
            "the MCP server ran session_send {sent} times and session_kill {killed} times"
        ));
    }
    page::heading(
        "What the MCP server ran, by its own count: session_send 10 times, session_kill never.",
    );
    Ok(())
}

const ARGUMENTS: &str = r#"{"sessionId":"s1","message":"hello"}"#;

fn call(id: u64) -> Request {
    Request::tool_call(id, "session_send", ARGUMENTS)
}

async fn send(stand: &Stand, id: u64) -> Result<(), String> {
    page::ask(&format!("tools/call session_send {ARGUMENTS}"));
    forwarded(&answered(stand, &call(id)).await?, id)
}

/// Counters are aligned to the clock's minutes. Begins early enough in one.
async fn whole_minute() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let left = Duration::from_secs(60 - now.as_secs() % 60)
        - Duration::from_nanos(now.subsec_nanos().into());
    if left < HASTE {
        let seconds = left.as_secs() + 1;
        page::heading(&format!("The limit counts by the clock's minute: {seconds} s to the next."));
        tokio::time::sleep(left + Duration::from_millis(100)).await;
    }
}

async fn answered(stand: &Stand, request: &Request) -> Result<Response, String> {
    let response = ask(stand, request).await?;
    page::answer(&response);
    Ok(response)
}

async fn ask(stand: &Stand, request: &Request) -> Result<Response, String> {
    let response = http1::try_send(stand.settings.port.addr(), request).await;
    response.map_err(|error| format!("no answer from Envoy: {error}"))
}

fn forwarded(response: &Response, id: u64) -> Result<(), String> {
    check_result(response, id)?;
    page::decided("forwarded");
    Ok(())
}

fn refused(response: &Response, id: u64, code: i64, rule: &str) -> Result<(), String> {
    let reply = response.json();
    let error = &reply["error"];
    let decided = error["data"]["rule"].as_str().unwrap_or("nothing that says so");
    page::decided(decided);
    let wait = &error["data"]["retry_after"];
    let told_when = code != 429 || (1..=60).contains(&wait.as_u64().unwrap_or(0));
    expect("HTTP status", &response.status.into(), &200.into())?;
    expect("id", &reply["id"], &id.into())?;
    expect("error.code", &error["code"], &code.into())?;
    expect("error.data.rule", &error["data"]["rule"], &rule.into())?;
    if !told_when {
        return Err(format!("expected error.data.retry_after within the minute, and it is {wait}"));
    }
    Ok(())
}

fn check_result(response: &Response, id: u64) -> Result<(), String> {
    let reply = response.json();
    expect("HTTP status", &response.status.into(), &200.into())?;
    expect("id", &reply["id"], &id.into())?;
    match reply["result"].is_object() {
        true => Ok(()),
        false => Err(format!("expected a result, and this came: {}", response.text())),
    }
}

fn expect(what: &str, found: &Value, expected: &Value) -> Result<(), String> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("expected {what} to be {expected}, and it is {found}")),
    }
}
