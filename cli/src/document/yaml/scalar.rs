//! Scalars and keys: the values that all readers of YAML take for the same, and those that
//! are in doubt.

use super::fault;
use crate::document::{Doubt, Fault, Member, Node, Value};
use core::ops::Range;
use saphyr_parser::{ScalarStyle, Tag};

/// A member whose value comes next.
pub(super) fn key(node: Node) -> Result<Member, Fault> {
    let span = node.span.clone();
    let (key, doubt) = match node.value {
        Value::Text(text) if text == "<<" => {
            (text, Some("some readers merge an object here and others do not; write its keys out"))
        }
        Value::Text(text) => (text, None),
        Value::Number(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => (number, None),
        Value::Number(number) => (number, Some(QUOTE)),
        Value::Bool(value) => (value.to_string(), Some(QUOTE)),
        Value::Null => ("null".to_owned(), Some(QUOTE)),
        Value::Doubtful(text, doubt) => (text, Some(doubt)),
        Value::List(_) | Value::Object(_) => {
            return fault(&span, "a list or an object as a key; JSON has texts alone");
        }
    };
    let value = Node { span: span.end..span.end, value: Value::Null };
    Ok(Member { key, key_span: span, doubt, value })
}

const QUOTE: Doubt = "readers of YAML differ on this; put it in quotes";

/// The value of a scalar, by the core schema of YAML 1.2 where YAML 1.1 agrees.
pub(super) fn scalar(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    place: &Range<usize>,
) -> Result<Value, Fault> {
    if let Some(tag) = tag {
        return match &*tag.suffix {
            "str" | "" => Ok(Value::Text(text.to_owned())),
            _ => fault(place, format!("readers differ on the tag `{tag}`; leave it out")),
        };
    }
    if style != ScalarStyle::Plain {
        return Ok(Value::Text(text.to_owned()));
    }
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        text if is_json_number(text) => Value::Number(text.to_owned()),
        text if is_doubtful(text) => Value::Doubtful(text.to_owned(), QUOTE),
        text => Value::Text(text.to_owned()),
    })
}

/// Whether a plain scalar is a number of JSON, which all readers take for the same.
fn is_json_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) =
        text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) =
        mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let exponent = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        // YAML 1.1 asks for a point and a sign before it takes this for a number.
        && exponent.is_none_or(|exponent| digits(exponent) && fraction.is_some())
}

/// Whether a plain scalar is a text to some readers and something else to others:
/// words of YAML 1.1, numbers in other forms, sexagesimal ones among them.
fn is_doubtful(text: &str) -> bool {
    const WORDS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "=", ".nan"];
    let lower = text.to_ascii_lowercase();
    if WORDS.contains(&&*lower) {
        return true;
    }
    let number = lower.strip_prefix(['+', '-']).unwrap_or(&lower);
    if number == ".inf" {
        return true;
    }
    let Some(first) = number.bytes().next() else { return false };
    let begins = first.is_ascii_digit()
        || (first == b'.' && number.as_bytes().get(1).is_some_and(u8::is_ascii_digit));
    let hexadecimal = number.strip_prefix("0x").or_else(|| number.strip_prefix("0o"));
    let hexadecimal = hexadecimal.or_else(|| number.strip_prefix("0b"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'_'),
        None => {
            begins
                && number.bytes().all(|byte| byte.is_ascii_digit() || b"_.:e+-".contains(&byte))
                && !is_like_a_date(number)
        }
    }
}

/// Whether a scalar begins like a date, which no reader takes for a number.
fn is_like_a_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let digits = |part: Option<&str>, count| {
        part.is_some_and(|part| part.len() == count && part.bytes().all(|b| b.is_ascii_digit()))
    };
    digits(parts.next(), 4) && digits(parts.next(), 2)
}

#[cfg(test)]
mod tests {
    use super::super::read;

    #[test]
    fn scalars_that_readers_differ_on_are_doubts() {
        for text in [
            "yes", "No", "on", "OFF", "y", "010", "0x1f", "0o7", "0b11", "1_000", "+1", ".5", "1.",
            "1:30", ".inf", "-.INF", ".NaN", "1e3", "=",
        ] {
            let node = &read(&format!("a: {text}")).unwrap()[0];
            assert_eq!(node.doubts().len(), 1, "{text}");
        }
        for text in
            ["'yes'", "1", "-0.5", "1.5e+3", "true", "x", "1.2.3.4x", "2026-01-01", "0", "v1"]
        {
            let node = &read(&format!("a: {text}")).unwrap()[0];
            assert_eq!(node.doubts().len(), 0, "{text}");
        }
        let keys = &read("yes: 1\n'on': 2\n<<: 3\n1.0: 4\n7: 5\n").unwrap()[0];
        assert_eq!(keys.doubts().len(), 3);
    }
}
