//! URIs of resources: what the filter lets through, against what readers of real servers
//! make of the same texts.
//!
//! A URI that goes on because a pattern allows it must be within that pattern to every
//! reader, and one that goes on past a pattern that denies must be outside of it.

use std::io::Write as _;

use mcp_policy_filter::policy::Reason;
use mcp_policy_filter::policy::pattern::Pattern;
use mcp_policy_filter::simulate::{Gateway, Outcome};
use serde_json::{Value, json};
use url::Url;

use crate::budget::Budget;
use crate::dice::Dice;
use crate::places::{Read, odd, read};

const SCHEMES: [&str; 20] = [
    "file://",
    "file://",
    "file://",
    "https://",
    "https://",
    "http://",
    "demo://",
    "demo://",
    "demo://",
    "file:",
    "file:/",
    "FILE://",
    "Https://",
    "DEMO://",
    "demo:",
    " file://",
    "https:",
    "https:/",
    "https:\\\\",
    "fi\tle://",
];
const HOSTS: [&str; 24] = [
    "",
    "",
    "",
    "a",
    "a",
    "b",
    "b",
    "A",
    "B",
    "a.",
    "b.",
    "localhost",
    "a:443",
    "b:443",
    "a:80",
    "a:",
    "u@b",
    "a@b",
    "%62",
    "b%2f",
    "a\\",
    "ｂ",
    "b\u{ad}",
    "127.1",
];
const SEGMENTS: [&str; 24] = [
    "/srv", "/srv", "/srv", "/etc", "/etc", "/x", "/x.y", "/..", "/.", "/", "/%2e%2e", "/%65tc",
    "/..;a", "/.%2e", "\\etc", "\\..", "/ETC", "?q", "#f", "?/../etc", "/é", "/ ", "/a b", "/{x}",
];
const ODD: [char; 14] =
    ['\t', '\n', '\r', ' ', '@', '\\', '/', ':', '.', '%', '|', '<', '\u{ad}', '\u{feff}'];

/// Texts that have led elsewhere somewhere.
const KNOWN: [&str; 14] = [
    "file:///srv/../etc/passwd",
    "file:///srv/%2e%2e/etc/passwd",
    "file:///srv/..%2fetc",
    "file:///srv/.%2e/etc/",
    "file://localhost/etc/passwd",
    "file:/etc/passwd",
    "file:////etc/passwd",
    "file:///srv\\..\\etc",
    "https://a@b/",
    "https://a\\@b/",
    "https:b/etc",
    "https://a/\t../etc",
    "demo://a/../../b/x",
    "demo://a/%2e%2e/x",
];

/// The patterns of the policy.
const PATTERNS: [&str; 6] =
    ["file:///srv/*", "file:///etc/*", "https://a/*", "https://b/*", "demo://a/*", "demo://b/*"];

fn text(seed: u64, index: usize) -> String {
    let mut dice = Dice::of(seed, index);
    // A part of them has nothing odd, and another nothing odd but one character.
    let (starts, segments, odd_one) = match dice.below(4) {
        0 => (&PLAIN[..], &SEGMENTS[..7], false),
        1 => (&PLAIN[..], &SEGMENTS[..7], true),
        _ => (&SCHEMES[..], &SEGMENTS[..], true),
    };
    let mut text = dice.pick(starts).to_owned();
    if starts.len() == SCHEMES.len() {
        text += dice.pick(&HOSTS);
    }
    for _ in 0..4 {
        text += dice.pick(segments);
    }
    if odd_one { odd(&mut text, &ODD, &mut dice) } else { text }
}

/// Schemes with their hosts, as servers write them.
const PLAIN: [&str; 6] = ["file://", "file://", "https://a", "https://b", "demo://a", "demo://b"];

/// Whether a URI goes on, where these patterns and `default` have these actions.
struct Judge(Gateway);

impl Judge {
    fn new(default: &str, action: &str) -> Self {
        let rules: Value = PATTERNS
            .iter()
            .map(|one| ((*one).to_owned(), json!({ "action": action })))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let policy = json!({ "version": "1", "default": "deny",
            "resources": { "default": default, "rules": rules } });
        Self(Gateway::new(&policy.to_string()).expect("a policy"))
    }

    fn passes(&self, uri: &str) -> bool {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "resources/read",
            "params": { "uri": uri } });
        match self.0.post(&body.to_string()).expect("an exchange in order").outcome {
            Outcome::WentOn(_) => true,
            Outcome::Refused(refused) => {
                let expected = [
                    Reason::Undecidable,
                    Reason::DefaultDeny,
                    Reason::Denied,
                    // A control character, or nothing.
                    Reason::Undecodable,
                ];
                assert!(expected.contains(&refused.reason), "{uri:?}: {:?}", refused.reason);
                false
            }
            Outcome::Served(_) => panic!("{uri:?} is a read"),
        }
    }
}

/// The pattern that a text is within up to its query or fragment, which some readers
/// leave out, with or without a `/` at its end.
fn within(text: &str) -> Option<&'static str> {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    let is_in = |text: &str| PATTERNS.into_iter().find(|one| Pattern::new(one).matches(text));
    is_in(text).or_else(|| is_in(&format!("{text}/")))
}

#[test]
fn no_reader_takes_a_uri_for_another() {
    if !crate::is_wanted("filesystem") || !crate::is_wanted("fetch") {
        return;
    }
    let Budget { seed, hostile, .. } = Budget::from_env();
    let mut texts: Vec<String> = KNOWN.map(str::to_owned).into();
    texts.extend((0..hostile * 4).map(|index| text(seed, index)));
    let all: Vec<Read<String>> = read("uri", &texts);
    let (allowing, denying) = (Judge::new("deny", "allow"), Judge::new("allow", "deny"));
    let (mut inside, mut outside, mut disputed, mut readers) = (0, 0, 0, 0);
    let mut failures = Vec::new();
    for (uri, read) in texts.iter().zip(&all) {
        let mut read = read.clone();
        read.insert("rust url".into(), Url::parse(uri).ok().map(String::from));
        readers = read.len();
        let found = || read.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let places: Vec<_> = found().map(|(_, value)| within(value)).collect();
        disputed += usize::from(places.iter().any(|place| *place != within(uri)));
        let is_inside = allowing.passes(uri);
        if !is_inside && !denying.passes(uri) {
            continue;
        }
        if is_inside {
            inside += 1
        } else {
            outside += 1
        }
        for (reader, value) in found() {
            if within(value) != within(uri) {
                failures.push(format!("{uri:?}, and {reader} makes it {value:?}"));
            }
        }
    }
    let told = format!(
        "differential uris: {readers} readers; of {} texts {inside} inside and {outside} outside, \
         {disputed} that readers take elsewhere; {} of those go on",
        texts.len(),
        failures.len()
    );
    // Past the capture of what tests print.
    let _ = writeln!(std::io::stderr(), "{told}");
    assert!(failures.is_empty(), "{told}\n{}", failures[..failures.len().min(40)].join("\n"));
    for count in [inside, outside, disputed] {
        assert!(count * 100 >= texts.len(), "too few of one kind to prove anything: {told}");
    }
}
