//! Approvals in one HTTP exchange: a call that needs one, and the requests of those
//! who decide.

mod decision;
mod endpoint;
mod json;
mod notice;
mod page;
mod request;
mod stage;
mod store;
mod way;

pub use decision::{Attempt, DecisionRecord};
pub(super) use endpoint::Endpoint;
pub use notice::{Notice, arrived};
pub(super) use request::{Asking, Draft, KeptApproval, Required};
pub use stage::{ApprovalRecord, Stage};
pub(super) use store::{Edge, Fault, Opened, Told, is_for_home, longest};
pub(super) use way::{ASKS, URL_REQUIRED, Way};
