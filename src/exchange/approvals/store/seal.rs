//! The seal of a message between an edge and the home: a header with a time, the number
//! of the question, and an HMAC over these, the path and the body.
//!
//! The two ways have texts of their own, so that no question is an answer. An answer
//! repeats the number of its question, so that it is one to no other.

use crate::approvals::Put;
use crate::digest::{hex, unhex};
use crate::limits::window::Nanos;
use crate::policy::document::StoreKeys;

/// The header.
pub(super) const HEADER: &str = "mcp-approval-mac";
/// The most seconds by which the clocks of the two ends may differ.
const SKEW: u64 = 30;

/// The ways of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Question,
    Answer,
}

/// A header as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exchange) struct Seal {
    pub(super) put: Put,
    mac: [u8; 32],
}

impl Way {
    /// The beginning of the text under the HMAC.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Question => "store/1",
            Self::Answer => "store-answer/1",
        }
    }
}

/// The value of the header.
pub(super) fn seal(way: Way, keys: &StoreKeys, put: Put, path: &str, body: &[u8]) -> String {
    let (seconds, nonce) = (put.seconds.to_string(), hex(&put.nonce));
    let mac = keys.first.hex_of(&parts(way, &seconds, &nonce, path, body));
    format!("v1,{seconds},{nonce},{mac}")
}

fn parts<'p>(
    way: Way,
    seconds: &'p str,
    nonce: &'p str,
    path: &'p str,
    body: &'p [u8],
) -> [&'p [u8]; 9] {
    let line = b"\n";
    let way = way.as_str().as_bytes();
    let (seconds, nonce, path) = (seconds.as_bytes(), nonce.as_bytes(), path.as_bytes());
    [way, line, seconds, line, nonce, line, path, line, body]
}

impl Seal {
    /// Reads the header, of which there is one spelling.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(line).ok()?.strip_prefix("v1,")?;
        let (digits, rest) = text.split_once(',')?;
        let (nonce, mac) = rest.split_once(',')?;
        let seconds = digits.parse::<u64>().ok().filter(|number| number.to_string() == digits)?;
        let put = Put { nonce: unhex(nonce.as_bytes())?, seconds };
        Some(Self { put, mac: unhex(mac.as_bytes())? })
    }

    /// Whether it is of now, as far as two clocks agree.
    pub(super) const fn is_fresh(&self, now: Nanos) -> bool {
        self.put.seconds.abs_diff(now.seconds()) <= SKEW
    }

    /// Whether one of the keys sealed this.
    pub(super) fn holds(&self, way: Way, keys: &StoreKeys, path: &str, body: &[u8]) -> bool {
        let (seconds, nonce) = (self.put.seconds.to_string(), hex(&self.put.nonce));
        let parts = parts(way, &seconds, &nonce, path, body);
        let second = keys.second.as_ref().is_some_and(|key| key.verifies(&parts, &self.mac));
        keys.first.verifies(&parts, &self.mac) || second
    }
}
