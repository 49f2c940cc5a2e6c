//! URLs that the filter hands out: to clients that sign in, and to approvers. And the
//! parts of the one to which it sends.

use super::at::At;
use super::wording::quote;

/// The most bytes of a URL.
const MAX_URL: usize = 2_048;

/// A URL of the policy.
pub(super) struct Url<'d> {
    pub(super) text: &'d str,
    /// Its scheme, host and port.
    pub(super) origin: &'d str,
    pub(super) path: &'d str,
}

/// Reads a URL that clients are sent to; `query` if a query and a fragment may be
/// there.
pub(super) fn url<'d>(at: &At<'d>, query: bool) -> Option<Url<'d>> {
    let text = at.string()?;
    checked(at, text, split(text), query)
}

/// Reads the URL of a page for people, who may write its host in capitals.
pub(super) fn page<'d>(at: &At<'d>) -> Option<&'d str> {
    let text = at.string()?;
    checked(at, text, split(&text.to_ascii_lowercase()), false).map(|_| text)
}

fn checked<'u>(
    at: &At<'_>,
    text: &str,
    url: Result<Url<'u>, &'static str>,
    query: bool,
) -> Option<Url<'u>> {
    match url {
        Ok(url) if query || !url.path.contains(['?', '#']) => return Some(url),
        Ok(_) => at.wrong(format!(
            "{} must have no query and no fragment; write it up to its path",
            quote(text)
        )),
        Err(fault) => at.wrong(format!("{} cannot be used: {fault}", quote(text))),
    }
    None
}

fn split(text: &str) -> Result<Url<'_>, &'static str> {
    const FORM: &str = "write `https://`, a host in lower case, a port if it has one, and a path, \
                        in visible ASCII characters";
    if text.len() > MAX_URL {
        return Err("it is longer than 2048 bytes; write a shorter one");
    }
    if !text.bytes().all(is_visible) {
        return Err(FORM);
    }
    let (secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return Err(FORM),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).ok_or(FORM)?;
    let host = host(authority).ok_or(FORM)?;
    // Tokens are sent there, and on the way to oneself nobody listens.
    if !secure && !matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
        return Err("only on loopback may it be `http`; write `https`");
    }
    let origin = text.strip_suffix(path).ok_or(FORM)?;
    Ok(Url { text, origin, path })
}

/// Whether a byte may be in a URL as it is.
fn is_visible(byte: u8) -> bool {
    byte.is_ascii_graphic() && !br#""\<>^`{|}"#.contains(&byte)
}

/// Reads the value of `:authority` in a request of the filter's.
pub(super) fn authority(at: &At<'_>) -> Option<String> {
    let text = at.string()?;
    if text.len() > MAX_URL || host(text).is_none() {
        at.wrong(format!(
            "{} is not a host in lower case, with a port or without one",
            quote(text)
        ));
    }
    Some(text.to_owned())
}

/// Reads the value of `:path` in a request of the filter's.
pub(super) fn target(at: &At<'_>) -> Option<String> {
    let text = at.string()?;
    let is_plain = text.len() <= MAX_URL && !text.contains('#') && text.bytes().all(is_visible);
    if !text.starts_with('/') || !is_plain {
        // Not repeated: the receivers of some services are known by a secret path alone.
        at.wrong(format!(
            "expected a path that begins with `/`, of at most {MAX_URL} visible ASCII characters"
        ));
    }
    Some(text.to_owned())
}

/// The host of an authority, if it is a host in lower case with a port or without.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_port = |port: &str| {
        let number = port.parse::<u64>().ok().filter(|_| port.bytes().all(|b| b.is_ascii_digit()));
        number.is_some_and(|number| (1..=65_535).contains(&number))
    };
    let name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
    let part = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b':' | b'.');
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.contains(':') && address.bytes().all(part),
        None => !host.is_empty() && host.bytes().all(name),
    };
    (is_host && port.is_none_or(is_port)).then_some(host)
}
