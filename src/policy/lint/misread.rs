//! Warnings of patterns of prompts and resources that are probably meant in another way.
//! Their names may have nearly any character, so that none is an error.

use super::all_rules;
use super::warnings::dotted;
use crate::policy::document::{DefaultAction, Document, Findings, Offers, Rules, Warning, quote};
use crate::policy::uri::has_open_host;
use crate::wire::mcp::OfferKind;

const HOST: &str = "a `*` in a host, or right behind it, also matches other hosts, since it can be \
                    any text with a `/`; write the whole host, and `/` behind it";

pub(super) fn warnings(document: &Document, findings: &mut Findings) {
    for offers in all_rules(document).into_iter().flat_map(Rules::all_offers) {
        match offers.kind {
            OfferKind::Prompt => expressions(offers, findings),
            OfferKind::Resource => hosts(offers, findings),
        }
    }
}

fn expressions(offers: &Offers, findings: &mut Findings) {
    let rules = offers.rules.iter().map(|(_, rule)| (&*rule.path, &*rule.name));
    let hide = format!("{}/hide", offers.path);
    let hidden = offers.hide.iter().map(|pattern| (&*hide, pattern.as_str()));
    for (path, text) in rules.chain(hidden) {
        if let Some(message) = misread(text) {
            findings.warning(Warning::DotStar, &|| (path.into(), message.clone()));
        }
    }
}

/// The warning about a prompt's pattern that looks like a regular expression. Behind a
/// letter, `.*` may be all of a namespace.
fn misread(text: &str) -> Option<String> {
    let start = text.split_once(".*").map(|(start, _)| start);
    if let Some(start) = start.filter(|start| start.ends_with(['_', '-'])) {
        return Some(dotted(text, start));
    }
    (text.starts_with('^') || text.ends_with('$')).then(|| {
        format!("{} is no regular expression: a pattern knows only `*`, for any text", quote(text))
    })
}

fn hosts(offers: &Offers, findings: &mut Findings) {
    for (_, rule) in offers.rules.iter().filter(|(_, rule)| rule.action == DefaultAction::Allow) {
        if has_open_host(&rule.name) {
            findings.warn(Warning::PlaceByStart, &[&rule.path], HOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::warned;
    use super::HOST;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// The warnings about the only pattern of this kind, which an entry has, or `hide`.
    fn about(kind: &str, pattern: &str, is_hidden: bool) -> Vec<String> {
        let keys = match is_hidden {
            true => format!(r#""hide": ["{pattern}"]"#),
            false => format!(r#""rules": {{"{pattern}": {{}}}}"#),
        };
        let found = warned::of("deny", &format!(r#""{kind}": {{"default": "deny", {keys}}}"#));
        let text = |line: &String| line.split_once(": ").map(|(_, text)| text.to_owned());
        found.iter().filter_map(text).collect()
    }

    #[test]
    fn a_pattern_that_looks_like_an_expression_is_told() {
        for (kind, pattern, start) in [
            (
                "prompts",
                "admin_.*",
                Some("`admin_.*` matches only names with a dot after `admin_`; "),
            ),
            ("prompts", "^delete", Some("`^delete` is no regular expression: ")),
            ("prompts", "delete$", Some("`delete$` is no regular expression: ")),
            ("prompts", "admin_*", None),
            ("prompts", "a.b", None),
            ("prompts", "weather.*", None),
            ("prompts", "*.*", None),
            ("resources", "note://x_.*", None),
        ] {
            for is_hidden in [false, true] {
                let found = about(kind, pattern, is_hidden);
                assert_eq!(found.len(), usize::from(start.is_some()), "{pattern}: {found:?}");
                let begins = found.iter().all(|line| line.starts_with(start.unwrap_or_default()));
                assert!(begins, "{found:?}");
            }
        }
    }

    #[test]
    fn a_star_that_makes_another_host_of_a_resource_is_told() {
        for (pattern, told) in [
            ("https://*.example.org/*", true),
            ("https://docs.example.com*", true),
            ("wss://*", false),
            ("wss://*/*", false),
            ("wss://*/a", true),
            ("https://docs.example.com?q=*", false),
            ("https://docs.example.com/*", false),
            ("https://docs.example.com/a*", false),
            ("note://*", false),
            ("file:///srv/*", false),
        ] {
            let expected: &[&str] = if told { &[HOST] } else { &[] };
            assert_eq!(about("resources", pattern, false), expected, "{pattern}");
        }
    }
}
