//! The questions of an orderly client, and the answers that it must get.

use mcp_rig::client::{Request, Response};
use serde_json::{Value, json};

use crate::ledger::{Fate, Ledger};
use crate::server::HIDDEN;

/// One kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A call that runs, answered in this way.
    Work(&'static str),
    /// The same, sent in small pieces.
    SlowWork,
    /// A call that runs, and is not answered by the server.
    Reset,
    /// A call or a list whose answer breaks off.
    Cut(&'static str),
    /// A call of a tool that is not offered.
    Unnamed,
    /// A call of the tool that is in no list.
    Hidden,
    /// A list, answered in this way.
    List(&'static str),
    /// A call and a list in one body.
    Batch,
    /// A call that would run, with one that is refused.
    BadBatch,
    /// A body above the limit.
    Large,
    /// A body that is not JSON.
    Garbage,
    /// A GET with a body.
    Body,
}

/// All of them, some more often.
pub const ASKS: &[Ask] = &[
    Ask::Work("json"),
    Ask::List("json"),
    Ask::Unnamed,
    Ask::Work("events"),
    Ask::List("events"),
    Ask::Hidden,
    Ask::Batch,
    Ask::Work("slow"),
    Ask::BadBatch,
    Ask::Garbage,
    Ask::List("slow"),
    Ask::SlowWork,
    Ask::Work("json"),
    Ask::Reset,
    Ask::Work("json"),
    Ask::Large,
    Ask::Body,
    Ask::Cut("tools/call"),
    Ask::Cut("tools/list"),
];

/// The value of `max_body_bytes`.
pub const LARGEST: usize = 100_000;

impl Ask {
    /// The name in the report.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Work(_) => "calls, answered as JSON, as events, in pieces",
            Self::SlowWork => "calls sent in pieces",
            Self::Reset => "calls that the server resets",
            Self::Cut(_) => "answers that the server breaks off",
            Self::Unnamed | Self::Hidden => "calls that are denied",
            Self::List(_) => "lists, answered as JSON, as events, in pieces",
            Self::Batch | Self::BadBatch => "batches, allowed and refused",
            Self::Large => "bodies that are too large",
            Self::Garbage | Self::Body => "what is no message",
        }
    }

    /// Whether the answer may break off.
    pub const fn breaks_off(self) -> bool {
        matches!(self, Self::Cut(_))
    }

    /// The request with this number, by this caller.
    pub fn request(self, number: u64, caller: &str) -> Request {
        let request = match self {
            Self::Work(way) => Request::mcp(call(number, "work", way).to_string()),
            Self::SlowWork => {
                let request = Request::mcp(call(number, "work", "json").to_string()).cut(40);
                request.paced(std::time::Duration::from_millis(3))
            }
            Self::Reset => Request::mcp(call(number, "work", "reset").to_string()),
            Self::Cut("tools/call") => Request::mcp(call(number, "work", "cut").to_string()),
            Self::Cut(_) => Request::mcp(list(number, "cut").to_string()),
            Self::Unnamed => Request::mcp(call(number, "unnamed", "json").to_string()),
            Self::Hidden => Request::mcp(call(number, HIDDEN, "json").to_string()),
            Self::List(way) => Request::mcp(list(number, way).to_string()),
            Self::Batch => {
                let list = list(number + LISTS, "json");
                Request::mcp(json!([call(number, "work", "json"), list]).to_string())
            }
            Self::BadBatch => {
                let denied = call(number + LISTS, "unnamed", "json");
                Request::mcp(json!([call(number, "work", "json"), denied]).to_string())
            }
            Self::Large => Request::mcp(vec![b' '; LARGEST + 1]),
            Self::Garbage => Request::mcp("{\"jsonrpc\":\"2.0\","),
            Self::Body => Request { method: "GET".to_owned(), ..Request::mcp("{}") },
        };
        request.header("x-agent-id", caller)
    }

    /// The fate of a call whose client got no answer.
    pub const fn fate(self) -> Option<Fate> {
        match self {
            Self::Work(_) | Self::SlowWork | Self::Reset | Self::Cut(_) | Self::Batch => {
                Some(Fate::Unknown)
            }
            Self::Unnamed | Self::Hidden | Self::BadBatch => Some(Fate::Refused),
            _ => None,
        }
    }

    /// Whether this is the right answer. If so, it is known what became of the
    /// call.
    pub fn check(self, number: u64, response: &Response, ledger: &Ledger) -> Result<(), String> {
        let right = self.is_right(number, response, ledger);
        match right {
            true if matches!(self, Self::Work(_) | Self::SlowWork | Self::Batch) => {
                ledger.fate(number, Fate::Ran);
            }
            true => {}
            false => {
                return Err(format!("{self:?} {number}: {} {}", response.status, response.text()));
            }
        }
        Ok(())
    }

    fn is_right(self, number: u64, response: &Response, ledger: &Ledger) -> bool {
        let (status, answer) = (response.status, answer(response));
        match self {
            Self::Work(_) | Self::SlowWork => status == 200 && is_result(&answer, number),
            // The server closed the connection on which the call had run.
            Self::Reset => status == 503,
            // Envoy may not have begun to answer.
            Self::Cut("tools/list") => matches!(status, 502 | 503),
            Self::Cut(_) => false,
            Self::Unnamed => status == 200 && is_refused(&answer, number, 403, ledger),
            Self::Hidden => status == 200 && is_refused(&answer, number, 403, ledger),
            Self::List(_) => status == 200 && is_list(&answer, number),
            Self::Batch => is_result(&answer[0], number) && is_list(&answer[1], number + LISTS),
            Self::BadBatch => {
                is_refused(&answer[0], number, -32600, ledger)
                    && is_refused(&answer[1], number + LISTS, 403, ledger)
            }
            Self::Large => status == 413 && answer["error"]["data"]["reason"] == "too_large",
            Self::Garbage => status == 400 && answer["error"]["code"] == -32700,
            Self::Body => status == 400 && answer["error"]["data"]["reason"].is_string(),
        }
    }
}

/// The distance of the ids of a batch's second message from those of its first.
const LISTS: u64 = 1 << 40;

/// A call with its number as id and argument.
pub fn call(number: u64, tool: &str, way: &str) -> Value {
    let arguments = json!({ "number": number, "way": way });
    json!({ "jsonrpc": "2.0", "id": number, "method": "tools/call",
            "params": { "name": tool, "arguments": arguments } })
}

fn list(number: u64, way: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": number, "method": "tools/list", "params": { "way": way } })
}

/// The answer, in whichever form it came.
pub fn answer(response: &Response) -> Value {
    let text = response.text();
    let events = response.header("content-type") == Some("text/event-stream");
    let last = match events {
        true => text.lines().filter_map(|line| line.strip_prefix("data: ")).next_back(),
        false => Some(&*text),
    };
    last.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// Whether this is the server's answer to the call with this number.
pub fn is_result(answer: &Value, number: u64) -> bool {
    let text = answer["result"]["content"][0]["text"].as_str();
    answer["id"] == number && text.and_then(|text| text.parse().ok()) == Some(number)
}

/// Whether this refuses the message with this id, under a policy that will
/// have to be one that was in force.
pub fn is_refused(answer: &Value, id: u64, code: i64, ledger: &Ledger) -> bool {
    let error = &answer["error"];
    if let Some(policy) = error["data"]["policy"].as_str() {
        ledger.judged(policy, None);
    }
    answer["id"] == id && error["code"] == code && error["data"]["policy"].is_string()
}

fn is_list(answer: &Value, id: u64) -> bool {
    answer["id"] == id && is_shown(answer)
}

/// Whether of the server's tools exactly the one is listed that is shown.
pub fn is_shown(answer: &Value) -> bool {
    answer["result"]["tools"] == json!([{ "name": "work" }])
}
