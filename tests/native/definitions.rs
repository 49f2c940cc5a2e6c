//! The digests of definitions against another implementation of RFC 8785.
//!
//! `tests/data/definitions` has the lists of ten servers as they sent them, byte for byte,
//! and one with what makes implementations differ. `digests.txt` beside them has,
//! for each tool of each file, the SHA-256 of its form by npm's canonicalize 4.0.0. PyPI's
//! rfc8785 0.1.4 has the same ones.

use crate::config::{files, root};
use mcp_policy_filter::exchange::listing::HeadStep;
use mcp_policy_filter::limits::MemoryStore;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::simulate::notation::Ask;
use mcp_policy_filter::simulate::{Body, Host, pairs};
use mcp_policy_filter::wire::json::Reader;
use mcp_policy_filter::wire::mcp::digest_of_definition;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;

/// The digests of the tools of each file, by their names.
fn digests() -> BTreeMap<String, Map<String, Value>> {
    let text = fs::read_to_string(root().join("tests/data/definitions/digests.txt")).unwrap();
    let mut all: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for line in text.lines() {
        let [file, tool, digest] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let tools = all.entry(file.to_owned()).or_default();
        assert!(tools.insert(tool.to_owned(), json!({ "digest": digest })).is_none(), "{line}");
    }
    all
}

#[test]
fn the_tools_of_real_servers_have_the_digests_of_another_implementation() {
    let (digests, mut count) = (digests(), 0);
    for file in files("tests/data/definitions", "json") {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        let list = Reader::new(text.as_bytes(), 256).unwrap().value().unwrap();
        let tools = list.member("result").unwrap().member("tools").unwrap();
        let mut found = Map::new();
        Reader::again(tools)
            .array(|reader| {
                let tool = reader.value()?;
                let name: String = serde_json::from_str(tool.member("name").unwrap().text).unwrap();
                let digest = digest_of_definition(tool, false).unwrap();
                let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                found.insert(name, json!({ "digest": format!("sha256:{digits}") }));
                Ok(())
            })
            .unwrap();
        count += found.len();
        assert_eq!(found, digests[name], "{name}");
    }
    assert_eq!(digests.len(), 11);
    assert!(count > 100, "only {count} tools");
}

#[test]
fn lists_of_real_servers_pass_a_lock_of_these_digests_in_any_pieces() {
    for (file, tools) in digests() {
        let policy = json!({
            "version": "1",
            "default": "allow",
            "settings": { "unusual_tool_names": true },
            "lock": { "mode": "enforce", "tools": tools },
        });
        let policy = Policy::parse(policy.to_string().as_bytes(), "").unwrap();
        let text = fs::read_to_string(root().join("tests/data/definitions").join(&file)).unwrap();
        let event = format!("data: {}\n\n", text.trim().replace('\n', "\ndata: "));
        for (kind, body) in [("application/json", &text), ("text/event-stream", &event)] {
            for size in [usize::MAX, 1_000, 7] {
                let store = MemoryStore::default();
                let host = Host { policy: &policy, store: &store, now: Nanos(0) };
                let mut sent = Ask::rpc("tools/list").send(&host).unwrap();
                let headers = [(":status", "200"), ("content-type", kind)];
                let sizes = [size];
                let body_in_pieces = Body { sizes: &sizes, ..Body::whole(body.as_bytes()) };
                let listing = sent.exchange.listing().unwrap();
                let received = host.receive(listing, pairs(&headers), &body_in_pieces);
                assert!(!matches!(received.head, HeadStep::Replace(_)));
                assert!(received.body == body.as_bytes(), "{file} as {kind}");
                let news = listing.take_news().unwrap();
                assert!(!news.shows_changed && !news.shows_unknown, "{file} as {kind}");
            }
        }
    }
}
