//! The case files under `tests/data/corpus`: what is sent, and what must come of it.
//!
//! The same files go through the core, the fake host and a real Envoy. A case
//! is a JSON object:
//!
//! | key | meaning |
//! | --- | --- |
//! | `why` | the reason for which the case is there |
//! | `policy` | the policy; without it, `tests/data/corpus/policy.json` |
//! | `requests` | what is sent, one after the other |
//! | `clock` | `true` where the case sets the time or the client's properties, which only rigs with a host of their own can |
//!
//! A request has `method` (POST), `path` (/mcp), `headers` (besides an `accept`
//! as MCP clients send it), `body` (text, or a list of texts, `{"hex": ..}` and
//! `{"repeat": text, "times": n}`), `trailers` (true), `times` (1), `at` (seconds
//! after a full day), `claims` (what jwt_authn verified: path, joined by `/`, to
//! text, number or boolean), `payload` (the text of the filter state
//! [`PAYLOAD_STATE`], `-` where there is none), `san` (the URI in the client's certificate; an empty
//! text is a certificate without one) and `expect`: `"forwarded"`, or an object with `status`,
//! `code`, `reason`, `rule`, `id` (its JSON text), `message` (a part of it),
//! `retry_after`, `tool`, `prompt`, `resource`, `question` and `elicitation` (a part of what the client's user
//! is shown by a result, or by an error), `body` (all of it), `empty`, `html` (its beginning), `headers` (name to value, or to
//! null where there is none).
//!
//! A request about which the service that counts across replicas is asked has
//! `limit_service`: its answers, as many as there are questions. Each is `"never"`,
//! `"reset"`, `{"status": N}` of gRPC, `{"bytes": ..}`, or a message of `code`, `statuses`
//! (`code`, `limit`, `left`, `reset`) and `headers`. The cluster is `limits`.
//!
//! A request may have a `response`, which is the server's: `status` (200),
//! `headers` (JSON's), `body` (as a request's) and `trailers`. Then `"forwarded"`
//! says that the client gets this response byte for byte, and an object speaks
//! of what it gets in its place: the keys above, or `response`, the exact text,
//! where `{"error": id}` stands for the answer to a list that cannot be read.

#[path = "corpus/response.rs"]
mod response;
#[path = "corpus/service.rs"]
mod service;

pub use response::Response;
use serde_json::Value;
pub use service::Script;
use std::fs;
use std::path::Path;

/// The filter state that holds the payload of a token.
pub const PAYLOAD_STATE: &str = "mcp_policy.jwt_payload";

/// One case file.
pub struct Case {
    /// The file's path below `tests/data/corpus`.
    pub name: String,
    /// The policy's text.
    pub policy: String,
    /// The requests, in their order.
    pub requests: Vec<Request>,
    /// Whether it needs a clock that can be set.
    #[allow(dead_code, reason = "only the rig with a real clock asks")]
    pub sets_clock: bool,
}

/// One request of a case.
#[derive(Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub trailers: bool,
    pub times: u64,
    pub at: u64,
    #[allow(dead_code, reason = "only rigs with a host of their own can set it")]
    pub client: Client,
    /// The answers of the service.
    pub limit_service: Vec<Script>,
    pub response: Option<Response>,
    pub expect: Value,
}

/// The client as the connection shows it.
#[derive(Clone, Default)]
#[allow(dead_code, reason = "only rigs with a host of their own can set it")]
pub struct Client {
    /// Claims by their paths: texts, numbers and booleans.
    pub claims: Vec<(String, Value)>,
    /// The text of [`PAYLOAD_STATE`].
    pub payload: Option<String>,
    /// The URI in the certificate, if there is a certificate.
    pub san: Option<String>,
}

/// The outcome of a request.
#[derive(Debug)]
pub enum Outcome {
    /// It went on, and the server's response came back as it was.
    Forwarded,
    /// This was answered, by the filter or by a server as the filter changed it.
    Replied {
        status: u16,
        /// Those of the filter's answer; none of a server's.
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// The response broke off after this.
    #[allow(dead_code, reason = "a case never expects it")]
    Cut {
        body: Vec<u8>,
    },
    Hung,
}

/// Every case, by name.
pub fn cases() -> Vec<Case> {
    some_cases(1)
}

/// One case of that many, for rigs that take long even to read them.
pub fn some_cases(step: usize) -> Vec<Case> {
    // The native module's tests are a package of their own, a folder below.
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = package.ancestors().map(|folder| folder.join("tests/data/corpus"));
    let root = folders.find(|folder| folder.is_dir()).expect("the corpus");
    let default = fs::read_to_string(root.join("policy.json")).unwrap();
    let mut files = Vec::new();
    for folder in fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()) {
        if folder.is_dir() {
            files.extend(fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    files.sort();
    assert!(files.len() >= 100, "only {} case files were found", files.len());
    files.iter().step_by(step).map(|file| Case::read(&root, file, &default)).collect()
}

impl Case {
    fn read(root: &Path, file: &Path, default: &str) -> Self {
        let name = file.strip_prefix(root).unwrap().display().to_string();
        let text = fs::read_to_string(file).unwrap();
        let case: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        known(&name, &case, &["why", "policy", "requests", "clock"]);
        assert!(case["why"].as_str().is_some_and(|why| !why.is_empty()), "{name} has no `why`");
        let policy = match &case["policy"] {
            Value::Null => default.to_owned(),
            Value::String(text) => text.clone(),
            policy => policy.to_string(),
        };
        let requests = case["requests"].as_array().unwrap_or_else(|| panic!("{name}: requests"));
        assert!(!requests.is_empty(), "{name} sends nothing");
        Self {
            policy,
            requests: requests.iter().map(|request| Request::read(&name, request)).collect(),
            sets_clock: case["clock"] == true,
            name,
        }
    }
}

impl Request {
    fn read(name: &str, request: &Value) -> Self {
        let keys = [
            "method",
            "path",
            "headers",
            "body",
            "trailers",
            "times",
            "at",
            "claims",
            "payload",
            "san",
            "limit_service",
            "response",
            "expect",
        ];
        known(name, request, &keys);
        let text = |key: &str, default: &str| request[key].as_str().unwrap_or(default).to_owned();
        let mut headers: Vec<(String, String)> = Vec::new();
        for pair in request["headers"].as_array().into_iter().flatten() {
            headers.push((pair[0].as_str().unwrap().into(), pair[1].as_str().unwrap().into()));
        }
        if !headers.iter().any(|(name, _)| name == "accept") {
            headers.push(("accept".into(), "application/json, text/event-stream".into()));
        }
        headers.retain(|(_, value)| value != "(none)");
        Self {
            method: text("method", "POST"),
            path: text("path", "/mcp"),
            headers,
            body: bytes(&request["body"]),
            trailers: request["trailers"] == true,
            times: request["times"].as_u64().unwrap_or(1),
            at: request["at"].as_u64().unwrap_or(0),
            client: Client::read(request),
            limit_service: request["limit_service"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|answer| Script::read(name, answer))
                .collect(),
            response: Response::read(name, &request["response"]),
            expect: request["expect"].clone(),
        }
    }
}

impl Client {
    fn read(request: &Value) -> Self {
        let claims = request["claims"].as_object().into_iter().flatten();
        Self {
            claims: claims.map(|(path, value)| (path.clone(), value.clone())).collect(),
            payload: request["payload"].as_str().map(str::to_owned),
            san: request["san"].as_str().map(str::to_owned),
        }
    }
}

fn known(name: &str, object: &Value, keys: &[&str]) {
    for key in object.as_object().unwrap_or_else(|| panic!("{name}: no object")).keys() {
        assert!(keys.contains(&key.as_str()), "{name}: unknown key {key}");
    }
}

fn bytes(body: &Value) -> Vec<u8> {
    match body {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        Value::Array(parts) => parts.iter().flat_map(bytes).collect(),
        part if part["hex"].is_string() => {
            let digits: Vec<u32> =
                part["hex"].as_str().unwrap().chars().filter_map(|c| c.to_digit(16)).collect();
            digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
        }
        part => {
            let times = usize::try_from(part["times"].as_u64().unwrap()).unwrap();
            part["repeat"].as_str().unwrap().repeat(times).into_bytes()
        }
    }
}

/// Compares what came of a request with what was expected; says what differs.
pub fn check(outcome: &Outcome, expect: &Value) -> Result<(), String> {
    let (status, headers, body) = match (outcome, expect) {
        (Outcome::Forwarded, Value::String(word)) if word == "forwarded" => return Ok(()),
        (Outcome::Replied { status, headers, body }, Value::Object(_)) => (*status, headers, body),
        _ => return Err(format!("expected {expect}, got {}", show(outcome))),
    };
    let text = String::from_utf8(body.clone()).map_err(|_| "the reply is not UTF-8".to_owned())?;
    let json: Value = if text.is_empty()
        || ["response", "html"].iter().any(|key| expect.get(key).is_some())
    {
        Value::Null
    } else {
        serde_json::from_str(&text).map_err(|e| format!("the reply is not JSON: {e}: {text}"))?
    };
    for (key, expected) in expect.as_object().unwrap() {
        let data = &json["error"]["data"];
        let good = match key.as_str() {
            "status" => expected.as_u64() == Some(u64::from(status)),
            "empty" => text.is_empty(),
            "html" => text.starts_with(expected.as_str().unwrap()),
            "headers" => has(headers, expected),
            "body" => text == expected.as_str().unwrap(),
            "response" => response::is(&text, expected),
            "code" => json["error"]["code"] == *expected,
            "reason" | "rule" | "tool" | "prompt" | "resource" | "retry_after" => {
                data[key] == *expected
            }
            "id" => {
                let start = format!(r#"{{"jsonrpc":"2.0","id":{},"#, expected.as_str().unwrap());
                text.starts_with(&start)
            }
            "message" => {
                let message = json["error"]["message"].as_str().unwrap_or_default();
                message.contains(expected.as_str().unwrap())
            }
            "question" | "elicitation" => {
                let shown = match key.as_str() {
                    "question" => {
                        let asked = &json["result"]["inputRequests"];
                        &asked["mcp-policy-filter.approval"]["params"]["message"]
                    }
                    _ => &data["elicitations"][0]["message"],
                };
                shown.as_str().is_some_and(|shown| shown.contains(expected.as_str().unwrap()))
            }
            other => panic!("unknown expectation {other}"),
        };
        if !good {
            return Err(format!("expected {key} {expected}, got {}", show(outcome)));
        }
    }
    Ok(())
}

/// Whether each header has the one value that is expected, or is not there.
fn has(headers: &[(String, String)], expected: &Value) -> bool {
    expected.as_object().unwrap().iter().all(|(name, expected)| {
        let lines = headers.iter().filter(|(other, _)| other == name);
        let values: Vec<&str> = lines.map(|(_, value)| value.as_str()).collect();
        match expected.as_str() {
            Some(value) => values == [value],
            None => values.is_empty(),
        }
    })
}

fn show(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Replied { status, headers, body } => {
            format!("status {status}, {headers:?} and {}", String::from_utf8_lossy(body))
        }
        other => format!("{other:?}"),
    }
}

/// Runs the cases that `select` wants through a rig, and reports all that fail.
pub fn run(
    cases: impl IntoIterator<Item = Case>,
    mut rig: impl FnMut(&Case) -> Vec<(usize, Result<(), String>)>,
) {
    let mut failures = Vec::new();
    let mut count = 0;
    for case in cases {
        for (index, result) in rig(&case) {
            count += 1;
            if let Err(failure) = result {
                failures.push(format!("{} request {index}: {failure}", case.name));
            }
        }
    }
    assert!(count > 0, "no case was run");
    assert!(failures.is_empty(), "{} of {count} failed:\n{}", failures.len(), failures.join("\n"));
}
