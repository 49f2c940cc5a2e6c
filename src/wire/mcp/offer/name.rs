//! The name of a prompt and the URI of a resource: texts, neither long nor with control
//! characters.

use super::{Fault, Offer, OfferKind, wrong};
use crate::wire::json::{Kind, Raw};
use std::borrow::Cow;

/// The most bytes of a prompt's name.
pub const MAX_PROMPT_NAME: usize = 256;
/// The most bytes of a URI.
pub const MAX_URI: usize = 2_048;

/// The messages about a member: where it is missing, where it is not a text, where it is
/// empty, too long, and where it has a control character.
type Messages = [&'static str; 5];

pub(super) const MISSING_NAME: Messages = [
    "`params.name` is missing",
    "`params.name` must be a string",
    "`params.name` is empty",
    "`params.name` is longer than 256 bytes",
    "`params.name` holds a control character",
];
pub(super) const MISSING_REF_NAME: Messages = [
    "`params.ref.name` is missing",
    "`params.ref.name` must be a string",
    "`params.ref.name` is empty",
    "`params.ref.name` is longer than 256 bytes",
    "`params.ref.name` holds a control character",
];
pub(super) const MISSING_URI: Messages = [
    "`params.uri` is missing",
    "a URI must be a string",
    "a URI is empty",
    "a URI is longer than 2048 bytes",
    "a URI holds a control character",
];
pub(super) const MISSING_REF_URI: Messages = [
    "`params.ref.uri` is missing",
    "a URI must be a string",
    "a URI is empty",
    "a URI is longer than 2048 bytes",
    "a URI holds a control character",
];

pub(super) fn prompt<'a>(
    name: Option<Raw<'a>>,
    messages: Messages,
    at: usize,
) -> Result<Offer<'a>, Fault> {
    let name = text(name, messages, at, MAX_PROMPT_NAME)?;
    Ok(Offer { kind: OfferKind::Prompt, name, template: false })
}

pub(super) fn resource<'a>(
    uri: Option<Raw<'a>>,
    messages: Messages,
    at: usize,
    template: bool,
) -> Result<Offer<'a>, Fault> {
    let name = text(uri, messages, at, MAX_URI)?;
    Ok(Offer { kind: OfferKind::Resource, name, template })
}

fn text<'a>(
    raw: Option<Raw<'a>>,
    [missing, no_text, empty, long, control]: Messages,
    at: usize,
    most: usize,
) -> Result<Cow<'a, str>, Fault> {
    let raw = raw.ok_or(wrong(missing, at))?;
    let Kind::String(text) = raw.kind else { return Err(wrong(no_text, raw.at)) };
    let text = text.decode();
    let fault = match text.len() {
        0 => empty,
        length if length > most => long,
        _ if text.chars().any(char::is_control) => control,
        _ => return Ok(text),
    };
    Err(wrong(fault, raw.at))
}
