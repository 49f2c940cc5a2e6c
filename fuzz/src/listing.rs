//! No list that a client gets shows a tool that is hidden from it, however the
//! response came and however the client reads it; and all that is not such a tool
//! stays as it was.
//!
//! The first four bytes of an input choose the policy, the head of the response,
//! what was asked for and the cuts, the rest is the body.

mod bounded;
mod expected;
mod host;
mod stream;

use crate::lenient::{Node, Value, documents};
use crate::reading::{self, READINGS, Reading};
use expected::Due;
use host::{Fate, Outcome, Response};
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::simulate::Ending;
use stream::{Event, Framing, events};

/// The bytes before the body.
pub const HEAD: usize = 4;

/// The message of an error in the place of a list.
const UNREADABLE: &[u8] = b"the server's list cannot be read";
/// The most bytes of such an error without its id, with the event that it may make.
const ERROR_BYTES: usize = 320;

pub fn check(data: &[u8]) {
    let Some((choices, body)) = data.split_first_chunk::<HEAD>() else { return };
    let cuts = [usize::from(choices[2]) + 1, usize::from(choices[3] % 16) + 1];
    bounded::check(choices[0], body, &cuts);
    with(choices[0], |subject| {
        let response = Response::new(*choices, body);
        let sizes = [usize::from(choices[2]) + 1, usize::from(choices[3] % 16) + 1];
        let overflows = body.len() > subject.policy.settings.max_body_bytes;
        let whole = response.pass(&subject.policy, &[body.len().max(1)], Ending::Last);
        shows_nothing_hidden(subject, &response, &whole);
        is_bounded(&response, &whole);
        for (sizes, end) in [
            (&sizes[..], Ending::Last),
            (&sizes, Ending::Empty),
            (&sizes, Ending::Trailers),
            (&[1], Ending::Last),
        ] {
            let cut = response.pass(&subject.policy, sizes, end);
            if cut != whole {
                shows_nothing_hidden(subject, &response, &cut);
                is_bounded(&response, &cut);
            }
            match whole.fate {
                Fate::Stream if overflows => {}
                // What is not complete is lost.
                Fate::Stream if end == Ending::Trailers => assert!(whole.out.starts_with(&cut.out)),
                _ => assert_eq!(cut, whole, "cut into {sizes:?}, ended by {end:?}"),
            }
        }
        match whole.fate {
            Fate::Passed => assert_eq!(whole.out, body),
            Fate::Replaced => assert!(error(&whole.out), "{}", show(&whole.out)),
            Fate::Whole if overflows => assert!(error(&whole.out), "{}", show(&whole.out)),
            Fate::Whole => became(subject, body, &whole.out),
            Fate::Stream => {
                stayed(body, &whole.out);
                if !overflows {
                    streamed(subject, body, &whole.out);
                }
            }
        }
    });
}

/// A policy, and what it hides.
struct Subject {
    policy: Policy,
    hides: fn(&str) -> bool,
}

fn with(choice: u8, ask: impl FnOnce(&Subject)) {
    thread_local! {
        static SUBJECTS: Vec<Subject> = subjects();
    }
    SUBJECTS.with(|subjects| ask(&subjects[usize::from(choice) % subjects.len()]));
}

fn subjects() -> Vec<Subject> {
    let hide = r#""default": "allow", "hide": ["no*", "secret_*"]"#;
    let callable = r#""default": "deny", "tools": {"safe*": {}, "yes": {}}"#;
    let hidden = |tool: &str| tool.starts_with("no") || tool.starts_with("secret_");
    // A text that is not the name of a tool cannot be called.
    let uncallable = |tool: &str| {
        !(tool.starts_with("safe") || tool == "yes")
            || tool.len() > 256
            || tool.chars().any(char::is_control)
    };
    let subject = |rules: &str, settings: &str, hides| {
        let text = format!(r#"{{"version": "1", {rules}, "settings": {{{settings}}}}}"#);
        let policy = Policy::parse(text.as_bytes(), "fuzz")
            .unwrap_or_else(|errors| panic!("{:?}", errors.lines().collect::<Vec<_>>()));
        Subject { policy, hides }
    };
    vec![
        subject(hide, "", hidden),
        subject(callable, r#""tools_list": "callable""#, uncallable),
        subject(hide, r#""max_body_bytes": 100"#, hidden),
        subject(callable, r#""tools_list": "callable", "max_body_bytes": 300"#, uncallable),
    ]
}

/// However a client reads what it gets, there is no hidden tool in its lists.
fn shows_nothing_hidden(subject: &Subject, response: &Response<'_>, got: &Outcome) {
    match got.fate {
        // It was not a list's response.
        Fate::Passed => {}
        Fate::Stream => {
            for framing in Framing::ALL {
                for data in events(&got.out, framing).into_iter().filter_map(|event| event.data) {
                    let documents = documents(&data);
                    for reading in READINGS {
                        let tool = found(subject, reading, &documents, true);
                        let shown = || format!("{} of {}", show(&got.out), show(response.body));
                        assert_eq!(tool, None, "{framing:?}, {reading:?}: {}", shown());
                    }
                }
            }
        }
        Fate::Whole | Fate::Replaced => {
            for text in reading::texts(&got.out) {
                let documents = documents(&text);
                for reading in READINGS {
                    let tool = found(subject, reading, &documents, false);
                    assert_eq!(tool, None, "{reading:?} in {}", show(&got.out));
                }
            }
        }
    }
}

/// A hidden tool in the lists of some documents. With `quoted`, a list must have
/// a key that is a string of JSON: events that have none pass unread.
fn found(
    subject: &Subject,
    reading: Reading,
    documents: &[Node<'_>],
    quoted: bool,
) -> Option<String> {
    let messages = documents.iter().flat_map(|node| match &node.value {
        Value::List(nodes) => nodes.iter().collect(),
        _ => vec![node],
    });
    let tools = messages.filter_map(|message| {
        let result = reading.get(message, "result")?;
        let member = reading.member(result, "tools")?;
        let honest = serde_json::from_slice::<String>(member.raw_key).is_ok();
        match &member.node.value {
            Value::List(tools) if honest || !quoted => Some(tools),
            _ => None,
        }
    });
    let mut names = tools.flatten().filter_map(|tool| reading.get(tool, "name")?.text());
    names.find(|name| (subject.hides)(name)).map(str::to_owned)
}

/// A body that was read whole.
fn became(subject: &Subject, body: &[u8], out: &[u8]) {
    match Due::of(body, subject.hides) {
        Due::Same => assert_eq!(show(out), show(body)),
        Due::Value(value) => assert_eq!(parsed(out), Some(value), "{}", show(out)),
        Due::Either => assert!(out == body || parsed(out).is_some(), "{}", show(out)),
        Due::Unknown => assert!(body.is_empty() || error(out), "{}", show(out)),
    }
}

/// A stream of which every event could be held.
fn streamed(subject: &Subject, body: &[u8], out: &[u8]) {
    let (came, got) = (events(body, Framing::Standard), events(out, Framing::Standard));
    assert_eq!(came.len(), got.len(), "{}", show(out));
    for (came, got) in came.iter().zip(&got) {
        // Where a line begins with a byte order mark, not all clients see it.
        if came.raw != got.raw && came.raw.windows(3).any(|part| part == b"\xef\xbb\xbf") {
            continue;
        }
        let Event { data: Some(data), raw } = came else {
            assert_eq!(show(came.raw), show(got.raw));
            continue;
        };
        let now = got.data.as_deref().unwrap_or_default();
        let same = *raw == got.raw;
        // Whatever was not changed in the data was not changed around it.
        assert_eq!(same, now == data, "{} to {}", show(raw), show(got.raw));
        match Due::of(data, subject.hides) {
            Due::Same => assert!(same, "{} to {}", show(raw), show(got.raw)),
            Due::Value(value) => assert_eq!(parsed(now), Some(value), "{}", show(now)),
            Due::Either => assert!(same || parsed(now).is_some(), "{}", show(now)),
            Due::Unknown => assert!(same || error(now), "{} to {}", show(raw), show(got.raw)),
        }
    }
}

/// Checks that a text that cannot spell the word stays as it is: it is not a list.
fn stayed(body: &[u8], out: &[u8]) {
    let spelt = |with: &[u8]| body.windows(with.len()).any(|part| part.eq_ignore_ascii_case(with));
    if !spelt(b"tool") && !spelt(br"\u") {
        assert_eq!(show(out), show(body));
    }
}

/// A list gets longer by its `cacheScope` and by errors alone.
fn is_bounded(response: &Response<'_>, got: &Outcome) {
    let errors = got.out.windows(UNREADABLE.len()).filter(|part| *part == UNREADABLE).count();
    let lists = response.body.iter().filter(|byte| **byte == b'[').count();
    let most = response.body.len()
        + errors * (ERROR_BYTES + response.longest_id())
        + lists * br#""private""#.len();
    assert!(got.out.len() <= most, "{} bytes became {}", response.body.len(), got.out.len());
}

/// Whether a text is an error in the place of a list, or some of them.
fn error(text: &[u8]) -> bool {
    let is_error = |value: &serde_json::Value| value["error"]["code"] == -32603;
    match parsed(text) {
        Some(serde_json::Value::Array(all)) => !all.is_empty() && all.iter().all(is_error),
        Some(value) => is_error(&value),
        None => false,
    }
}

fn parsed(text: &[u8]) -> Option<serde_json::Value> {
    serde_json::from_slice(text).ok()
}

fn show(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
