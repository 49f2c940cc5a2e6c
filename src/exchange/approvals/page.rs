//! The page at which people read requests and decide, in a browser.
//!
//! It is one document without data, the same for everybody and for any id. So it is
//! served before a caller is known, and tells nobody whether a request exists. Its
//! script fetches the JSON that any other client gets.

use crate::exchange::Served;
use crate::exchange::reply::Reply;

/// The document.
const PAGE: &str = include_str!("page.html");

/// The policy under which a browser shows it: nothing runs but its own script, and
/// nothing is fetched but from the gateway. The hashes are those of the document.
const SECURITY: &str = "default-src 'none'; \
    script-src 'sha256-WpC3DEiahhTHX+Adn/WByZtvbB5cmn/NpRlOYZziTeo='; \
    style-src 'sha256-ztXNov0oBVN1sXtnoHiZRWDmllOWM1xZ7ZmYKKTt1QU='; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'";

/// Whether the client is a browser that shows a page: it accepts HTML, and has not
/// asked for JSON.
pub(super) fn is_asked<'h>(headers: impl Iterator<Item = (&'h [u8], &'h [u8])> + Clone) -> bool {
    let accepts = |kind: &str| {
        let accept = |(name, _): &(&[u8], &[u8])| *name == b"accept";
        headers.clone().filter(accept).any(|(_, value)| {
            let mut kinds = value.split(|byte| matches!(byte, b',' | b';'));
            kinds.any(|one| one.trim_ascii().eq_ignore_ascii_case(kind.as_bytes()))
        })
    };
    accepts("text/html") && !accepts("application/json")
}

/// The answer that has the page. A host leaves the body out of an answer to HEAD.
pub(super) fn served() -> Served {
    let headers = vec![
        ("content-type", "text/html; charset=utf-8".into()),
        ("content-security-policy", SECURITY.into()),
        ("cache-control", "no-store".into()),
        ("referrer-policy", "no-referrer".into()),
        ("vary", "accept".into()),
        ("x-content-type-options", "nosniff".into()),
    ];
    let reply = Reply { headers, body: PAGE.into(), ..Reply::bare(200) };
    Served::new(reply, "approvals")
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    fn base64(bytes: &[u8]) -> String {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let bits = chunk.iter().chain([&0; 2]).take(3);
            let bits = bits.fold(0_usize, |bits, byte| (bits << 8) | usize::from(*byte));
            for place in 0..4 {
                let letter = LETTERS[(bits >> (18 - 6 * place)) & 63];
                text.push(if place > chunk.len() { '=' } else { char::from(letter) });
            }
        }
        text
    }

    /// The text of the one element of that name, which has no attributes.
    fn element(name: &str) -> &'static str {
        let (start, end) = (format!("<{name}>"), format!("</{name}>"));
        assert_eq!((PAGE.matches(&start).count(), PAGE.matches(&end).count()), (1, 1), "{name}");
        assert_eq!(PAGE.matches(&format!("<{name}")).count(), 1, "{name}");
        PAGE.split_once(&start).unwrap().1.split_once(&end).unwrap().0
    }

    #[test]
    fn the_policy_names_the_script_and_the_style_of_the_page() {
        for name in ["script", "style"] {
            let hash = base64(&Sha256::digest(element(name)));
            let expected = format!("{name}-src 'sha256-{hash}';");
            assert!(SECURITY.contains(&expected), "page.html now needs {expected}");
        }
    }

    #[test]
    fn the_page_makes_text_and_never_markup() {
        for sink in ["innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "://"] {
            assert!(!PAGE.contains(sink), "{sink}");
        }
        for kept in ["localStorage", "sessionStorage", "cookie", "indexedDB"] {
            assert!(!PAGE.contains(kept), "{kept}");
        }
        assert!(PAGE.len() < 12_000, "{} bytes", PAGE.len());
    }

    #[test]
    fn a_browser_is_known_by_what_it_accepts() {
        let asked = |lines: &[&'static str]| {
            is_asked(lines.iter().map(|line| (b"accept".as_slice(), line.as_bytes())))
        };
        for lines in [
            &["text/html"][..],
            &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
            &["image/png", "Text/HTML;q=0.9"],
        ] {
            assert!(asked(lines), "{lines:?}");
        }
        for lines in [
            &[][..],
            &["*/*"],
            &["text/*"],
            &["xtext/html"],
            &["text/htmlx"],
            &["application/json, text/event-stream"],
            &["text/html, application/json"],
            &["text/html", "application/json;q=0.1"],
        ] {
            assert!(!asked(lines), "{lines:?}");
        }
    }
}
