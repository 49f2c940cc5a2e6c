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
    /// As the Go SDK does: an LF alone ends a line, and of the data of an event the lines
    /// count that come last with nothing between them.
    LineFeeds,
    /// As old clients in Python do: whatever `str.splitlines` takes for an end is one.
    SplitLines,
}

impl Framing {
    pub(super) const ALL: [Self; 4] =
        [Self::Standard, Self::Marked, Self::LineFeeds, Self::SplitLines];

    /// The bytes of the end of a line that a text begins with, if it does.
    fn end(self, text: &[u8]) -> Option<usize> {
        match (self, text) {
            (_, [b'\r', b'\n', ..]) => Some(2),
            (_, [b'\n', ..]) => Some(1),
            (Self::LineFeeds, _) => None,
            (_, [b'\r', ..]) => Some(1),
            (Self::SplitLines, [0x0b | 0x0c | 0x1c..=0x1e, ..]) => Some(1),
            (Self::SplitLines, [0xc2, 0x85, ..]) => Some(2),
            (Self::SplitLines, [0xe2, 0x80, 0xa8 | 0xa9, ..]) => Some(3),
            _ => None,
        }
    }
}

/// A stream in which no line ends with a CR alone, unless with its last byte.
pub(super) fn ended(stream: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(stream.len());
    for (at, byte) in stream.iter().enumerate() {
        out.push(*byte);
        if *byte == b'\r' && stream.get(at + 1).is_some_and(|next| *next != b'\n') {
            out.push(b'\n');
        }
    }
    out
}

/// Whether old clients in Python may see lines of data where others see none.
pub(super) fn hides_data(event: &[u8]) -> bool {
    (0..event.len()).any(|at| {
        let end = Framing::SplitLines.end(&event[at..]);
        end.is_some_and(|end| {
            !matches!(event[at], b'\r' | b'\n') && event[at + end..].starts_with(b"data")
        })
    })
}

/// The events of a stream; the last one may not be complete.
pub(super) fn events(stream: &[u8], framing: Framing) -> Vec<Event<'_>> {
    let (mut events, mut data) = (Vec::new(), None::<Vec<u8>>);
    let (mut start, mut at, mut is_run) = (0, 0, false);
    while at < stream.len() {
        let rest = &stream[at..];
        let stop = (0..rest.len()).find_map(|at| Some((at, framing.end(&rest[at..])?)));
        let (length, end) = stop.unwrap_or((rest.len(), 0));
        let next = at + length + end;
        let mut text = &rest[..length];
        if at == 0 && framing != Framing::Marked {
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        }
        at = next;
        let (field, value) = match text.iter().position(|byte| *byte == b':') {
            Some(colon) => (&text[..colon], &text[colon + 1..]),
            None => (text, &[][..]),
        };
        if field == b"data" {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            data = Some(match data.take().filter(|_| is_run || framing != Framing::LineFeeds) {
                Some(lines) => [&*lines, b"\n", value].concat(),
                None => value.to_vec(),
            });
            is_run = true;
        } else if !text.is_empty() {
            is_run = false;
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
