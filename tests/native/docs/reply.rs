//! Replies on a page and as the core makes them, compared as values.

use super::same;
use serde_json::Value;

/// The policy's digest where an example does not say whose it is.
const ANY_DIGEST: &str = "3f9a1c0e8d27";

/// The beginning of the ids of requests for approval, which no example can foresee.
const ANY_REQUEST: &str = "apr_";

/// The seconds of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seconds {
    /// Those that are shown.
    Shown,
    /// Any, since the clock is not the example's own.
    Any,
}

/// Compares two JSON texts as values, without the policy's digest where any is
/// meant.
pub fn same_reply(shown: &str, found: &[u8], seconds: Seconds) -> Result<(), String> {
    let any_digest = [ANY_DIGEST, ANY_REQUEST].iter().any(|any| shown.contains(any));
    let normal = |text: &[u8]| -> Result<Value, String> {
        let mut value: Value = serde_json::from_slice(text).map_err(|e| e.to_string())?;
        forget(&mut value, any_digest, seconds);
        Ok(value)
    };
    let (shown, found) = (normal(shown.as_bytes())?, normal(found)?);
    same(&format!("{shown:#}\n"), &format!("{found:#}\n"))
}

/// A text without the sixteen letters of each id in it.
fn without_ids(text: &str) -> String {
    let mut parts = text.split(ANY_REQUEST);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + ANY_REQUEST + part.get(16..).unwrap_or_default())
}

fn forget(value: &mut Value, any_digest: bool, seconds: Seconds) {
    for element in value.as_array_mut().into_iter().flatten() {
        forget(element, any_digest, seconds);
    }
    for (key, value) in value.as_object_mut().into_iter().flatten() {
        let digest = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_hexdigit());
        match (&**key, &mut *value) {
            (_, Value::String(text)) if any_digest && text.contains(ANY_REQUEST) => {
                *text = without_ids(text);
            }
            ("policy", Value::String(text)) if any_digest && digest(text) => text.clear(),
            ("digest", Value::String(text)) if any_digest && text.len() == 64 => text.clear(),
            ("retry_after", Value::Number(_)) if seconds == Seconds::Any => *value = Value::Null,
            ("message", Value::String(text)) if seconds == Seconds::Any => {
                text.retain(|c| !c.is_ascii_digit());
            }
            (_, value) => forget(value, any_digest, seconds),
        }
    }
}
