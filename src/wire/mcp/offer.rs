//! The prompts and resources that a message names.
//!
//! A key that only some readers take for `uri` or `ref` would have the policy asked about
//! one resource while the server reads another, so it is refused.

use crate::wire::json::{JsonError, Kind, Raw, Reader, Text, fold_ascii};
use crate::wire::jsonrpc::{DecodeErrorKind, Params};
use std::borrow::Cow;

/// The most bytes of a prompt's name.
pub const MAX_PROMPT_NAME: usize = 256;
/// The most bytes of a URI.
pub const MAX_URI: usize = 2_048;
/// The most URIs of one message.
const MAX_URIS: usize = 64;

/// The offers of a server besides its tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferKind {
    /// Prompts, which have names.
    Prompt,
    /// Resources, which have URIs.
    Resource,
}

impl OfferKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Prompt, Self::Resource];

    /// The word for one of them.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Resource => "resource",
        }
    }

    /// The key of a policy for all of them.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Prompt => "prompts",
            Self::Resource => "resources",
        }
    }

    /// The kinds that a method may name.
    pub fn of_method(method: &str) -> &'static [Self] {
        match method {
            "prompts/get" => &[Self::Prompt],
            "resources/read"
            | "resources/subscribe"
            | "resources/unsubscribe"
            | "subscriptions/listen" => &[Self::Resource],
            "completion/complete" => &Self::ALL,
            _ => &[],
        }
    }
}

/// A prompt or a resource that a message names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer<'a> {
    /// The kind.
    pub kind: OfferKind,
    /// The name of a prompt, or the URI of a resource.
    pub name: Cow<'a, str>,
    /// Whether the URI may be a template, with braces for what a client fills in.
    pub template: bool,
}

impl Offer<'_> {
    /// The same with nothing borrowed.
    pub fn into_owned(self) -> Offer<'static> {
        let Offer { kind, name, template } = self;
        Offer { kind, name: Cow::Owned(name.into_owned()), template }
    }

    /// The same, borrowed from this one.
    pub fn lent(&self) -> Offer<'_> {
        let Offer { kind, name, template } = self;
        Offer { kind: *kind, name: Cow::Borrowed(name), template: *template }
    }
}

/// All prompts or resources that a message names.
#[derive(Debug, PartialEq, Eq)]
pub struct Offers<'a> {
    /// The first; of a subscription to nothing, none.
    pub first: Option<Offer<'a>>,
    /// The others, which only a subscription has.
    pub others: Vec<Offer<'a>>,
}

type Fault = (DecodeErrorKind, usize);

impl<'a> Offers<'a> {
    /// Reads the parameters of a method that names some.
    ///
    /// # Errors
    /// The problem, and its byte offset.
    pub fn parse(method: &str, params: &Params<'a>) -> Result<Self, Fault> {
        let Some(all @ Raw { kind: Kind::Object, .. }) = params.all else {
            return Err(wrong("`params` must be an object", params.all.map_or(0, |raw| raw.at)));
        };
        match method {
            "prompts/get" => one(prompt(params.name, MISSING_NAME, all.at)?),
            "completion/complete" => reference(all).and_then(one),
            "subscriptions/listen" => subscriptions(all),
            _ => {
                // The key was found while the body was decoded, others like it were not.
                members(all, &["uri"])?;
                one(resource(params.uri, MISSING_URI, all.at, false)?)
            }
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Offer<'a>> {
        self.first.iter().chain(&self.others)
    }
}

fn one(offer: Offer<'_>) -> Result<Offers<'_>, Fault> {
    Ok(Offers { first: Some(offer), others: Vec::new() })
}

/// The `ref` of a completion.
fn reference(params: Raw<'_>) -> Result<Offer<'_>, Fault> {
    let [found, ..] = members(params, &["ref"])?;
    let found = found.ok_or(wrong("`params.ref` is missing", params.at))?;
    if !matches!(found.kind, Kind::Object) {
        return Err(wrong("`params.ref` must be an object", found.at));
    }
    let [kind, name, uri] = members(found, &["type", "name", "uri"])?;
    let kind = match kind.map(|raw| raw.kind) {
        Some(Kind::String(text)) if text.is("ref/prompt") => OfferKind::Prompt,
        Some(Kind::String(text)) if text.is("ref/resource") => OfferKind::Resource,
        _ => {
            let at = kind.map_or(found.at, |raw| raw.at);
            return Err(wrong("`params.ref.type` must be `ref/prompt` or `ref/resource`", at));
        }
    };
    match kind {
        OfferKind::Prompt => no_other(uri).and(prompt(name, MISSING_REF_NAME, found.at)),
        OfferKind::Resource => no_other(name).and(resource(uri, MISSING_REF_URI, found.at, true)),
    }
}

/// Some servers tell the two kinds of references apart by the member that is there.
fn no_other(other: Option<Raw<'_>>) -> Result<(), Fault> {
    other.map_or(Ok(()), |raw| Err(wrong("`params.ref` has both `name` and `uri`", raw.at)))
}

/// The URIs to which a stream subscribes.
fn subscriptions(params: Raw<'_>) -> Result<Offers<'_>, Fault> {
    let mut all = Offers { first: None, others: Vec::new() };
    let [Some(wanted), ..] = members(params, &["notifications"])? else { return Ok(all) };
    if !matches!(wanted.kind, Kind::Object) {
        return match wanted.kind {
            Kind::Null => Ok(all),
            _ => Err(wrong("`params.notifications` must be an object", wanted.at)),
        };
    }
    let [Some(uris), ..] = members(wanted, &["resourceSubscriptions"])? else { return Ok(all) };
    match uris.kind {
        Kind::Array => {}
        Kind::Null => return Ok(all),
        _ => return Err(wrong("`resourceSubscriptions` must be a list", uris.at)),
    }
    let mut elements = Vec::new();
    let mut count = 0_usize;
    let read = Reader::again(uris).array(|reader| {
        let uri = reader.value()?;
        count = count.saturating_add(1);
        if count <= MAX_URIS {
            elements.push(Raw { at: uri.at.saturating_add(uris.at), ..uri });
        }
        Ok(())
    });
    if read.is_err() || count > MAX_URIS {
        return Err(wrong("`resourceSubscriptions` has more than 64 URIs", uris.at));
    }
    for element in elements {
        let offer = resource(Some(element), MISSING_URI, element.at, false)?;
        match all.first {
            None => all.first = Some(offer),
            Some(_) => all.others.push(offer),
        }
    }
    Ok(all)
}

/// The messages about a member: where it is missing, where it is not a text, where it is
/// empty, too long, and where it has a control character.
type Messages = [&'static str; 5];

const MISSING_NAME: Messages = [
    "`params.name` is missing",
    "`params.name` must be a string",
    "`params.name` is empty",
    "`params.name` is longer than 256 bytes",
    "`params.name` holds a control character",
];
const MISSING_REF_NAME: Messages = [
    "`params.ref.name` is missing",
    "`params.ref.name` must be a string",
    "`params.ref.name` is empty",
    "`params.ref.name` is longer than 256 bytes",
    "`params.ref.name` holds a control character",
];
const MISSING_URI: Messages = [
    "`params.uri` is missing",
    "a URI must be a string",
    "a URI is empty",
    "a URI is longer than 2048 bytes",
    "a URI holds a control character",
];
const MISSING_REF_URI: Messages = [
    "`params.ref.uri` is missing",
    "a URI must be a string",
    "a URI is empty",
    "a URI is longer than 2048 bytes",
    "a URI holds a control character",
];

fn prompt<'a>(name: Option<Raw<'a>>, messages: Messages, at: usize) -> Result<Offer<'a>, Fault> {
    let name = text(name, messages, at, MAX_PROMPT_NAME)?;
    Ok(Offer { kind: OfferKind::Prompt, name, template: false })
}

fn resource<'a>(
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

/// The members of an object with these names, of which there are at most three, each once
/// or not at all.
///
/// # Errors
/// A key that some reader takes for one of these names.
fn members<'a>(object: Raw<'a>, names: &[&'static str]) -> Result<[Option<Raw<'a>>; 3], Fault> {
    let mut found = [None; 3];
    let mut alike = None;
    read(object, &mut |key, at, value| {
        for (name, place) in names.iter().zip(&mut found) {
            if key.is(name) {
                *place = Some(value);
            } else if is_alike(key, name) {
                alike.get_or_insert((DecodeErrorKind::LookAlikeKey(name), at));
            }
        }
        if key.is(PROTOTYPE) {
            alike.get_or_insert((DecodeErrorKind::LookAlikeKey(PROTOTYPE), at));
        }
    });
    alike.map_or(Ok(found), Err)
}

/// The key that, in JavaScript, lends an object the members of its value.
const PROTOTYPE: &str = "__proto__";

/// Shows the members of an object that was read before, with the offsets of the body.
fn read<'a>(object: Raw<'a>, see: &mut dyn FnMut(Text<'a>, usize, Raw<'a>)) {
    let member = |reader: &mut Reader<'a>, key, at: usize| -> Result<(), JsonError> {
        let value = reader.value()?;
        let at = at.saturating_add(object.at);
        see(key, at, Raw { at: value.at.saturating_add(object.at), ..value });
        Ok(())
    };
    // It was JSON before.
    let _read = Reader::again(object).object(member);
}

/// Whether some reader takes a key for a name: one that ignores case, or one that has
/// `resource_subscriptions` for a field besides its name in JSON.
fn is_alike(key: Text<'_>, name: &str) -> bool {
    let plain = key.chars().filter(|c| !matches!(c, '_' | '-')).map(fold_ascii);
    plain.eq(name.chars().map(fold_ascii))
}

const fn wrong(what: &'static str, at: usize) -> Fault {
    (DecodeErrorKind::Params(what), at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::jsonrpc::{Message, decode};
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// The names in the message with these parameters, or the fault.
    fn names(method: &str, params: &str) -> Result<Vec<String>, String> {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        let Message::Call(call) = decode(body.as_bytes(), 64).unwrap() else { panic!("no call") };
        let offers = Offers::parse(method, &call.params).map_err(|(kind, at)| {
            assert!(at < body.len());
            kind.to_string()
        })?;
        Ok(offers.iter().map(|one| format!("{} {}", one.kind.as_str(), one.name)).collect())
    }

    #[test]
    fn each_method_names_its_own() {
        for (method, params, expected) in [
            ("prompts/get", r#"{"name":"p\u0061","arguments":{}}"#, &["prompt pa"][..]),
            ("resources/read", r#"{"uri":"a:b"}"#, &["resource a:b"]),
            ("resources/subscribe", r#"{"uri":"a:b","x":1}"#, &["resource a:b"]),
            ("resources/unsubscribe", r#"{"uri":"a:b"}"#, &["resource a:b"]),
            (
                "completion/complete",
                r#"{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":""}}"#,
                &["prompt p"],
            ),
            (
                "completion/complete",
                r#"{"ref":{"uri":"a:{b}","type":"ref/resource"}}"#,
                &["resource a:{b}"],
            ),
            ("subscriptions/listen", r#"{}"#, &[]),
            ("subscriptions/listen", r#"{"notifications":null}"#, &[]),
            ("subscriptions/listen", r#"{"notifications":{"toolsListChanged":true}}"#, &[]),
            (
                "subscriptions/listen",
                r#"{"notifications":{"resourceSubscriptions":["a:b","c:d"]}}"#,
                &["resource a:b", "resource c:d"],
            ),
        ] {
            assert_eq!(
                names(method, params).as_deref(),
                Ok(&*expected.iter().map(ToString::to_string).collect::<Vec<_>>()),
                "{params}"
            );
        }
    }

    #[test]
    fn what_readers_may_take_for_another_name_is_refused() {
        let long = format!(r#"{{"uri":"a:{}"}}"#, "b".repeat(MAX_URI));
        let many = format!(
            r#"{{"notifications":{{"resourceSubscriptions":[{}]}}}}"#,
            vec![r#""a:b""#; MAX_URIS + 1].join(",")
        );
        for (method, params, expected) in [
            ("prompts/get", "[]", "`params` must be an object"),
            ("prompts/get", "{}", "`params.name` is missing"),
            ("prompts/get", r#"{"name":1}"#, "`params.name` must be a string"),
            ("prompts/get", r#"{"name":""}"#, "`params.name` is empty"),
            ("prompts/get", r#"{"name":"a\u0000"}"#, "`params.name` holds a control character"),
            ("resources/read", "{}", "`params.uri` is missing"),
            ("resources/read", r#"{"uri":["a:b"]}"#, "a URI must be a string"),
            ("resources/read", &long, "a URI is longer than 2048 bytes"),
            (
                "resources/read",
                r#"{"uri":"a:b","URI":"c:d"}"#,
                "a key differs from `uri` only in its spelling",
            ),
            ("resources/read", r#"{"Uri":"a:b"}"#, "a key differs from `uri` only in its spelling"),
            ("completion/complete", "{}", "`params.ref` is missing"),
            ("completion/complete", r#"{"ref":"p"}"#, "`params.ref` must be an object"),
            (
                "completion/complete",
                r#"{"ref":{"name":"p"}}"#,
                "`params.ref.type` must be `ref/prompt` or `ref/resource`",
            ),
            (
                "completion/complete",
                r#"{"ref":{"type":"ref/prompt","name":"p","uri":"a:b"}}"#,
                "`params.ref` has both `name` and `uri`",
            ),
            (
                "completion/complete",
                r#"{"ref":{"type":"ref/resource","name":"p","uri":"a:b"}}"#,
                "`params.ref` has both `name` and `uri`",
            ),
            (
                "completion/complete",
                r#"{"ref":{"type":"ref/prompt"}}"#,
                "`params.ref.name` is missing",
            ),
            (
                "completion/complete",
                r#"{"ref":{"type":"ref/prompt","Type":"ref/resource","name":"p"}}"#,
                "a key differs from `type` only in its spelling",
            ),
            (
                "completion/complete",
                r#"{"ref":{"type":"ref/prompt","name":"p","__proto__":{}}}"#,
                "a key differs from `__proto__` only in its spelling",
            ),
            (
                "completion/complete",
                r#"{"ref":{"type":"ref/prompt","name":"p"},"Ref":{}}"#,
                "a key differs from `ref` only in its spelling",
            ),
            (
                "subscriptions/listen",
                r#"{"notifications":[]}"#,
                "`params.notifications` must be an object",
            ),
            (
                "subscriptions/listen",
                r#"{"notifications":{"resourceSubscriptions":"a:b"}}"#,
                "`resourceSubscriptions` must be a list",
            ),
            (
                "subscriptions/listen",
                r#"{"notifications":{"resource_subscriptions":["a:b"]}}"#,
                "a key differs from `resourceSubscriptions` only in its spelling",
            ),
            (
                "subscriptions/listen",
                r#"{"notifications":{"resourceSubscriptions":["a:b",1]}}"#,
                "a URI must be a string",
            ),
            ("subscriptions/listen", &many, "`resourceSubscriptions` has more than 64 URIs"),
        ] {
            assert_eq!(names(method, params), Err(expected.to_owned()), "{params}");
        }
    }
}
