//! A JSON reader that makes sense of whatever it gets, written without a look
//! at the filter's: comments, trailing commas, bare words, several documents,
//! text that is not UTF-8. Members stay as they were given, also those that
//! were given twice: which of them counts is for [`crate::reading`] to say.

/// Deeper values are not looked at. No policy lets them through.
const MAX_DEPTH: usize = 300;

/// A value and its bytes.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    pub raw: &'a [u8],
    pub value: Value<'a>,
}

#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// A number, a literal or any other bare word.
    Word,
    Text(String),
    List(Vec<Node<'a>>),
    Map(Vec<Member<'a>>),
}

#[derive(Clone, Debug)]
pub struct Member<'a> {
    pub raw_key: &'a [u8],
    pub key: String,
    pub node: Node<'a>,
}

impl<'a> Node<'a> {
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn members(&self) -> &[Member<'a>] {
        match &self.value {
            Value::Map(members) => members,
            _ => &[],
        }
    }
}

/// Every document in a text.
pub fn documents(text: &[u8]) -> Vec<Node<'_>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut scanner = Scanner { text, at: 0, depth: 0 };
    let mut documents = Vec::new();
    loop {
        scanner.space(b",;]}\x1e");
        if scanner.at >= text.len() {
            return documents;
        }
        documents.push(scanner.node());
    }
}

/// A text in UTF-16 as one in UTF-8, where it may be one.
pub fn from_utf16(text: &[u8]) -> Option<Vec<u8>> {
    let read: fn([u8; 2]) -> u16 = match text {
        [0xff, 0xfe, ..] | [_, 0, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] | [0, _, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let units: Vec<u16> = text.chunks_exact(2).map(|pair| read([pair[0], pair[1]])).collect();
    Some(String::from_utf16_lossy(&units).into_bytes())
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn starts_with(&self, word: &[u8]) -> bool {
        self.text[self.at..].starts_with(word)
    }

    fn until(&mut self, end: &[u8]) {
        let found = self.text[self.at..].windows(end.len()).position(|window| window == end);
        self.at = found.map_or(self.text.len(), |offset| self.at + offset + end.len());
    }

    /// Skips white space, comments, and whatever is in `also`.
    fn space(&mut self, also: &[u8]) {
        while let Some(byte) = self.peek() {
            if self.starts_with(b"//") || byte == b'#' {
                self.until(b"\n");
            } else if self.starts_with(b"/*") {
                self.at += 2;
                self.until(b"*/");
            } else if byte.is_ascii_whitespace() || byte == 0x0b || also.contains(&byte) {
                self.at += 1;
            } else if self.starts_with(b"\xef\xbb\xbf") {
                self.at += 3;
            } else {
                return;
            }
        }
    }

    fn node(&mut self) -> Node<'a> {
        self.space(b"");
        let start = self.at;
        self.depth += 1;
        let value = match self.peek() {
            _ if self.depth > MAX_DEPTH => {
                self.at = self.text.len();
                Value::Word
            }
            Some(b'{') => self.map(),
            Some(b'[') => self.list(),
            Some(quote @ (b'"' | b'\'')) => Value::Text(self.string(quote)),
            _ => {
                self.word();
                Value::Word
            }
        };
        self.depth -= 1;
        Node { raw: &self.text[start..self.at], value }
    }

    fn list(&mut self) -> Value<'a> {
        self.at += 1;
        let mut nodes = Vec::new();
        loop {
            self.space(b",;");
            match self.peek() {
                None => return Value::List(nodes),
                Some(b']') => {
                    self.at += 1;
                    return Value::List(nodes);
                }
                Some(_) => nodes.push(self.node()),
            }
        }
    }

    fn map(&mut self) -> Value<'a> {
        self.at += 1;
        let mut members = Vec::new();
        loop {
            self.space(b",;");
            let start = self.at;
            let key = match self.peek() {
                None => return Value::Map(members),
                Some(b'}') => {
                    self.at += 1;
                    return Value::Map(members);
                }
                Some(quote @ (b'"' | b'\'')) => self.string(quote),
                Some(_) => self.word(),
            };
            let raw_key = &self.text[start..self.at];
            self.space(b":=>");
            members.push(Member { raw_key, key, node: self.node() });
        }
    }

    /// All up to the next punctuation: at least one byte.
    fn word(&mut self) -> String {
        let start = self.at;
        while let Some(byte) = self.peek() {
            if b",:;[]{}\"'".contains(&byte) || byte.is_ascii_whitespace() {
                break;
            }
            self.at += 1;
        }
        if self.at == start && self.at < self.text.len() {
            self.at += 1;
        }
        String::from_utf8_lossy(&self.text[start..self.at]).into_owned()
    }

    fn string(&mut self, quote: u8) -> String {
        self.at += 1;
        let mut bytes = Vec::new();
        while let Some(byte) = self.peek() {
            self.at += 1;
            if byte == quote {
                break;
            }
            if byte == b'\\' {
                self.escape(&mut bytes);
            } else {
                bytes.push(byte);
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) {
        let Some(byte) = self.peek() else { return };
        self.at += 1;
        bytes.push(match byte {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode(bytes),
            other => other,
        });
    }

    fn unicode(&mut self, bytes: &mut Vec<u8>) {
        let mut units = Vec::new();
        let Some(first) = self.unit() else { return bytes.push(b'u') };
        units.push(first);
        if (0xd800..0xdc00).contains(&first) && self.starts_with(b"\\u") {
            let start = self.at;
            self.at += 2;
            match self.unit() {
                Some(second) if (0xdc00..0xe000).contains(&second) => units.push(second),
                _ => self.at = start,
            }
        }
        bytes.extend(String::from_utf16_lossy(&units).bytes());
    }

    fn unit(&mut self) -> Option<u16> {
        let digits = self.text.get(self.at..self.at + 4)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        self.at += 4;
        u16::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
    }
}
