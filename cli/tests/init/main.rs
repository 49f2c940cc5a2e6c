//! `mcp-policy init`: its policies and reasons on lists in files, on real servers, and
//! on servers that misbehave.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod files;
mod hostile;
mod http;
mod real;
mod rig;
