//! A line of calls, made of the fields of a form. What a line cannot hold is told, and
//! never left out: a line that is read back gives the call of the form.

use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::policy::condition::Claim;
use mcp_policy_filter::simulate::notation::Ask;
use mcp_policy_filter::simulate::table::{self, Act, Line};
use serde_json::{Value, json};

/// The fields, all of them texts: `time`, `tool`, `arguments`, `caller`, `claims`,
/// `headers` (one on each line) and `times`. The answer has a `line`, or the `fault` with
/// the `field` that it is in.
pub fn compose(policy: &Policy, fields: &str) -> Value {
    let fields: Value = serde_json::from_str(fields).unwrap_or_default();
    let field = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().trim();
    match line(policy, &field) {
        Ok(line) => json!({ "line": line }),
        Err((name, fault)) => json!({ "field": name, "fault": fault }),
    }
}

/// A fault, and its field.
type Fault = (&'static str, String);

fn fault<T>(name: &'static str, why: &str) -> Result<T, Fault> {
    Err((name, why.to_owned()))
}

fn line<'f>(policy: &Policy, field: &dyn Fn(&str) -> &'f str) -> Result<String, Fault> {
    let tool = field("tool");
    let mut line = call(field("time"), tool, field("arguments"))?;
    let mut expected = Ask::call(tool, arguments_of(&line));
    let mut with = caller(policy, field("caller"))?;
    for words in &with {
        expected = expected.with_words(words).map_err(|error| ("caller", error.to_string()))?;
    }
    for words in claims(field("claims"))? {
        expected = expected.with_words(&words).map_err(|error| ("claims", error.to_string()))?;
        with.push(words);
    }
    for header in field("headers").lines().map(str::trim).filter(|header| !header.is_empty()) {
        let Some((name, value)) = header.split_once(':') else {
            return fault("headers", "write each as NAME: VALUE, on a line of its own");
        };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        with.push(if value.is_empty() { format!("{name}:") } else { format!("{name}: {value}") });
        expected = expected.with(&name, value);
    }
    if !with.is_empty() {
        line.push_str(&format!(" ({})", with.join("; ")));
    }
    line.push_str(&times(field("times"))?);
    match (reads_as(&line, &expected), with.is_empty()) {
        (true, _) => Ok(line),
        (false, true) => fault("tool", "a line cannot hold this call; write its message as a line"),
        (false, false) => fault(
            "headers",
            "a line cannot hold this: `; `, ` (` and two spaces have a meaning in it",
        ),
    }
}

/// The beginning of a line: the time, the tool and its arguments.
fn call(time: &str, tool: &str, arguments: &str) -> Result<String, Fault> {
    if !time.is_empty() && table::clock(time).is_none() {
        return fault("time", "write it as HH:MM:SS");
    }
    if tool.is_empty() {
        return fault("tool", "name a tool");
    }
    if tool.contains(|c: char| c.is_whitespace() || "{[(#".contains(c)) {
        return fault(
            "tool",
            "a name with a space or a bracket; write the message of the call as a line",
        );
    }
    if matches!(tool, "case" | "day") {
        return fault(
            "tool",
            "a line that begins so has another meaning; write the message of the call as a line",
        );
    }
    let mut line = String::new();
    if !time.is_empty() {
        line.push_str(time);
        line.push_str("  ");
    }
    line.push_str(tool);
    if !arguments.is_empty() {
        match serde_json::from_str(arguments) {
            Ok(Value::Object(_)) => {}
            Ok(_) => return fault("arguments", "write an object of JSON: {\"name\": 1}"),
            Err(error) => return Err(("arguments", format!("not JSON: {error}"))),
        }
        line.push(' ');
        line.push_str(&on_one_line(arguments));
    }
    Ok(line)
}

/// The end of a line: the number of its calls, unless it is one.
fn times(times: &str) -> Result<String, Fault> {
    let is_number = times.bytes().all(|digit| digit.is_ascii_digit()) && times.parse() != Ok(0_u64);
    match times {
        "" | "1" => Ok(String::new()),
        times if is_number => Ok(format!(", {times} times")),
        _ => fault("times", "write a number from 1"),
    }
}

/// Whether a line is read as this request, whole. The header and the id are as they were
/// typed, and a line has marks of its own.
fn reads_as(line: &str, expected: &Ask) -> bool {
    let Ok(Line { act: Act::Ask(ask), outcome, .. }) = Line::parse_open(line) else { return false };
    ask.body == expected.body
        && ask.headers == expected.headers
        && ask.client.claims == expected.client.claims
        && ask.client.certificate == expected.client.certificate
        && outcome.is_empty()
}

/// The arguments of a call without anything behind them.
fn arguments_of(call: &str) -> &str {
    call.find('{').and_then(|at| call.get(at..)).unwrap_or_default()
}

/// The words that make a request one of this caller, for the sources of the policy.
fn caller(policy: &Policy, id: &str) -> Result<Vec<String>, Fault> {
    if id.is_empty() {
        return Ok(Vec::new());
    }
    let ask = Ask::tool("x").by(policy, id).map_err(|why| ("caller", why.to_string()))?;
    let usual = Ask::tool("x").headers;
    let headers = ask.headers.iter().filter(|pair| !usual.contains(pair));
    let mut with: Vec<String> = headers.map(|(name, value)| format!("{name}: {value}")).collect();
    with.extend(ask.client.certificate.iter().map(|uri| format!("certificate {uri}")));
    for (path, claim) in &ask.client.claims {
        let Claim::Text(text) = claim else { continue };
        let value = escaped(&Value::from(&**text).to_string());
        with.push(format!("claim {} = {value}", path.replace('/', ".")));
    }
    let words = with.join("; ");
    let read = Ask::tool("x").with_parenthesis(&words);
    let is_same = read.is_ok_and(|read| {
        read.headers == ask.headers
            && read.client.certificate == ask.client.certificate
            && read.client.claims == ask.client.claims
    });
    match is_same {
        true => Ok(with),
        false => {
            Err(("caller", "a line cannot hold this id; give its claims or headers below".into()))
        }
    }
}

/// The claims of an object of JSON, one by one.
fn claims(text: &str) -> Result<Vec<String>, Fault> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let Ok(Value::Object(claims)) = serde_json::from_str(text) else {
        return Err(("claims", "claims are an object of JSON: {\"sub\": \"ann\"}".into()));
    };
    let mut words = Vec::new();
    for (name, value) in claims {
        if name.is_empty() || name.contains(['.', '/', ';', ' ', '(', ')', '=']) {
            return Err(("claims", format!("a line cannot hold a claim of the name `{name}`")));
        }
        words.push(format!("claim {name} = {}", escaped(&value.to_string())));
    }
    Ok(words)
}

/// Whether the next character of JSON is within a string.
#[derive(Default)]
struct Within {
    text: bool,
    escaped: bool,
}

impl Within {
    fn pass(&mut self, c: char) {
        match (self.text, c) {
            (true, '\\') if !self.escaped => self.escaped = true,
            (true, '"') if !self.escaped => self.text = false,
            (false, '"') => self.text = true,
            _ => self.escaped = false,
        }
    }
}

/// JSON on one line, without white space that a line would take for the end of a column.
fn on_one_line(json: &str) -> String {
    let (mut line, mut within) = (String::new(), Within::default());
    for c in json.chars() {
        if !within.text && c.is_ascii_whitespace() {
            if !line.ends_with([' ', '{', '[']) {
                line.push(' ');
            }
            continue;
        }
        if !within.text && matches!(c, '}' | ']') && line.ends_with(' ') {
            line.pop();
        }
        match c {
            ' ' if line.ends_with(' ') => line.push_str("\\u0020"),
            c => line.push(c),
        }
        within.pass(c);
    }
    line
}

/// JSON in which no character is a mark of a line.
fn escaped(json: &str) -> String {
    let (mut text, mut within) = (String::new(), Within::default());
    for c in json.chars() {
        match c {
            ';' | '(' | ')' if within.text => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            ' ' if text.ends_with(' ') => text.push_str("\\u0020"),
            c => text.push(c),
        }
        within.pass(c);
    }
    text
}
