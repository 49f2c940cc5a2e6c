//! The command, as it is run. One program has all of its tests, so that the command and
//! what it is made of are linked once.
//!
//! | module | is about |
//! | --- | --- |
//! | one of a verb's name | the verb: its outputs, its exit status, bad input |
//! | [`corpus`] | the corpus that all rigs of the filter run |
//! | [`pages`] | the examples on the pages, executed |
//! | [`manual`] | the manual and the completions |
//! | [`interrupt`] | Ctrl-C while a verb writes |
//! | [`streams`] | outputs that nobody reads, or that cannot be written to |
//! | [`library`] | the policies that are shipped for servers |
//! | [`outputs`], [`tls`], [`traffic`] | what several of them are made of |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod approvals;
mod check;
mod convert;
mod corpus;
mod explain;
mod init;
#[cfg(unix)]
mod interrupt;
mod library;
mod lock;
mod manual;
mod outputs;
mod pages;
mod render;
mod replay;
mod report;
mod streams;
mod test;
mod tls;
mod traffic;
