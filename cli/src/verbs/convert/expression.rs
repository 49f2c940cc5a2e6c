//! Regular expressions that Go and regex-lite, the engine of this language, read
//! differently. An expression that regex-lite cannot compile is noticed elsewhere.

use core::iter::Peekable;
use core::str::Chars;

/// The first difference between the two readings of an expression.
pub(super) fn difference(expression: &str) -> Option<&'static str> {
    let mut rest = expression.chars().peekable();
    while let Some(c) = rest.next() {
        let found = match c {
            '\\' => escape(&mut rest),
            '[' => class(&mut rest),
            '(' if rest.next_if_eq(&'?').is_some() => group(&mut rest),
            '{' => braces(&rest),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

const SPACE: &str = "`\\s` takes a vertical tab for space here, and does not there";

fn escape(rest: &mut Peekable<Chars<'_>>) -> Option<&'static str> {
    match rest.next()? {
        's' | 'S' => Some(SPACE),
        '<' | '>' => Some("`\\<` and `\\>` are the bounds of a word here, and characters there"),
        'b' if rest.peek() == Some(&'{') => Some("`\\b{` has another meaning here"),
        _ => None,
    }
}

fn class(rest: &mut Peekable<Chars<'_>>) -> Option<&'static str> {
    rest.next_if_eq(&'^');
    // A bracket that closes is itself where it comes first.
    rest.next_if_eq(&']');
    while let Some(c) = rest.next() {
        match c {
            ']' => return None,
            '\\' => {
                if let Some(found) = escape(rest) {
                    return Some(found);
                }
            }
            '[' if rest.peek() != Some(&':') => {
                return Some("a `[` within a class is a character there");
            }
            '[' => {
                rest.find(|c| *c == ']');
            }
            '&' | '-' | '~' if rest.peek() == Some(&c) => {
                return Some("`&&`, `--` and `~~` within a class are characters there");
            }
            _ => {}
        }
    }
    None
}

fn group(rest: &mut Peekable<Chars<'_>>) -> Option<&'static str> {
    let mut flags = String::new();
    while let Some(c) = rest.next_if(|c| c.is_ascii_alphabetic() || *c == '-') {
        flags.push(c);
    }
    let names = matches!(rest.peek(), Some('<'));
    (!names && flags.contains('i'))
        .then_some("`(?i)` covers all of Unicode there, and ASCII alone here")
}

/// A brace opens a repetition to both, if it has digits behind it.
fn braces(rest: &Peekable<Chars<'_>>) -> Option<&'static str> {
    let inside: String = rest.clone().take_while(|c| *c != '}').collect();
    let (least, most) = inside.split_once(',').unwrap_or((&inside, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let good = !least.is_empty() && digits(least) && digits(most) && rest.clone().any(|c| c == '}');
    (!good).then_some("a `{` that opens no repetition is a character there")
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn what_both_engines_read_alike_is_no_difference() {
        for expression in [
            "^/srv/[a-z0-9_-]+$",
            r"^\d{2,}-\w{3}\.md$",
            "(?:a|b)(?P<name>c)(?s).",
            "[]^]",
            "[[:alpha:]]+",
            r"a{2}b{2,3}\{",
        ] {
            assert_eq!(difference(expression), None, "{expression}");
        }
    }

    #[test]
    fn what_they_read_differently_is_found() {
        for expression in [
            r"\s",
            r"[^\S]",
            r"\<a",
            r"\b{start}",
            "[a[b]]",
            "[a&&b]",
            "(?i)k",
            "(?si:k)",
            "a{,3}",
            "{",
        ] {
            assert!(difference(expression).is_some(), "{expression}");
        }
    }
}
