//! The state of the fake host: buffers, header maps, properties, shared data, and all that
//! the filter did with them.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// Buffers, by the ABI's numbers.
pub(super) const REQUEST_BODY: u32 = 0;
pub(super) const RESPONSE_BODY: u32 = 1;
pub(super) const CALL_ANSWER: u32 = 4;
pub(super) const GRPC_ANSWER: u32 = 5;
pub(super) const PLUGIN_CONFIGURATION: u32 = 7;

/// Header maps, by the ABI's numbers.
pub(super) const REQUEST_HEADERS: u32 = 0;
pub(super) const RESPONSE_HEADERS: u32 = 2;
pub(super) const CALL_RESPONSE_HEADERS: u32 = 6;

/// Header lines, in the order in which they came.
pub(super) type Lines = Vec<(Vec<u8>, Vec<u8>)>;

/// The headers of an answer.
pub(super) type Fields = Vec<(String, String)>;

/// An HTTP call of the filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HttpCall {
    pub(super) cluster: String,
    pub(super) headers: Fields,
    pub(super) body: String,
}

/// A call of a service.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) target: Vec<u8>,
    pub(super) method: String,
    pub(super) message: String,
    pub(super) timeout: u32,
}

#[derive(Default)]
pub(super) struct Host {
    pub(super) log: Vec<String>,
    pub(super) now: u64,
    /// Those that the filter may look at now; looking at another one fails the
    /// test.
    pub(super) buffers: BTreeMap<u32, Vec<u8>>,
    /// As `buffers`.
    pub(super) maps: BTreeMap<u32, Lines>,
    /// The bytes that are handed over instead of any header map.
    pub(super) damaged_headers: Option<Vec<u8>>,
    /// The size of the body that the filter is told, where that is not the truth.
    pub(super) told_size: Option<usize>,
    /// The names of headers that were taken out.
    pub(super) removed: Vec<String>,
    pub(super) properties: BTreeMap<String, Vec<u8>>,
    /// Envoy's response flags, for all requests until they are set again.
    pub(super) flags: Vec<u8>,
    pub(super) filter_state: String,
    /// The record of an answer.
    pub(super) result_state: String,
    pub(super) shared: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    pub(super) version: u32,
    /// The HTTP calls so far. Their numbers begin with 1.
    pub(super) http_calls: Vec<HttpCall>,
    pub(super) reply: Option<(u16, Fields, Vec<u8>, String)>,
    pub(super) metrics: Vec<(String, i64)>,
    /// The calls of services that the filter made; the number of one is its place.
    pub(super) calls: Vec<Call>,
    /// The number of times that a request was continued.
    pub(super) continued: usize,
    /// Bytes of the response's body that the filter was lent, and the most at once.
    pub(super) lent: (usize, usize),
    /// Milliseconds between two ticks; none if zero.
    pub(super) tick: u32,
    /// The number of host calls made, by their short names.
    pub(super) made: BTreeMap<&'static str, usize>,
    /// The status with which a host call fails, and how often it will, by the
    /// call's short name.
    pub(super) faults: BTreeMap<&'static str, (u32, usize)>,
    /// The same, from the response's headers on.
    pub(super) response_faults: BTreeMap<&'static str, (u32, usize)>,
}

thread_local! {
    pub(super) static HOST: RefCell<Host> = RefCell::default();
}

/// Has a host call fail with `status`.
pub(super) fn fail(call: &'static str, status: u32) {
    fail_times(call, status, usize::MAX);
}

/// The same, for that many of the next ones.
pub(super) fn fail_times(call: &'static str, status: u32, times: usize) {
    HOST.with_borrow_mut(|host| host.faults.insert(call, (status, times)));
}

/// The number of times that a host call will still fail.
pub(super) fn faults_left(call: &'static str) -> usize {
    HOST.with_borrow(|host| host.faults.get(call).map_or(0, |(_, times)| *times))
}

/// Has a host call fail with `status` once the request has gone on.
pub(super) fn fail_in_response(call: &'static str, status: u32) {
    HOST.with_borrow_mut(|host| host.response_faults.insert(call, (status, usize::MAX)));
}

/// Has all host calls work again.
pub(super) fn heal() {
    HOST.with_borrow_mut(|host| {
        host.faults.clear();
        host.response_faults.clear();
    });
}

/// Forgets all shared data, as a new Envoy process would.
pub(super) fn forget_counts() {
    HOST.with_borrow_mut(|host| host.shared.clear());
}

/// The names of headers that were taken out of the last request.
pub(super) fn removed() -> Vec<String> {
    HOST.with_borrow(|host| host.removed.clone())
}

pub(super) fn log() -> Vec<String> {
    HOST.with_borrow(|host| host.log.clone())
}

/// A metric's value, from all of this thread's configurations.
pub(super) fn metric(name: &str) -> i64 {
    HOST.with_borrow(|host| {
        host.metrics.iter().filter(|(other, _)| other == name).map(|(_, value)| value).sum()
    })
}

/// The ABI's form of a header map.
pub(super) fn serialise(lines: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = u32::try_from(lines.len()).unwrap().to_le_bytes().to_vec();
    for text in lines.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
    }
    for text in lines.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(text);
        bytes.push(0);
    }
    bytes
}
