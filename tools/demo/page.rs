//! How it looks.

use std::io::{self, Write};

use mcp_rig::client::Response;

use crate::settings::{DIRECTORY, SHIPPED, Settings};

/// How much of an answer is shown.
const WIDTH: usize = 400;

/// What is running where.
pub fn opening(settings: &Settings) {
    let (server, envoy) = (settings.upstream.addr(), settings.port.addr());
    say(&format!("MCP server    http://{server}/mcp"));
    say(&format!("Envoy         http://{envoy}/mcp"));
    say(&format!("Envoy's log   {DIRECTORY}/envoy.log"));
    say(&format!("the policy    in {SHIPPED}"));
}

/// A line that is no part of the story.
pub fn note(text: &str) {
    say(text);
}

/// A chapter's heading.
pub fn heading(text: &str) {
    say(&format!("\n{text}\n"));
}

/// What is asked.
pub fn ask(what: &str) {
    say(&format!("  ask      {what}"));
}

/// What came back, as it came.
pub fn answer(response: &Response) {
    let text = response.text();
    let shown = match text.char_indices().nth(WIDTH) {
        None => text,
        Some((end, _)) => format!("{} ... ({} bytes)", &text[..end], text.len()),
    };
    say(&format!("  answer   {shown}"));
}

/// A remark in the place of an answer.
pub fn answers(remark: &str) {
    say(&format!("  answers  {remark}"));
}

/// Which rule decided.
pub fn decided(rule: &str) {
    say(&format!("  decided  {rule}"));
}

/// Commands to paste.
pub fn to_paste(settings: &Settings) {
    let curl = |params: &str| {
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":"#;
        say(&format!("curl -s http://{}/mcp \\", settings.port.addr()));
        say(r"  -H 'content-type: application/json' \");
        say(r"  -H 'accept: application/json, text/event-stream' \");
        say(&format!("  -d '{body}{params}}}'; echo"));
    };
    heading("Under the policy as shipped, allowed ten times a minute:");
    curl(r#"{"name":"session_send","arguments":{"sessionId":"s1","message":"hello"}}"#);
    heading("Under the policy as shipped, denied:");
    curl(r#"{"name":"session_kill","arguments":{"sessionId":"s1"}}"#);
    heading("Ctrl-C stops it all. Envoy's access log follows.");
}

/// As `println!`, but for a reader who may have left, as `| head` does: then
/// there is no one to tell.
fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}
