//! Approvals that several Envoys share: edges ask, and one home keeps the requests.
//!
//! An edge sends a call that needs approval to the home, as a POST, and waits for the
//! answer. The home makes the request, says whether it is decided, or uses the approval. People
//! see requests and decide at the home alone.
//!
//! | part | holds |
//! | --- | --- |
//! | `seal` | the header by which each end knows the other, and an answer its question |
//! | `question` | a call as an edge sends it |
//! | `told` | the answer |
//! | `edge`, `home` | the two ends |
//!
//! Nothing that fails lets a call run: an answer counts only whole, of this question, and
//! by one of the keys.

mod edge;
mod home;
mod members;
mod question;
mod seal;
#[cfg(test)]
mod tests;
mod told;

pub(in crate::exchange) use edge::{Edge, Fault};
pub(in crate::exchange) use home::{Opened, is_for_home, longest};
pub(in crate::exchange) use told::Told;

/// The path of questions, below that of the home's endpoint. No id has this form.
const BELOW: &str = "/-/calls";
/// The most bytes of a question. All parts of a call and its rule are bounded, and take less
/// even where every character of them is escaped.
const MOST_QUESTION: usize = 512 << 10;
