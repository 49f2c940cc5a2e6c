//! From a document to a policy.

use super::fingerprint::fingerprint_of;
use super::{Action, Conditions, Limit, Names, Policy, Rule, Rules, lint};
use crate::limits::Table;
use crate::order;
use crate::policy::document::{self, Document, Findings, Settings};
use crate::policy::pattern::PatternMap;

impl Policy {
    /// Reads, checks and compiles a document, which is JSON or a
    /// `google.protobuf.Struct`. `namespace` keeps the counts of
    /// two filters apart where the document does not.
    ///
    /// # Errors
    /// All errors in the document.
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
    pub fn parse(bytes: &[u8], namespace: &str) -> Result<Self, Findings> {
        let (document, mut errors) = Document::parse(bytes);
        if let Some(document) = &document {
            errors.extend(lint::errors(document));
        }
        let document = match document {
            Some(document) if errors.is_empty() => document,
            _ => return Err(errors),
        };
        let warnings = lint::warnings(&document);
        let headers: Vec<String> = lint::conditions(&document)
            .iter()
            .filter_map(|(_, condition)| condition.path.header().map(str::to_owned))
            .collect();
        let mut headers = order::sorted(headers, Ord::cmp);
        headers.dedup();

        let records = lint::records(&document);
        let Document { rules, identity, grants, settings, digest } = document;
        let counters = &settings.counters;
        let namespace = counters.namespace.as_deref().unwrap_or(namespace);
        let table = Table::new(namespace, counters.capacity, counters.max_entries);
        let grants = grants.into_iter().map(|(pattern, document::Grant { name, rules })| {
            (pattern, compile(&format!("grant:{name}"), rules, &settings))
        });
        // Grants neither allow nor deny, so only specificity orders them.
        let grants = PatternMap::new(grants, |_| false);
        let top = compile("top", rules, &settings);
        Ok(Self {
            fingerprint: fingerprint_of(&digest),
            warnings,
            settings,
            table,
            identity,
            headers,
            records,
            top,
            grants,
        })
    }
}

fn compile(name: &str, rules: document::Rules, settings: &Settings) -> Rules {
    let document::Rules { path: _, default, mode, hide, tools, all_tools } = rules;
    let document::AllTools { require, deny_if, limits } = all_tools;
    let for_all: Vec<Limit> =
        limits.into_iter().map(|limit| Limit::new(name, "all tools", limit)).collect();
    let tools = tools
        .into_iter()
        .map(|(pattern, rule)| (pattern, compile_rule(name, rule, &for_all, settings)));
    let mut rules = Rules {
        default,
        mode,
        hide: PatternMap::set(hide),
        tools: PatternMap::new(tools, |rule| matches!(rule.action, Action::Deny(_))),
        require,
        deny_if,
        limits: once_each(for_all.iter().cloned()),
        conceals: false,
    };
    rules.conceals = rules.conceals(settings.tools_list);
    rules
}

fn compile_rule(
    rules: &str,
    rule: document::ToolRule,
    for_all: &[Limit],
    settings: &Settings,
) -> Rule {
    let document::ToolRule {
        name,
        pointer,
        action,
        reason,
        args,
        require,
        deny_if,
        limits,
        record,
    } = rule;
    let record = record.into();
    match action {
        document::Action::Deny => {
            Rule { pointer: pointer + "/action", action: Action::Deny(reason), record }
        }
        document::Action::Allow => {
            let own = limits.into_iter().map(|limit| Limit::new(rules, &name, limit));
            let args = args.map(|allowed| Names {
                pointer: format!("{pointer}/args"),
                allowed,
                explains: settings.explain_denials,
            });
            let limits = once_each(own.chain(for_all.iter().cloned()));
            let conditions = Conditions { args, require, deny_if, limits };
            Rule { pointer, action: Action::Allow(Box::new(conditions)), record }
        }
    }
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
