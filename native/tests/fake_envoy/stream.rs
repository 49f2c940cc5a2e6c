//! One stream as Envoy has it, and what the module did with it.

use crate::abi::Config;
use crate::lending::Lender;
use std::collections::BTreeMap;

/// Header lines, in the order in which they came.
pub type Lines = Vec<(Vec<u8>, Vec<u8>)>;

/// Bodies, by the ABI's numbers: the piece of a hook, and what is held.
pub const RECEIVED_REQUEST: usize = 0;
pub const HELD_REQUEST: usize = 1;
pub const RECEIVED_RESPONSE: usize = 2;
pub const HELD_RESPONSE: usize = 3;

/// The hook that is running, where it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Request,
    Response,
    Complete,
    /// None is.
    Over,
}

/// An answer in the server's place.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub details: String,
}

/// A request of the module to a service.
#[cfg_attr(
    not(feature = "test-questions"),
    allow(dead_code, reason = "a build without questions asks none")
)]
#[derive(Clone, Debug)]
pub struct Sent {
    pub cluster: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub timeout: u64,
}

pub struct Stream {
    pub phase: Phase,
    pub config: Config,
    /// Request headers and trailers, response headers and trailers.
    pub maps: [Option<Lines>; 4],
    /// Each body in slices.
    pub bodies: [Vec<Vec<u8>>; 4],
    /// Whether the piece of a hook is what is held: a filter before held it.
    pub received_is_held: bool,
    pub filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    pub metadata: BTreeMap<(Vec<u8>, Vec<u8>), Vec<u8>>,
    pub texts: BTreeMap<u32, Vec<u8>>,
    pub numbers: BTreeMap<u32, u64>,
    pub flags: BTreeMap<u32, bool>,
    pub reply: Option<Reply>,
    /// Those that fail from now on.
    pub failing: Vec<&'static str>,
    /// The number of calls made, by name.
    pub calls: BTreeMap<&'static str, usize>,
    pub lent: Lender,
    /// The requests to services; the number of one is its place, from 1 on.
    pub sent: Vec<Sent>,
    /// Hooks that run while the next of them is started.
    pub inline: Option<Box<dyn FnOnce(u64)>>,
    /// The numbers of those that the module ended.
    pub reset: Vec<u64>,
    /// The number of events that the module asked for.
    pub scheduled: usize,
    /// The number of times that the request was continued.
    pub continued: usize,
    /// Hooks that run while the next answer is sent, or the request continued: either may
    /// run other filters, and end the stream.
    pub meanwhile: Option<Box<dyn FnOnce()>>,
}

impl Stream {
    pub fn new(config: Config, lines: Lines) -> Self {
        Self {
            phase: Phase::Over,
            config,
            maps: [Some(lines), None, None, None],
            bodies: Default::default(),
            received_is_held: false,
            filter_state: BTreeMap::new(),
            metadata: BTreeMap::new(),
            texts: BTreeMap::new(),
            numbers: BTreeMap::new(),
            flags: BTreeMap::new(),
            reply: None,
            failing: Vec::new(),
            calls: BTreeMap::new(),
            lent: Lender::default(),
            sent: Vec::new(),
            inline: None,
            reset: Vec::new(),
            scheduled: 0,
            continued: 0,
            meanwhile: None,
        }
    }

    /// Whether a call of the module works.
    pub fn works(&mut self, call: &'static str) -> bool {
        assert_ne!(self.phase, Phase::Over, "{call} out of a hook");
        *self.calls.entry(call).or_default() += 1;
        !self.failing.contains(&call)
    }

    /// Has the other name of a buffer show the same bytes, where a filter before held them.
    pub fn share(&mut self, body: usize) {
        if self.received_is_held {
            self.bodies[body ^ 1] = self.bodies[body].clone();
        }
    }

    /// The text under a key that the module set.
    pub fn state(&self, key: &str) -> Option<&str> {
        let value = self.filter_state.get(key.as_bytes())?;
        Some(std::str::from_utf8(value).expect("text"))
    }
}

/// Cuts bytes into pieces; none is empty.
pub fn cut(bytes: &[u8], size: usize) -> Vec<Vec<u8>> {
    bytes.chunks(size).map(<[u8]>::to_vec).collect()
}
