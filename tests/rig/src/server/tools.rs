//! The tools on offer, as data.
//!
//! The first five are those of the shipped policies, with the arguments that
//! their servers declare. The rest are others of such
//! servers, so that "every other tool is refused" has something to refuse.

use std::time::Duration;

use serde_json::{Map, Value, json};

use Kind::{Flag, Number, OneOf, Text};

/// Every tool that the server offers.
pub const TOOLS: &[Tool] = &[
    Tool {
        name: "session_send",
        description: "Send a message to an active (running) session",
        args: &[must("sessionId", Text), must("message", Text)],
    },
    Tool {
        name: "cmux_send",
        description: "Send text to a surface without pressing Enter",
        args: &[must("text", Text), may("workspace", Text), may("surface", Text)],
    },
    Tool {
        name: "enhancedSend",
        description: "Send a message with queuing and guaranteed delivery",
        args: &[
            must("targetInstanceId", Text),
            must("message", Text),
            may("priority", OneOf(&["high", "normal", "low"])),
        ],
    },
    Tool {
        name: "claude_code_session",
        description: "List, inspect, cancel, or interrupt sessions",
        args: &[
            must("action", OneOf(&["list", "get", "cancel", "interrupt"])),
            may("sessionId", Text),
            may("includeSensitive", Flag),
        ],
    },
    Tool {
        name: "send_command",
        description: "Send a command to an interactive session and wait for output",
        args: &[
            must("session_id", Text),
            must("input", Text),
            may("timeout_ms", Number),
            may("max_output_chars", Number),
        ],
    },
    Tool { name: "session_list", description: "List the sessions", args: &[] },
    Tool {
        name: "session_kill",
        description: "Kill a session and everything that runs in it",
        args: &[must("sessionId", Text)],
    },
    Tool {
        name: "read_output",
        description: "Read what a session has printed",
        args: &[must("session_id", Text), may("wait_ms", Number)],
    },
    Tool {
        name: "delete_account",
        description: "Delete an account for ever",
        args: &[must("account", Text)],
    },
];

/// A tool: its name, what it says of itself, its arguments.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// The name in `tools/call`.
    pub name: &'static str,
    /// Its description in `tools/list`.
    pub description: &'static str,
    /// The arguments that it declares; others are accepted too.
    pub args: &'static [Arg],
}

/// One declared argument.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// Its name.
    pub name: &'static str,
    /// The values that it takes.
    pub kind: Kind,
    /// Whether a call without it is refused.
    pub required: bool,
}

/// The values that an argument takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A string.
    Text,
    /// A number.
    Number,
    /// True or false.
    Flag,
    /// One of these strings.
    OneOf(&'static [&'static str]),
}

impl Tool {
    /// Its arguments as JSON Schema.
    pub fn schema(&self) -> Map<String, Value> {
        let properties: Map<_, _> =
            self.args.iter().map(|arg| (arg.name.to_owned(), arg.kind.schema())).collect();
        let required: Vec<_> =
            self.args.iter().filter(|arg| arg.required).map(|arg| arg.name).collect();
        Map::from_iter([
            ("type".to_owned(), json!("object")),
            ("properties".to_owned(), properties.into()),
            ("required".to_owned(), required.into()),
        ])
    }

    /// Whether these arguments fit what the tool declares; if not, why.
    pub fn check(&self, arguments: &Map<String, Value>) -> Result<(), String> {
        for arg in self.args {
            match arguments.get(arg.name) {
                None if arg.required => return Err(format!("missing argument {}", arg.name)),
                Some(value) if !arg.kind.holds(value) => {
                    return Err(format!("argument {} has the wrong type", arg.name));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The time that a call takes: `read_output` waits its `wait_ms`, the others answer at
    /// once. It is the slow tool that timeouts are tried on.
    pub fn pause(&self, arguments: &Map<String, Value>) -> Duration {
        let wait = arguments.get("wait_ms").filter(|_| self.name == "read_output");
        Duration::from_millis(wait.and_then(Value::as_u64).unwrap_or(0))
    }
}

impl Kind {
    fn schema(self) -> Value {
        match self {
            Text => json!({"type": "string"}),
            Number => json!({"type": "number"}),
            Flag => json!({"type": "boolean"}),
            OneOf(values) => json!({"type": "string", "enum": values}),
        }
    }

    fn holds(self, value: &Value) -> bool {
        match self {
            Text => value.is_string(),
            Number => value.is_number(),
            Flag => value.is_boolean(),
            OneOf(values) => value.as_str().is_some_and(|value| values.contains(&value)),
        }
    }
}

const fn must(name: &'static str, kind: Kind) -> Arg {
    Arg { name, kind, required: true }
}

const fn may(name: &'static str, kind: Kind) -> Arg {
    Arg { name, kind, required: false }
}
