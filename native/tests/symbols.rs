//! The module as Envoy loads it: all that it asks for has to be there, or Envoy rejects
//! the configuration, and what it gives is for the whole process of Envoy.
//!
//! `ENVOY_BIN` and `NATIVE_MODULE` name the files; scripts/test-module sets them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use object::{Object, ObjectSymbol};
use std::collections::BTreeSet;
use std::process::Command;
use std::{env, fs};

const HOOK: &str = "envoy_dynamic_module_on_";
const CALLBACK: &str = "envoy_dynamic_module_callback_";

/// The dynamic symbols of the file that a variable names: those that it has, and those
/// that it asks for.
fn symbols(variable: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let path = env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set"));
    let bytes = fs::read(&path).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let mut symbols = (BTreeSet::new(), BTreeSet::new());
    for symbol in file.dynamic_symbols() {
        let name = symbol.name().unwrap().to_owned();
        let side = if symbol.is_undefined() { &mut symbols.1 } else { &mut symbols.0 };
        side.insert(name);
    }
    symbols
}

#[test]
fn envoy_has_all_that_the_module_asks_for() {
    let (of_envoy, _) = symbols("ENVOY_BIN");
    let (_, asked) = symbols("NATIVE_MODULE");
    let asked: BTreeSet<_> = asked.iter().filter(|name| name.starts_with("envoy_")).collect();
    assert!(asked.len() > 20, "{asked:?}");
    for name in asked {
        assert!(name.starts_with(CALLBACK), "{name}");
        assert!(of_envoy.contains(name), "Envoy has no {name}");
    }
}

#[test]
fn the_module_has_the_hooks_and_nothing_else() {
    let stream = ["headers", "body", "trailers"];
    let request = stream.map(|what| format!("http_filter_request_{what}"));
    let response = stream.map(|what| format!("http_filter_response_{what}"));
    let others = [
        "program_init",
        "http_filter_config_new",
        "http_filter_config_destroy",
        "http_filter_config_http_callout_done",
        "http_filter_config_scheduled",
        "http_filter_new",
        "http_filter_stream_complete",
        "http_filter_destroy",
        "http_filter_http_callout_done",
        "http_filter_http_stream_headers",
        "http_filter_http_stream_data",
        "http_filter_http_stream_trailers",
        "http_filter_http_stream_complete",
        "http_filter_http_stream_reset",
        "http_filter_scheduled",
        "http_filter_downstream_above_write_buffer_high_watermark",
        "http_filter_downstream_below_write_buffer_low_watermark",
    ];
    let hooks = request.into_iter().chain(response).chain(others.map(str::to_owned));
    let hooks: BTreeSet<String> = hooks.map(|hook| format!("{HOOK}{hook}")).collect();
    assert_eq!(hooks.len(), 23);
    assert_eq!(symbols("NATIVE_MODULE").0, hooks);
}

#[test]
fn nothing_of_the_wasm_shell_is_in_it() {
    let (has, asks) = symbols("NATIVE_MODULE");
    assert!(!has.iter().chain(&asks).any(|name| name.contains("proxy_")));
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let crates = String::from_utf8(tree.stdout).unwrap();
    assert!(crates.contains("mcp-policy-filter v"), "{crates}");
    assert!(!crates.contains("proxy-wasm"), "{crates}");
}
