//! Server-sent events, as far as it takes to change one and to let all else pass
//! at once: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
//!
//! Servers end lines with LF, CRLF or CR, write `data:` before or after `id:`,
//! and send comments as pings. So only the lines from an event's first `data` line
//! to the blank line after it are held, and only the bytes that change are written
//! anew.

use super::changes::{Change, Changes};
use super::signs::Signs;
use core::ops::Range;

/// The rules by which the data of events is changed.
pub(super) trait Editor {
    /// Whether lists are read.
    fn reads(&self) -> bool;
    /// The changes to one event's data.
    fn edit(&self, data: &[u8]) -> Changes;
    /// The replacement for the data of an event that is too long to be read, of
    /// which this is the beginning; `None` where it passes all the same.
    fn instead(&self, data: &[u8]) -> Option<Vec<u8>>;
    /// The most bytes of an event that are held.
    fn most(&self) -> usize;
    /// The data of the events that end the stream, if one of this size is too long.
    fn too_long(&self, size: usize) -> Option<Vec<Vec<u8>>>;
    /// Whether it takes the data of events that pass.
    fn notes(&self) -> bool;
    /// Takes the data of an event that passes.
    fn note(&self, data: &[u8]);
    /// The signs of the lists that it reads.
    fn signs(&self) -> Signs;
}

/// A stream of events on its way through.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The bytes that have come and not gone on.
    held: Vec<u8>,
    /// The index in it at which the present line begins.
    line: usize,
    /// Whether the event that is held has data.
    data: bool,
    /// Whether some clients see other lines of data in it.
    is_unclear: bool,
    /// Whether the present line has a byte.
    begun: bool,
    /// Whether the last byte was a CR, so that an LF belongs to it.
    after_cr: bool,
    /// Bytes of the event that have passed as they came.
    passed: usize,
    /// Whether a line that ends with a CR alone gets an LF too. What has no type of
    /// events may be anything.
    ends_lines: bool,
    /// The bytes so far of what has no type of events, and may be anything.
    untyped: Option<usize>,
    /// Whether the rest of the present line passes, since it cannot be one of data.
    skips: bool,
    mode: Mode,
}

/// Bytes of room for events that a stream keeps while it holds none.
const KEPT: usize = 4_096;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    /// Each event is looked at as a whole.
    #[default]
    Hold,
    /// The rest of an event that is too long passes as it comes, as long as it has
    /// no list. Its last bytes are held.
    Flow,
    /// The rest of an event goes nowhere.
    Drop,
    /// An event was too long, and nothing goes on.
    Over,
}

impl Events {
    /// A stream of which lists are read, and that is of the type of events or of any.
    pub(super) fn of_lists(is_typed: bool) -> Self {
        let untyped = if is_typed { None } else { Some(0) };
        Self { ends_lines: is_typed, untyped, ..Self::default() }
    }

    /// Counts a piece of what has no type of events; the size of all.
    pub(super) const fn grow(&mut self, size: usize) -> Option<usize> {
        if let Some(all) = &mut self.untyped {
            *all = all.saturating_add(size);
        }
        self.untyped
    }

    /// Takes the bytes that came, with `end` if they are the last, and returns those
    /// that go on.
    pub(super) fn pass(&mut self, chunk: &[u8], end: bool, editor: &dyn Editor) -> Vec<u8> {
        let mut out = Vec::with_capacity(chunk.len());
        let mut rest = chunk;
        while let Some(&first) = rest.first() {
            if core::mem::take(&mut self.after_cr) {
                if first == b'\n' {
                    rest = rest.get(1..).unwrap_or_default();
                    self.line_feed(&mut out);
                    continue;
                }
                // To some clients a CR alone ends no line: `data: \r{}` is data to them.
                if self.ends_lines {
                    self.line_feed(&mut out);
                }
            }
            let stop = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let length = stop.map_or(rest.len(), |stop| stop.saturating_add(1));
            let Some((part, more)) = rest.split_at_checked(length) else { break };
            rest = more;
            self.after_cr = part.last() == Some(&b'\r');
            self.begun |= length > usize::from(stop.is_some());
            self.take(part, &mut out, editor);
            if stop.is_some() {
                self.end_of_line(&mut out, editor);
            }
        }
        if end {
            self.end_of_stream(&mut out, editor);
        }
        out
    }

    /// Whether an event was too long, after which nothing goes on.
    pub(super) fn is_over(&self) -> bool {
        self.mode == Mode::Over
    }

    /// The bytes that it has room for.
    #[cfg(test)]
    pub(super) const fn room(&self) -> usize {
        self.held.capacity()
    }

    /// The LF of a line that its CR has ended.
    fn line_feed(&mut self, out: &mut Vec<u8>) {
        match self.mode {
            Mode::Hold if !self.held.is_empty() => {
                self.held.push(b'\n');
                self.line = self.held.len();
            }
            Mode::Hold | Mode::Flow => out.push(b'\n'),
            Mode::Drop | Mode::Over => {}
        }
    }

    fn take(&mut self, part: &[u8], out: &mut Vec<u8>, editor: &dyn Editor) {
        match self.mode {
            Mode::Hold if self.skips => out.extend_from_slice(part),
            Mode::Hold => {
                self.held.extend_from_slice(part);
                if self.untyped.is_some() && !self.data && !begins_data(&self.held) {
                    out.append(&mut self.held);
                    self.skips = true;
                    return;
                }
                if let Some(last) = editor.too_long(self.held.len()) {
                    self.finish(&last, out);
                } else if self.held.len() > editor.most() {
                    self.overflow(out, editor);
                }
            }
            Mode::Flow => {
                self.passed = self.passed.saturating_add(part.len());
                if let Some(last) = editor.too_long(self.passed) {
                    // It ends what has passed of the event.
                    out.extend_from_slice(b"\n\n");
                    return self.finish(&last, out);
                }
                // The sign of a list may come in two parts.
                self.held.extend_from_slice(part);
                let sign = editor.signs().are_in(&self.held);
                if let Some(instead) = sign.then(|| editor.instead(&[])).flatten() {
                    self.held.clear();
                    self.mode = Mode::Drop;
                    out.extend_from_slice(b"\n\n");
                    whole(&instead, out);
                } else {
                    out.extend_from_slice(part);
                    self.keep_tail(editor.signs());
                }
            }
            Mode::Drop | Mode::Over => {}
        }
    }

    /// Ends the stream with events of this data.
    fn finish(&mut self, last: &[Vec<u8>], out: &mut Vec<u8>) {
        *self = Self { mode: Mode::Over, ..Self::default() };
        last.iter().for_each(|data| whole(data, out));
    }

    /// Handles an event that is longer than the part that is held of one.
    fn overflow(&mut self, out: &mut Vec<u8>, editor: &dyn Editor) {
        let data = Data::new(&self.held);
        let sign = editor.signs().are_in(&self.held) || data.hides(editor.signs());
        if let Some(instead) = sign.then(|| editor.instead(&data.text)).flatten() {
            whole(&instead, out);
            self.held.clear();
            self.mode = Mode::Drop;
        } else {
            out.extend_from_slice(&self.held);
            self.passed = self.held.len();
            self.keep_tail(editor.signs());
            self.mode = Mode::Flow;
        }
    }

    fn keep_tail(&mut self, signs: Signs) {
        let seen = self.held.len().saturating_sub(signs.longest());
        self.held.drain(..seen);
    }

    fn end_of_line(&mut self, out: &mut Vec<u8>, editor: &dyn Editor) {
        let blank = !core::mem::take(&mut self.begun);
        self.skips = false;
        if self.mode != Mode::Hold {
            if blank && self.mode != Mode::Over {
                let Self { after_cr, ends_lines, untyped, .. } = *self;
                *self = Self { after_cr, ends_lines, untyped, ..Self::default() };
            }
            return;
        }
        self.see_line(editor);
        if blank || !self.data {
            self.release(out, editor);
        }
        self.line = self.held.len();
    }

    /// Looks for data in the present line.
    fn see_line(&mut self, editor: &dyn Editor) {
        let line = self.held.get(self.line..).unwrap_or_default();
        self.is_unclear |= editor.reads() && hides_data(line);
        self.data |= self.is_unclear || data(line).is_some();
    }

    fn end_of_stream(&mut self, out: &mut Vec<u8>, editor: &dyn Editor) {
        if self.mode == Mode::Hold {
            self.see_line(editor);
            self.release(out, editor);
        }
    }

    /// Releases the held bytes, changed as they have to be.
    fn release(&mut self, out: &mut Vec<u8>, editor: &dyn Editor) {
        let data = core::mem::take(&mut self.data);
        if data && editor.notes() {
            editor.note(&Data::new(&self.held).text);
        }
        let is_unclear = core::mem::take(&mut self.is_unclear) && editor.signs().are_in(&self.held);
        let instead = || editor.instead(&Data::new(&self.held).text);
        if let Some(instead) = is_unclear.then(instead).flatten() {
            whole(&instead, out);
        } else if data && editor.reads() {
            event(&self.held, out, editor);
        } else {
            out.extend_from_slice(&self.held);
        }
        self.held.clear();
        // A stream may stay open for days after one long event.
        self.held.shrink_to(KEPT);
        self.line = 0;
    }
}

/// Writes an event that consists of this data.
fn whole(data: &[u8], out: &mut Vec<u8>) {
    for part in [b"data: ", data, b"\n\n"] {
        out.extend_from_slice(part);
    }
}

/// An event's data.
#[derive(Default)]
struct Data {
    /// The spans of its lines in the event.
    lines: Vec<Range<usize>>,
    /// The text of all lines together.
    text: Vec<u8>,
    /// Whether one of several lines begins with a byte order mark, so that some
    /// clients see other data.
    unclear: bool,
}

impl Data {
    fn new(event: &[u8]) -> Self {
        let mut found = Self::default();
        let mut marked = false;
        let mut at = 0_usize;
        for line in event.split(|byte| matches!(byte, b'\r' | b'\n')) {
            let end = at.saturating_add(line.len());
            if let Some(value) = data(line) {
                if !found.lines.is_empty() {
                    found.text.push(b'\n');
                }
                found.text.extend_from_slice(value);
                found.lines.push(end.saturating_sub(value.len())..end);
                marked |= line.starts_with(MARK);
            }
            at = end.saturating_add(1);
        }
        Self { unclear: marked && found.lines.len() > 1, ..found }
    }

    /// Whether a sign is in it to clients who put its lines together without a line's end
    /// between them, as Kotlin's SDK does, and not to others.
    fn hides(&self, signs: Signs) -> bool {
        if self.lines.len() < 2 || signs.are_in(&self.text) {
            return false;
        }
        let lines = self.text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        signs.are_in(&lines.collect::<Vec<_>>().concat())
    }
}

/// Writes an event with its data changed.
fn event(event: &[u8], out: &mut Vec<u8>, editor: &dyn Editor) {
    let data = Data::new(event);
    let hides = data.hides(editor.signs());
    let Data { lines, text, unclear } = data;
    let mut changes = if hides || (unclear && editor.signs().are_in(&text)) {
        let instead = editor.instead(&text);
        let change = |with: Vec<u8>| Change { from: 0, to: text.len(), with: with.into() };
        Changes::new(instead.map(change).into_iter().collect())
    } else {
        editor.edit(&text)
    };
    if changes.is_empty() {
        out.extend_from_slice(event);
        return;
    }
    let (mut done, mut at) = (0, 0_usize);
    for line in lines {
        out.extend_from_slice(event.get(done..line.start).unwrap_or_default());
        done = line.end;
        let value = event.get(line.clone()).unwrap_or_default();
        let start = out.len();
        changes.write(value, at, out);
        // A line that is just `data` has no colon to put a value behind.
        if out.len() > start && event.get(..line.start).is_some_and(|head| head.ends_with(b"data"))
        {
            out.splice(start..start, *b": ");
        }
        at = at.saturating_add(value.len()).saturating_add(1);
    }
    out.extend_from_slice(event.get(done..).unwrap_or_default());
}

/// The byte order mark.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether a line begins as one of data does, as far as it is there.
fn begins_data(line: &[u8]) -> bool {
    let line = line.strip_prefix(MARK).unwrap_or(line);
    MARK.starts_with(line) || line.starts_with(b"data") || b"data".starts_with(line)
}

/// The value of a line of data. A byte order mark is not part of a stream's first
/// line; here any line may have one.
fn data(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix(MARK).unwrap_or(line);
    match line.strip_prefix(b"data")? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

/// Whether a part of a line is a line of data to clients who end lines as Python's
/// `splitlines` does, at characters that JSON allows in a text, or that a comment has.
fn hides_data(line: &[u8]) -> bool {
    line.iter().enumerate().any(|(at, byte)| {
        let end: &[u8] = match byte {
            0x0b | 0x0c | 0x1c..=0x1e => b"",
            0xc2 => b"\x85",
            0xe2 => b"\x80",
            _ => return false,
        };
        let rest = line.get(at.saturating_add(1)..).and_then(|rest| rest.strip_prefix(end));
        let rest = match (byte, rest) {
            // U+2028 and U+2029
            (0xe2, Some([0xa8 | 0xa9, rest @ ..])) => Some(rest),
            (0xe2, _) => None,
            (_, rest) => rest,
        };
        rest.is_some_and(|rest| rest.starts_with(b"data"))
    })
}
