//! `mcp-policy init`: its policies and reasons on lists in files, on real servers, and
//! on servers that misbehave.

mod files;
mod hostile;
mod http;
mod real;
pub(crate) mod rig;
