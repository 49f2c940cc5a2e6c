//! One stream.

use crate::abi::{Answer, Envoy};
use crate::config::Config;

/// The filter of one stream.
pub(crate) struct Http {
    config: &'static Config,
}

/// The outcome of a hook.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The message goes on.
    GoOn,
    /// It is held until more has come.
    Wait,
    /// It is answered; nothing goes on.
    Answer(Answer),
}

impl Outcome {
    /// The outcome of a hook that panicked.
    pub(crate) const fn panicked() -> Self {
        Self::Answer(Answer {
            status: 500,
            headers: Vec::new(),
            body: Vec::new(),
            details: std::borrow::Cow::Borrowed("mcp_policy_filter:panic"),
        })
    }
}

impl Http {
    pub(crate) const fn new(config: &'static Config) -> Self {
        Self { config }
    }

    pub(crate) fn request_headers(&self, _: &mut Envoy, _: bool) -> Outcome {
        log::debug!("policy {}", self.config.policy.fingerprint);
        Outcome::Answer(Answer {
            status: 503,
            headers: Vec::new(),
            body: Vec::new(),
            details: "mcp_policy_filter:no_policy".into(),
        })
    }

    pub(crate) fn request_body(&self, _: &mut Envoy, _: bool) -> Outcome {
        Outcome::Wait
    }

    pub(crate) fn request_trailers(&self, _: &mut Envoy) -> Outcome {
        Outcome::Wait
    }

    pub(crate) fn response_headers(&self, _: &mut Envoy, _: bool) -> Outcome {
        Outcome::GoOn
    }

    pub(crate) fn response_body(&self, _: &mut Envoy, _: bool) -> Outcome {
        Outcome::GoOn
    }

    pub(crate) fn response_trailers(&self, _: &mut Envoy) -> Outcome {
        Outcome::GoOn
    }

    pub(crate) fn complete(&self, _: &mut Envoy) {}
}
