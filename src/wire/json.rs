//! One strict reading of JSON, or a refusal.
//!
//! A policy filter and the server behind it read the same bytes with different
//! parsers. Wherever two parsers may come to different results (a key given
//! twice, a number that one of them rounds, a byte order mark, text after the
//! document) this reader refuses the text, so that what was judged is what
//! will be executed. The rules are RFC 8259's, narrowed to what RFC 7493
//! (I-JSON) calls interoperable.
//!
//! The reader makes one pass, copies nothing and remembers only spans; see
//! [`Reader`]. Faults are of two kinds: *syntax* (the text is not JSON in
//! UTF-8; reading stops) and *ambiguity* (it is JSON, but not to be trusted;
//! reading goes on, so that the sender can still be answered by its id).

mod canonical;
mod decimal;
mod error;
mod fold;
mod keys;
mod members;
mod node;
mod number;
mod raw;
mod reader;
mod text;

pub use canonical::{Canonical, is_certain, of_double};
pub use decimal::{Decimal, DecimalBuf};
pub use error::{JsonError, JsonErrorKind};
pub use fold::{fold_ascii, same_but_for_case};
pub use members::Members;
pub use node::Node;
pub use raw::{Kind, Raw};
pub use reader::Reader;
pub use text::Text;
