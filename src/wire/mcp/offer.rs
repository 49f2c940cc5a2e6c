//! The prompts and resources that a message names.

mod members;
mod name;

pub use name::{MAX_PROMPT_NAME, MAX_URI};

use crate::wire::json::{Kind, Raw, Reader};
use crate::wire::jsonrpc::{DecodeErrorKind, Params};
use members::members;
use name::{MISSING_NAME, MISSING_REF_NAME, MISSING_REF_URI, MISSING_URI, prompt, resource};
use std::borrow::Cow;

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

/// The problem, and its byte offset.
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
            // This key and `uri` were found while the body was decoded, others like them
            // were not.
            "prompts/get" => {
                members(all, &["name"])?;
                one(prompt(params.name, MISSING_NAME, all.at)?)
            }
            "completion/complete" => reference(all).and_then(one),
            "subscriptions/listen" => subscriptions(all),
            _ => {
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

const fn wrong(what: &'static str, at: usize) -> Fault {
    (DecodeErrorKind::Params(what), at)
}

#[cfg(test)]
mod tests;
