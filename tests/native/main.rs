//! Everything that runs without Envoy: the corpus through the core and through
//! a fake host, the golden files of the configuration, and rules of the tree.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "tests fail by panicking, and their names say what they are for"
)]

mod alarms;
mod approvals;
mod approvers;
mod chart;
mod clock;
mod compose;
mod config;
mod core;
mod corpus;
mod crds;
mod definitions;
mod docs;
mod explained;
mod fake_host;
mod paths;
mod random;
mod results;
mod schedules;
mod schema;
mod schemas;
mod servers;
mod shadow;
mod shells;
mod structure;
mod supply;
mod tidy;
mod workflows;
mod yaml;
