//! The pictures of the pages: each is shown somewhere, says in words what it shows, and is
//! complete in itself; and what they say of calls is so.

use super::markdown::{Page, policy_in};
use super::play::Stage;
use super::{all_pages, demo};
use crate::config::root;
use mcp_policy_filter::policy::Reason;
use mcp_policy_filter::simulate::notation::Ask;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

const FOLDER: &str = "docs/pictures";

fn picture(name: &str) -> String {
    fs::read_to_string(root().join(FOLDER).join(name)).unwrap()
}

fn names() -> BTreeSet<String> {
    let files = fs::read_dir(root().join(FOLDER)).unwrap();
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

/// The texts of a picture, in their order.
fn texts(picture: &str) -> Vec<String> {
    let texts = picture.lines().filter_map(|line| line.strip_prefix("<text ")?.split_once('>'));
    let plain = |text: &str| -> String {
        let parts = text.split('<').map(|part| part.rsplit('>').next().unwrap());
        parts.collect::<String>().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    };
    texts.map(|(_, text)| plain(text)).collect()
}

/// A text without white space, and without the seconds of a wait.
fn squeezed(text: &str) -> String {
    let text: String = text.split_whitespace().collect();
    ["Tryagainin", "\"retry_after\":"].into_iter().fold(text, |text, before| {
        let parts = text.split_inclusive(before);
        parts.map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit())).collect()
    })
}

#[test]
fn each_picture_is_shown_and_needs_nothing_else() {
    let shown: BTreeSet<String> = all_pages()
        .iter()
        .flat_map(Page::links)
        .filter_map(|(_, link)| Some(link.split_once("pictures/")?.1.to_owned()))
        .collect();
    assert_eq!(shown, names());
    for name in names() {
        let text = picture(&name);
        assert!(text.contains("<title id=\"title\">"), "{name} has no title");
        // Nothing is fetched or run where it is shown.
        let text = text.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        for word in ["<script", "href", "url(", "@import", "<image", "<foreignObject"] {
            assert!(!text.contains(word), "{name} has {word}");
        }
        let runs = |part: &str| part.starts_with("on") && part.contains("=\"");
        assert!(!text.split_whitespace().any(runs), "{name} runs something");
    }
}

/// The codes and the wait that the first picture shows are those of the policy that the
/// tour gives for it.
#[test]
fn the_calls_of_the_picture_are_decided_as_it_says() {
    let page = Page::read("docs/tour/README.md");
    let fences = page.fences();
    let policy = fences.iter().find(|fence| fence.info == "json policy").unwrap();
    let mut stage = Stage::new(&policy.text).unwrap();
    let agent = |call: &str| Ask::parse(&format!("{call} (claim sub = \"agent-1\")")).unwrap();
    let texts = texts(&picture("calls.svg"));
    let mut texts = texts.iter();
    let mut says = |words: &str| {
        let found = texts.any(|text| text.contains(words));
        assert!(found, "the picture does not say `{words}` here");
    };
    stage.play("00:00:15  email_customer (claim sub = \"agent-1\"), 2 times  allowed").unwrap();
    for call in
        ["list_orders", "delete_customer", "email_customer", "refund_order {\"amount\": 800}"]
    {
        says(call.split(' ').next().unwrap());
        match stage.send(&agent(call)) {
            Ok(_) => says("allowed"),
            Err(refusal) => {
                let reply: Value = serde_json::from_slice(&refusal.reply.body).unwrap();
                let wait = reply["error"]["data"]["retry_after"].as_u64();
                let wait = wait.map_or(String::new(), |wait| format!(", again in {wait} s"));
                says(&format!("error {}{wait}", reply["error"]["code"]));
            }
        }
    }
    stage.play("approve it (claim sub = \"ops-ann\")  approved").unwrap();
    says("the same call again");
    assert!(stage.send(&agent("refund_order {\"amount\": 800}")).is_ok());
    says("approved");
    assert!(stage.send(&agent("refund_order {\"amount\": 800}")).is_err());
    says("runs once");
}

/// The picture of the dashboard has each of its panels, with lines that its queries can
/// answer with: their reasons are the filter's, and their rules are in the policy of the
/// script that draws it.
#[test]
fn the_dashboards_picture_has_its_panels() {
    let read = |file: &str| -> Value {
        serde_json::from_slice(&fs::read(root().join(file)).unwrap()).unwrap()
    };
    let dashboard = read("envoy/grafana/dashboard.json");
    let policy = read("tools/demo/dashboard.json");
    Stage::new(&policy.to_string()).unwrap();
    let shown = texts(&picture("dashboard.svg"));
    let mut rest = shown.iter();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(rest.any(|text| text == title), "no panel `{title}`: scripts/draw-dashboard");
    }
    let reasons: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    let mut denials = 0;
    for text in &shown {
        let words: Vec<&str> = text.split(' ').collect();
        let [decision @ ("denied" | "shadow"), reason, rule] = *words else { continue };
        assert!(reasons.contains(reason), "{decision} for {reason}");
        // The entry that has the rule.
        let entry = rule.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        assert!(rule == "other" || policy.pointer(&entry).is_some(), "{rule} is in no policy");
        denials += 1;
    }
    assert!(denials >= 4, "{denials} denials");
}

/// The recording shows the answers of the core and of the demo's server, as far as the tour
/// has it in words. `tests/e2e/demo.rs` holds all of it to a demo.
#[test]
fn the_recording_has_the_demo_of_the_tour() {
    let page = Page::read("docs/tour/README.md");
    let fences = page.fences();
    let words = fences.iter().find(|fence| fence.info == "text demo").unwrap();
    demo::check(&words.text, &policy_in(&super::shipped()).unwrap()).unwrap();
    let rows = texts(&picture("demo.svg"));
    assert_eq!(rows[0], "$ make demo");
    let rows: String = rows.concat();
    assert!(squeezed(&rows).contains(&squeezed(&words.text)), "scripts/record-demo makes it anew");
}
