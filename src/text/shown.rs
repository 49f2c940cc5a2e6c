//! Texts from outside as people see them: on one line, and with places in lines and
//! columns. They are not in the module.

use super::disturbs;
use std::borrow::Cow;

/// A text from outside, on one line, with every character made visible that would
/// break the line, move the cursor or change the direction of text.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(disturbs) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if disturbs(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// The line and the column of a byte, both from 1; columns count characters.
pub fn position(text: &str, at: usize) -> (usize, usize) {
    positions(text, [at]).next().unwrap_or((1, 1))
}

/// The lines and columns of bytes that ascend. The text is gone through once.
pub fn positions(
    text: &str,
    ascending: impl IntoIterator<Item = usize>,
) -> impl Iterator<Item = (usize, usize)> {
    let (mut rest, mut gone) = (text, 0_usize);
    let (mut line, mut column) = (1_usize, 1_usize);
    ascending.into_iter().map(move |at| {
        let passed = rest.split_at_checked(at.saturating_sub(gone));
        let (before, after) = passed.unwrap_or((rest, ""));
        let ends = before.bytes().filter(|byte| *byte == b'\n').count();
        let last = before.rfind('\n').map(|end| end.saturating_add(1));
        let characters = before.get(last.unwrap_or(0)..).unwrap_or_default().chars().count();
        line = line.saturating_add(ends);
        column = if last.is_some() { 1 } else { column }.saturating_add(characters);
        gone = gone.saturating_add(before.len());
        rest = after;
        (line, column)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_terminals_are_shown_and_not_sent() {
        assert_eq!(shown("a\u{1b}[31mb\u{202e}\n"), "a\\u{1b}[31mb\\u{202e}\\n");
        assert_eq!(shown("é 漢"), "é 漢");
    }

    #[test]
    fn columns_count_characters() {
        let text = "é漢x\n\nab";
        assert_eq!(position(text, 5), (1, 3));
        assert_eq!(position(text, 8), (3, 1));
        assert_eq!(position(text, 99), (3, 3));
    }
}
