//! Real servers behind the filter, and everything that could make them read a
//! request in another way than the filter does.
//!
//! README.md in this folder says how to run it, and what is kept.

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

mod budget;
mod case;
mod compressed;
mod dice;
mod honest;
mod hostile;
mod json;
mod kept;
mod lanes;
mod places;
mod schemas;
mod server;
mod trial;
mod uris;

use server::Server;

#[tokio::test]
async fn the_rust_sdk() {
    trial::run("rust", Server::rust().await).await;
}

#[tokio::test]
async fn the_typescript_sdk_of_version_1() {
    installed("typescript-v1").await;
}

#[tokio::test]
async fn the_typescript_sdk_of_version_2() {
    installed("typescript-v2").await;
}

#[tokio::test]
async fn the_python_sdk_of_version_1() {
    installed("python-v1").await;
}

#[tokio::test]
async fn the_python_sdk_of_version_2() {
    installed("python-v2").await;
}

#[tokio::test]
async fn rails() {
    debian("rails").await;
}

#[tokio::test]
async fn laravel() {
    debian("laravel").await;
}

async fn installed(name: &str) {
    if is_wanted(name) {
        trial::run(name, Server::installed(name).await).await;
    }
}

/// A server that is there where Debian's packages are to be had.
async fn debian(name: &str) {
    if !Server::is_installed(name) {
        return left_out(name, "as Debian's packages for it are not there");
    }
    installed(name).await;
}

fn is_wanted(name: &str) -> bool {
    let without = std::env::var("DIFFERENTIAL_WITHOUT").unwrap_or_default();
    let wanted = !without.split(',').any(|word| word == name || word == "all");
    if !wanted {
        left_out(name, "as DIFFERENTIAL_WITHOUT says");
    }
    wanted
}

fn left_out(name: &str, why: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "differential {name}: left out, {why}");
}
