//! From a body to a message, in one pass.

use super::keys::look_alike;
use super::{
    Call, DecodeError, DecodeErrorKind, INVALID_REQUEST, Id, Message, PARSE_ERROR, Params,
};
use crate::wire::json::{Decimal, JsonError, Kind, Members, Raw, Reader, Text};

/// The most messages in one body.
const MAX_BATCH: usize = 64;

/// The members of the envelope, in whatever order.
#[derive(Default)]
struct Envelope<'a> {
    jsonrpc: Option<Raw<'a>>,
    id: Seen<'a>,
    method: Option<Raw<'a>>,
    params: Params<'a>,
    result: bool,
    error: bool,
    /// The first fault of the message, as distinct from faults of its JSON, and its
    /// offset.
    problem: Option<(DecodeErrorKind, usize)>,
}

/// An id that may have been given more than once.
#[derive(Default)]
enum Seen<'a> {
    #[default]
    Never,
    Once(Raw<'a>),
    Ambiguous,
}

impl<'a> Envelope<'a> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        if reader.peek() == Some(b'{') {
            return reader.object(|reader, key, at| self.member(reader, key, at));
        }
        reader.value().map(|raw| self.object_to(DecodeErrorKind::NotAnObject, raw.at))
    }

    fn member(
        &mut self,
        reader: &mut Reader<'a>,
        key: Text<'a>,
        at: usize,
    ) -> Result<(), JsonError> {
        if key.is("params") {
            return self.params(reader);
        }
        let value = reader.value()?;
        if key.is("jsonrpc") {
            self.jsonrpc = Some(value);
        } else if key.is("id") {
            self.id = match self.id {
                Seen::Never => Seen::Once(value),
                Seen::Once(_) | Seen::Ambiguous => Seen::Ambiguous,
            };
        } else if key.is("method") {
            self.method = Some(value);
        } else if key.is("result") {
            self.result = true;
        } else if key.is("error") {
            self.error = true;
        } else {
            let word = look_alike(key);
            if word == Some("id") {
                self.id = Seen::Ambiguous;
            }
            self.object_to(word.map_or(DecodeErrorKind::Member, DecodeErrorKind::LookAlikeKey), at);
        }
        Ok(())
    }

    fn params(&mut self, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        if reader.peek() != Some(b'{') {
            self.params.all = Some(reader.value()?);
            return Ok(());
        }
        let mut found = Params::default();
        let all = reader.spanned_object(|reader, key, at| {
            if key.is("arguments") {
                found.members = Members::default();
                found.arguments = Some(arguments(reader, &mut found.members)?);
                return Ok(());
            }
            let value = reader.value()?;
            if key.is("name") {
                found.name = Some(value);
            } else if key.is("uri") {
                found.uri = Some(value);
            } else if key.is("_meta") {
                found.meta = Some(value);
            } else if let Some(word) = look_alike(key) {
                self.object_to(DecodeErrorKind::LookAlikeKey(word), at);
            }
            Ok(())
        })?;
        self.params = Params { all: Some(all), ..found };
        Ok(())
    }

    fn object_to(&mut self, problem: DecodeErrorKind, at: usize) {
        self.problem.get_or_insert((problem, at));
    }

    /// The id, if there is exactly one and it is of a legal kind.
    fn id(&self) -> Option<Id<'a>> {
        match self.id {
            Seen::Once(raw) if is_id(raw) => Some(Id(raw.text)),
            _ => None,
        }
    }

    fn message(self) -> Result<Message<'a>, (DecodeErrorKind, usize)> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        match self.jsonrpc {
            Some(Raw { kind: Kind::String(version), .. }) if version.is("2.0") => {}
            other => return Err((DecodeErrorKind::Version, other.map_or(0, |raw| raw.at))),
        }
        let id = match self.id {
            Seen::Never => None,
            Seen::Once(raw) if is_id(raw) => Some(Id(raw.text)),
            Seen::Once(raw) => return Err((DecodeErrorKind::Id, raw.at)),
            Seen::Ambiguous => return Err((DecodeErrorKind::Id, 0)),
        };
        match self.method {
            Some(Raw { kind: Kind::String(method), at, .. }) => {
                if self.result || self.error {
                    return Err((DecodeErrorKind::Shape, at));
                }
                Ok(Message::Call(Call { id, method, params: self.params }))
            }
            Some(other) => Err((DecodeErrorKind::Method, other.at)),
            None if self.result != self.error && id.is_some() => Ok(Message::Response),
            None => Err((DecodeErrorKind::Shape, 0)),
        }
    }
}

/// Reads the arguments, and remembers their members: policy mostly looks
/// at them.
fn arguments<'a>(reader: &mut Reader<'a>, members: &mut Members<'a>) -> Result<Raw<'a>, JsonError> {
    if reader.peek() != Some(b'{') || !reader.is_strict() {
        return reader.value();
    }
    reader.spanned_object(|reader, key, _| {
        members.push(key, reader.value()?);
        Ok(())
    })
}

/// Whether a value may be an id: a string, or a number without a fraction or
/// an exponent (`1.0` comes back as `1` from some servers).
fn is_id(raw: Raw<'_>) -> bool {
    match raw.kind {
        Kind::String(_) => true,
        Kind::Number => Decimal::is_spelt_whole(raw.text),
        _ => false,
    }
}

/// Reads one message from a body whose values are nested at most `max_depth`
/// deep.
///
/// # Errors
/// The first reason for which the body must not go on: text that is not JSON
/// first, then ambiguity, then the message's form.
pub fn decode(body: &[u8], max_depth: usize) -> Result<Message<'_>, DecodeError<'_>> {
    one(Reader::new(body, max_depth))
}

/// Reads as much of one message as its refusal takes, at a fraction of the price
/// of [`decode`]. Readers may disagree on what is found: it must not go on.
///
/// # Errors
/// As [`decode`], without what readers may disagree on.
pub fn outline(body: &[u8], max_depth: usize) -> Result<Message<'_>, DecodeError<'_>> {
    one(Reader::outline(body, max_depth))
}

fn one<'a>(reader: Result<Reader<'a>, JsonError>) -> Result<Message<'a>, DecodeError<'a>> {
    let mut envelope = Envelope::default();
    let ambiguity = read(reader, |reader| {
        if reader.peek() == Some(b'[') {
            return reader.value().map(|raw| envelope.object_to(DecodeErrorKind::Batch, raw.at));
        }
        envelope.read(reader)
    })?;
    let id = envelope.id();
    match ambiguity {
        Some(fault) => Err(DecodeError { id, ..json(fault) }),
        None => envelope.message().map_err(|problem| request(problem, id)),
    }
}

/// Reads an array of messages, each by the rules of [`decode`]: 1 to 64 of them,
/// no two with ids that a reader may take for the same.
///
/// # Errors
/// As [`decode`], of the whole array.
pub fn decode_batch(body: &[u8], max_depth: usize) -> Result<Vec<Message<'_>>, DecodeError<'_>> {
    several(Reader::new(body, max_depth))
}

/// Reads as much of an array of messages as its refusal takes: see [`outline`].
///
/// # Errors
/// As [`decode_batch`], without what readers may disagree on.
pub fn outline_batch(body: &[u8], max_depth: usize) -> Result<Vec<Message<'_>>, DecodeError<'_>> {
    several(Reader::outline(body, max_depth))
}

#[cold]
fn several<'a>(reader: Result<Reader<'a>, JsonError>) -> Result<Vec<Message<'a>>, DecodeError<'a>> {
    let mut envelopes: Vec<Envelope<'_>> = Vec::new();
    let mut count = 0_usize;
    let ambiguity = read(reader, |reader| {
        reader.array(|reader| {
            count = count.saturating_add(1);
            let mut envelope = Envelope::default();
            envelope.read(reader)?;
            if count <= MAX_BATCH {
                envelopes.push(envelope);
            }
            Ok(())
        })
    })?;
    if let Some(fault) = ambiguity {
        return Err(json(fault));
    }
    if !(1..=MAX_BATCH).contains(&count) {
        return Err(request((DecodeErrorKind::BatchSize, 0), None));
    }
    let mut ids = Vec::new();
    let mut messages = Vec::new();
    for envelope in envelopes {
        if let Some(id) = envelope.id().map(Id::value) {
            if id.is_none() || ids.contains(&id) {
                return Err(request((DecodeErrorKind::BatchIds, 0), None));
            }
            ids.push(id);
        }
        messages.push(envelope.message().map_err(|problem| request(problem, None))?);
    }
    Ok(messages)
}

/// Reads a whole body by `value`. Returns the first ambiguity in it.
fn read<'a>(
    reader: Result<Reader<'a>, JsonError>,
    value: impl FnOnce(&mut Reader<'a>) -> Result<(), JsonError>,
) -> Result<Option<JsonError>, DecodeError<'a>> {
    let mut reader = reader.map_err(json)?;
    value(&mut reader).and_then(|()| reader.end()).map_err(json)?;
    Ok(reader.ambiguity())
}

#[cold]
fn json<'a>(fault: JsonError) -> DecodeError<'a> {
    let code = if fault.kind.is_syntax() { PARSE_ERROR } else { INVALID_REQUEST };
    DecodeError { code, id: None, problem: DecodeErrorKind::Json(fault.kind), at: fault.at }
}

#[cold]
fn request((problem, at): (DecodeErrorKind, usize), id: Option<Id<'_>>) -> DecodeError<'_> {
    DecodeError { code: INVALID_REQUEST, id, problem, at }
}

#[cfg(test)]
mod tests;
