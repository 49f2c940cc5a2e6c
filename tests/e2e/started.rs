//! Envoys on complete configurations: those that are shipped, and those that the command
//! writes.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use mcp_rig::gateway::{Admin, Process, Shell};
use mcp_rig::wait::until;
use serde_json::{Value, json};

use crate::command;
use crate::mesh::manifest;
use crate::support::manager;

/// An Envoy on a configuration of its own; killed when dropped.
pub struct Envoy {
    _process: Process,
    pub addr: SocketAddr,
    /// The folder with its configuration and its log.
    folder: PathBuf,
}

impl Envoy {
    /// Starts it, and waits until its listener `mcp` serves.
    pub async fn start(name: &str, configuration: &str) -> Self {
        let folder = command::folder(&format!("envoy-{name}"));
        let file = folder.join("envoy.yaml");
        std::fs::write(&file, configuration).expect("a file of ours");
        let log = File::create(folder.join("envoy.log")).expect("a file of ours");
        let mut command = Command::new(std::env::var("ENVOY_BIN").expect("ENVOY_BIN"));
        command.arg("-c").arg(&file).arg("--admin-address-path").arg(folder.join("admin"));
        command.args(["--disable-hot-restart", "--concurrency", "1"]);
        command.args(["--file-flush-interval-msec", "50"]);
        command.stdout(log.try_clone().expect("a handle")).stderr(log);
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        let mut process = Process::spawn(command).expect("Envoy");
        let addr = until("an Envoy that serves", async || {
            let log = || std::fs::read_to_string(folder.join("envoy.log")).unwrap_or_default();
            assert!(process.exited().is_none(), "{}", log());
            let admin = std::fs::read_to_string(folder.join("admin")).ok()?.parse().ok()?;
            let admin = Admin::new(admin);
            if admin.ready().await { admin.listener("mcp").await } else { None }
        })
        .await;
        Self { _process: process, addr, folder }
    }

    /// All that it has logged, with its access log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("envoy.log")).unwrap_or_default()
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            drop(std::fs::remove_dir_all(&self.folder));
        }
    }
}

/// A complete configuration on free ports, with its clusters at these addresses and in
/// plain text, and with the form of the filter that is under test.
pub fn shipped(file: &str, clusters: &[(&str, SocketAddr)]) -> Value {
    let mut document = manifest(file);
    document["admin"]["address"]["socket_address"]["port_value"] = 0.into();
    let resources = &mut document["static_resources"];
    let shipped = resources["clusters"].as_array().expect("clusters").iter();
    let shipped: Vec<_> = shipped.map(|cluster| cluster["name"].clone()).collect();
    let names: Vec<Value> = clusters.iter().map(|(name, _)| (*name).into()).collect();
    assert_eq!(shipped, names, "{file}");
    resources["clusters"] = clusters.iter().map(|(name, addr)| cluster(name, *addr)).collect();
    let listener = &mut resources["listeners"][0];
    listener["address"] = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } });
    let filters = manager(listener)["http_filters"].as_array_mut().expect("filters");
    let mut found = 0;
    for filter in filters {
        let kind = filter["typed_config"]["@type"].as_str().expect("a type");
        if kind.ends_with(".wasm.v3.Wasm") {
            under_test(filter);
            found += 1;
        }
    }
    assert!(found > 0, "{file} has no filter");
    document
}

fn cluster(name: &str, addr: SocketAddr) -> Value {
    let address = json!({ "address": addr.ip().to_string(), "port_value": addr.port() });
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [{
            "endpoint": { "address": { "socket_address": address } },
        }] }] },
    })
}

/// Gives a filter the module that is under test.
fn under_test(filter: &mut Value) {
    let config = &mut filter["typed_config"]["config"];
    match Shell::under_test() {
        Shell::Wasm => {
            let module = std::env::var("MODULE").expect("MODULE");
            config["vm_config"]["code"]["local"]["filename"] = module.into();
        }
        Shell::Native => {
            let module = std::env::var("NATIVE_MODULE").expect("NATIVE_MODULE");
            filter["typed_config"] = json!({
                "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
                "dynamic_module_config": {
                    "module": { "local": { "filename": module } },
                    "do_not_close": true,
                },
                "filter_name": config["name"],
                "filter_config": config["configuration"],
            });
        }
    }
}
