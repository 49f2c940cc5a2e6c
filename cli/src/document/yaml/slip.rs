//! The remedy for a text that lacks its quotes: `*`, `[`, `"` and `: ` have a meaning in
//! YAML, and in patterns, paths and messages.

use crate::secrets;

/// The most characters of a text that is shown in quotes.
const MAX_SHOWN: usize = 60;

/// The remedy for a text alone.
const QUOTES: &str = "put it in quotes";

/// The remedy for a second colon in a member within braces.
const MEMBERS: &str = "write a comma between members, and put a text with `: ` in it in quotes";

/// The other remedy for a word, a colon and a space in a value.
const MEMBER: &str = ", or on a line of its own if it is a key with its value";

/// The remedy at a byte where reading stopped, if a text there lacks its quotes. The
/// parser says in its words whether it was within braces.
pub(super) fn remedy(text: &str, at: usize, words: &str) -> Option<String> {
    let shows = !secrets::are_near(text, at);
    let quotes = |scalar| if shows { quotes(scalar) } else { QUOTES.to_owned() };
    let start = text.get(..at)?.rfind('\n').map_or(0, |end| end.saturating_add(1));
    let line = text.get(start..)?.lines().next()?;
    let at = at.saturating_sub(start).min(line.len());
    if let Some(scalar) = alias(line, at).or_else(|| bracket(line, at)) {
        return Some(quotes(scalar));
    }
    if words.contains("flow") {
        // A comma may be missing as well.
        return before_colon(line, at).map(|_| MEMBERS.to_owned());
    }
    let value = colon(line, at)?;
    let is_word = value.split(": ").next().is_some_and(|key| !key.contains(' '));
    Some(quotes(value) + if is_word { MEMBER } else { "" })
}

/// The words that ask for quotes around a text, with the text if it is short.
fn quotes(scalar: &str) -> String {
    match scalar.chars().count() <= MAX_SHOWN {
        true => format!("{QUOTES}: `{}`", quoted(scalar)),
        false => QUOTES.to_owned(),
    }
}

/// A pattern that begins with `*`, which YAML takes for an alias.
fn alias(line: &str, at: usize) -> Option<&str> {
    let near = line.get(..at.saturating_add(1).min(line.len()))?;
    let star = near.rfind('*')?;
    let before = near.get(..star)?;
    let begins = is_outside(before);
    // The parser stops at the star or right behind it.
    let is_here = at.saturating_sub(star) <= 1;
    (begins && is_here).then(|| word(line, start_of(before))).flatten()
}

/// A path with a bracket or a quote in it, at which its text ends within braces.
fn bracket(line: &str, at: usize) -> Option<&str> {
    let (before, rest) = line.split_at_checked(at)?;
    let is_within = before.ends_with(|c: char| !c.is_whitespace() && !"[]{},:\"'".contains(c));
    if !(rest.starts_with(['[', '"', '*']) && is_within) {
        return None;
    }
    word(line, start_of(before))
}

/// A value with a colon and a space in it, which YAML takes for a key.
fn colon(line: &str, at: usize) -> Option<&str> {
    let before = before_colon(line, at)?;
    let key = before.find(": ")?;
    let value = line.get(key.saturating_add(2)..)?;
    let value = value.split(" #").next()?.trim();
    (!value.starts_with(['"', '\'', '|', '>'])).then_some(value)
}

/// The part of a line before a colon that ends a key.
fn before_colon(line: &str, at: usize) -> Option<&str> {
    let (before, rest) = line.split_at_checked(at)?;
    (rest.starts_with(": ") || rest == ":").then_some(before)
}

/// Whether nothing is before a text but what sets texts apart.
fn is_outside(before: &str) -> bool {
    before.is_empty() || before.ends_with([' ', '[', '{', ','])
}

/// The byte at which the text begins that ends with these characters. A bracket behind a
/// word is a part of a path, and not the start of a list.
fn start_of(before: &str) -> usize {
    let is_apart = |(at, c): &(usize, char)| match c {
        ' ' | '{' | ',' => true,
        '[' => before.get(..*at).is_none_or(is_outside),
        _ => false,
    };
    let apart = before.char_indices().rev().find(is_apart);
    apart.map_or(0, |(at, c)| at.saturating_add(c.len_utf8()))
}

/// The text from a byte on, to the end of what its author means: brackets and quotes that
/// are opened are a part of it.
fn word(line: &str, start: usize) -> Option<&str> {
    let rest = line.get(start..)?;
    let (mut depth, mut is_quoted) = (0_usize, false);
    let is_end = |(at, c): &(usize, char)| {
        match c {
            '"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '[' => depth = depth.saturating_add(1),
            ']' if depth > 0 => depth = depth.saturating_sub(1),
            ']' | '}' | ',' | ' ' => return true,
            ':' => return rest.get(at.saturating_add(1)..).is_none_or(begins_with_space),
            _ => {}
        }
        false
    };
    let end = rest.char_indices().find(is_end).map_or(rest.len(), |(at, _)| at);
    rest.get(..end).filter(|word| !word.is_empty())
}

fn begins_with_space(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(' ')
}

/// A text in the quotes that need no escape in it.
fn quoted(text: &str) -> String {
    match text.contains(['"', '\\']) {
        true => format!("'{}'", text.replace('\'', "''")),
        false => format!("\"{text}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;

    #[test]
    fn a_text_that_lacks_its_quotes_is_shown_with_them() {
        for (text, quoted) in [
            ("hide: [*]\n", r#""*""#),
            ("hide: [a, *]\n", r#""*""#),
            ("hide:\n  - *\n", r#""*""#),
            ("hide: *\nb: 1\n", r#""*""#),
            ("tools:\n  *_x: {}\n", r#""*_x""#),
            ("tools: { *_x: {} }\n", r#""*_x""#),
            ("é: [ *.a*, b ]\n", r#""*.a*""#),
            ("c: { path: args.a[*].b, op: eq }\n", r#""args.a[*].b""#),
            ("c: [b, args.a[*]]\n", r#""args.a[*]""#),
            ("c: [args.a[*].b]\n", r#""args.a[*].b""#),
            ("c: { path: args[\"a b\"], op: eq }\n", r#"'args["a b"]'"#),
            ("c: { path: args[\"a, b\"].c }\n", r#"'args["a, b"].c'"#),
            ("on_deny: Not allowed: ask ops\n", r#""Not allowed: ask ops""#),
            ("on_deny: Not {a}: ask ops\n", r#""Not {a}: ask ops""#),
            ("  - on_deny: It's not: \"so\"  # why\n", r#"'It''s not: "so"'"#),
        ] {
            let told = read(text).unwrap_err().message;
            assert!(told.ends_with(&format!("; put it in quotes: `{quoted}`")), "{text}: {told}");
        }
        let text = format!("on_deny: Not allowed: {}\n", "ask ops, ".repeat(20));
        assert!(read(&text).unwrap_err().message.ends_with("; put it in quotes"));
        let told = read("on_deny: Denied: ask ops\n").unwrap_err().message;
        let remedy = r#"; put it in quotes: `"Denied: ask ops"`"#;
        assert!(told.ends_with(&format!("{remedy}{}", super::MEMBER)), "{told}");
        for text in [
            "c: { a: 1, on_deny: Not allowed: ask ops }\n",
            "a: { b: 1 c: 2 }\n",
            "a: {\n  b: 1 c: 2 }\n",
        ] {
            let told = read(text).unwrap_err().message;
            assert!(told.ends_with(&format!("; {}", super::MEMBERS)), "{text}: {told}");
        }
        for secret in ["key: abc: def", "bearer:\n  tokens:\n    a: *abc", "token: {a: *abc}"] {
            let told = read(secret).unwrap_err().message;
            assert!(told.contains(super::QUOTES) && !told.contains("abc"), "{secret}: {told}");
        }
        // Quotes would not mend these.
        for text in [
            "a: [\"b\"\"c\"]\n",
            "a: b\n  c: d\n",
            "a: [b\n",
            "a: 'b\n",
            "a: b\n c\nd: e\n f: g\n",
            "a: }\n",
        ] {
            let told = read(text).unwrap_err().message;
            assert!(!told.contains("quotes"), "{text}: {told}");
        }
    }
}
