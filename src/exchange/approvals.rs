//! Approvals in one HTTP exchange: a call that needs one, and the requests of those
//! who decide.

mod decision;
mod endpoint;
mod json;
mod page;
mod request;

pub use decision::{Attempt, DecisionRecord};
pub(super) use endpoint::Endpoint;
pub(super) use request::{ASKS, Asking, Draft, KeptApproval, Required};
pub use request::{ApprovalRecord, Stage};
