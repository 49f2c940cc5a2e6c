//! The records in a line. The log's format decides what is around them: nothing, an
//! access log's other fields, Envoy's prefix and the filter's, a JSON access log in
//! which the record is a text, a container's log in which the whole line is one.
//!
//! A client can write text that looks like a record where a format logs a header as it
//! is. A line with two is not read, since nobody knows which is the filter's.

use super::record::Record;
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;

/// The beginning of every record.
const BEGIN: &[u8] = b"{\"decision\":\"";
/// The same within a text of JSON.
const QUOTED: &[u8] = b"{\\\"decision\\\":\\\"";
/// The first member as it is in any text that holds a record, in a text of JSON too.
const WORD: &[u8] = b"decision";
/// The words of `decision` in records.
const DECISIONS: [&str; 5] = ["allowed", "denied", "shadow", "approved", "refused"];
/// The members of records.
const MEMBERS: [&str; 21] = [
    "approval",
    "arguments",
    "arguments_hmac",
    "by",
    "decision",
    "grant",
    "limits",
    "message",
    "method",
    "more_arguments",
    "policy",
    "prompt",
    "reason",
    "refused",
    "request_id",
    "rule",
    "session",
    "shadow",
    "time",
    "tool",
    "values",
];
/// The deepest nesting of a line in a line.
const MAX_DEPTH: usize = 4;

/// The reasons for which a line has no record that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// There is none.
    None,
    /// There is one that is cut, or that is not as the filter writes it.
    Broken,
    /// There are several, of which one may be the client's own text.
    Several,
}

/// Shows the records of a line to `take`: one, or those of a batch.
///
/// # Errors
/// There are none, or the line cannot be read.
pub(crate) fn records(line: &[u8], mut take: impl FnMut(&[Record<'_>])) -> Result<(), Miss> {
    if memchr::memmem::find(line, WORD).is_none() {
        return Err(Miss::None);
    }
    let text = core::str::from_utf8(line).map_err(|_| Miss::Broken)?;
    let mut found = None;
    if search(text, 0, &mut found, &mut take)? { Ok(()) } else { Err(Miss::None) }
}

/// Looks for the one record, or the one list of a batch's records, in a text. What is
/// found deeper is kept until nothing else can be: it is shown at the end.
fn search(
    text: &str,
    depth: usize,
    found: &mut Option<String>,
    take: &mut dyn FnMut(&[Record<'_>]),
) -> Result<bool, Miss> {
    if let Some((records, it)) = outright(text)? {
        if found.is_some() {
            return Err(Miss::Several);
        }
        if depth == 0 {
            take(&records);
        } else {
            *found = Some(it.to_owned());
        }
        return Ok(true);
    }
    if depth == MAX_DEPTH || !text.trim_start().starts_with('{') {
        return Ok(false);
    }
    let Ok(members) = serde_json::from_str::<Members<'_>>(text) else { return Ok(false) };
    for value in members.0 {
        let value = value.get();
        if memchr::memmem::find(value.as_bytes(), WORD).is_none() {
            continue;
        }
        let depth = depth.saturating_add(1);
        if value.starts_with('{') {
            search(value, depth, found, take)?;
        } else if value.starts_with('"')
            && let Ok(inner) = serde_json::from_str::<String>(value)
        {
            search(&inner, depth, found, take)?;
        }
    }
    let Some(text) = found else { return Ok(false) };
    if depth == 0 {
        let text = core::mem::take(text);
        search(&text, 0, &mut None, take)?;
    }
    Ok(true)
}

/// The records that a text has outright, and the part of it that they are.
///
/// # Errors
/// There are several, of which nothing shows which is the filter's, or they cannot be read.
fn outright(text: &str) -> Result<Option<(Vec<Record<'_>>, &str)>, Miss> {
    let Some(at) = memchr::memmem::find(text.as_bytes(), BEGIN) else {
        return Ok(rewritten(text)?.map(|records| (records, text)));
    };
    let before = at.checked_sub(1);
    let is_batch = before.and_then(|at| text.as_bytes().get(at)) == Some(&b'[');
    let from = if is_batch { before.unwrap_or(at) } else { at };
    let rest = text.get(from..).unwrap_or_default();
    let (records, read) = if is_batch {
        first::<Vec<_>>(rest)?
    } else {
        let (one, read) = first::<Record<'_>>(rest)?;
        (vec![one], read)
    };
    let (it, after) = rest.split_at_checked(read).unwrap_or((rest, ""));
    let around = text.get(..from).unwrap_or_default();
    let has = |text: &str, begin| memchr::memmem::find(text.as_bytes(), begin).is_some();
    if has(after, BEGIN) || has(after, QUOTED) || has(around, QUOTED) {
        return Err(Miss::Several);
    }
    Ok(Some((records, it)))
}

/// The records of a text that another program wrote anew, such as a shipper of logs:
/// with white space, or with their members in another order.
///
/// # Errors
/// A record is quoted within, and nothing shows which of both is the filter's.
fn rewritten(text: &str) -> Result<Option<Vec<Record<'_>>>, Miss> {
    let text = text.trim();
    let records = match text.as_bytes().first() {
        Some(b'{') => serde_json::from_str(text).map(|record| vec![record]),
        Some(b'[') => serde_json::from_str(text),
        _ => return Ok(None),
    };
    let is_one =
        |record: &Record<'_>| record.policy.is_some() && DECISIONS.contains(&&*record.decision);
    let Some(records) = records.ok().filter(|all: &Vec<_>| !all.is_empty()) else {
        return Ok(None);
    };
    if !records.iter().all(is_one) {
        return Ok(None);
    }
    // A record may quote a text of the client's. An object with other members may be a line
    // of a log, and the record a part of it.
    let quotes = memchr::memmem::find(text.as_bytes(), QUOTED).is_some();
    if quotes && !has_own_members(text) { Err(Miss::Several) } else { Ok(Some(records)) }
}

/// Whether the objects of a text have no members but those of records.
fn has_own_members(text: &str) -> bool {
    let is_own = |one: &Value| {
        one.as_object().is_some_and(|all| all.keys().all(|key| MEMBERS.contains(&&**key)))
    };
    match serde_json::from_str(text) {
        Ok(Value::Array(all)) => all.iter().all(is_own),
        Ok(one) => is_own(&one),
        Err(_) => false,
    }
}

/// The value at the beginning of a text, and how many bytes it takes.
fn first<'a, T: Deserialize<'a>>(text: &'a str) -> Result<(T, usize), Miss> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<T>();
    match values.next() {
        Some(Ok(value)) => Ok((value, values.byte_offset())),
        _ => Err(Miss::Broken),
    }
}

/// The values of an object's members.
struct Members<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut values = Vec::new();
                while let Some((_, value)) = map.next_entry::<IgnoredAny, &'de RawValue>()? {
                    if values.len() == 1_000 {
                        return Err(de::Error::custom("too many members"));
                    }
                    values.push(value);
                }
                Ok(Members(values))
            }
        }
        from.deserialize_map(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::{Miss, records};

    const ONE: &str = r#"{"decision":"denied","reason":"denied","rule":"/tools/a/action","message":"No \"a\".","method":"tools/call","tool":"a","time":"2024-10-04T00:00:00.000Z","policy":"3f9a1c0e8d27"}"#;

    fn found(line: &str) -> Result<Vec<(String, String)>, Miss> {
        let mut all = Vec::new();
        records(line.as_bytes(), |found| {
            let one = |record: &super::Record<'_>| {
                let text = |text: &Option<super::super::record::Text<'_>>| {
                    text.as_deref().unwrap_or("-").to_owned()
                };
                (text(&record.tool), text(&record.message))
            };
            all.extend(found.iter().map(one));
        })
        .map(|()| all)
    }

    #[test]
    fn a_record_is_found_whatever_the_format_puts_around_it() {
        let quoted = serde_json::to_string(ONE).unwrap();
        let access = format!(
            "[2024-10-04T00:00:00.000Z] POST /mcp 200 mcp_policy_filter:denied - 1ms {ONE}"
        );
        let in_container = serde_json::to_string(&access).unwrap();
        for line in [
            ONE.to_owned(),
            access.clone(),
            format!(
                "[2024-10-04 00:00:00.000][12][info][wasm] [context.cc:1] wasm log mcp-policy: mcp-policy-audit {ONE}"
            ),
            format!("POST {ONE} 17ms"),
            format!(r#"{{"status":200,"audit":{quoted},"agent":"x"}}"#),
            format!(r#"{{"status":200,"audit":{ONE}}}"#),
            format!(r#"{{"log":{in_container},"stream":"stdout"}}"#),
            format!("2024-10-04T00:00:00Z stdout F {access}"),
            format!(" {{ \"decision\" : 1, \"audit\": {ONE} }}"),
        ] {
            assert_eq!(found(&line), Ok(vec![("a".into(), "No \"a\".".into())]), "{line}");
        }
    }

    #[test]
    fn a_record_that_another_program_wrote_anew_is_one() {
        let anew = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        // Its members are in the order of their names, and then there is white space.
        let sorted =
            r#"{"policy":"3f9a1c0e8d27","tool":"a","decision":"denied","message":"No \"a\"."}"#;
        let spaced = ONE.replace("\":", "\": ").replace(",\"", ", \"").replacen('{', "{ ", 1);
        for one in [sorted.to_owned(), spaced] {
            assert_eq!(anew(&one)["tool"], "a");
            let quoted = serde_json::to_string(&one).unwrap();
            for line in [
                one.clone(),
                format!(" {one} "),
                format!("[{one}]"),
                format!(r#"{{"status":200,"audit":{one}}}"#),
                format!(r#"{{"status":200,"audit":{quoted}}}"#),
            ] {
                assert_eq!(found(&line), Ok(vec![("a".into(), "No \"a\".".into())]), "{line}");
            }
            for line in [
                format!(r#"{{"agent":{quoted},"audit":{quoted}}}"#),
                format!(r#"{{"agent":{quoted},"audit":{one}}}"#),
            ] {
                assert_eq!(found(&line), Err(Miss::Several), "{line}");
            }
        }
        // Two objects that may both be the record, and objects that only begin like one.
        let quoted = serde_json::to_string(ONE).unwrap();
        let around = format!(r#"{{"policy":"x","decision":"denied","audit":{quoted}}}"#);
        assert_eq!(found(&around), Err(Miss::Several));
        // A client's text that looks like a record makes none, wherever it is recorded.
        let forged = serde_json::to_string(r#"{"decision":"allowed","tool":"b"}"#).unwrap();
        let genuine = format!(
            r#"{{"decision": "denied", "method": {forged}, "tool": "a", "message": "No \"a\".",
                "values": {{"args.x": {forged}}}, "policy": "x"}}"#
        );
        let inside = serde_json::to_string(&genuine).unwrap();
        for line in [genuine.clone(), format!(r#"{{"log":{inside}}}"#), format!("[{genuine}]")] {
            assert_eq!(found(&line), Ok(vec![("a".into(), "No \"a\".".into())]), "{line}");
        }
        let tagged = genuine.replacen('{', r#"{"host": "h", "#, 1);
        assert_eq!(found(&tagged), Err(Miss::Several));
        for line in [r#"{"a":1,"decision":"denied"}"#, r#"{"policy":"x","decision":"maybe"}"#, "[]"]
        {
            assert_eq!(found(line), Err(Miss::None), "{line}");
        }
    }

    #[test]
    fn the_records_of_a_batch_are_one_list() {
        let line = format!("POST [{ONE},{ONE}]");
        assert_eq!(found(&line).map(|all| all.len()), Ok(2));
        let quoted = serde_json::to_string(&format!("[{ONE},{ONE},{ONE}]")).unwrap();
        assert_eq!(found(&format!("{{\"a\":{quoted}}}")).map(|all| all.len()), Ok(3));
    }

    #[test]
    fn a_line_without_a_record_or_with_two_is_said_to_be_one() {
        let quoted = serde_json::to_string(ONE).unwrap();
        for (line, miss) in [
            (String::new(), Miss::None),
            ("GET / -".into(), Miss::None),
            ("a decision was made".into(), Miss::None),
            (format!("{ONE} {ONE}"), Miss::Several),
            (format!("{{\"agent\":{quoted},\"audit\":{quoted}}}"), Miss::Several),
            (format!("{{\"agent\":{ONE},\"audit\":{quoted}}}"), Miss::Several),
            (ONE[..60].to_owned(), Miss::Broken),
            (format!("[{},", ONE), Miss::Broken),
            (r#"{"decision":"denied","limits":7}"#.into(), Miss::Broken),
        ] {
            assert_eq!(found(&line), Err(miss), "{line}");
        }
        let mut invalid = ONE.as_bytes().to_vec();
        invalid.push(0xff);
        assert_eq!(records(&invalid, |_| {}), Err(Miss::Broken));
    }
}
