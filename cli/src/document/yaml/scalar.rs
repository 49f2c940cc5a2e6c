//! Scalars and keys: the values that all readers of YAML take for the same, and those that
//! are in doubt.

use super::fault;
use crate::document::{Doubt, Fault, Member, Node, Value, survives};
use core::ops::Range;
use saphyr_parser::{ScalarStyle, Tag};

/// A member whose value comes next.
pub(super) fn key(node: Node) -> Result<Member, Fault> {
    let span = node.span.clone();
    let (key, doubt) = match node.value {
        Value::Text(text) if text == "<<" => (text, Some(MERGE.into())),
        Value::Text(text) => (text, None),
        Value::Number(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => (number, None),
        Value::Number(number) => (number, Some(QUOTE.into())),
        Value::Bool(value) => (value.to_string(), Some(QUOTE.into())),
        Value::Null => ("null".to_owned(), Some(QUOTE.into())),
        // A key is a text, whatever it looks like.
        Value::Doubtful(text, _) => (text, Some(QUOTE.into())),
        Value::List(_) | Value::Object(_) => {
            return fault(&span, "a list or an object as a key; JSON has texts alone");
        }
    };
    let value = Node { span: span.end..span.end, value: Value::Null };
    Ok(Member { key, key_span: span, doubt, value })
}

const MERGE: &str = "some readers merge an object here and others do not; write its keys out";
const QUOTE: &str = "readers of YAML differ on this; put it in quotes";

/// The doubt about a scalar: its author may mean the value that some readers take it for.
fn doubt(text: &str) -> Doubt {
    let text = text.to_ascii_lowercase();
    let meant = match &*text {
        "y" | "yes" | "on" => Some("true".to_owned()),
        "n" | "no" | "off" => Some("false".to_owned()),
        text => number(text),
    };
    match meant {
        Some(value) => format!(
            "readers of YAML differ on this; write `{value}`, or put it in quotes if it is a text"
        )
        .into(),
        None => QUOTE.into(),
    }
}

/// The number that a scalar is to all who take it for one, as JSON.
fn number(text: &str) -> Option<String> {
    const FORMS: [(&str, u32); 3] = [("0x", 16), ("0o", 8), ("0b", 2)];
    let digits = text.trim_start_matches(['+', '-']).replace('_', "");
    let form = FORMS.iter().find_map(|(start, base)| Some((digits.strip_prefix(start)?, *base)));
    let number = match form {
        Some((digits, base)) => u64::from_str_radix(digits, base).ok()?.to_string(),
        // With zeros in front it is octal to some and decimal to others.
        None if digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            return None;
        }
        None => digits.parse::<f64>().ok().filter(|number| number.is_finite())?.to_string(),
    };
    let sign = if text.starts_with('-') { "-" } else { "" };
    survives(&number).then(|| format!("{sign}{number}"))
}

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
        text if is_doubtful(text) => Value::Doubtful(text.to_owned(), doubt(text)),
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
        for (text, value) in [
            ("Yes", "true"),
            ("y", "true"),
            ("ON", "true"),
            ("no", "false"),
            ("N", "false"),
            ("off", "false"),
            ("1e6", "1000000"),
            ("-1_000", "-1000"),
            ("+1", "1"),
            (".5", "0.5"),
            ("0x1f", "31"),
            ("0o17", "15"),
            ("0b11", "3"),
        ] {
            let node = &read(&format!("a: [{text}]")).unwrap()[0];
            let doubt = &node.doubts()[0];
            assert_eq!(doubt.pointer, "/a/0");
            assert_eq!(
                doubt.message(),
                format!(
                    "`{text}`: readers of YAML differ on this; write `{value}`, or put it in quotes \
                     if it is a text"
                )
            );
        }
        for text in ["010", "1:30", ".inf", "1e400", "=", "0x1fffffffffffffffff"] {
            let node = &read(&format!("a: {text}")).unwrap()[0];
            let told = format!("`{text}`: readers of YAML differ on this; put it in quotes");
            assert_eq!(node.doubts()[0].message(), told);
        }
        let keys = &read("yes: 1\n'on': 2\n<<: 3\n1.0: 4\n7: 5\n").unwrap()[0];
        assert_eq!(keys.doubts().len(), 3);
    }
}
