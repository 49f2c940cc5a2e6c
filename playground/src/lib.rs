//! The playground: the core of the filter behind a page, on which people type a policy and
//! calls, and see what comes of each.
//!
//! | module | holds |
//! | --- | --- |
//! | [`findings`] | the errors and warnings of a policy, at their places |
//! | [`gateway`] | a policy in force, on which lines of calls are played one by one |
//! | [`compose`] | a line of calls, made of the fields of a form |
//!
//! Every text of a person is an answer and never an error: no function here throws. Places
//! are in the units of UTF-16, as texts of a page have them.

mod compose;
mod findings;
mod gateway;

pub use compose::compose;
pub use findings::{MAX_POLICY, check, units};
pub use gateway::{Gateway, MAX_CALLS};

use wasm_bindgen::prelude::wasm_bindgen;

/// The findings about a policy, as JSON: [`check`].
#[wasm_bindgen(js_name = check)]
pub fn check_as_json(policy: &str) -> String {
    check(policy).to_string()
}

/// A [`Gateway`] of the page.
#[wasm_bindgen(js_name = Gateway)]
#[derive(Debug)]
pub struct Page {
    gateway: Gateway,
}

#[wasm_bindgen(js_class = Gateway)]
impl Page {
    /// A gateway under a policy; nothing of a text that is none.
    pub fn open(policy: &str) -> Option<Self> {
        Gateway::open(policy).map(|gateway| Self { gateway })
    }

    /// Plays a line, and tells of it as JSON: [`Gateway::play`].
    pub fn play(&mut self, line: &str, explained: bool) -> String {
        self.gateway.play(line, explained).to_string()
    }

    /// A line of calls, as JSON: [`compose`].
    pub fn compose(&self, fields: &str) -> String {
        compose(self.gateway.policy(), fields).to_string()
    }

    /// The names and patterns of tools that the policy has rules for, as a list of JSON.
    pub fn tools(&self) -> String {
        self.gateway.tools().to_string()
    }
}
