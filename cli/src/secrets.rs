//! Texts that may hold a secret. What the command prints goes into logs, so it shows
//! nothing of them.

/// Ends of the words of keys whose values are secrets.
const ENDS: [&str; 5] = ["bearer", "key", "keys", "token", "tokens"];

/// Whether a text has a word that names a secret.
pub(crate) fn names_one(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    words.any(|word| {
        let word = word.to_ascii_lowercase();
        ENDS.iter().any(|end| word.ends_with(end))
    })
}

/// Whether the line of a byte, or a line with less indentation that it is below, names a
/// secret.
pub(crate) fn are_near(text: &str, at: usize) -> bool {
    let end = text.get(at..).and_then(|rest| rest.find('\n')).map(|end| at.saturating_add(end));
    let Some(text) = text.get(..end.unwrap_or(text.len())) else { return true };
    let mut least = usize::MAX;
    for line in text.lines().rev().filter(|line| !line.trim().is_empty()) {
        let indentation = line.len().saturating_sub(line.trim_start().len());
        if indentation >= least {
            continue;
        }
        if names_one(line) {
            return true;
        }
        // An element of a list may be as far to the left as its key.
        least = indentation.saturating_add(usize::from(line.trim_start().starts_with("- ")));
        if least == 0 {
            break;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{are_near, names_one};

    #[test]
    fn words_that_name_secrets_are_known() {
        for text in ["audit_key: x", "auditkey", "/identity/0/bearer", "Tokens", "\"api-token\""] {
            assert!(names_one(text), "{text}");
        }
        for text in ["keyed", "tools", "{}", ""] {
            assert!(!names_one(text), "{text}");
        }
    }

    #[test]
    fn a_line_is_below_the_keys_that_it_is_a_part_of() {
        let near = |text: &str| are_near(text, text.find('X').unwrap());
        for text in [
            "key: X",
            "bearer:\n  tokens:\n\n    ci:\n      X",
            "identity:\n- bearer:\n    a: X",
            "keys:\n- X\n",
            "{\"bearer\": {\"tokens\": {\n  \"a\": \"X\" \"b\"",
        ] {
            assert!(near(text), "{text}");
        }
        for text in ["key: a\ntools: X", "a:\n  key: b\nc:\n  d: X", "a:\n  key: b\n  c: X\n"] {
            assert!(!near(text), "{text}");
        }
    }
}
