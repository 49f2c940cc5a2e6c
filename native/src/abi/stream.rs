//! One stream: headers, answers, metadata, metrics.

use super::imports::{self, Bytes, EnvoyFilter, Pair};
use super::{NOTHING, lend};
use core::cell::Cell;
use core::marker::PhantomData;
use core::mem::take;
use mcp_policy_filter::shell::Message;
use std::borrow::Cow;

/// Envoy's half of one stream, for the time of one hook.
pub(crate) struct Envoy {
    pub(super) filter: EnvoyFilter,
}

/// Attributes of a stream that are texts, by their numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attribute {
    TlsVersion = 31,
    SubjectPeerCertificate = 33,
    UriSanPeerCertificate = 37,
    RouteName = 61,
}

/// An answer in the server's place.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// All headers besides the status.
    pub(crate) headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The body; none where it is empty.
    pub(crate) body: Vec<u8>,
    /// The text of `%RESPONSE_CODE_DETAILS%`.
    pub(crate) details: Cow<'static, str>,
}

impl Envoy {
    /// The stream of a hook.
    ///
    /// # Safety
    /// The pointer must be the one that the hook got, and only used in it.
    pub(super) const unsafe fn new(filter: EnvoyFilter) -> Self {
        Self { filter }
    }

    /// All headers of a map, each line of a repeated one by itself.
    pub(crate) fn headers(&self, of: Message) -> Option<Headers<'_>> {
        let map = map(of);
        // SAFETY: the stream is in a hook.
        let count = unsafe { imports::headers_size(self.filter, map) };
        let mut headers = Headers::default();
        headers.pairs.reserve(count);
        // SAFETY: the stream is in a hook; Envoy writes as many pairs as it has just
        // counted, for which there is room.
        if unsafe { imports::headers(self.filter, map, headers.pairs.as_mut_ptr()) } {
            // SAFETY: these are the pairs that Envoy has written.
            unsafe { headers.pairs.set_len(count) };
        } else if count > 0 {
            // A map that is not there counts no line.
            return None;
        }
        Some(headers)
    }

    /// Replaces all lines of a header by one, or by none; whether Envoy did it.
    pub(crate) fn set_header(&mut self, of: Message, name: &[u8], value: Option<&[u8]>) -> bool {
        let value = value.map_or(NOTHING, lend);
        // SAFETY: name and value are live, and no view of a header is: they borrow
        // from `self`.
        unsafe { imports::set_header(self.filter, map(of), lend(name), value) }
    }

    /// Answers in the server's place. Envoy may destroy the stream before this
    /// returns, so it takes the stream, and whoever calls it must hold nothing of it.
    pub(crate) fn answer(self, answer: &Answer) {
        let pair = |(name, value): &(&'static str, Cow<'static, str>)| Pair {
            name: lend(name.as_bytes()),
            value: lend(value.as_bytes()),
        };
        let headers: Vec<Pair> = answer.headers.iter().map(pair).collect();
        // SAFETY: the stream is in a hook in which an answer may be sent (see
        // `hooks`); all that is lent is live, and Envoy copies it.
        unsafe {
            imports::send_response(
                self.filter,
                u32::from(answer.status),
                headers.as_ptr(),
                headers.len(),
                lend(&answer.body),
                lend(answer.details.as_bytes()),
            );
        }
    }

    /// The text under a key of the filter state; `None` where there is none.
    pub(crate) fn filter_state(&self, name: &str) -> Option<&[u8]> {
        let mut value = NOTHING;
        // SAFETY: the name is live; Envoy writes one view.
        let found =
            unsafe { imports::filter_state(self.filter, lend(name.as_bytes()), &raw mut value) };
        // SAFETY: the view is good until filter state changes, which takes `&mut`.
        found.then(|| unsafe { value.view() })
    }

    /// Sets a text in the filter state; whether Envoy did it.
    pub(crate) fn set_filter_state(&mut self, name: &str, value: &str) -> bool {
        let (name, value) = (lend(name.as_bytes()), lend(value.as_bytes()));
        // SAFETY: name and value are live, and Envoy copies them.
        unsafe { imports::set_filter_state(self.filter, name, value) }
    }

    /// Sets texts in a namespace of the dynamic metadata.
    pub(crate) fn set_metadata(&mut self, namespace: &str, texts: &[(&str, String)]) {
        let pair = |(name, value): &(&str, String)| Pair {
            name: lend(name.as_bytes()),
            value: lend(value.as_bytes()),
        };
        let pairs: Vec<Pair> = texts.iter().map(pair).collect();
        // SAFETY: all that is lent is live, and Envoy copies it.
        unsafe {
            let namespace = lend(namespace.as_bytes());
            imports::set_metadata(self.filter, namespace, pairs.as_ptr(), pairs.len());
        }
    }

    /// Adds to a counter; the error is Envoy's status.
    pub(crate) fn add<const N: usize>(
        &self,
        id: usize,
        labels: [&str; N],
        by: u64,
    ) -> Result<(), u32> {
        let labels: [Bytes; N] = labels.map(|label| lend(label.as_bytes()));
        // SAFETY: the labels are live; Envoy refuses an id or a number of labels that
        // it does not know.
        match unsafe { imports::increment(self.filter, id, labels.as_ptr(), N, by) } {
            0 => Ok(()),
            status => Err(status),
        }
    }

    /// An attribute that is a text; `None` where there is none.
    pub(crate) fn text(&self, attribute: Attribute) -> Option<&[u8]> {
        let mut value = NOTHING;
        // SAFETY: Envoy writes one view.
        let found =
            unsafe { imports::attribute_text(self.filter, attribute as u32, &raw mut value) };
        // SAFETY: the view is good for the hook, as `self` is.
        found.then(|| unsafe { value.view() })
    }

    /// The response flags.
    pub(crate) fn response_flags(&self) -> Option<u64> {
        self.number(17)
    }

    /// Envoy's number of the client's connection.
    pub(crate) fn connection(&self) -> Option<u64> {
        self.number(28)
    }

    /// An attribute that is a number; `None` where there is none.
    fn number(&self, attribute: u32) -> Option<u64> {
        let mut value = 0;
        // SAFETY: Envoy writes one u64.
        let found = unsafe { imports::attribute_number(self.filter, attribute, &raw mut value) };
        found.then_some(value)
    }

    /// Whether the client presented a certificate.
    pub(crate) fn has_certificate(&self) -> Option<bool> {
        const MTLS: u32 = 29;
        let mut value = false;
        // SAFETY: Envoy writes one bool.
        let found = unsafe { imports::attribute_flag(self.filter, MTLS, &raw mut value) };
        found.then_some(value)
    }
}

/// Envoy's number for the headers of a message.
const fn map(of: Message) -> u32 {
    match of {
        Message::Request => 0,
        Message::Response => 2,
    }
}

/// Lines of headers whose room a worker keeps for the next: more than clients send.
const KEPT: usize = 64;

thread_local! {
    /// Room for views of headers, which holds none. On the stack it would have to be
    /// filled each time, and moved.
    static ROOM: Cell<Vec<Pair>> = const { Cell::new(Vec::new()) };
}

/// Views of all headers of a map.
pub(crate) struct Headers<'h> {
    pairs: Vec<Pair>,
    stream: PhantomData<&'h Envoy>,
}

impl Default for Headers<'_> {
    fn default() -> Self {
        Self { pairs: ROOM.try_with(Cell::take).unwrap_or_default(), stream: PhantomData }
    }
}

impl Drop for Headers<'_> {
    fn drop(&mut self) {
        let mut pairs = take(&mut self.pairs);
        pairs.clear();
        pairs.shrink_to(KEPT);
        // A thread that ends keeps none.
        let _ = ROOM.try_with(|room| room.set(pairs));
    }
}

/// Copies of all headers of a map.
pub(crate) struct KeptHeaders(pub(crate) Vec<Line>);

/// A copy of a name and a value.
type Line = (Box<[u8]>, Box<[u8]>);

impl Headers<'_> {
    /// Copies, which outlive changes of the map.
    pub(crate) fn keep(&self) -> KeptHeaders {
        KeptHeaders(self.iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The pairs, in Envoy's order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.pairs.iter().map(|pair| {
            // SAFETY: Envoy filled the pair in, and its headers do not change while
            // this borrows the stream.
            unsafe { (pair.name.view(), pair.value.view()) }
        })
    }
}
