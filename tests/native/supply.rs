//! The supply chain, as far as Cargo.lock tells of it: what `make deny` asks of
//! cargo-deny, asked in every run, without it and by the same lists.

use crate::config::root;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";
const LOCKS: [&str; 6] = [
    "Cargo.lock",
    "cli/Cargo.lock",
    "fuzz/Cargo.lock",
    "native/Cargo.lock",
    "playground/Cargo.lock",
    "tests/engine/Cargo.lock",
];

/// Runs cargo under `--locked`, which fails if Cargo.lock is not up to date.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .arg("--locked")
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// All packages of the workspace with this lock file, as cargo describes them.
fn packages(lock: &str) -> Vec<Value> {
    let manifest = lock.replace(".lock", ".toml");
    let text = cargo(&["metadata", "--format-version", "1", "--manifest-path", &manifest]);
    let mut metadata: Value = serde_json::from_str(&text).unwrap();
    let Value::Array(packages) = metadata["packages"].take() else { panic!("no packages") };
    packages
}

/// The quoted words of the list that follows `key` in deny.toml.
fn listed(key: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("deny.toml")).unwrap();
    let (_, after) = text.split_once(&format!("{key} = [")).unwrap();
    let list = after.split_once(']').unwrap().0;
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether each part of the licence has an alternative that is allowed. This
/// takes AND for weaker than OR, which at worst asks for more than is needed.
fn is_allowed(licence: &str, allowed: &[String]) -> bool {
    licence.split(" AND ").all(|part| {
        let alternatives = part.trim_matches(['(', ')']).replace('/', " OR ");
        alternatives.split(" OR ").any(|one| allowed.iter().any(|other| other == one.trim()))
    })
}

#[test]
fn every_crate_has_a_licence_that_is_listed() {
    let allowed = listed("allow");
    let mut exceptions = listed("exceptions");
    // The list ends with the first licence: crate, then licence.
    let exception = exceptions.remove(0);
    let with_exception = [allowed.clone(), exceptions].concat();
    for lock in LOCKS {
        for package in packages(lock) {
            let name = package["name"].as_str().unwrap();
            let licence = package["license"].as_str().unwrap_or("no licence");
            let allowed = if name == exception { &with_exception } else { &allowed };
            assert!(is_allowed(licence, allowed), "{lock}: {name} has the licence {licence}");
        }
    }
}

#[test]
fn licences_are_read_by_their_parts() {
    let allowed = ["MIT".to_owned(), "Zlib".to_owned()];
    for licence in ["MIT", "Apache-2.0/MIT", "GPL-3.0 OR MIT", "(MIT OR Apache-2.0) AND Zlib"] {
        assert!(is_allowed(licence, &allowed), "{licence}");
    }
    for licence in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Apache-2.0) AND GPL-3.0", "MIT-0", ""] {
        assert!(!is_allowed(licence, &allowed), "{licence}");
    }
}

#[test]
fn every_crate_is_ours_or_from_crates_io_with_its_checksum() {
    let ours = [
        "mcp-engine",
        "mcp-policy",
        "mcp-policy-filter",
        "mcp-policy-filter-fuzz",
        "mcp-policy-native",
        "mcp-policy-playground",
        "mcp-rig",
        "mcp-tools",
    ];
    for lock in LOCKS {
        let text = fs::read_to_string(root().join(lock)).unwrap();
        let mut found = 0;
        for block in text.split("[[package]]\n").skip(1) {
            let keys: BTreeMap<&str, &str> = block
                .lines()
                .filter_map(|line| line.split_once(" = "))
                .map(|(key, value)| (key, value.trim_matches('"')))
                .collect();
            let name = keys["name"];
            if ours.contains(&name) {
                assert!(!keys.contains_key("source"), "{lock}: {name} is not the one here");
                continue;
            }
            assert_eq!(keys.get("source"), Some(&CRATES_IO), "{lock}: {name}");
            let checksum = keys.get("checksum").unwrap_or_else(|| panic!("{lock}: {name}"));
            assert!(checksum.len() == 64 && checksum.bytes().all(|b| b.is_ascii_hexdigit()));
            found += 1;
        }
        assert!(found > 20, "{lock} has {found} packages");
    }
}

/// One tool writes the face of the playground and runs the tests as WebAssembly, and it
/// takes the very version of the library.
#[test]
fn all_of_webassembly_has_one_version_of_its_tool() {
    let version = |lock: &str| {
        let text = fs::read_to_string(root().join(lock)).unwrap();
        let (_, after) = text.split_once("name = \"wasm-bindgen\"\nversion = \"").unwrap();
        after.split_once('"').unwrap().0.to_owned()
    };
    assert_eq!(version("Cargo.lock"), version("playground/Cargo.lock"));
}

#[test]
fn no_crate_is_in_the_module_twice() {
    let tree = cargo(&[
        "tree",
        "--package=mcp-policy-filter",
        "--target=wasm32-wasip1",
        "--edges=normal,no-proc-macro",
        "--no-dedupe",
        "--prefix=none",
        "--format={p}",
    ]);
    let mut versions = BTreeMap::new();
    for line in tree.lines() {
        let (name, version) = line.split_once(" v").unwrap();
        let other = versions.insert(name, version);
        assert!(other.is_none_or(|other| other == version), "{name}: {version} and {other:?}");
    }
    assert!(versions.len() > 10, "{versions:?}");
}

/// A version that cargo may change on its way, nobody has looked at.
#[test]
fn scripts_compile_what_is_locked() {
    let mut compiling = 0;
    for entry in fs::read_dir(root().join("scripts")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap().replace("\\\n", " ");
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let compiles = words.windows(2).any(|pair| {
                ["cargo", "\"$wasm_cargo\"", "scripts/cargo-wasm"].contains(&pair[0])
                    && [
                        "build",
                        "zigbuild",
                        "test",
                        "run",
                        "bench",
                        "clippy",
                        "wasm32-unknown-unknown",
                    ]
                    .contains(&pair[1])
            });
            if compiles {
                compiling += 1;
                assert!(words.contains(&"--locked"), "{}: {line}", path.display());
            }
        }
    }
    assert!(compiling >= 5, "{compiling}");
}

/// The crates of the library without its feature `proxy-wasm`: no host and
/// no runtime.
const CORE: [&str; 29] = [
    "block-buffer",
    "bytemuck",
    "cfg-if",
    "cpufeatures",
    "crypto-common",
    "digest",
    "generic-array",
    "hmac",
    "itoa",
    "libc",
    "log",
    "mcp-policy-filter",
    "memchr",
    "proc-macro2",
    "quote",
    "regex-lite",
    "safe_arch",
    "serde",
    "serde_core",
    "serde_derive",
    "serde_json",
    "sha2",
    "simdutf8",
    "subtle",
    "syn",
    "typenum",
    "unicode-ident",
    "wide",
    "zmij",
];

#[test]
fn the_core_alone_depends_on_no_host() {
    let tree = cargo(&[
        "tree",
        "--edges",
        "normal",
        "--no-default-features",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains("mcp-policy-filter") && crates.contains("serde_json"));
    // `libc` is there on some machines alone.
    let others: Vec<_> = crates.iter().filter(|name| !CORE.contains(name)).collect();
    assert!(others.is_empty(), "{others:?}");
}

/// The further crates of the module.
const MODULE: [&str; 5] = ["allocator-api2", "equivalent", "foldhash", "hashbrown", "proxy-wasm"];

/// The command decides with the core, and has crates for people that the module never
/// sees.
#[test]
fn the_command_has_no_host_and_the_module_nothing_of_the_command() {
    let normal = ["tree", "--edges=normal", "--prefix=none", "--format={p}"];
    let crates = |arguments: &[&str]| -> BTreeSet<String> {
        let tree = cargo(&[&normal[..], arguments].concat());
        tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
    };
    let command = crates(&["--manifest-path=cli/Cargo.toml"]);
    assert!(command.contains("clap") && command.contains("mcp-policy-filter"), "{command:?}");
    assert!(!command.iter().any(|name| name.contains("proxy-wasm")), "{command:?}");
    let module = crates(&["--package=mcp-policy-filter", "--target=wasm32-wasip1"]);
    let known = CORE.iter().copied().chain(MODULE);
    let known: BTreeSet<String> = known.map(str::to_owned).collect();
    let others: Vec<_> = module.difference(&known).collect();
    assert!(others.is_empty(), "{others:?}");
}
