//! Bodies. Envoy keeps the part that it holds apart from the piece that a hook is
//! about, and both in slices; only where another filter has held the body before is
//! the piece the whole.
//!
//! All filters of a stream share what is held. Once this one lets pieces pass, it is
//! another's: `held` says whether it is ours.

use super::imports::{self, Bytes};
use super::stream::Envoy;
use super::{NOTHING, lend};
use mcp_policy_filter::shell::Message;
use std::borrow::Cow;

/// Slices that need no allocation: some 128 KB.
const FEW: usize = 8;

/// Envoy's number for the part of a body that it holds.
const fn buffer(of: Message) -> u32 {
    match of {
        Message::Request => 1,
        Message::Response => 3,
    }
}

/// Envoy's number for the piece that a hook is about.
const fn piece(of: Message) -> u32 {
    match of {
        Message::Request => 0,
        Message::Response => 2,
    }
}

impl Envoy {
    /// The number of bytes of a body that have come and not gone on.
    pub(crate) fn size(&self, message: Message, held: bool) -> usize {
        self.parts(message, held).fold(0, |sum, (_, size)| size.saturating_add(sum))
    }

    /// These bytes: Envoy's own where they are one slice, and otherwise a copy of at
    /// most `most`. `None` if Envoy counts slices and hands over none.
    pub(crate) fn body(&self, message: Message, held: bool, most: usize) -> Option<Cow<'_, [u8]>> {
        let mut whole = Cow::Borrowed(&[][..]);
        for (part, _) in self.parts(message, held) {
            self.slices(part, |slice| match &mut whole {
                Cow::Borrowed([]) => whole = Cow::Borrowed(slice),
                Cow::Borrowed(first) => {
                    let mut joined = Vec::with_capacity(self.size(message, held).min(most));
                    extend(&mut joined, first, most);
                    extend(&mut joined, slice, most);
                    whole = Cow::Owned(joined);
                }
                Cow::Owned(joined) => extend(joined, slice, most),
            })?;
        }
        Some(whole)
    }

    /// Puts other bytes in the place of these; whether Envoy did it. A hook about
    /// trailers has no piece, so that Envoy holds the bytes.
    pub(crate) fn set_body(
        &mut self,
        message: Message,
        held: bool,
        bytes: &[u8],
        trailers: bool,
    ) -> bool {
        for (part, size) in self.parts(message, held) {
            // SAFETY: no view of the body is left: they borrow from `self`.
            if !unsafe { imports::drain(self.filter, part, size) } {
                return false;
            }
        }
        let part = if trailers { buffer(message) } else { piece(message) };
        // SAFETY: the bytes are live, and Envoy copies them.
        bytes.is_empty() || unsafe { imports::append(self.filter, part, lend(bytes)) }
    }

    /// The parts that make up the whole and are not empty, in order, each with its size.
    fn parts(&self, message: Message, held: bool) -> impl Iterator<Item = (u32, usize)> + use<> {
        // SAFETY: the stream is in a hook.
        let is_one = unsafe {
            match message {
                Message::Request => imports::received_is_buffered_request(self.filter),
                Message::Response => imports::received_is_buffered_response(self.filter),
            }
        };
        // SAFETY: the stream is in a hook.
        let size = |part| unsafe { imports::body_size(self.filter, part) };
        let (buffer, piece) = (buffer(message), piece(message));
        let buffered = if held && !is_one { size(buffer) } else { 0 };
        [(buffer, buffered), (piece, size(piece))].into_iter().filter(|(_, size)| *size > 0)
    }

    /// Calls `each` with the slices of a part that are not empty. `None` if Envoy does
    /// not show what it counts.
    fn slices<'b>(&'b self, part: u32, mut each: impl FnMut(&'b [u8])) -> Option<()> {
        // SAFETY: the stream is in a hook.
        let count = unsafe { imports::chunks_size(self.filter, part) };
        if count == 0 {
            return Some(());
        }
        let (mut few, mut many) = ([NOTHING; FEW], Vec::new());
        let slices: &mut [Bytes] = match few.get_mut(..count) {
            Some(few) => few,
            None => {
                many.resize(count, NOTHING);
                &mut many
            }
        };
        // SAFETY: the stream is in a hook; Envoy writes as many slices as it has just
        // counted, for which there is room.
        if !unsafe { imports::chunks(self.filter, part, slices.as_mut_ptr()) } {
            return None;
        }
        for slice in slices {
            // SAFETY: Envoy filled the slice in, and its body does not change while
            // this borrows the stream.
            let slice: &'b [u8] = unsafe { slice.view() };
            if !slice.is_empty() {
                each(slice);
            }
        }
        Some(())
    }
}

/// Adds a slice, as far as there are no more than `most` bytes then.
fn extend(joined: &mut Vec<u8>, slice: &[u8], most: usize) {
    let room = most.saturating_sub(joined.len());
    joined.extend_from_slice(slice.get(..room).unwrap_or(slice));
}
