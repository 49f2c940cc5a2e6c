//! Everything that runs without Envoy: the corpus through the core and through
//! a fake host, the golden files of the configuration, and rules of the tree.

#![allow(missing_docs, reason = "a test's name says what it is for")]

mod config;
mod core;
mod corpus;
mod docs;
mod fake_host;
mod tidy;
