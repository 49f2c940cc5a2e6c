//! The targets below the endpoint's path, and the texts in them.

use crate::approvals::Id;

/// The forms of a target below the endpoint's path.
pub(super) enum Form<'t> {
    List,
    One(Id),
    Decide(Id, Deciding<'t>),
}

pub(super) enum Deciding<'t> {
    Approve,
    /// The query, which has the reason.
    Deny(Option<&'t str>),
}

impl<'t> Form<'t> {
    pub(super) fn parse(rest: &'t str) -> Option<Self> {
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let mut segments = path.split('/').skip(1);
        let form = match (segments.next(), segments.next()) {
            (None, _) => Self::List,
            (Some(id), None) => Self::One(Id::parse(id)?),
            (Some(id), Some("approve")) => Self::Decide(Id::parse(id)?, Deciding::Approve),
            (Some(id), Some("deny")) => Self::Decide(Id::parse(id)?, Deciding::Deny(query)),
            _ => return None,
        };
        segments.next().is_none().then_some(form)
    }
}

pub(super) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from((high << 4) | low).ok()?
            }
            b'+' => b' ',
            b'&' | b'=' => return None,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}
