//! The lines of logs. A log can be larger than memory and a line of it too, so one
//! buffer of a line's largest size is all that is kept.

use crate::failure::Failure;
use crate::input::{self, STDIN};
use crate::output::shown;
use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, BufRead, BufReader, IsTerminal as _, Read};

/// The most bytes of a line; longer ones are counted and not read.
pub(crate) const MAX_LINE: usize = 4 << 20;

/// Bytes that are read at a time.
const BUFFER: usize = 256 << 10;

/// One line, without its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    /// The file's number among the arguments.
    pub(crate) file: usize,
    /// The line's number in its file, from 1.
    pub(crate) number: u64,
    /// Its bytes.
    pub(crate) bytes: &'a [u8],
}

/// Lines that were counted while a log was read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// All of them.
    pub(crate) lines: u64,
    /// Those that are longer than [`MAX_LINE`].
    pub(crate) too_long: u64,
}

/// Shows each line of the files to `take`, one file after the other; `-` is standard
/// input. A compressed file is read as what is in it.
///
/// # Errors
/// A file cannot be read, or `take` fails.
pub(crate) fn each(
    files: &[String],
    mut take: impl FnMut(Line<'_>) -> Result<(), Failure>,
) -> Result<Counts, Failure> {
    let progress = progress(files)?;
    let mut counts = Counts::default();
    for (file, name) in files.iter().enumerate() {
        let told = |error: io::Error| Failure::new(format!("{}: {error}", shown(name)));
        let raw: Box<dyn Read> = match name.as_str() {
            STDIN => Box::new(input::stdin()?),
            name => Box::new(input::open(name)?),
        };
        let mut raw = BufReader::with_capacity(BUFFER, progress.wrap_read(raw));
        if raw.fill_buf().map_err(told)?.starts_with(&[0x1f, 0x8b]) {
            let plain = BufReader::with_capacity(BUFFER, MultiGzDecoder::new(raw));
            read(file, plain, &mut counts, &told, &mut take)?;
        } else {
            read(file, raw, &mut counts, &told, &mut take)?;
        }
    }
    progress.finish_and_clear();
    Ok(counts)
}

fn read(
    file: usize,
    mut from: impl BufRead,
    counts: &mut Counts,
    told: &dyn Fn(io::Error) -> Failure,
    take: &mut impl FnMut(Line<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // The beginning of a line whose end is not in the reader's buffer.
    let mut begun: Vec<u8> = Vec::new();
    let mut is_too_long = false;
    let mut number = 0_u64;
    loop {
        let available = match from.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(told(error)),
        };
        let is_end = available.is_empty();
        let end = memchr::memchr(b'\n', available);
        let (piece, used) = match end {
            Some(end) => (available.get(..end).unwrap_or_default(), end.saturating_add(1)),
            None => (available, available.len()),
        };
        if end.is_some() || (is_end && (!begun.is_empty() || is_too_long)) {
            number = number.saturating_add(1);
            counts.lines = counts.lines.saturating_add(1);
            if is_too_long || begun.len().saturating_add(piece.len()) > MAX_LINE {
                counts.too_long = counts.too_long.saturating_add(1);
            } else if begun.is_empty() {
                take(Line { file, number, bytes: ending(piece) })?;
            } else {
                begun.extend_from_slice(piece);
                take(Line { file, number, bytes: ending(&begun) })?;
            }
            begun.clear();
            is_too_long = false;
        } else if !is_too_long {
            begun.extend_from_slice(piece);
            if begun.len() > MAX_LINE {
                is_too_long = true;
                begun = Vec::new();
            }
        }
        if is_end {
            return Ok(());
        }
        from.consume(used);
    }
}

/// A line without the carriage return of some systems.
fn ending(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A bar by bytes, where a person looks at it.
fn progress(files: &[String]) -> Result<ProgressBar, Failure> {
    let mut bytes = Some(0_u64);
    for name in files {
        bytes = match (name.as_str(), bytes) {
            (STDIN, _) | (_, None) => None,
            (name, Some(bytes)) => {
                let told = |error: io::Error| Failure::new(format!("{}: {error}", shown(name)));
                let length = input::open(name)?.metadata().map_err(told)?.len();
                Some(bytes.saturating_add(length))
            }
        };
    }
    if !io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let (bar, form) = match bytes {
        Some(bytes) => (
            ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr_with_hz(5)),
            "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        ),
        None => (
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5)),
            "{spinner} {bytes} {bytes_per_sec}",
        ),
    };
    // The form is this file's own.
    Ok(match ProgressStyle::with_template(form) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    })
}

#[cfg(test)]
mod tests {
    use super::{Counts, MAX_LINE, read};
    use crate::failure::Failure;
    use std::io::BufReader;

    fn lines(text: &[u8], buffer: usize) -> (Vec<(u64, Vec<u8>)>, Counts) {
        let (mut lines, mut counts) = (Vec::new(), Counts::default());
        let told = |error: std::io::Error| Failure::new(error.to_string());
        let from = BufReader::with_capacity(buffer, text);
        read(0, from, &mut counts, &told, &mut |line| {
            lines.push((line.number, line.bytes.to_vec()));
            Ok(())
        })
        .unwrap();
        (lines, counts)
    }

    #[test]
    fn lines_are_the_same_whatever_the_buffer() {
        let text = b"a\r\n\nbc\nlast";
        let expected: Vec<(u64, Vec<u8>)> =
            vec![(1, b"a".into()), (2, b"".into()), (3, b"bc".into()), (4, b"last".into())];
        for buffer in 1..20 {
            let (found, counts) = lines(text, buffer);
            assert_eq!(found, expected, "{buffer}");
            assert_eq!((counts.lines, counts.too_long), (4, 0));
        }
        assert_eq!(lines(b"", 8).1.lines, 0);
        assert_eq!(lines(b"\n", 8).1.lines, 1);
    }

    #[test]
    fn a_line_that_is_too_long_is_counted_and_the_next_one_is_read() {
        for length in [MAX_LINE, MAX_LINE + 1, 3 * MAX_LINE] {
            let text = [&vec![b'x'; length][..], b"\nnext\n"].concat();
            for buffer in [1 << 16, MAX_LINE * 4] {
                let (found, counts) = lines(&text, buffer);
                let is_read = length <= MAX_LINE;
                assert_eq!(found.last().unwrap(), &(2, b"next".to_vec()));
                assert_eq!(
                    (found.len() == 2, counts.too_long == 0),
                    (is_read, is_read),
                    "{length}"
                );
                assert_eq!(counts.lines, 2);
            }
            let unended = &text[..length];
            assert_eq!(lines(unended, 1 << 16).1.too_long, u64::from(length > MAX_LINE));
        }
    }
}
