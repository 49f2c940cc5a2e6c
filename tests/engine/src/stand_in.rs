//! The command line of envoyproxy/ratelimit, whose image may not be there to be pulled:
//! called `ratelimit`, this program takes the same variables, as far as
//! `envoy/docker-compose.yaml` sets them, and serves the model of it.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicI64;

use crate::Engine;
use crate::ratelimit::{Ratelimit, Store};

/// The address where its image serves.
pub const ADDRESS: &str = "0.0.0.0:8081";

/// Whether a program with this path is to be that one.
pub fn is_meant(program: &str) -> bool {
    Path::new(program).file_name().is_some_and(|name| name == "ratelimit")
}

/// The engine by its variables.
///
/// # Panics
/// A variable is missing or means something else, its file has no domain, or Redis does
/// not answer: then the real one ends too.
pub async fn engine() -> Engine {
    assert_eq!(variable("REDIS_SOCKET_TYPE"), "tcp");
    let folder =
        Path::new(&variable("RUNTIME_ROOT")).join(variable("RUNTIME_SUBDIRECTORY")).join("config");
    let mut domains: Vec<String> = fs::read_dir(folder)
        .expect("the folder of its configuration")
        .map(|file| domain(&fs::read_to_string(file.expect("a file").path()).expect("a text")))
        .collect();
    assert_eq!(domains.len(), 1, "one domain is enough here");
    let store = Store::new(Some(&format!("redis://{}", variable("REDIS_URL")))).await;
    Engine::Ratelimit(Ratelimit {
        domain: domains.remove(0),
        limits: Vec::new(),
        stops: false,
        old: false,
        store,
        ahead: AtomicI64::new(0),
    })
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// The domain of a file without limits.
fn domain(file: &str) -> String {
    let file: serde_json::Value = yaml_serde::from_str(file).expect("YAML");
    let object = file.as_object().expect("an object");
    assert_eq!(object.len(), 1, "limits of a file are not read here");
    object["domain"].as_str().expect("the domain").to_owned()
}
