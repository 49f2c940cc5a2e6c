//! The demo's page, as README.md shows it.

use super::ask::Ask;
use super::play::{self, Stage};
use super::{same, same_reply};
use crate::config::root;
use std::fs;

/// The demo's page, by what it asks and what is answered. Its sentences must
/// be those of its source.
pub fn check(text: &str, policy: &str) -> Result<(), String> {
    let source = ["story", "page"].map(|file| {
        fs::read_to_string(root().join(format!("tests/rig/src/bin/demo/{file}.rs"))).unwrap()
    });
    let stage = Stage::new(policy).map_err(|errors| errors.join("\n"))?;
    let (mut asks, mut answer) = (Vec::new(), "");
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(ask) = line.strip_prefix("  ask      ") {
            asks = asked(ask);
        } else if let Some(shown) = line.strip_prefix("  answer   ") {
            answer = shown;
        } else if let Some(decided) = line.strip_prefix("  decided  ") {
            for ask in &asks {
                let rule = match stage.send(ask) {
                    Ok(_) => "forwarded".into(),
                    Err(refusal) => {
                        same_reply(answer, &refusal.reply.body, true)?;
                        play::rule(&refusal).to_owned()
                    }
                };
                same(&format!("{decided}\n"), &format!("{rule}\n"))?;
            }
        } else if !line.starts_with("  answers  ") {
            // The values of the table at its top are not in the source.
            let shown = line.split_once("  ").map_or(line, |(label, _)| label);
            let known = source.iter().any(|text| text.contains(shown));
            if !known {
                return Err(format!("the demo does not say `{line}`"));
            }
        }
    }
    Ok(())
}

fn asked(text: &str) -> Vec<Ask> {
    let Some(call) = text.strip_prefix("tools/call ") else { return vec![Ask::rpc(text)] };
    let (call, times) = match call.strip_suffix(" times").and_then(|call| call.rsplit_once(", ")) {
        Some((call, times)) => (call, times.parse().unwrap()),
        None => (call, 1),
    };
    let (tool, arguments) = call.split_once(' ').unwrap();
    let id = if tool == "session_kill" { 3 } else { 13 };
    let body = || {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
        )
    };
    (0..times).map(|_| Ask::post(&body())).collect()
}
