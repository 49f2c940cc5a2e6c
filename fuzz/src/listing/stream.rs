//! Server-sent events as clients read them, written without a look at the
//! filter's reading.

/// A piece of a stream up to the blank line that ends it.
#[derive(Debug)]
pub(super) struct Event<'a> {
    pub(super) raw: &'a [u8],
    /// The text of all its lines of data, if it has some.
    pub(super) data: Option<Vec<u8>>,
}

/// The ends of lines, and the beginnings of lines of data, that a client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// As the standard says: a byte order mark is skipped where the stream
    /// begins.
    Standard,
    /// No byte order mark is skipped.
    Marked,
}

impl Framing {
    pub(super) const ALL: [Self; 2] = [Self::Standard, Self::Marked];
}

/// The events of a stream; the last one may not be complete.
pub(super) fn events(stream: &[u8], framing: Framing) -> Vec<Event<'_>> {
    let (mut events, mut data) = (Vec::new(), None::<Vec<u8>>);
    let (mut start, mut at) = (0, 0);
    while at < stream.len() {
        let line = line(&stream[at..]);
        let next = at + line.len();
        let stop = line.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let mut text = &line[..stop.unwrap_or(line.len())];
        if at == 0 && framing == Framing::Standard {
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        }
        at = next;
        let (field, value) = match text.iter().position(|byte| *byte == b':') {
            Some(colon) => (&text[..colon], &text[colon + 1..]),
            None => (text, &[][..]),
        };
        if field == b"data" {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            data = Some(match data.take() {
                Some(lines) => [&*lines, b"\n", value].concat(),
                None => value.to_vec(),
            });
        }
        if text.is_empty() {
            events.push(Event { raw: &stream[start..at], data: data.take() });
            start = at;
        }
    }
    if start < at {
        events.push(Event { raw: &stream[start..at], data });
    }
    events
}

/// The first line, with what ends it.
fn line(text: &[u8]) -> &[u8] {
    let Some(end) = text.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return text;
    };
    let more = usize::from(text[end..].starts_with(b"\r\n"));
    &text[..=end + more]
}
