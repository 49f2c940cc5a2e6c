//! Patterns of tools that can match no tool of MCP: mostly regular expressions,
//! which a pattern is not. A rule under such a key would silently do nothing.

use super::at::At;
use super::wording::{listed, quote};
use crate::policy::pattern::Pattern;
use crate::wire::mcp::MAX_TOOL_NAME;
use core::iter::Peekable;
use core::str::Chars;

/// The most patterns that are offered in the place of one expression.
const MAX_MEANT: usize = 8;
/// The deepest nesting of groups in an expression that is looked into.
const MAX_GROUPS: usize = 4;

/// Reads a tool pattern from a list.
pub(super) fn pattern(at: &At<'_>) -> Option<Pattern> {
    check(at, at.string()?)
}

/// Reads a tool pattern, which was found at `at`.
pub(super) fn check(at: &At<'_>, text: &str) -> Option<Pattern> {
    let fault = if text.is_empty() {
        "a tool's name is never empty".to_owned()
    } else if text.len() > MAX_TOOL_NAME {
        "a tool's name has at most 256 bytes".to_owned()
    } else if text.chars().any(char::is_control) {
        "a tool's name has no control characters".to_owned()
    } else if at.reading().unusual_tool_names || is_usual(text) {
        return Some(Pattern::new(text));
    } else {
        let fault = match &*meant(text) {
            [] => "names of MCP's tools have only ASCII letters, digits, `_`, `-`, `.` and `/`, \
                   and patterns know only `*` besides; write the tool's name"
                .to_owned(),
            patterns => format!(
                "patterns know only `*`, for any run of characters; write {}",
                listed(patterns.iter().map(String::as_str))
            ),
        };
        format!("{fault}, or set `unusual_tool_names` in `settings` if a server has such a name")
    };
    at.wrong(format!("the pattern {} matches no tool: {fault}", quote(text)));
    None
}

/// Whether a pattern can match the name of a tool as MCP has them.
fn is_usual(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./*".contains(&byte);
    text.bytes().all(known)
        && !text.starts_with('/')
        && !text.starts_with(".*")
        && !text.ends_with('/')
        && !["_.*", "-.*", "/.*", "*.*"].iter().any(|run| text.contains(run))
}

/// The start of a pattern up to a `.*`, if a regular expression was probably
/// meant by it, although the pattern can match the name of a tool.
pub fn dot_star(text: &str) -> Option<&str> {
    text.split_once(".*").map(|(start, _)| start).filter(|_| is_usual(text))
}

/// The patterns that say the same as an expression; none where that cannot be
/// told.
fn meant(text: &str) -> Vec<String> {
    let text = match text.strip_prefix('/') {
        Some(text) => text.strip_suffix('/').unwrap_or(text).to_owned(),
        // Everything below it.
        None if text.ends_with('/') => format!("{text}*"),
        None => text.to_owned(),
    };
    let (from_start, text) = match text.strip_prefix('^') {
        Some(text) => (true, text),
        None => (false, &*text),
    };
    let (to_end, text) = match text.strip_suffix('$') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let mut patterns = alternatives(&mut text.chars().peekable(), None, 0).unwrap_or_default();
    for pattern in &mut patterns {
        if from_start && !to_end {
            pattern.push('*');
        } else if to_end && !from_start {
            pattern.insert(0, '*');
        }
        *pattern = Pattern::new(pattern).as_str().to_owned();
    }
    let all_usual = patterns.iter().all(|pattern| !pattern.is_empty() && is_usual(pattern));
    if all_usual { patterns } else { Vec::new() }
}

/// Reads the alternatives of an expression up to the end of its group.
fn alternatives(
    rest: &mut Peekable<Chars<'_>>,
    end: Option<char>,
    depth: usize,
) -> Option<Vec<String>> {
    let mut done = Vec::new();
    let mut current = vec![String::new()];
    loop {
        let next = rest.next();
        if next == end {
            done.append(&mut current);
            return Some(done);
        }
        let parts = match next? {
            '|' if end != Some('}') => {
                done.append(&mut current);
                current.push(String::new());
                continue;
            }
            ',' if end == Some('}') => {
                done.append(&mut current);
                current.push(String::new());
                continue;
            }
            '(' if depth < MAX_GROUPS => {
                if rest.next_if_eq(&'?').is_some() {
                    rest.next_if_eq(&':')?;
                }
                alternatives(rest, Some(')'), depth.saturating_add(1))?
            }
            // One in braces is a count.
            '{' if depth < MAX_GROUPS => alternatives(rest, Some('}'), depth.saturating_add(1))
                .filter(|words| words.iter().any(|word| word.contains(char::is_alphabetic)))?,
            '.' => run(rest, ".")?,
            // A pattern in the place of a class would match more than it.
            '[' => return None,
            '\\' => match rest.next()? {
                c @ ('.' | '-' | '_' | '/') => vec![c.into()],
                _ => return None,
            },
            c => vec![c.into()],
        };
        if parts.len().saturating_mul(current.len()).saturating_add(done.len()) > MAX_MEANT {
            return None;
        }
        current = current
            .iter()
            .flat_map(|start| parts.iter().map(move |part| format!("{start}{part}")))
            .collect();
    }
}

/// A star where the expression repeats what was read, else `once`, if a pattern
/// can say that.
fn run(rest: &mut Peekable<Chars<'_>>, once: &str) -> Option<Vec<String>> {
    let repeats = rest.next_if(|c| matches!(c, '*' | '+')).is_some();
    let part = if repeats { "*" } else { once };
    (!part.is_empty()).then(|| vec![part.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn expressions_have_patterns_that_say_the_same() {
        for (text, patterns) in [
            ("^delete_.*$", &["delete_*"][..]),
            ("read_(a|b)", &["read_a", "read_b"]),
            ("/admin_.*/", &["admin_*"]),
            ("delete_.*", &["delete_*"]),
            (".*_delete", &["*_delete"]),
            ("^get_", &["get_*"]),
            ("_get$", &["*_get"]),
            ("^get$", &["get"]),
            ("a|b", &["a", "b"]),
            ("read_{a,b}", &["read_a", "read_b"]),
            ("(?:get|list)_.*", &["get_*", "list_*"]),
            (r"files\..*", &["files.*"]),
            ("(a|b)(c|d)", &["ac", "ad", "bc", "bd"]),
            ("/admin", &["admin"]),
            ("files/", &["files/*"]),
            ("*.*", &["*"]),
            // What no pattern says.
            ("read_[ab]", &[]),
            ("get_[a-z]+", &[]),
            (r"files\.\w+", &[]),
            ("a{2}", &[]),
            ("colou?r", &[]),
            ("(a", &[]),
            ("a)", &[]),
            ("(?!a)b", &[]),
            ("[a", &[]),
            (r"a\", &[]),
            ("((((((a))))))", &[]),
            ("(a|b)(a|b)(a|b)(a|b)", &[]),
            ("with space", &[]),
            ("a:b", &[]),
            ("^$", &[]),
            ("/", &[]),
            ("", &[]),
        ] {
            assert_eq!(meant(text), patterns, "{text}");
        }
    }

    #[test]
    fn names_of_mcp_are_usual() {
        for text in ["a", "A-b_c.d/e", "*", "*_x", "a.*", "a1.*", "a..*", ".a", "x*y", "a/*"] {
            assert!(is_usual(text), "{text}");
        }
        for text in [
            "é", "a b", "a:b", "^a", "a$", "(a)", "/a", "a/", "/", ".*", "a_.*", "a-.*", "a/.*",
            "*.*",
        ] {
            assert!(!is_usual(text), "{text}");
        }
        assert_eq!(dot_star("github.*"), Some("github"));
        assert_eq!(dot_star("a_.*"), None);
        assert_eq!(dot_star("a.b*"), None);
    }
}
