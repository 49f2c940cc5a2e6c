//! Wording of the messages for the author of a policy.
//!
//! The law of these messages: `path: message`, the path as a JSON pointer into
//! the document; lower case, no full stop, one line, the author's own text in
//! backticks, and where it helps, what to write instead.

use crate::text::disturbs;

/// The most characters of an author's text that are shown.
const MAX_QUOTED: usize = 60;

/// A pointer on one line: a key may be any text.
pub(crate) fn pointer(path: &str) -> String {
    path.split('/').map(shorten).collect::<Vec<_>>().join("/")
}

/// The author's text, in backticks, on one line and not too long.
pub(crate) fn quote(text: &str) -> String {
    format!("`{}`", shorten(text))
}

/// A text on one line, as it reads, and not too long.
pub(crate) fn shorten(text: &str) -> String {
    let mut short = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == MAX_QUOTED {
            short.push('…');
            break;
        }
        if disturbs(c) {
            short.extend(c.escape_default());
        } else {
            short.push(c);
        }
    }
    short
}

/// Words as a choice: "`a`, `b` or `c`".
pub(super) fn choices<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    joined(words.into_iter().map(quote).collect(), "or")
}

/// Words that go together: "`a`, `b` and `c`".
pub(super) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    joined(words.into_iter().map(quote).collect(), "and")
}

fn joined(words: Vec<String>, last_by: &str) -> String {
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} {last_by} {last}", others.join(", ")),
        None => String::new(),
    }
}

/// The word that was probably meant, if one is near.
pub(super) fn nearest<'a>(text: &str, words: &[&'a str]) -> Option<&'a str> {
    let allowed = if text.chars().count() < 5 { 1 } else { 2 };
    words
        .iter()
        .map(|word| (distance(text, word), *word))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Edits (a character put in, left out, replaced, or two swapped) from one
/// word to another, in whatever case.
fn distance(a: &str, b: &str) -> usize {
    let fold = |text: &str| text.chars().map(|c| c.to_ascii_lowercase()).collect::<Vec<char>>();
    let (a, b) = (fold(a), fold(b));
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut last = None;
    for (i, &left) in a.iter().enumerate() {
        let mut next = vec![i.saturating_add(1)];
        for (j, &right) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX);
            let replace = at(&row, j).saturating_add(usize::from(left != right));
            let shorter = at(&row, j.saturating_add(1)).saturating_add(1);
            let longer = at(&next, j).saturating_add(1);
            let mut best = replace.min(shorter).min(longer);
            let earlier = j.checked_sub(1);
            if last == Some(right) && earlier.and_then(|j| b.get(j)) == Some(&left) {
                best = best.min(at(&before, earlier.unwrap_or_default()).saturating_add(1));
            }
            next.push(best);
        }
        before = core::mem::replace(&mut row, next);
        last = Some(left);
    }
    row.last().copied().unwrap_or_default()
}
