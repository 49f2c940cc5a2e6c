//! The Model Context Protocol, as far as a policy has to understand it: which
//! method a message names, which tool a call is for, and which revision of the
//! protocol it claims to speak.

mod call;
mod definition;
mod elicitation;
mod list;
mod method;
mod mirror;
mod offer;
mod revision;

pub use call::{MAX_TOOL_NAME, ToolCall, tool_name_fault};
pub use definition::{DefinitionError, MAX_DEFINITION, digest_of_definition};
pub use elicitation::{Answered, ELICIT, answer, answers_others, is_plain_answer, shows_urls};
pub use list::{List, Lists};
pub use method::{KNOWN_METHODS, Method, TOOLS_CALL, TOOLS_LIST, is_governed, is_task_result};
pub use mirror::RevisionHeaders;
pub use offer::{MAX_PROMPT_NAME, MAX_URI, Offer, OfferKind, Offers};
pub use revision::{HeaderMismatch, STATELESS};
