//! The steps of each client, and the outcomes that they must have.

use serde_json::{Value, json};

/// The way in which a client begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `initialize`, a session, answers as event streams, and a stream by GET.
    Session,
    /// The same, with denials as results.
    Results,
    /// Revision 2026-07-28: no session, each request for itself.
    Stateless,
}

/// One thing that a client does.
#[derive(Clone, Debug)]
pub enum Step {
    /// Lists the tools.
    List,
    /// Calls a tool, and listens to progress.
    Call(&'static str, Value),
    /// Waits for a message that the server sends by itself.
    Hear,
}

/// The outcome that a step must have.
#[derive(Clone, Copy, Debug)]
pub enum Want {
    /// A list without this tool, and with that one.
    Without(&'static str, &'static str),
    /// A result whose text has this in it; after that many messages of progress.
    Text(&'static str, u64),
    /// A denial for this reason, with this code.
    Denial(&'static str, u64),
    /// A denial for this reason, as a result.
    Result(&'static str),
    /// A message.
    Heard,
}

/// A step, what has to come of it, and the column in which it is shown.
pub struct Planned {
    pub column: Option<&'static str>,
    pub step: Step,
    pub want: Want,
}

/// The steps, which every client does on its way.
pub fn steps(way: Way) -> Vec<Planned> {
    let step = |column, step, want| Planned { column, step, want };
    let call = |column, tool, arguments, want| step(column, Step::Call(tool, arguments), want);
    match way {
        Way::Session => {
            let echo = || ("echo", json!({ "message": "hello" }), Want::Text("Echo: hello", 0));
            let sum = || ("get-sum", json!({ "a": 1, "b": 2 }));
            let slow = json!({ "duration": 0.4, "steps": 4 });
            vec![
                step(Some("list"), Step::List, Want::Without("get-env", "echo")),
                call(Some("allowed"), echo().0, echo().1, echo().2),
                call(
                    Some("denied"),
                    "gzip-file-as-resource",
                    json!({}),
                    Want::Denial("denied", 403),
                ),
                call(Some("hidden"), "get-env", json!({}), Want::Denial("hidden", 403)),
                call(None, sum().0, sum().1, Want::Text("3", 0)),
                call(None, sum().0, sum().1, Want::Text("3", 0)),
                call(Some("limited"), sum().0, sum().1, Want::Denial("rate_limited", 429)),
                call(
                    Some("progress"),
                    "trigger-long-running-operation",
                    slow,
                    Want::Text("completed", 4),
                ),
                call(None, "toggle-simulated-logging", json!({}), Want::Text("Started", 0)),
                step(Some("GET"), Step::Hear, Want::Heard),
                call(Some("afterwards"), echo().0, echo().1, echo().2),
            ]
        }
        Way::Results => {
            let echo = || ("echo", json!({ "message": "hello" }), Want::Text("Echo: hello", 0));
            let sum = || ("get-sum", json!({ "a": 1, "b": 2 }));
            vec![
                call(Some("denied"), "gzip-file-as-resource", json!({}), Want::Result("denied")),
                call(None, sum().0, sum().1, Want::Text("3", 0)),
                call(None, sum().0, sum().1, Want::Text("3", 0)),
                call(Some("limited"), sum().0, sum().1, Want::Result("rate_limited")),
                call(Some("afterwards"), echo().0, echo().1, echo().2),
            ]
        }
        Way::Stateless => {
            let send = || {
                let arguments = json!({ "sessionId": "s1", "message": "hello" });
                ("session_send", arguments, Want::Text("session_send", 0))
            };
            let list = || ("session_list", json!({}));
            let kill = json!({ "sessionId": "s1" });
            let delete = json!({ "account": "a1" });
            vec![
                step(Some("list"), Step::List, Want::Without("session_kill", "session_send")),
                call(Some("allowed"), send().0, send().1, send().2),
                call(Some("denied"), "delete_account", delete, Want::Denial("denied", 403)),
                call(Some("hidden"), "session_kill", kill, Want::Denial("hidden", 403)),
                call(None, list().0, list().1, Want::Text("session_list", 0)),
                call(None, list().0, list().1, Want::Text("session_list", 0)),
                call(Some("limited"), list().0, list().1, Want::Denial("rate_limited", 429)),
                call(Some("afterwards"), send().0, send().1, send().2),
            ]
        }
    }
}

impl Planned {
    /// As the clients in other languages read it.
    pub fn to_json(&self) -> Value {
        match &self.step {
            Step::List => json!({ "list": true }),
            Step::Hear => json!({ "hear": true }),
            Step::Call(tool, arguments) => {
                json!({ "call": tool, "arguments": arguments, "progress": self.progress() })
            }
        }
    }

    /// The number of messages of progress that have to come. Some clients hand them on beside
    /// the answer, so these may be a moment late.
    pub fn progress(&self) -> u64 {
        match self.want {
            Want::Text(_, progress) => progress,
            _ => 0,
        }
    }
}
