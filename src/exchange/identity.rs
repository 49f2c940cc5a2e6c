//! The caller of a request.
//!
//! The first source for which a request carries a credential names the caller.
//! A credential that cannot be used (empty, given twice, unknown, not text) is a
//! refusal and never leads to the next source: otherwise a client could become
//! another caller by a broken token.

#[cfg(any(test, not(target_os = "wasi")))]
mod asked;

#[cfg(any(test, not(target_os = "wasi")))]
pub use asked::asked;

use crate::policy::condition::{Claim, Claims};
use crate::policy::document::{Bearer, Certificate, Source};
use crate::text::is_name;
use core::fmt;
use sha2::{Digest, Sha256};

/// The client at the other end of a connection: its certificate, and the claims of
/// its token.
pub trait Peer: Claims {
    /// A field of the client's certificate; `None` where it has none.
    fn certificate(&self, field: Certificate) -> Option<Vec<u8>>;

    /// Whether the client presented a certificate at all.
    fn has_certificate(&self) -> bool;

    /// Envoy's name of the route that the request takes, empty where it has none;
    /// `None` where that cannot be read.
    fn route(&self) -> Option<Vec<u8>> {
        Some(Vec::new())
    }
}

/// A client without a certificate and without claims.
#[derive(Clone, Copy, Debug)]
pub struct NoPeer;

impl Claims for NoPeer {
    fn claim(&self, _: &[&str]) -> Claim {
        Claim::Absent
    }
}

impl Peer for NoPeer {
    fn certificate(&self, _: Certificate) -> Option<Vec<u8>> {
        None
    }

    fn has_certificate(&self) -> bool {
        false
    }
}

/// The reasons for which a caller is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoIdentity {
    /// The request carries no credential.
    Missing,
    /// It carries one that cannot be used.
    Unusable(&'static str),
    /// It carries a token that is not known, or says too little.
    InvalidToken(&'static str),
}

impl fmt::Display for NoIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("The request does not say who is calling."),
            Self::Unusable(what) | Self::InvalidToken(what) => {
                write!(f, "The caller's {what} cannot be used.")
            }
        }
    }
}

/// The lines of a header, of which only a single one has a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given<'a> {
    /// There is no line.
    Never,
    /// The value of the one line.
    Once(&'a [u8]),
    /// There are two lines or more.
    Twice,
}

impl<'a> Given<'a> {
    /// The values of all lines of a header.
    pub fn new(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut given = Self::Never;
        for value in values {
            given = if given == Self::Never { Self::Once(value) } else { Self::Twice };
        }
        given
    }
}

/// Whether callers are known by claims.
pub fn takes_claims(sources: &[Source]) -> bool {
    sources.iter().any(|source| matches!(source, Source::Jwt { .. }))
}

/// A search for a header by its name.
type Headers<'a> = dyn Fn(&str) -> Given<'a> + 'a;

/// The id of the caller. With several sources it begins with the kind of the
/// one that named it, so that two sources cannot make one caller.
///
/// # Errors
/// The request carries no credential, or one that cannot be used.
pub fn identify(
    sources: &[Source],
    headers: &Headers<'_>,
    peer: &dyn Peer,
) -> Result<String, NoIdentity> {
    for source in sources {
        let (kind, id) = match source {
            Source::Jwt { claims, .. } => ("jwt", jwt(claims, peer)?),
            Source::Mtls(field) => ("mtls", mtls(*field, peer)?),
            Source::Bearer(bearer) => ("bearer", self::bearer(bearer, headers("authorization"))?),
            Source::Header(name) => ("header", header(headers(name))?),
        };
        if let Some(id) = id {
            return Ok(if sources.len() > 1 { format!("{kind}:{id}") } else { id });
        }
    }
    // A token that jwt_authn let pass without verifying it.
    Err(match takes_claims(sources) && has_token(headers("authorization")) {
        true => NoIdentity::InvalidToken("token"),
        false => NoIdentity::Missing,
    })
}

type Found = Result<Option<String>, NoIdentity>;

/// An id as every other reader would show it, and short enough for records.
fn usable(id: Option<String>, otherwise: NoIdentity) -> Result<String, NoIdentity> {
    id.filter(|id| is_name(id)).ok_or(otherwise)
}

fn jwt(claims: &[Vec<String>], peer: &dyn Peer) -> Found {
    const INVALID: NoIdentity = NoIdentity::InvalidToken("token");
    // A token without the claim is a token nevertheless.
    if matches!(peer.claim(&[]), Claim::Absent) {
        return Ok(None);
    }
    let mut parts = Vec::new();
    for path in claims {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        parts.push(usable(peer.claim(&path).into_text(), INVALID)?);
    }
    let joined = match &*parts {
        [one] => one.clone(),
        // The separator is escaped in each, so that `a|b` and `c` differ from `a`
        // and `b|c`.
        many => {
            let escaped = many.iter().map(|part| part.replace('\\', "\\\\").replace('|', "\\|"));
            escaped.collect::<Vec<_>>().join("|")
        }
    };
    usable(Some(joined), INVALID).map(Some)
}

fn mtls(field: Certificate, peer: &dyn Peer) -> Found {
    const UNUSABLE: NoIdentity = NoIdentity::Unusable("certificate");
    match peer.certificate(field) {
        Some(value) if !value.is_empty() => {
            usable(String::from_utf8(value).ok(), UNUSABLE).map(Some)
        }
        _ if peer.has_certificate() => Err(UNUSABLE),
        _ => Ok(None),
    }
}

fn header(given: Given<'_>) -> Found {
    const UNUSABLE: NoIdentity = NoIdentity::Unusable("identity header");
    match given {
        Given::Never => Ok(None),
        Given::Once(line) => {
            let id = String::from_utf8(line.trim_ascii().to_vec()).ok();
            usable(id, UNUSABLE).map(Some)
        }
        Given::Twice => Err(UNUSABLE),
    }
}

fn bearer(bearer: &Bearer, given: Given<'_>) -> Found {
    const WHAT: &str = "bearer token";
    let token = match given {
        Given::Never => return Ok(None),
        // Another scheme's credential, or none.
        Given::Once(line) => token(line).ok_or(NoIdentity::Unusable(WHAT))?,
        Given::Twice => return Err(NoIdentity::InvalidToken(WHAT)),
    };
    let hash: [u8; 32] = Sha256::digest(token).into();
    let mut caller_id = None;
    // Every hash is compared to its end, so that the time depends on none of them.
    for (known, name) in &bearer.tokens {
        let differ = known.iter().zip(hash).fold(0, |differ, (a, b)| differ | (a ^ b));
        if differ == 0 {
            caller_id = Some(name);
        }
    }
    caller_id.cloned().map(Some).ok_or(NoIdentity::InvalidToken(WHAT))
}

/// Whether an Authorization header has a token, of which nothing else is known.
fn has_token(given: Given<'_>) -> bool {
    match given {
        Given::Never => false,
        Given::Once(line) => token(line).is_some(),
        Given::Twice => true,
    }
}

/// The token of an Authorization header.
fn token(line: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = line.split_at_checked(6)?;
    let token = token.strip_prefix(b" ")?.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests;
