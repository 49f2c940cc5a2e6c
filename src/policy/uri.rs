//! URIs of resources, and the ones that are compared with patterns.
//!
//! Readers of URIs repair what is odd: they decode `%2e`, fold `FILE:`, drop `/./` and
//! take `https:\\a` for `https://a`. A pattern would then have been asked about another
//! resource than the server reads. So a URI is compared with patterns only if its
//! spelling leaves nothing to repair. A name that is equal byte for byte needs no such
//! care: the policy says itself which spelling it means.

use super::condition::is_plain_authority;
use crate::meter;

const CHARACTERS: &str = "has `%`, `\\`, white space, a control character, a character beyond \
                          ASCII or another one that URIs do not have";
const SCHEME: &str = "does not begin with a scheme in lower case and `:`";
const CASE: &str = "has an upper-case letter in its host";
const DOTS: &str = "has a segment `.` or `..`";
const SLASHES: &str = "has `//` behind its host";
const HOST: &str = "has a host or a port that is not spelt in the one way that all servers read \
                    alike";
const NO_PATH: &str = "has `//`, a host and `/` for its scheme, and not all of them";

/// The schemes that readers of URLs repair most, each with the port that its URLs leave
/// out.
const WEB: [(&str, u32); 5] = [("http", 80), ("https", 443), ("ws", 80), ("wss", 443), ("ftp", 21)];

/// The reason for which a URI is not compared with patterns, if there is one. In a
/// `template`, braces stand for what a client fills in.
pub(super) fn doubt(uri: &str, template: bool) -> Option<&'static str> {
    meter::steps(uri.len());
    if !uri.bytes().all(|byte| is_of_uri(byte) || (template && matches!(byte, b'{' | b'}'))) {
        return Some(CHARACTERS);
    }
    let Some((scheme, rest)) = uri.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        return Some(SCHEME);
    };
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => {
            let end = rest.bytes().position(ends_host).unwrap_or(rest.len());
            let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
            (Some(authority), path)
        }
        None => (None, rest),
    };
    let host = authority.unwrap_or_default();
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some(CASE);
    }
    if is_dots(host.as_bytes()) || has_dots(path) {
        return Some(DOTS);
    }
    if path.as_bytes().windows(2).any(|pair| pair == b"//") {
        return Some(SLASHES);
    }
    let web = WEB.iter().find(|(name, _)| *name == scheme);
    if web.is_none() && scheme != "file" {
        return (!is_whole(host)).then_some(HOST);
    }
    if authority.is_none() || !path.starts_with('/') {
        return Some(NO_PATH);
    }
    let is_plain = match web {
        Some((_, port)) => is_plain_authority(host, *port),
        // `file://localhost/a` is `file:///a`.
        None => host.is_empty(),
    };
    (!is_plain).then_some(HOST)
}

/// The reason for which a pattern with `*` matches no URI that is compared with
/// patterns, if there is one. Its parts between stars may be the middle of anything.
pub(super) fn matches_none(pattern: &str) -> Option<&'static str> {
    if !pattern.bytes().all(|byte| is_of_uri(byte) || matches!(byte, b'{' | b'}')) {
        return Some(CHARACTERS);
    }
    let start = pattern.split_once('*').map_or(pattern, |(start, _)| start);
    let (scheme, rest) = match start.split_once(':') {
        Some((scheme, rest)) => (scheme, rest),
        // The star may be anywhere in the scheme.
        None => (start, ""),
    };
    if !(start.is_empty() || is_scheme(scheme)) {
        return Some(SCHEME);
    }
    let host = rest.strip_prefix("//").unwrap_or_default().bytes();
    if host.take_while(|byte| !ends_host(*byte)).any(|byte| byte.is_ascii_uppercase()) {
        return Some(CASE);
    }
    has_dots(pattern).then_some(DOTS)
}

/// Whether a `*` of a pattern can be the end of a host, and so make it another one.
pub(super) fn has_open_host(pattern: &str) -> bool {
    let Some((scheme, rest)) = pattern.split_once("://") else { return false };
    let end = rest.bytes().position(ends_host).unwrap_or(rest.len());
    let (host, behind) = rest.split_at_checked(end).unwrap_or_default();
    // All hosts, by intent.
    let is_any = host == "*" && behind.bytes().all(|byte| matches!(byte, b'/' | b'*'));
    host.contains('*') && !is_any && WEB.iter().any(|(name, _)| *name == scheme)
}

/// Whether a host of any other scheme has nothing that readers leave out or write anew: a
/// user, an odd port, or an address in brackets that has another spelling.
fn is_whole(host: &str) -> bool {
    if host.contains('[') {
        return is_plain_authority(host, 0);
    }
    let port = host.split_once(':').map(|(_, port)| port);
    let is_plain = |port: &str| {
        port.starts_with(|first: char| matches!(first, '1'..='9'))
            && port.bytes().all(|byte| byte.is_ascii_digit())
    };
    !host.contains('@') && port.is_none_or(is_plain)
}

/// Whether a host ends before this byte.
const fn ends_host(byte: u8) -> bool {
    matches!(byte, b'/' | b'?' | b'#')
}

/// Whether RFC 3986 has a character in URIs, except for `%`.
const fn is_of_uri(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b':'
                | b'/'
                | b'?'
                | b'#'
                | b'['
                | b']'
                | b'@'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
        )
}

/// Whether a text is a scheme in lower case.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte)
        })
}

fn has_dots(path: &str) -> bool {
    path.as_bytes().split(|byte| ends_host(*byte)).any(is_dots)
}

/// Whether a segment is this folder or the one above. Some servers cut off what is
/// behind a `;`.
fn is_dots(segment: &[u8]) -> bool {
    let rest = segment.strip_prefix(b"..").or_else(|| segment.strip_prefix(b"."));
    matches!(rest, Some([] | [b';', ..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_uri_that_readers_repair_is_in_doubt() {
        for uri in [
            "file:///srv/a.txt",
            "file:///",
            "file:///srv/a/",
            "file:///srv/.a/..b/c..",
            "demo://resource/static/Document/1",
            "demo://a",
            "note:today",
            "urn:isbn:0451450523",
            "https://a.example/",
            "https://a.example:8443/x?y=1#z",
            "http://127.0.0.1/a",
            "http://[::1]:8080/a",
            "x-y+z.1://a/b;c=d,e",
            "git://a/b@c",
            "demo://a:8080/b",
            "demo://[::1]/b",
            "demo:///b",
            "note://2024/b",
        ] {
            assert_eq!(doubt(uri, false), None, "{uri}");
            assert_eq!(matches_none(&format!("{uri}*")), None, "{uri}");
        }
        for (uri, why) in [
            ("file:///srv/%61", CHARACTERS),
            ("file:///srv\\a", CHARACTERS),
            ("file:///srv/a b", CHARACTERS),
            (" file:///srv/a", CHARACTERS),
            ("file:///srv/a\n", CHARACTERS),
            ("file:///srv/a\u{7f}", CHARACTERS),
            ("file:///srv/é", CHARACTERS),
            ("file:///c|/a", CHARACTERS),
            ("file:///srv/<a>", CHARACTERS),
            ("file:///srv/{a}", CHARACTERS),
            ("File:///srv/a", SCHEME),
            ("srv/a", SCHEME),
            ("/srv/a", SCHEME),
            ("1a:b", SCHEME),
            (":a", SCHEME),
            ("demo://Resource/a", CASE),
            ("https://A.example/", CASE),
            ("file:///srv/./a", DOTS),
            ("file:///srv/../a", DOTS),
            ("file:///srv/..", DOTS),
            ("file:///srv/..;x/a", DOTS),
            ("demo://../a", DOTS),
            ("demo://a/b?c/../d", DOTS),
            ("file:///srv//a", SLASHES),
            ("file:////srv/a", SLASHES),
            ("demo:a//b", SLASHES),
            ("demo://a/b?c=d://e", SLASHES),
            ("file:/srv/a", NO_PATH),
            ("file:srv", NO_PATH),
            ("file://", NO_PATH),
            ("https:a.example/", NO_PATH),
            ("https://a.example", NO_PATH),
            ("https://a.example?b", NO_PATH),
            ("file://localhost/srv/a", HOST),
            ("https:///a", HOST),
            ("https://u@a.example/", HOST),
            ("https://a.example:443/", HOST),
            ("https://a.example:/", HOST),
            ("https://a.example:0080/", HOST),
            ("https://a.example./", HOST),
            ("https://0x7f.1/", HOST),
            ("https://127.1/", HOST),
            ("https://[::0001]/", HOST),
            ("demo://u@a/b", HOST),
            ("demo://@a/b", HOST),
            ("demo://a:/b", HOST),
            ("demo://a:080/b", HOST),
            ("demo://a:8a/b", HOST),
            ("demo://[::0001]/b", HOST),
        ] {
            assert_eq!(doubt(uri, false), Some(why), "{uri}");
        }
        assert_eq!(doubt("demo://a/{id}", true), None);
        assert_eq!(doubt("demo://a/%{id}", true), Some(CHARACTERS));
    }

    #[test]
    fn a_pattern_that_no_such_uri_matches_is_told() {
        for pattern in ["*", "*.txt", "file:*", "f*", "*/secret/*", "*..*", "demo://*A", "*S://a"] {
            assert_eq!(matches_none(pattern), None, "{pattern}");
        }
        for (pattern, why) in [
            ("file:///srv/%*", CHARACTERS),
            ("*\\*", CHARACTERS),
            ("FILE:///*", SCHEME),
            ("/srv/*", SCHEME),
            ("Fi*", SCHEME),
            ("demo://Resource/*", CASE),
            ("*/../*", DOTS),
            ("*/.", DOTS),
        ] {
            assert_eq!(matches_none(pattern), Some(why), "{pattern}");
        }
    }
}
