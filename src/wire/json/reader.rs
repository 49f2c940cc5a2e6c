//! The one pass over a text.

mod strings;

use super::error::{JsonError, JsonErrorKind};
use super::keys::KeyStack;
use super::number;
use super::raw::{Kind, Raw};
use super::text::Text;
use crate::meter;

/// Reads a text from its first byte to its last.
///
/// ```
/// use mcp_policy_filter::wire::json::{Kind, Reader};
///
/// let mut reader = Reader::new(br#"{"a": [1, 2], "b": "x"}"#, 64).unwrap();
/// let mut spans = Vec::new();
/// reader.object(|reader, key, _| {
///     spans.push((key.decode().into_owned(), reader.value()?.text));
///     Ok(())
/// }).unwrap();
/// reader.end().unwrap();
/// assert_eq!(spans, [("a".to_owned(), "[1, 2]"), ("b".to_owned(), r#""x""#)]);
/// assert_eq!(reader.ambiguity(), None);
/// ```
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a str,
    rest: &'a [u8],
    room: usize,
    keys: KeyStack<'a>,
    ambiguity: Option<JsonError>,
    /// Whether keys and numbers are looked at for what readers disagree on.
    strict: bool,
}

type Step<T> = Result<T, JsonError>;

impl<'a> Raw<'a> {
    /// The member with this name, if the value is an object that has one. Of several,
    /// which the strict reading refuses, the last.
    pub fn member(self, name: &str) -> Option<Self> {
        if !matches!(self.kind, Kind::Object) {
            return None;
        }
        let mut found = None;
        Reader::again(self)
            .object(|reader, key, _| {
                let value = reader.value()?;
                if key.is(name) {
                    found = Some(value);
                }
                Ok(())
            })
            .ok()?;
        found
    }
}

impl<'a> Reader<'a> {
    /// Starts on `text`, in which values may be nested `max_depth` deep.
    ///
    /// # Errors
    /// The text is not UTF-8, or begins with a byte order mark.
    pub fn new(text: &'a [u8], max_depth: usize) -> Step<Self> {
        let text = utf8(text)?;
        if text.starts_with('\u{feff}') {
            return Err(JsonError { at: 0, kind: JsonErrorKind::ByteOrderMark });
        }
        Ok(Self {
            text,
            rest: text.as_bytes(),
            room: max_depth,
            keys: KeyStack::with_room(),
            ambiguity: None,
            strict: true,
        })
    }

    /// Starts on a text that goes no further: only its syntax and depth are
    /// checked, never ambiguity.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn outline(text: &'a [u8], max_depth: usize) -> Step<Self> {
        Ok(Self { strict: false, ..Self::new(text, max_depth)? })
    }

    /// Reads a value again that a reader let pass. Offsets count from the
    /// value's own beginning.
    pub fn again(raw: Raw<'a>) -> Self {
        Self {
            text: raw.text,
            rest: raw.text.as_bytes(),
            room: usize::MAX,
            keys: KeyStack::default(),
            ambiguity: None,
            strict: false,
        }
    }

    /// Reads a value again, in which values may be nested `max_depth` deep.
    pub fn again_within(raw: Raw<'a>, max_depth: usize) -> Self {
        Self { room: max_depth, ..Self::again(raw) }
    }

    /// Whether the reader looks for what readers disagree on.
    pub const fn is_strict(&self) -> bool {
        self.strict
    }

    /// The first ambiguity met so far. It does not stop the reading.
    pub const fn ambiguity(&self) -> Option<JsonError> {
        self.ambiguity
    }

    /// Notes that readers may differ on the text at `at`.
    #[cold]
    fn doubt(&mut self, at: usize, kind: JsonErrorKind) {
        self.ambiguity.get_or_insert(JsonError { at, kind });
    }

    /// The offset of the next byte.
    fn at(&self) -> usize {
        self.text.len().saturating_sub(self.rest.len())
    }

    #[cold]
    fn fault<T>(&self, kind: JsonErrorKind) -> Step<T> {
        Err(JsonError { at: self.at(), kind })
    }

    /// Skips white space, then shows the first byte of what comes next.
    pub fn peek(&mut self) -> Option<u8> {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
        self.rest.first().copied()
    }

    /// Takes `byte` if it comes next, after white space.
    fn take(&mut self, byte: u8) -> bool {
        if self.peek() == Some(byte) {
            self.skip(1);
            true
        } else {
            false
        }
    }

    fn skip(&mut self, count: usize) {
        meter::steps(count.saturating_add(1));
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    /// Reads one value of any kind, with everything in it.
    ///
    /// # Errors
    /// The text is not JSON here, or nested too deeply.
    pub fn value(&mut self) -> Step<Raw<'a>> {
        let first = self.peek();
        let at = self.at();
        let kind = match first {
            Some(b'"') => Kind::String(self.string()?),
            Some(b'{') => return self.spanned_object(|reader, _, _| reader.value().map(drop)),
            Some(b'[') => {
                self.array(|reader| reader.value().map(drop))?;
                Kind::Array
            }
            Some(b'-' | b'0'..=b'9') => self.number(at)?,
            Some(b't') => self.literal(b"true", Kind::Bool(true))?,
            Some(b'f') => self.literal(b"false", Kind::Bool(false))?,
            Some(b'n') => self.literal(b"null", Kind::Null)?,
            _ => return self.fault(JsonErrorKind::Expected("a value")),
        };
        let text = self.text.get(at..self.at()).unwrap_or_default();
        Ok(Raw { text, at, kind })
    }

    /// Reads an object. `member` gets each key and its offset, and must read
    /// the value.
    ///
    /// # Errors
    /// As [`Self::value`], or what `member` returns.
    pub fn object<F>(&mut self, mut member: F) -> Step<()>
    where
        F: FnMut(&mut Self, Text<'a>, usize) -> Step<()>,
    {
        self.members(&mut member)
    }

    fn members(
        &mut self,
        member: &mut dyn FnMut(&mut Self, Text<'a>, usize) -> Step<()>,
    ) -> Step<()> {
        if !self.take(b'{') {
            return self.fault(JsonErrorKind::Expected("`{`"));
        }
        self.enter()?;
        let height = self.keys.height();
        if !self.take(b'}') {
            loop {
                if self.peek() != Some(b'"') {
                    return self.fault(JsonErrorKind::Expected("a key in double quotes"));
                }
                let at = self.at();
                let key = self.string()?;
                if self.strict {
                    self.keys.push(key, at);
                    if let Some(doubt) = key.doubt() {
                        self.doubt(at, doubt);
                    }
                }
                if !self.take(b':') {
                    return self.fault(JsonErrorKind::Expected("`:`"));
                }
                member(self, key, at)?;
                match self.peek() {
                    Some(b',') => self.skip(1),
                    Some(b'}') => break self.skip(1),
                    _ => return self.fault(JsonErrorKind::Expected("`,` or `}`")),
                }
            }
        }
        if let Some(at) = self.keys.close(height) {
            self.doubt(at, JsonErrorKind::DuplicateKey);
        }
        self.leave();
        Ok(())
    }

    /// Reads an object as [`Self::object`] does, and returns its span of the
    /// text.
    ///
    /// # Errors
    /// As [`Self::object`].
    pub fn spanned_object<F>(&mut self, member: F) -> Step<Raw<'a>>
    where
        F: FnMut(&mut Self, Text<'a>, usize) -> Step<()>,
    {
        self.peek();
        let at = self.at();
        self.object(member)?;
        let text = self.text.get(at..self.at()).unwrap_or_default();
        Ok(Raw { text, at, kind: Kind::Object })
    }

    /// Reads an array. `element` must read one value each time.
    ///
    /// # Errors
    /// As [`Self::value`], or what `element` returns.
    pub fn array<F>(&mut self, mut element: F) -> Step<()>
    where
        F: FnMut(&mut Self) -> Step<()>,
    {
        self.elements(&mut element)
    }

    // This and `members` are compiled once for all closures.
    fn elements(&mut self, element: &mut dyn FnMut(&mut Self) -> Step<()>) -> Step<()> {
        if !self.take(b'[') {
            return self.fault(JsonErrorKind::Expected("`[`"));
        }
        self.enter()?;
        if !self.take(b']') {
            loop {
                element(self)?;
                if self.take(b']') {
                    break;
                }
                if !self.take(b',') {
                    return self.fault(JsonErrorKind::Expected("`,` or `]`"));
                }
            }
        }
        self.leave();
        Ok(())
    }

    /// Checks that only white space is left.
    ///
    /// # Errors
    /// There is more text.
    pub fn end(&mut self) -> Step<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.fault(JsonErrorKind::TrailingText),
        }
    }

    /// Enters a value. Depth is bounded because values are read by recursion.
    fn enter(&mut self) -> Step<()> {
        match self.room.checked_sub(1) {
            Some(room) => {
                self.room = room;
                Ok(())
            }
            None => self.fault(JsonErrorKind::Depth),
        }
    }

    fn leave(&mut self) {
        self.room = self.room.saturating_add(1);
    }

    fn literal(&mut self, word: &[u8], kind: Kind<'a>) -> Step<Kind<'a>> {
        if !self.rest.starts_with(word) {
            return self.fault(JsonErrorKind::Expected("a value"));
        }
        self.skip(word.len());
        Ok(kind)
    }

    fn number(&mut self, at: usize) -> Step<Kind<'a>> {
        let length = match number::scan(self.rest) {
            Ok(length) => length,
            Err(offset) => {
                self.skip(offset);
                return self.fault(JsonErrorKind::Expected("a digit"));
            }
        };
        self.skip(length);
        let text = self.text.get(at..self.at()).unwrap_or_default();
        if self.strict
            && let Some(kind) = number::doubt(text)
        {
            self.doubt(at, kind);
        }
        Ok(Kind::Number)
    }
}

/// Bytes from which on the preparations of simdutf8 are worth their time.
const LONG: usize = 512;

/// The bytes as text. The standard library has the last word on texts that are
/// not, since it tells the place.
fn utf8(bytes: &[u8]) -> Step<&str> {
    if bytes.len() > LONG
        && let Ok(text) = simdutf8::basic::from_utf8(bytes)
    {
        return Ok(text);
    }
    core::str::from_utf8(bytes)
        .map_err(|error| JsonError { at: error.valid_up_to(), kind: JsonErrorKind::NotUtf8 })
}

#[cfg(test)]
mod tests;
