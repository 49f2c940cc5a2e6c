//! The functions by which Envoy enters the module, and the contexts that they are about.
//!
//! Envoy numbers contexts: one root for each configuration, and one for each stream. A
//! number that is not known is that of a request under no policy, so nothing passes.
#![expect(unsafe_code, reason = "the host finds functions by their names")]

use super::host::{self, Action};
use super::log;
use super::root::Root;
use super::stream::{Stream, closed};
use std::cell::RefCell;
use std::collections::HashMap;

/// The contexts of a VM.
#[derive(Default)]
struct Contexts {
    /// They are few: those in force, and those before them until their streams end.
    roots: Vec<(u32, Root)>,
    streams: HashMap<u32, Box<Stream>>,
}

impl Contexts {
    fn root(&mut self, number: u32) -> Option<&mut Root> {
        self.roots.iter_mut().find(|(other, _)| *other == number).map(|(_, root)| root)
    }
}

thread_local! {
    static CONTEXTS: RefCell<Contexts> = RefCell::default();
}

/// Calls the root of a number, if there is one.
fn root(number: u32, call: &mut dyn FnMut(&mut Root)) {
    CONTEXTS.with(|contexts| {
        if let Ok(mut contexts) = contexts.try_borrow_mut()
            && let Some(root) = contexts.root(number)
        {
            call(root);
        }
    });
}

/// Calls the stream of a number, if there is one.
fn stream(number: u32, call: &mut dyn FnMut(&mut Stream)) {
    CONTEXTS.with(|contexts| {
        if let Ok(mut contexts) = contexts.try_borrow_mut()
            && let Some(stream) = contexts.streams.get_mut(&number)
        {
            call(stream);
        }
    });
}

/// A callback about a part of a message: its size, and whether it is the last.
type Part = fn(&mut Stream, usize, bool) -> Action;

/// The answer of a stream to a part of its request or its response.
fn part(number: u32, call: Part, size: usize, end: bool) -> Action {
    let mut action = None;
    stream(number, &mut |stream| action = Some(call(stream, size, end)));
    action.unwrap_or_else(closed)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    host::construct();
    log::install();
}

/// Memory for bytes that the host hands over, which [`host`] takes back as a vector.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    Box::into_raw(Box::<[u8]>::new_uninit_slice(size)).cast()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(number: u32, root: u32) {
    CONTEXTS.with(|contexts| {
        let Ok(mut contexts) = contexts.try_borrow_mut() else { return };
        if root == 0 {
            contexts.roots.push((number, Root::default()));
        } else {
            let stream = contexts.root(root).map(|root| root.stream()).unwrap_or_default();
            contexts.streams.insert(number, Box::new(stream));
        }
    });
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(_: u32, _: usize) -> bool {
    true
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(number: u32, size: usize) -> bool {
    let mut taken = false;
    root(number, &mut |root| taken = root.configure(size));
    taken
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(number: u32) {
    root(number, &mut |root| root.tick());
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(number: u32, count: usize, end: bool) -> Action {
    part(number, Stream::request_headers, count, end)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(number: u32, size: usize, end: bool) -> Action {
    part(number, Stream::request_body, size, end)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(number: u32, count: usize) -> Action {
    part(number, Stream::request_trailers, count, true)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(number: u32, count: usize, end: bool) -> Action {
    part(number, Stream::response_headers, count, end)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_body(number: u32, size: usize, end: bool) -> Action {
    part(number, Stream::response_body, size, end)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_trailers(number: u32, count: usize) -> Action {
    part(number, Stream::response_trailers, count, true)
}

/// Under TCP nothing is judged, so nothing passes.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_new_connection(_: u32) -> Action {
    Action::Pause
}

/// As for a new connection.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_downstream_data(_: u32, _: usize, _: bool) -> Action {
    Action::Pause
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_done(_: u32) -> bool {
    true
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_log(number: u32) {
    stream(number, &mut Stream::ended);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(number: u32) {
    CONTEXTS.with(|contexts| {
        if let Ok(mut contexts) = contexts.try_borrow_mut()
            && contexts.streams.remove(&number).is_none()
        {
            contexts.roots.retain(|(other, _)| *other != number);
        }
    });
}
