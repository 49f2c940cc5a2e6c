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

/// Members that no query has to name. `__proto__` lends an object the others.
const ALWAYS: [&str; 7] =
    ["jsonrpc", "params", "arguments", "_meta", "inputResponses", "requestState", "__proto__"];
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
    for parameter in query.split(['&', ';', '?', '#']) {
        let Some(Name { word, plain }) = Name::read(parameter) else { continue };
        let alone = TOGETHER.contains(&word) && !(is_post && word == "method");
        if !plain || !alone || seen.is_some_and(|other| other != word) {
            return Some(word);
        }
        seen = Some(word);
    }
    None
}

/// A parameter's name that some server takes for a member's.
struct Name {
    word: &'static str,
    /// Whether it leads to the member itself, and not into it.
    plain: bool,
}

impl Name {
    /// Reads the name of a parameter as far as that takes: `params[name]`,
    /// `[params][name]` (Rack, qs), `params.name` (qs, Spring, ASP.NET), `.meta`
    /// (`_meta` to PHP), `params%00x` (`params` to PHP).
    fn read(parameter: &str) -> Option<Self> {
        let name = parameter.split_once('=').map_or(parameter, |(name, _)| name);
        let mut chars = Chars(name.as_bytes());
        let (mut led, mut plain) = (false, true);
        let mut word = [0; LONGEST];
        let mut length = 0_usize;
        let end = loop {
            let c = chars.next().map(fold_ascii);
            match c {
                Some(c) if c == '_' || c.is_ascii_alphanumeric() => {
                    *word.get_mut(length)? = u8::try_from(c).ok()?;
                    length = length.saturating_add(1);
                }
                Some(c) if length == 0 && (is_cut(c) || is_blank(c)) => {
                    led = true;
                    plain &= !is_cut(c);
                }
                c => break c,
            }
        };
        let word = word.get(..length)?;
        // Space behind a name is trimmed by some, and is no end of it.
        let end = match end {
            Some(c) if is_blank(c) && !is_cut(c) => chars.find(|c| !is_blank(*c) || is_cut(*c)),
            end => end,
        };
        plain &= end.is_none();
        if end.is_some_and(|c| !is_cut(c)) {
            return None;
        }
        let mut words = ALWAYS.into_iter().chain(TOGETHER);
        let is = |name: &str| name.as_bytes().eq_ignore_ascii_case(word);
        let word = words.find(|name| is(name) || (led && name.strip_prefix('_').is_some_and(is)));
        Some(Self { word: word?, plain })
    }
}

/// Whether a name ends here for some server, and a way into its value begins.
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
    /// number. What is no escape stays. Jetty and classic ASP.NET know `%u0070`
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
