//! From a document to a policy.

use super::{Body, Limit, Pattern, PatternMap, Policy, Rule, Settings};
use crate::config::{self, Action, Config, Errors};
use crate::counters::{Holder, Table, Tag};
use crate::quota::Scope;
use core::fmt::Write;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Overlaps are searched pair by pair, so not among more patterns than a
/// person writes.
const MAX_COMPARED: usize = 300;
/// Counters end with the Envoy process; longer windows than this surprise.
const LONG_WINDOW_SECONDS: u32 = 3_600;

impl Policy {
    /// Reads, checks and compiles a document. `namespace` keeps the counts of
    /// two filters apart where the document does not.
    ///
    /// # Errors
    /// Everything that is wrong with the document.
    ///
    /// ```
    /// use mcp_policy_filter::policy::Policy;
    ///
    /// let errors = Policy::parse(br#"{"version": "2", "tool": {}}"#, "demo").unwrap_err();
    /// assert_eq!(errors.lines().collect::<Vec<_>>(), [
    ///     "/tool: unknown key; did you mean `tools`?",
    ///     "/version: expected `\"1\"`, found `\"2\"`",
    ///     "(top level): `default` is missing",
    /// ]);
    /// ```
    pub fn parse(text: &[u8], namespace: &str) -> Result<Self, Errors> {
        let Config { body, settings } = Config::parse(text)?;
        let mut errors = Errors::default();
        check_counters(&body, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let warnings = warnings(&body);
        let config::Settings {
            exempt_paths,
            methods,
            hold_request_headers,
            max_body_bytes,
            max_depth,
            counters,
        } = settings;
        let namespace = counters.namespace.as_deref().unwrap_or(namespace);
        Ok(Self {
            digest: digest(text),
            warnings,
            settings: Settings {
                exempt_paths,
                hold_request_headers,
                max_body_bytes,
                max_depth,
                methods: set(methods),
            },
            table: Table::new(namespace, counters.capacity, counters.max_entries),
            body: compile(body),
        })
    }
}

fn digest(text: &[u8]) -> String {
    let mut digest = String::with_capacity(12);
    for byte in Sha256::digest(text).iter().take(6) {
        // Writing to a string cannot fail.
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}

fn set(patterns: Vec<Pattern>) -> PatternMap<()> {
    PatternMap::new(patterns.into_iter().map(|pattern| (pattern, ())), |()| false)
}

fn compile(body: config::Body) -> Body {
    let config::Body { default, hide, tools, all_tools } = body;
    let all_tools: Vec<Limit> =
        all_tools.limits.into_iter().map(|limit| limit_on("all tools", limit)).collect();
    let tools = tools.into_iter().map(|(pattern, rule)| {
        let config::ToolRule { name, pointer, action, reason, limits } = rule;
        let own = limits.into_iter().map(|limit| limit_on(&name, limit));
        let limits = once_each(own.chain(all_tools.iter().cloned()));
        let rule = match action {
            Action::Allow => Rule { pointer, denied: None, limits },
            Action::Deny => {
                Rule { pointer: pointer + "/action", denied: Some(reason), limits: Vec::new() }
            }
        };
        (pattern, rule)
    });
    Body {
        default,
        hide: set(hide),
        tools: PatternMap::new(tools, |rule| rule.denied.is_some()),
        all_tools: once_each(all_tools.iter().cloned()),
    }
}

fn limit_on(subject: &str, limit: config::Limit) -> Limit {
    let config::Limit { pointer, path: _, counter, window, max, scope } = limit;
    // The other scopes never cross policy bodies; this is the top-level one.
    let (body, scope_name) = match scope {
        Scope::Grant => ("top", "grant"),
        Scope::Global => ("", "global"),
    };
    let tag = Tag::new(&[
        body.as_bytes(),
        counter.as_bytes(),
        &window.seconds().to_le_bytes(),
        b"fixed",
        scope_name.as_bytes(),
    ]);
    let everyone = Holder::everyone(tag);
    Limit { pointer, subject: subject.into(), tag, scope, window, max, everyone }
}

/// A counter named twice for one call is charged once, under the smaller max.
fn once_each(limits: impl Iterator<Item = Limit>) -> Vec<Limit> {
    let mut once: Vec<Limit> = Vec::new();
    for limit in limits {
        match once.iter_mut().find(|other| other.tag == limit.tag) {
            Some(other) if limit.max < other.max => *other = limit,
            Some(_) => {}
            None => once.push(limit),
        }
    }
    once
}

fn all_limits(body: &config::Body) -> impl Iterator<Item = &config::Limit> {
    body.tools.iter().flat_map(|(_, rule)| &rule.limits).chain(&body.all_tools.limits)
}

/// Entries that share a counter must count the same way.
fn check_counters(body: &config::Body, errors: &mut Errors) {
    let mut first: BTreeMap<&str, &config::Limit> = BTreeMap::new();
    for limit in all_limits(body) {
        let other = first.entry(&limit.counter).or_insert(limit);
        let mut differ = |key, here: String, there: String| {
            errors.push(
                limit.path.clone(),
                format!(
                    "the counter `{}` has the {key} `{here}` here and `{there}` at {}; sharers \
                     must agree",
                    limit.counter, other.path
                ),
            );
        };
        if limit.window != other.window {
            differ("window", limit.window.to_string(), other.window.to_string());
        }
        if limit.scope != other.scope {
            let name = |scope| match scope {
                Scope::Grant => "grant",
                Scope::Global => "global",
            };
            differ("scope", name(limit.scope).into(), name(other.scope).into());
        }
    }
}

/// What is allowed, but probably not what its author thinks.
fn warnings(body: &config::Body) -> Vec<String> {
    let mut warnings = Vec::new();
    for limit in all_limits(body) {
        if limit.window.seconds() > LONG_WINDOW_SECONDS {
            warnings.push(format!(
                "{}: a window of one {} is counted by each Envoy process alone and starts afresh \
                 with it",
                limit.path, limit.window
            ));
        }
    }
    for (_, rule) in &body.tools {
        if rule.reason.is_some() && rule.action == Action::Allow {
            warnings.push(format!(
                "{}/reason: is shown only with `\"action\": \"deny\"`",
                rule.pointer
            ));
        }
    }
    let patterns: Vec<_> = body.tools.iter().filter(|(pattern, _)| !pattern.is_exact()).collect();
    if patterns.len() > MAX_COMPARED {
        return warnings;
    }
    let mut rest = &*patterns;
    while let [(a, first), others @ ..] = rest {
        for (b, second) in others {
            let differ = first.action != second.action;
            if differ && !a.is_within(b) && !b.is_within(a) && a.overlaps(b) {
                warnings.push(format!(
                    "{}: overlaps with `{}`, which has another action; a denial decides",
                    first.pointer, second.name
                ));
            }
        }
        rest = others;
    }
    warnings
}

#[cfg(test)]
mod tests;
