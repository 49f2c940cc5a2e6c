//! News about a request to a service, as Envoy tells it to a filter.

use crate::abi::{self, Bytes, Pair, lend};
use crate::exchange::Open;
use crate::stream::Phase;

/// The head of an answer of gRPC.
pub const OK: &[(&str, &str)] = &[(":status", "200"), ("content-type", "application/grpc")];

/// The news about a request to a service.
#[derive(Clone, Copy)]
pub enum News<'n> {
    Head(&'n [(&'n str, &'n str)]),
    Piece(&'n [u8]),
    Tail(&'n [(&'n str, &'n str)]),
    Complete,
    Reset,
}

fn pairs(lines: &[(&str, &str)]) -> Vec<Pair> {
    let pair = |(name, value): &(&str, &str)| Pair {
        name: lend(name.as_bytes()),
        value: lend(value.as_bytes()),
    };
    lines.iter().map(pair).collect()
}

/// Calls the hook of a piece of news, with copies that end with it.
pub fn tell(open: &Open, number: u64, news: News<'_>) {
    let (f, m) = (open.stream, open.module);
    match news {
        News::Head(lines) => {
            let lines = pairs(lines);
            unsafe { abi::callout_headers(f, m, number, lines.as_ptr(), lines.len(), false) };
        }
        News::Piece(bytes) => {
            let copy = bytes.to_vec();
            let halves = copy.split_at(copy.len() / 2);
            let slices: [Bytes; 2] = [lend(halves.0), lend(halves.1)];
            unsafe { abi::callout_data(f, m, number, slices.as_ptr(), 2, false) };
        }
        News::Tail(lines) => {
            let lines = pairs(lines);
            unsafe { abi::callout_trailers(f, m, number, lines.as_ptr(), lines.len()) };
        }
        News::Complete => unsafe { abi::callout_complete(f, m, number) },
        News::Reset => unsafe { abi::callout_reset(f, m, number, 0) },
    }
}

/// A message in its frame.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat()
}

/// Tells of an answer, and runs the event that the module asks for.
pub fn answer(open: &Open, number: u64, news: &[News<'_>]) {
    for one in news {
        open.hook(Phase::Request, |_, _| tell(open, number, *one));
    }
    run_event(open);
}

pub fn run_event(open: &Open) {
    if open.on(|stream| std::mem::take(&mut stream.scheduled)) > 0 {
        open.hook(Phase::Request, |f, m| unsafe { abi::scheduled(f, m, 0) });
    }
}

/// A message with the status zero.
pub fn ok(open: &Open, number: u64, message: &[u8]) {
    let body = frame(message);
    let trailers = News::Tail(&[("grpc-status", "0")]);
    answer(open, number, &[News::Head(OK), News::Piece(&body), trailers, News::Complete]);
}
