//! The query, which is a second place for a message.
//!
//! In Rails, `params` is the body overridden by the query. In Laravel, Phoenix
//! and Sails it is the body, and the query for what the body lacks. To servers
//! on these, `?params[name]=danger` beside an allowed call is a call of danger.
//! So the names of a message's members are refused as names in the query.
//!
//! No honest client sends them. The SDKs add no parameter to a URL. The URLs of
//! servers have `sessionId`, `session_id`, `api_key` and the like, `name` and
//! `id` among them. OAuth adds `error`, `state`, `resource` and others, of which
//! `error` alone is a member's name.

use crate::wire::json::fold_ascii;

/// Members that no query has to name, nor any part of a name: Rails keeps a body
/// that is a list under `_json`, and one of a controller under its name, so that
/// `_json[][params][name]` and `mcp[params][name]` lead into a message too.
/// `__proto__` lends an object the others.
const ALWAYS: [&str; 8] = [
    "jsonrpc",
    "params",
    "arguments",
    "_meta",
    "inputResponses",
    "requestState",
    "__proto__",
    "_json",
];
/// Members that are common words: each alone makes no message. On a POST,
/// `method` makes another message of the body.
const TOGETHER: [&str; 6] = ["method", "id", "name", "task", "error", "result"];

/// The longest of the names.
const LONGEST: usize = 14;

/// The member of a message that the query of a request's target names, if it
/// has to be refused for it.
pub(super) fn member(target: &str, is_post: bool) -> Option<&'static str> {
    let (_, query) = target.split_once('?')?;
    let mut seen = None;
    // Rack 2 parts at `;` too, and PHP and Python can. To some readers a query
    // begins at the last `?`, or a `#` ends it.
    for parameter in query.split(SEPARATORS) {
        let name = parameter.split_once('=').map_or(parameter, |(name, _)| name);
        let mut chars = Chars(name.as_bytes());
        loop {
            let name = Name::read(&mut chars);
            if let Some(word) = name.word {
                let alone = TOGETHER.contains(&word) && !(is_post && word == "method");
                if !name.plain || !alone || seen.is_some_and(|other| other != word) {
                    return Some(word);
                }
                seen = Some(word);
            }
            // A server that decodes twice splits at encoded separators too.
            let next = match name.end {
                Some('=') => chars.find(|c| SEPARATORS.contains(c)),
                end => end,
            };
            if next.is_none() {
                break;
            }
        }
    }
    None
}

const SEPARATORS: [char; 4] = ['&', ';', '?', '#'];

/// A parameter's name.
struct Name {
    /// The member of a message for which some server takes it.
    word: Option<&'static str>,
    /// Whether it names the member itself, and leads neither into it nor to it.
    plain: bool,
    /// The separator or `=` behind it.
    end: Option<char>,
}

impl Name {
    /// Reads one name, segment by segment: `params[name]`, `[params][name]` (Rack,
    /// qs), `params.name` (qs, Spring, ASP.NET), `.meta` (`_meta` to PHP),
    /// `params%00x` (`params` to PHP), `_json[][params]` (Rails).
    fn read(chars: &mut Chars<'_>) -> Self {
        let (mut word, mut plain, mut begun) = (None, true, false);
        loop {
            let segment = Segment::read(chars);
            let goes_on = segment.end.is_some_and(is_cut);
            if begun {
                word = word.or_else(|| segment.word(&ALWAYS, false));
            } else if segment.length > 0 {
                begun = true;
                // A cut before it is a `_` to PHP.
                let led = segment.led || !plain;
                word = segment.word(&ALWAYS, led).or_else(|| segment.word(&TOGETHER, led));
            }
            plain &= !goes_on;
            if !goes_on {
                return Self { word, plain, end: segment.end };
            }
        }
    }
}

/// A part of a name: a word in lower case, unless it is longer than the members'.
struct Segment {
    word: [u8; LONGEST],
    /// Bytes of the word; more than there is room for if it cannot be a member's.
    length: usize,
    /// Whether blanks, or the `!` of Spring's defaults, come before it.
    led: bool,
    end: Option<char>,
}

impl Segment {
    fn read(chars: &mut Chars<'_>) -> Self {
        let mut read = Self { word: [0; LONGEST], length: 0, led: false, end: None };
        let mut over = false;
        for c in chars {
            if is_cut(c) || c == '=' || SEPARATORS.contains(&c) {
                read.end = Some(c);
                break;
            }
            if read.length == 0 && (is_blank(c) || c == '!') {
                read.led = true;
            } else if is_blank(c) {
                // Some servers trim space behind a name; it does not end the name.
                over = true;
            } else {
                let letter = u8::try_from(fold_ascii(c)).ok();
                let letter = letter.filter(|c| *c == b'_' || c.is_ascii_alphanumeric());
                match (read.word.get_mut(read.length), letter) {
                    (Some(slot), Some(letter)) if !over => {
                        *slot = letter;
                        read.length = read.length.saturating_add(1);
                    }
                    _ => read.length = usize::MAX,
                }
            }
        }
        read
    }

    /// The name in a list that the segment spells.
    fn word(&self, names: &[&'static str], led: bool) -> Option<&'static str> {
        let word = self.word.get(..self.length)?;
        let is = |name: &str| name.as_bytes().eq_ignore_ascii_case(word);
        let found = |name: &&&str| is(name) || (led && name.strip_prefix('_').is_some_and(is));
        names.iter().find(found).copied()
    }
}

/// Whether a segment of a name ends here for some server.
const fn is_cut(c: char) -> bool {
    matches!(c, '[' | ']' | '.' | '\0')
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || c == '\u{feff}'
}

/// The characters of a name.
#[derive(Clone, Copy)]
struct Chars<'a>(&'a [u8]);

impl Chars<'_> {
    /// The next byte after decoding `times` over, as the character of that
    /// number. Anything else stays as it is. Jetty and classic ASP.NET know `%u0070`
    /// too.
    fn decoded(&mut self, times: u8) -> Option<char> {
        let Some(times) = times.checked_sub(1) else {
            let (first, rest) = self.0.split_first()?;
            self.0 = rest;
            return Some(char::from(*first));
        };
        let c = self.decoded(times)?;
        if c != '%' {
            return Some(if c == '+' { ' ' } else { c });
        }
        let mut after = *self;
        let digits = if matches!(after.decoded(times), Some('u' | 'U')) {
            4
        } else {
            after = *self;
            2
        };
        let mut code = 0;
        for _ in 0..digits {
            match after.decoded(times).and_then(|digit| digit.to_digit(16)) {
                Some(digit) => code = (code << 4) | digit,
                None => return Some(c),
            }
        }
        let Some(decoded) = char::from_u32(code) else { return Some(c) };
        *self = after;
        Some(decoded)
    }
}

impl Iterator for Chars<'_> {
    type Item = char;

    /// The next character of what is UTF-8, and the byte of what is not.
    fn next(&mut self) -> Option<char> {
        // Some servers decode what a proxy has decoded before.
        const TIMES: u8 = 2;
        let c = self.decoded(TIMES)?;
        let (mut code, more) = match u32::from(c) {
            first @ 0xc2..=0xdf => (first & 0x1f, 1),
            first @ 0xe0..=0xef => (first & 0xf, 2),
            _ => return Some(c),
        };
        let mut after = *self;
        for _ in 0..more {
            match after.decoded(TIMES).map(u32::from) {
                Some(byte @ 0x80..=0xbf) => code = (code << 6) | (byte & 0x3f),
                _ => return Some(c),
            }
        }
        let Some(decoded) = char::from_u32(code) else { return Some(c) };
        *self = after;
        Some(decoded)
    }
}

#[cfg(test)]
mod tests;
