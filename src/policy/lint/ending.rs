//! Warnings of bodies that apply for a time only, and of those who come under open rules
//! after it.

use super::pairs::Pairs;
use crate::policy::caller::ANONYMOUS;
use crate::policy::document::{
    DefaultAction, Document, Findings, Mode, Rules, Warning, pointer, shorten,
};
use crate::policy::pattern::Pattern;

/// A body that lets calls go on by default.
#[derive(Clone, Copy)]
struct Open<'d> {
    rules: &'d Rules,
    /// The name of the group whose rules they are.
    group: Option<&'d str>,
    /// The reason for which they go on.
    why: &'static str,
}

impl<'d> Open<'d> {
    fn new(document: &Document, rules: &'d Rules, group: Option<&'d str>) -> Option<Self> {
        let why = match rules.default.or(document.rules.default) {
            Some(DefaultAction::Allow) => "allows by default",
            _ if rules.mode == Mode::Shadow => "is in shadow mode",
            _ => return None,
        };
        Some(Self { rules, group, why })
    }

    fn name(self) -> String {
        match (self.group, &*self.rules.path) {
            (Some(group), _) => format!("the group `{}`", shorten(group)),
            (None, "") => "the top-level rules".into(),
            (None, path) => format!("`{}`", pointer(path)),
        }
    }
}

/// Warns of bodies after whose time their callers come under an open one.
pub(super) fn warnings(document: &Document, pairs: &mut Pairs, findings: &mut Findings) {
    // Behind each group: the first open one, or the top level.
    let mut behind = Open::new(document, &document.rules, None);
    let mut groups = Vec::new();
    for group in document.groups.iter().rev() {
        if group.rules.validity.ends() {
            groups.push((&group.rules, behind));
        }
        behind = Open::new(document, &group.rules, Some(&group.name)).or(behind);
    }
    let grants = document.grants.iter();
    let lasting: Vec<&Pattern> = grants
        .clone()
        .filter(|(_, grant)| !grant.rules.validity.is_bounded())
        .map(|(pattern, _)| pattern)
        .collect();
    let open: Vec<(&Pattern, Open<'_>)> = grants
        .clone()
        .filter_map(|(pattern, grant)| Some((pattern, Open::new(document, &grant.rules, None)?)))
        .collect();
    for (pattern, grant) in grants.filter(|(_, grant)| grant.rules.validity.ends()) {
        // Those without a credential are under no pattern of another grant.
        let is_of_strangers = document.settings.admits_anonymous && pattern.as_str() == ANONYMOUS;
        let next = if is_of_strangers {
            behind
        } else {
            let mut others = open.iter().filter(|(other, _)| *other != pattern);
            match others.find(|(other, _)| pairs.overlap(pattern, other)) {
                Some((_, next)) => Some(*next),
                None if lasting.iter().any(|other| pairs.within(pattern, other)) => None,
                None => behind,
            }
        };
        if pairs.is_spent() {
            break;
        }
        ends_open(&grant.rules, next, findings);
    }
    groups.into_iter().rev().for_each(|(rules, next)| ends_open(rules, next, findings));
}

fn ends_open(rules: &Rules, next: Option<Open<'_>>, findings: &mut Findings) {
    if let Some(next) = next {
        findings.warning(Warning::EndsOpen, &|| {
            let message = format!(
                "after this, its callers are under {}, which {}; have that deny, or leave the time \
                 out",
                next.name(),
                next.why
            );
            (format!("{}/valid_until", rules.path), message)
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;
    use crate::policy::lint::warned::{WHEN, of as warnings};
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const END: &str = r#""valid_until": "2030-01-01T00:00:00Z""#;

    #[test]
    fn a_body_that_ends_is_told_where_what_follows_is_open() {
        let other = |name: &str, rest: &str| {
            format!(
                r#""grants": {{"ci-main": {{"default": "deny", {END}}}, "{name}": {{{rest}}}}}"#
            )
        };
        let group = |default: &str| {
            format!(r#", "groups": [{{"name": "g", {WHEN}, "default": "{default}"}}]"#)
        };
        let deny = r#""default": "deny""#;
        let allow = r#""default": "allow""#;
        let top = "the top-level rules";
        for (default, rest, next) in [
            ("deny", other("x", deny), None),
            ("allow", other("x", deny), Some(top)),
            ("deny", other("x", allow), None),
            ("deny", other("ci-*", allow), Some("`/grants/ci-*`")),
            ("deny", other("*n", allow), Some("`/grants/*n`")),
            ("allow", other("ci-*", deny), None),
            ("allow", other("ci-*", r#""extends": "top""#), Some("`/grants/ci-*`")),
            ("allow", other("ci-*", &format!("{deny}, {END}")), Some(top)),
            ("deny", other("x", deny) + &group("allow"), Some("the group `g`")),
            ("deny", other("x", deny) + &group("deny"), None),
            ("allow", other("*", &format!("{deny}, {END}")) + &group("deny"), Some(top)),
        ] {
            let all = warnings(default, &rest);
            let found =
                all.iter().find_map(|line| line.strip_prefix("/grants/ci-main/valid_until: "));
            let expected = next.map(|next| {
                format!(
                    "after this, its callers are under {next}, which allows by default; have that \
                     deny, or leave the time out"
                )
            });
            assert_eq!(found.map(str::to_owned), expected, "{default} {rest}");
        }
    }

    #[test]
    fn a_body_that_ends_is_told_where_what_follows_is_in_shadow_mode() {
        let grants = |mode: &str| {
            format!(
                r#""mode": "{mode}", "grants": {{"a": {{"default": "deny", "mode": "enforce", {END}}}}}"#
            )
        };
        assert!(warnings("deny", &grants("enforce")).is_empty());
        assert_eq!(
            warnings("deny", &grants("shadow")),
            [
                "/grants/a/valid_until: after this, its callers are under the top-level rules, which \
              is in shadow mode; have that deny, or leave the time out"
            ]
        );
    }

    #[test]
    fn those_without_a_credential_are_under_no_pattern_of_grants() {
        let policy = |name: &str| {
            // They come to a group behind a grant for everybody else.
            let policy = format!(
                r#"{{"version": "1", "default": "allow", "identity": [{{"header": "x-id"}}],
                "settings": {{"paths": ["/mcp"], "anonymous": "allow"}},
                "grants": {{"*": {{"default": "deny"}}, "{name}": {{"default": "deny", {END}}}}},
                "groups": [{{"name": "g", {WHEN}, "default": "allow"}}]}}"#
            );
            let policy = Policy::parse(policy.as_bytes(), "").unwrap();
            policy.warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            policy("anonymous"),
            ["/grants/anonymous/valid_until: after this, its callers are under the group `g`, \
                 which allows by default; have that deny, or leave the time out"]
        );
        assert!(policy("ann").is_empty());
    }

    #[test]
    fn a_group_that_ends_is_told_by_the_groups_behind_it() {
        let groups = |first: &str, second: &str| {
            format!(
                r#""groups": [{{"name": "a", {WHEN}, "default": "{first}"}},
                {{"name": "b", {WHEN}, "default": "deny", {END}}},
                {{"name": "c", {WHEN}, "default": "{second}"}}]"#
            )
        };
        assert!(warnings("deny", &groups("allow", "deny")).is_empty());
        assert_eq!(
            warnings("deny", &groups("deny", "allow")),
            [
                "/groups/1/valid_until: after this, its callers are under the group `c`, which allows \
              by default; have that deny, or leave the time out"
            ]
        );
    }
}
