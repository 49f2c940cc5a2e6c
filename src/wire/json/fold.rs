//! Words as seen by readers that ignore case.
//!
//! The standard library's lower case would bring a table of twelve kilobytes
//! into the module, where 206 runs do.

mod runs;

use runs::RUNS;

/// An ASCII letter in lower case, and so the few other characters that Unicode
/// folds onto ASCII letters, or that some runtimes upper-case to one.
pub const fn fold_ascii(c: char) -> char {
    match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        'İ' | 'ı' => 'i',
        _ => c.to_ascii_lowercase(),
    }
}

/// Whether a caseless reader takes two texts for the same: Unicode's simple
/// case folding, and what [`fold_ascii`] adds to it.
pub fn same_but_for_case(a: impl Iterator<Item = char>, b: impl Iterator<Item = char>) -> bool {
    a.map(fold).eq(b.map(fold))
}

/// One character for all that differ only by case.
fn fold(c: char) -> char {
    let c = fold_ascii(c);
    if c.is_ascii() {
        return c;
    }
    let number = u32::from(c);
    let after = RUNS.partition_point(|run| run.first() <= number);
    let run = after.checked_sub(1).and_then(|at| RUNS.get(at));
    match run {
        Some(run) if run.has(number) => {
            number.checked_add_signed(run.add).and_then(char::from_u32).unwrap_or(c)
        }
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn members_of_a_folding_set_are_the_same() {
        for (a, b, same) in [
            ("amount", "AMOUNT", true),
            ("ſize", "SIZE", true),
            ("\u{212a}ey", "key", true),
            ("straße", "STRAẞE", true),
            ("straße", "strasse", false),
            ("ϐϑϕϖϰϱϵ", "ΒΘΦΠΚΡΕ", true),
            ("ᲀ", "В", true),
            ("Ꭰ", "ꭰ", true),
            ("名前", "住所", false),
            ("όσος", "ΌΣΟΣ", true),
            ("Ωmega", "\u{2126}mega", true),
            ("µ", "μ", true),
            ("ıd", "ID", true),
            ("Ǆ", "ǅ", true),
            ("amount", "amounts", false),
            ("a", "á", false),
            ("a_b", "ab", false),
        ] {
            assert_eq!(same_but_for_case(a.chars(), b.chars()), same, "{a} {b}");
        }
    }

    /// The fold of a character by the standard library.
    fn fold_by_std(c: char) -> char {
        let c = fold_ascii(c);
        if c.is_ascii() {
            return c;
        }
        let mut lower = c.to_lowercase();
        let lower = match (lower.next(), lower.next()) {
            (Some(lower), None) => lower,
            // A single character becomes several only in full case mapping.
            _ => c,
        };
        // The small letters that fold to another small letter (CaseFolding.txt,
        // status C and S).
        match lower {
            'µ' => 'μ',
            '\u{345}' | '\u{1fbe}' => 'ι',
            'ς' => 'σ',
            'ϐ' => 'β',
            'ϑ' => 'θ',
            'ϕ' => 'φ',
            'ϖ' => 'π',
            'ϰ' => 'κ',
            'ϱ' => 'ρ',
            'ϵ' => 'ε',
            'ᲀ' => 'в',
            'ᲁ' => 'д',
            'ᲂ' => 'о',
            'ᲃ' => 'с',
            'ᲄ' | 'ᲅ' => 'т',
            'ᲆ' => 'ъ',
            'ᲇ' => 'ѣ',
            'ᲈ' => 'ꙋ',
            'ẛ' => 'ṡ',
            '\u{1fd3}' => 'ΐ',
            '\u{1fe3}' => 'ΰ',
            'ﬅ' => 'ﬆ',
            other => other,
        }
    }

    #[test]
    fn the_runs_are_those_of_unicode() {
        for c in char::MIN..=char::MAX {
            let expected = fold_by_std(c);
            // A later Unicode knows more letters, an earlier one fewer.
            match char::UNICODE_VERSION.0 {
                17 => assert_eq!(fold(c), expected, "{c:?}"),
                ..17 => assert!(expected == c || fold(c) == expected, "{c:?}"),
                _ => assert!(fold(c) == c || fold(c) == expected, "{c:?}"),
            }
        }
    }
}
