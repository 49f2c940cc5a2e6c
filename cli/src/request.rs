//! A request as it is typed: a call in the notation of the pages, or a message, with the
//! headers, the claims and the certificate that come with it.

mod caller;

pub(crate) use caller::name;

use crate::document::position;
use crate::failure::Failure;
use crate::input;
use crate::output::shown;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::policy::condition::Payload;
use mcp_policy_filter::simulate::notation::Ask;
use std::borrow::Cow;

/// A request of a call: in the notation of the pages, or a message of JSON-RPC; `@FILE`
/// and `-` are texts of the same kinds.
///
/// # Errors
/// The text is none of these, or cannot be read.
pub(crate) fn parse(call: &str, policy: &Policy) -> Result<Ask, Failure> {
    let bytes: Cow<'_, [u8]> = match call.strip_prefix('@') {
        Some(file) => input::bytes(file)?.into(),
        None if call == input::STDIN => input::bytes(call)?.into(),
        None => call.as_bytes().into(),
    };
    let text = match core::str::from_utf8(&bytes) {
        Ok(text) if !text.trim_start().starts_with(['{', '[']) => text.trim(),
        // A message, or a body to which the filter has an answer.
        _ => return Ok(Ask { body: bytes.to_vec(), ..Ask::post("").where_mcp_is(policy) }),
    };
    let ask = Ask::parse(text).map_err(|error| {
        let place = match position(text, error.at) {
            (1, 1) => String::new(),
            (1, column) => format!(", column {column}"),
            (line, column) => format!(", line {line} column {column}"),
        };
        Failure::new(format!("the call{place}: {}", shown(&error.to_string())))
    })?;
    let mut words = text.split_whitespace();
    if words.next() == Some("POST") && !words.next().is_some_and(|word| word.starts_with('/')) {
        return Err(Failure::new(format!(
            "the call: `{}` names no path; write `POST /mcp METHOD`",
            shown(text)
        )));
    }
    let names_path = text.split_whitespace().nth(1).is_some_and(|word| word.starts_with('/'));
    Ok(if names_path { ask } else { ask.where_mcp_is(policy) })
}

/// Adds a header as typed: `NAME: VALUE`. A first one takes the place of that of the
/// notation.
///
/// # Errors
/// It has another form.
pub(crate) fn add_header(ask: &mut Ask, typed: &str) -> Result<(), Failure> {
    let wrong = || {
        let typed = shown(typed);
        Failure::new(format!("--header `{typed}`: write it as `NAME: VALUE`, on one line"))
    };
    let (name, value) = typed.split_once(':').ok_or_else(wrong)?;
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
    let is_name = |c: char| c.is_ascii_graphic() && !"\"(),/:;<=>?@[\\]{}".contains(c);
    if name.is_empty() || !name.chars().all(is_name) || value.chars().any(char::is_control) {
        return Err(wrong());
    }
    let usual = Ask::post("").headers;
    ask.headers.retain(|pair| pair.0 != name || !usual.contains(pair));
    ask.headers.push((name, value.to_owned()));
    Ok(())
}

/// The claims of a verified token, which are an object of JSON or `@FILE`.
///
/// # Errors
/// They cannot be read, or are not one object that all readers take for the same.
pub(crate) fn claims(typed: &str) -> Result<Payload, Failure> {
    match payload(typed)? {
        object @ Payload::Object(_) => Ok(object),
        _ => Err(Failure::new(
            "--claims: not one JSON object, read strictly; write it as `{\"sub\": \"alice\"}`, or try \
             a payload that cannot be read with --payload",
        )),
    }
}

/// The text of the filter state that holds the claims, whatever it is.
///
/// # Errors
/// It cannot be read.
pub(crate) fn payload(typed: &str) -> Result<Payload, Failure> {
    let text = match typed.strip_prefix('@') {
        Some(file) => input::text(file)?,
        None => typed.to_owned(),
    };
    Ok(Payload::read(Some(text.into_bytes())))
}
