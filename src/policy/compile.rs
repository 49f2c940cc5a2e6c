//! From a document to a policy.

use super::approval::{Approving, Terms, bind};
use super::beside::{self, Beside, Entry, Shadows};
use super::bodies::Applied;
use super::fingerprint::fingerprint_of;
use super::offers::Offers;
use super::{
    Action, Approvals, Conditions, Dated, Group, Limit, Lock, Names, Policy, Reason, ResultBound,
    ResultBounds, Rule, Rules, lint,
};
use crate::limits::Table;
use crate::order;
use crate::policy::document::{self, Check, DefaultAction, Document, Findings, Settings, Source};
use crate::policy::pattern::{Pattern, PatternMap};

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
        let headers = lint::paths(&document).into_iter().map(|(_, path)| path);
        let headers = headers.filter_map(|path| path.header().map(str::to_owned)).collect();
        let mut headers = order::sorted(headers, Ord::cmp);
        headers.dedup();

        let records = lint::records(&document);
        let is_dated = lint::is_dated(&document);
        let bounds_results = lint::bounds_results(&document);
        let result = ResultBound::new("/settings", document.settings.max_result_bytes);
        let has_offers = lint::has_offers(&document);
        let anybody = lint::approvers(&document);
        let shares_approvals = lint::shares_approvals(&document);
        let Document { rules, identity, grants, groups, lock, settings, digest, .. } = document;
        let counters = &settings.counters;
        let namespace = counters.namespace.as_deref().unwrap_or(namespace);
        let table = Table::new(namespace, counters.capacity, counters.max_entries)
            .with_values(counters.values);
        let mut settings = settings;
        let mut approvals = settings.approvals.take();
        if let Some(approvals) = &mut approvals {
            bind(&mut approvals.approver_require, &settings);
        }
        let lock = lock.map(|lock| Lock::new(lock, &table));
        let by = By {
            settings: &settings,
            approvals: approvals.as_ref(),
            identity: &identity,
            shares_approvals,
            locks: lock.as_ref().is_some_and(Lock::enforces),
        };
        let top = by.compile("top", rules, None);
        let grants: Vec<_> = grants
            .into_iter()
            .map(|(pattern, document::Grant { name, rules })| {
                (pattern, by.compile(&format!("grant:{name}"), rules, Some(&top)))
            })
            .collect();
        let groups = groups.into_iter().map(|document::Group { name, when, rules }| Group {
            when: when.into_iter().map(|when| (when.pointer, when.condition)).collect(),
            rules: by.compile(&format!("group:{name}"), rules, Some(&top)),
        });
        let groups: Vec<Group> = groups.collect();
        let of_groups = groups.iter().map(|group| &group.rules);
        let mut bodies = grants.iter().map(|(_, rules)| rules).chain(of_groups);
        let approvals = approvals.map(|approvals| Approvals::new(approvals, anybody, &identity));
        let has_shadows = top.shadows.is_some() || bodies.any(|rules| rules.shadows.is_some());
        Ok(Self {
            fingerprint: fingerprint_of(&digest),
            warnings,
            settings,
            table,
            identity,
            headers,
            records,
            result,
            bounds_results,
            is_dated,
            has_shadows,
            has_offers,
            lock,
            top,
            approvals,
            // Grants neither allow nor deny, so only specificity orders them.
            grants: PatternMap::new(grants, |_| 0),
            groups,
        })
    }
}

/// The parts of a document that all sets of rules are compiled with.
struct By<'d> {
    settings: &'d Settings,
    approvals: Option<&'d document::Approvals>,
    identity: &'d [Source],
    /// Whether checks of `approve_if` may meet entries of another body.
    shares_approvals: bool,
    /// Whether tools are hidden that a lock does not name.
    locks: bool,
}

impl By<'_> {
    /// Compiles a body, which may extend `top`.
    fn compile(&self, name: &str, rules: document::Rules, top: Option<&Rules>) -> Rules {
        let document::Rules {
            path: _,
            extends,
            default,
            mode,
            hide,
            tools,
            all_tools,
            prompts,
            resources,
            validity,
        } = rules;
        let base = top.filter(|_| extends);
        // One that is missing elsewhere is an error.
        let default = default.or(base.map(|base| base.default)).unwrap_or(DefaultAction::Deny);
        let document::AllTools { mut require, mut deny_if, mut approve_if, limits } = all_tools;
        let mut all = Beside::take(&mut require, &mut deny_if, &mut approve_if);
        bind(&mut approve_if, self.settings);
        let for_all;
        (for_all, all.limits) = compile_limits(name, "all tools", limits);
        let any = !approve_if.is_empty() || self.shares_approvals;
        let (mut entries, mut deciding) = (Vec::new(), Vec::new());
        for (pattern, rule) in tools {
            if rule.shadow {
                entries.push((pattern, self.beside(name, rule)));
            } else {
                deciding.push((pattern, self.compile_rule(name, rule, &for_all, any)));
            }
        }
        let entries = PatternMap::new(entries, Entry::rank);
        let is_beside =
            |(_, rule): &(_, Rule)| rule.conditions().is_some_and(|own| !own.beside.is_empty());
        let any_beside = !entries.is_empty() || !all.is_empty() || deciding.iter().any(is_beside);
        let offers = |offers: Option<document::Offers>, base: Option<&Option<Box<Offers>>>| {
            let base = base.and_then(Option::as_deref);
            offers.map(|offers| Box::new(compile_offers(name, offers, base)))
        };
        let mut rules = Rules {
            prompts: offers(prompts, base.map(|base| &base.prompts)),
            resources: offers(resources, base.map(|base| &base.resources)),
            extends,
            default,
            mode,
            hide: PatternMap::set(hide),
            tools: PatternMap::new(deciding, Rule::rank),
            require,
            deny_if,
            approve_if,
            limits: once_each(for_all.iter().cloned()),
            approving: any.then(|| self.approving(None, Vec::new(), &document::Terms::default())),
            conceals: false,
            validity,
            shadows: any_beside.then(|| Box::new(Shadows { entries, all })),
            results: ResultBounds::default(),
        };
        rules.results = rules.least_bounds();
        rules.conceals =
            Applied { own: &rules, base }.conceals(self.settings.tools_list, self.locks);
        rules
    }

    fn compile_rule(
        &self,
        rules: &str,
        rule: document::ToolRule,
        for_all: &[Limit],
        any: bool,
    ) -> Rule {
        let document::ToolRule {
            name,
            pointer,
            path: _,
            action,
            shadow: _,
            reason,
            args,
            mut require,
            mut deny_if,
            mut approve_if,
            approval,
            limits,
            record,
            schema,
            lenient: _,
            max_result_bytes,
            validity,
        } = rule;
        let record = record.into();
        let result = ResultBound::new(&pointer, max_result_bytes);
        let mut beside = Beside::take(&mut require, &mut deny_if, &mut approve_if);
        bind(&mut approve_if, self.settings);
        let always = match action {
            document::Action::Deny => {
                let (pointer, action) = (pointer + "/action", Action::Deny(reason));
                return Rule { pointer, action, record, result };
            }
            document::Action::RequireApproval => Some((format!("{pointer}/action"), reason)),
            document::Action::Allow => None,
        };
        let own;
        (own, beside.limits) = compile_limits(rules, &name, limits);
        let args = args.map(|allowed| self.names(&pointer, allowed));
        let limits = once_each(own.into_iter().chain(for_all.iter().cloned()));
        let validity = Dated::new(&pointer, validity);
        let asks = any || always.is_some() || !approve_if.is_empty();
        let approving = asks.then(|| self.approving(always, approve_if, &approval));
        let schema = schema.map(Box::new);
        let conditions =
            Conditions { validity, args, schema, require, deny_if, limits, approving, beside };
        Rule { pointer, action: Action::Allow(Box::new(conditions)), record, result }
    }

    fn names(&self, pointer: &str, allowed: Vec<Box<str>>) -> Names {
        let explains = self.settings.explain_denials;
        Names { pointer: format!("{pointer}/args"), allowed, explains }
    }

    /// Compiles an entry in shadow.
    fn beside(&self, rules: &str, rule: document::ToolRule) -> Entry {
        let action = match rule.action {
            document::Action::Allow => None,
            document::Action::RequireApproval => Some(Reason::ApprovalRequired),
            document::Action::Deny => Some(Reason::Denied),
        };
        let pointer = rule.pointer;
        let mut questions = Vec::new();
        questions.extend(
            action.map(|reason| beside::Question::Action(format!("{pointer}/action"), reason)),
        );
        if action != Some(Reason::Denied) {
            let args = rule.args.map(|allowed| self.names(&pointer, allowed));
            questions.extend(args.map(beside::Question::Args));
            questions.extend(rule.schema.map(|one| beside::Question::Schema(Box::new(one))));
            questions.extend(rule.require.into_iter().map(beside::Question::Require));
            questions.extend(rule.deny_if.into_iter().map(beside::Question::DenyIf));
            questions.extend(rule.approve_if.into_iter().map(beside::Question::ApproveIf));
        }
        let (_, limits) = compile_limits(rules, &rule.name, rule.limits);
        let rank = match rule.action {
            document::Action::Allow => 0,
            document::Action::RequireApproval => 1,
            document::Action::Deny => 2,
        };
        Entry {
            validity: Dated::new(&pointer, rule.validity),
            result: ResultBound::new(&pointer, rule.max_result_bytes),
            pointer,
            beside: Beside { questions, limits },
            record: rule.record.into(),
            rank,
        }
    }

    /// The approvals of a tool.
    fn approving(
        &self,
        always: Option<(String, Option<String>)>,
        checks: Vec<Check>,
        own: &document::Terms,
    ) -> Approving {
        Approving { always, checks, terms: Terms::new(own, self.approvals, self.identity) }
    }
}

/// Compiles the rules for one kind of offers, whose default may be that of `base`.
fn compile_offers(rules: &str, offers: document::Offers, base: Option<&Offers>) -> Offers {
    let document::Offers { kind: _, pointer, path: _, default, hide, rules: entries } = offers;
    // One that is missing elsewhere is an error.
    let default = default.or(base.map(|base| base.default)).unwrap_or(DefaultAction::Deny);
    let compile = |(pattern, rule)| {
        let document::OfferRule { name, pointer, path: _, action, reason, limits } = rule;
        let record = Box::default();
        if action == DefaultAction::Deny {
            let action = Action::Deny(reason);
            return (pattern, Rule { pointer: pointer + "/action", action, record, result: None });
        }
        let mut beside = Beside::default();
        let own;
        (own, beside.limits) = compile_limits(rules, &name, limits);
        let conditions = Conditions {
            schema: None,
            validity: None,
            args: None,
            require: Vec::new(),
            deny_if: Vec::new(),
            limits: once_each(own.into_iter()),
            approving: None,
            beside,
        };
        (
            pattern,
            Rule { pointer, action: Action::Allow(Box::new(conditions)), record, result: None },
        )
    };
    let entries: Vec<(Pattern, Rule)> = entries.into_iter().map(compile).collect();
    Offers {
        pointer: pointer + "/rules",
        default,
        hide: PatternMap::set(hide),
        denies: entries.iter().any(|(_, rule)| rule.conditions().is_none()),
        rules: PatternMap::new(entries, Rule::rank),
    }
}

/// Compiles limits: those that decide, and those in shadow.
fn compile_limits(
    rules: &str,
    subject: &str,
    limits: Vec<document::Limit>,
) -> (Vec<Limit>, Vec<Limit>) {
    let (mut deciding, mut shadow) = (Vec::new(), Vec::new());
    for limit in limits {
        let list = if limit.shadow { &mut shadow } else { &mut deciding };
        list.push(Limit::new(rules, subject, limit));
    }
    (deciding, shadow)
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
