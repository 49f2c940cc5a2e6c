//! Hosts, and URLs that all servers take for ones of them.
//!
//! Readers of URLs disagree about almost everything that is odd: `https://a@b`,
//! `https:\\a`, `https://a:80\@b`, `https://0x7f.1`, a tab in the middle. A URL is
//! compared only if its scheme, host and port are spelt in the one way that leaves
//! nothing to repair. What its name resolves to, and where its server sends a client
//! on to, no text shows.

use super::address::{is_ipv6, number};
use super::within::{reshape, texts};
use super::{Literal, TestError, Truth, Unusable, Why, Work};
use crate::meter;

/// The longest name of a host.
const MAX_NAME: usize = 253;
/// The most ports of one condition.
const MAX_PORTS: usize = 64;

/// The hosts of `host_in`, with the schemes and ports of their URLs.
#[derive(Debug)]
pub struct Hosts {
    /// Names and addresses in lower case, and `*.` with a name.
    pub(super) hosts: Vec<Literal>,
    pub(super) schemes: Vec<Literal>,
    /// The ports; without any, each scheme's own.
    pub(super) ports: Vec<u32>,
}

const CONTROL: &str = "the URL has a control character in it";
const SCHEME: &str = "the URL does not begin with a scheme that the policy allows";
const BEFORE: &str = "the URL has `@`, `\\`, a space or a character beyond ASCII before its path";
const HOST: &str = "the URL's host is not spelt in the one way that all servers read alike";
const PORT: &str = "the URL's port is not one that the policy allows";

/// Faults of the policy's value.
const SCHEMES: &str = "a list of `schemes`";
const NAMES: &str = "the schemes are `https` and `http`";
const PORTS: &str = "a list of 1 to 64 `ports` from 1 to 65535";
const KEYS: &str = "the keys are `hosts`, `schemes` and `ports`";
const LIST: &str = "a list of at least one host, alone or under `hosts`";
const FORM: &str = "write a name in ASCII, as in `api.example.com`, `*.` and a name, or an \
                    address, one of IPv6 in brackets";
const URL: &str = "leave out the scheme, the port and the path; ports go into `ports`, and schemes \
                   into `schemes`";

impl Hosts {
    pub(super) fn new(value: Literal) -> Result<Self, TestError> {
        let Literal::Object(members) = value else {
            return Self::of("", [Some(value), None, None]);
        };
        let mut parts = [None, None, None];
        for (key, value) in members {
            let [hosts, schemes, ports] = &mut parts;
            let part = match &*key {
                "hosts" => hosts,
                "schemes" => schemes,
                "ports" => ports,
                _ => {
                    let key = Unusable { at: String::new(), text: key, why: KEYS };
                    return Err(TestError::Parts(vec![key]));
                }
            };
            *part = Some(value);
        }
        Self::of("/hosts", parts)
    }

    /// Puts the parts of a value together; the hosts are at this JSON pointer in it.
    fn of(at: &str, [hosts, schemes, ports]: [Option<Literal>; 3]) -> Result<Self, TestError> {
        let mut hosts = texts(hosts.unwrap_or(Literal::Null), LIST)?;
        let mut schemes = match schemes {
            Some(schemes) => texts(schemes, SCHEMES)?,
            None => vec![Literal::String("https".into())],
        };
        let mut bad = Vec::new();
        reshape(&mut hosts, at, &lower, &mut bad);
        let named = |scheme: &str| own_port(scheme).map(|_| scheme.into()).ok_or(NAMES);
        reshape(&mut schemes, "/schemes", &named, &mut bad);
        if !bad.is_empty() {
            return Err(TestError::Parts(bad));
        }
        let ports = match ports {
            None => Vec::new(),
            Some(Literal::List(ports)) if matches!(ports.len(), 1..=MAX_PORTS) => {
                let ports: Option<Vec<u32>> = ports.iter().map(port_of).collect();
                ports.ok_or(TestError::Value(PORTS))?
            }
            Some(_) => return Err(TestError::Value(PORTS)),
        };
        Ok(Self { hosts, schemes, ports })
    }

    /// Whether a URL is of one of the hosts.
    pub(super) fn hold(&self, url: &str, work: &Work) -> Truth {
        let compared = self.hosts.len().saturating_add(self.ports.len());
        if !work.decoding(url.len()) || !work.comparisons(compared) {
            return Truth::Undecidable(Why::Work);
        }
        meter::steps(url.len());
        match self.host(url) {
            Ok(host) => Truth::decided(self.hosts.iter().any(|one| match one {
                Literal::String(one) => is_of(host, one),
                _ => false,
            })),
            Err(why) => Truth::Undecidable(Why::Form(why)),
        }
    }

    /// The host of a URL, if its scheme, host and port can be read in one way.
    fn host<'u>(&self, url: &'u str) -> Result<&'u str, &'static str> {
        if url.chars().any(char::is_control) {
            return Err(CONTROL);
        }
        let after = |scheme: &Literal| match scheme {
            Literal::String(name) => {
                let rest = url.strip_prefix(&**name)?.strip_prefix("://")?;
                Some((own_port(name)?, rest))
            }
            _ => None,
        };
        let (own_port, rest) = self.schemes.iter().find_map(after).ok_or(SCHEME)?;
        // To old readers a host does not end at `?` and `#`, so nothing odd may be behind.
        let (mut colon, mut end) = (None, None);
        for (at, byte) in rest.bytes().enumerate() {
            match byte {
                b'/' => {
                    end = end.or(Some(at));
                    break;
                }
                b'?' | b'#' => end = end.or(Some(at)),
                b'@' | b'\\' | b' ' | 0x80.. => return Err(BEFORE),
                b':' if end.is_none() => colon = colon.or(Some(at)),
                // The colons before are those of an address.
                b']' if end.is_none() => colon = None,
                _ => {}
            }
        }
        let authority = rest.get(..end.unwrap_or(rest.len())).ok_or(HOST)?;
        let (host, port) = match colon {
            Some(at) => (authority.get(..at), authority.get(at.saturating_add(1)..)),
            None => (Some(authority), None),
        };
        let host = host.filter(|host| kind(host).is_some()).ok_or(HOST)?;
        let port = match port {
            Some(port) => number(port).ok_or(PORT)?,
            None => own_port,
        };
        let is_allowed = match &*self.ports {
            [] => port == own_port,
            ports => ports.contains(&port),
        };
        if is_allowed { Ok(host) } else { Err(PORT) }
    }
}

/// A host of the policy in the form that is compared.
fn lower(host: &str) -> Result<Box<str>, &'static str> {
    let host = host.to_ascii_lowercase();
    let name = host.strip_prefix("*.");
    let one = name.unwrap_or(&host);
    match kind(one) {
        None if host.contains('/') || is_plain_authority(one, 0) => Err(URL),
        None => Err(FORM),
        Some(Kind::Address) if name.is_some() => Err(FORM),
        Some(_) => Ok(host.into()),
    }
}

/// Whether all readers take a host for the same one, with the port that is behind it, if
/// one is: that port is not the scheme's own.
pub(in crate::policy) fn is_plain_authority(authority: &str, own_port: u32) -> bool {
    // The colons of an address are in its brackets.
    let colon = authority.rfind(':').filter(|at| authority.get(*at..).is_some_and(no_bracket));
    let (host, port) = match colon {
        Some(at) => (authority.get(..at), authority.get(at.saturating_add(1)..)),
        None => (Some(authority), None),
    };
    host.is_some_and(|host| kind(host).is_some())
        && port.is_none_or(|port| {
            number(port).is_some_and(|port| port != own_port && matches!(port, 1..=65_535))
        })
}

fn no_bracket(text: &str) -> bool {
    !text.contains(']')
}

/// The port of a URL that names none.
fn own_port(scheme: &str) -> Option<u32> {
    match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    }
}

/// Whether a host is the one of the policy, or below it.
fn is_of(host: &str, one: &str) -> bool {
    let Some(end) = one.strip_prefix('*') else { return host.eq_ignore_ascii_case(one) };
    let start = host.len().saturating_sub(end.len());
    start > 0 && host.get(start..).is_some_and(|host| host.eq_ignore_ascii_case(end))
}

/// The kinds of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Name,
    Address,
}

/// The kind of a host that all servers read alike.
fn kind(host: &str) -> Option<Kind> {
    if let Some(address) = host.strip_prefix('[') {
        return address.strip_suffix(']').filter(|text| is_ipv6(text)).map(|_| Kind::Address);
    }
    if host.len() > MAX_NAME {
        return None;
    }
    let (mut labels, mut octets, mut is_address) = (0_usize, 0_usize, false);
    for label in host.split('.') {
        let of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if label.is_empty() || !label.bytes().all(of_name) || is_masked(label) {
            return None;
        }
        labels = labels.saturating_add(1);
        let is_octet = number(label).is_some_and(|number| number < 256);
        octets = octets.saturating_add(is_octet.into());
        // Such a host is an address to many readers, in one of a dozen spellings.
        is_address = begins(label, "0x") || label.bytes().all(|byte| byte.is_ascii_digit());
    }
    match is_address {
        true => (labels == 4 && octets == 4).then_some(Kind::Address),
        false => Some(Kind::Name),
    }
}

/// Whether a label is ASCII in the disguise of another script: old readers take
/// `xn--example-` for `example`, and `xn--` for nothing.
fn is_masked(label: &str) -> bool {
    begins(label, "xn--") && label.ends_with('-')
}

/// Whether a label begins with these characters, whatever their case.
fn begins(label: &str, start: &str) -> bool {
    label.get(..start.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(start))
}

fn port_of(literal: &Literal) -> Option<u32> {
    match literal {
        Literal::Number(given) => number(&given.shown()).filter(|port| matches!(port, 1..=65_535)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
