//! One HTTP stream: proxy-wasm's callbacks in, their return values out.

use super::answers::{answered, of_grpc, of_http};
use super::envoy::{Envoy, Protocol};
use super::plugin::{Plugin, REMEDY};
use super::reply::unconfigured;
use crate::exchange::permit::Permit;
use crate::shell::{Course, Flow, Passage};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use std::rc::Rc;

/// The stream's context.
pub(super) struct Stream {
    /// `None` while no policy is in force; then nothing goes on.
    envoy: Option<Envoy>,
    course: Course,
}

impl Context for Stream {
    fn on_grpc_call_response(&mut self, call: u32, status: u32, size: usize) {
        let Some((course, envoy, plugin)) = self.parts() else { return };
        if envoy.take_call((Protocol::Grpc, call)) {
            answered(course, envoy, &plugin.policy, of_grpc(status, size));
        }
    }

    fn on_http_call_response(&mut self, call: u32, headers: usize, size: usize, _: usize) {
        let Some((course, envoy, plugin)) = self.parts() else { return };
        if envoy.take_call((Protocol::Http, call)) {
            answered(course, envoy, &plugin.policy, of_http(headers, size));
        }
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let Some((course, envoy, plugin)) = self.parts() else { return closed() };
        match course.request_headers(envoy, &plugin.policy, end_of_stream) {
            // Without the plugin's `allow_on_headers_stop_iteration`, a filter
            // that pauses here never gets the body. So the headers go ahead
            // unjudged unless the operator says that Envoy is set up for it;
            // the body, without which no call is complete, does not.
            Flow::Wait if !plugin.policy.settings.hold_request_headers => Action::Continue,
            Flow::Wait => {
                envoy.hold();
                Action::Pause
            }
            flow => action(flow),
        }
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let Some((course, envoy, plugin)) = self.parts() else { return closed() };
        plugin.got_body();
        action(course.request_body(envoy, &plugin.policy, size, end_of_stream))
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        let Some((course, envoy, plugin)) = self.parts() else { return closed() };
        action(course.request_trailers(envoy, &plugin.policy))
    }

    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let Some((course, envoy, plugin)) = self.parts() else { return Action::Continue };
        match course.response_headers(envoy, &plugin.policy, end_of_stream) {
            // As for a request's.
            Passage::Wait if !plugin.policy.settings.hold_request_headers => Action::Continue,
            passage => passed(passage),
        }
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let Some((course, envoy, plugin)) = self.parts() else { return Action::Continue };
        passed(course.response_body(envoy, &plugin.policy, size, end_of_stream))
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        let Some((course, envoy, plugin)) = self.parts() else { return Action::Continue };
        passed(course.response_trailers(envoy, &plugin.policy))
    }

    fn on_log(&mut self) {
        let Some((course, envoy, plugin)) = self.parts() else { return };
        course.end(envoy, &plugin.policy);
        if plugin.is_suspicious() && course.starved() {
            plugin.metrics.starved();
            if plugin.may_say() {
                log::error!(
                    "mcp-policy-filter: a request ended while it was held for its body, which \
                     never came; {REMEDY}"
                );
            }
        }
    }
}

impl Stream {
    pub(super) fn new(plugin: Option<Rc<Plugin>>) -> Self {
        Self { envoy: plugin.map(Envoy::new), course: Course::default() }
    }

    /// The course, its host and the configuration, if a policy is in force.
    fn parts(&mut self) -> Option<(&mut Course, &mut Envoy, Rc<Plugin>)> {
        let envoy = self.envoy.as_mut()?;
        let plugin = envoy.plugin();
        Some((&mut self.course, envoy, plugin))
    }
}

/// A flow as the return value of a callback.
fn action(flow: Flow) -> Action {
    match flow {
        Flow::Continue(permit) => go(permit),
        Flow::Wait | Flow::Asking | Flow::Answered => Action::Pause,
    }
}

/// The only way on for a request whose body has been asked for.
fn go(_: Permit) -> Action {
    Action::Continue
}

/// A passage as the return value of a callback.
fn passed(passage: Passage) -> Action {
    match passage {
        Passage::Pass => Action::Continue,
        Passage::Wait | Passage::Answered => Action::Pause,
    }
}

/// Refuses a request while no policy is in force.
#[cold]
fn closed() -> Action {
    unconfigured();
    Action::Pause
}
