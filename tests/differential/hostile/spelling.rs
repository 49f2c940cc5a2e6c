//! Other spellings of a word: some mean the same to every reader, some to a few.

use crate::dice::Dice;

/// In another case, under ASCII's or Unicode's folding.
pub fn other_case(word: &str, dice: &mut Dice) -> String {
    let mut chars: Vec<char> = word.chars().collect();
    match dice.below(4) {
        0 => return word.to_uppercase(),
        1 => chars[0] = chars[0].to_ascii_uppercase(),
        2 => {
            let folds = |c: char| match c {
                's' => '\u{17f}',
                'k' => '\u{212a}',
                c => c.to_ascii_uppercase(),
            };
            let at = dice.below(chars.len());
            let at = chars.iter().position(|c| matches!(c, 's' | 'k')).unwrap_or(at);
            chars[at] = folds(chars[at]);
        }
        _ => {
            let at = dice.below(chars.len());
            chars[at] = chars[at].to_ascii_uppercase();
        }
    }
    chars.into_iter().collect()
}

/// With some characters as `\u` escapes, in either case of the digits.
pub fn escaped(word: &str, dice: &mut Dice) -> String {
    let certain = dice.below(word.len());
    let mut out = String::new();
    for (at, c) in word.chars().enumerate() {
        match at == certain || dice.one_in(3) {
            true if c == '/' => out += "\\/",
            true if dice.one_in(2) => out += &format!("\\u{:04X}", c as u32),
            true => out += &format!("\\u{:04x}", c as u32),
            false => out.push(c),
        }
    }
    out
}

/// With something before or after it that a reader may trim or cut off.
pub fn tailed(word: &str, dice: &mut Dice) -> String {
    let tails = [
        "\\u0000", "\u{0}", " ", "\\t", "\\u00a0", "\\ud800", "\\u200b", "\u{feff}", "\\u0000x",
        ".", "[]", "\\n",
    ];
    match dice.one_in(4) {
        true => format!("{}{word}", dice.pick(&tails)),
        false => format!("{word}{}", dice.pick(&tails)),
    }
}
