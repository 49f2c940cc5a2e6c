//! Errors and warnings about approvals.

use crate::order;
use crate::policy::condition::{Formula, Root, Test};
use crate::policy::document::{
    Action, Approvals, Check, Document, Findings, Rules, Source, ToolRule, Warning,
};

/// The most checks that may ask for the approval of one call: all that hold are kept
/// with a request.
const MAX_CHECKS: usize = 16;
/// The longest wait without a warning: requests end with the Envoy process.
const LONG_WAIT: u64 = 3_600;

/// Refuses rules that ask for an approval which nobody can give.
pub(super) fn errors(document: &Document, all_rules: &[&Rules], errors: &mut Findings) {
    let settings = document.settings.approvals.as_ref();
    let mut longest = settings.and_then(|all| all.terms.wait).unwrap_or(LONG_WAIT);
    let mut first = None;
    let base = &document.rules;
    let of_base = base.all_tools.approve_if.len();
    let of_tools = base.tools.iter().map(|(_, rule)| rule.approve_if.len()).max();
    for rules in all_rules {
        let common = &rules.all_tools.approve_if;
        let of_base = if rules.extends { of_base } else { 0 };
        let of_tools = of_tools.filter(|_| rules.extends).unwrap_or_default();
        if let (Some(check), None) =
            (common.first(), settings.and_then(|all| all.terms.approvers.as_ref()))
        {
            errors.error(check.path.clone(), "has no approvers; name them in `settings.approvals`");
        }
        first = first.or(common.first().map(|check| check.path.as_str()));
        let asked = common.len().saturating_add(of_base).saturating_add(of_tools);
        few_enough(common.first().map(|check| &*check.path), asked, errors);
        for (_, rule) in &rules.tools {
            if !asks(rule) {
                continue;
            }
            first = first.or(Some(&rule.path));
            longest = longest.max(rule.approval.wait.unwrap_or_default());
            let named = rule.approval.approvers.is_some()
                || settings.is_some_and(|all| all.terms.approvers.is_some());
            if !named {
                errors.error(
                    rule.path.clone(),
                    "has no approvers; name them in its `approval` or in `settings.approvals`",
                );
            }
            let asked = rule.approve_if.len().saturating_add(common.len());
            few_enough(Some(&rule.path), asked.saturating_add(of_base), errors);
        }
    }
    if settings.is_some_and(|all| all.has_edges) {
        home(document, errors);
    }
    if let Some(first) = first.filter(|_| !document.has_sources) {
        errors
            .error(first, "approvals need `identity`, which says who is calling and who approves");
    }
    let keeps = |all: &&Approvals| all.has_edges || (first.is_some() && !all.has_store);
    if let Some(all) = settings.filter(keeps).filter(|all| all.has_path && all.floods(longest)) {
        errors.error(
            all.requests.path.clone(),
            "one caller could have more than 256 requests waiting at once; lower `requests` or \
             `wait`",
        );
    }
    let Some(first) = first else { return };
    if !settings.is_some_and(|all| all.has_path || all.has_store) {
        errors.error(
            first,
            "nobody could approve this; give `settings.approvals` a `path`, like `/mcp-approvals`",
        );
    }
}

/// Refuses a home whose answers could not be trusted: it has to know people as edges do,
/// and to keep their questions, which have bodies, from going on.
fn home(document: &Document, errors: &mut Findings) {
    const PATH: &str = "/settings/approvals/serve_store";
    if !document.has_sources {
        errors.error(PATH, "needs `identity`, the same as at the edges, which says who approves");
    }
    if !document.settings.hold_request_headers {
        errors.error(
            PATH,
            "needs `hold_request_headers: true`, so that nothing of a question goes on",
        );
    }
}

fn few_enough(path: Option<&str>, asked: usize, errors: &mut Findings) {
    if let Some(path) = path.filter(|_| asked > MAX_CHECKS) {
        errors.error(
            path,
            format!(
                "a call has at most {MAX_CHECKS} checks of `approve_if`, with those of `all_tools`; \
                 one of this would have {asked}"
            ),
        );
    }
}

/// Whether some calls of a tool need approval by its own entry.
fn asks(rule: &ToolRule) -> bool {
    rule.action == Action::RequireApproval
        || (rule.action == Action::Allow && !rule.approve_if.is_empty())
}

/// Warns of approvals that protect less than their author may think.
pub(super) fn warnings(document: &Document, all_rules: &[&Rules], findings: &mut Findings) {
    let any = all_rules.iter().any(|rules| {
        !rules.all_tools.approve_if.is_empty() || rules.tools.iter().any(|(_, rule)| asks(rule))
    });
    let settings = document.settings.approvals.as_ref();
    let Some(settings) = settings.filter(|all| any || all.has_edges) else { return };
    if document.identity.iter().any(|source| matches!(source, Source::Header(_))) {
        let message = "whoever sets the header of `identity` approves; let a proxy in front set \
                       it, or know approvers by `jwt`, `mtls` or `bearer`";
        findings.warn(Warning::ApproverByHeader, &["/settings/approvals"], message);
    }
    if settings.approvers_may_ask && settings.approver_require.is_empty() {
        findings.warning(Warning::ApproversMayAsk, &|| {
            // Beside `store`, that key is an error.
            let message = if settings.has_store {
                "agents that hold approvers' tokens can approve each other's calls; ask for more in \
                 the home's `approver_require`"
            } else {
                "agents that hold approvers' tokens can approve each other's calls; ask for more in \
                 `approver_require`"
            };
            ("/settings/approvals/approvers_may_ask".into(), message.into())
        });
    }
    for rules in all_rules {
        for (_, rule) in rules.tools.iter().filter(|(_, rule)| asks(rule)) {
            let wait = rule.approval.wait.or(settings.terms.wait).unwrap_or(LONG_WAIT);
            if wait > LONG_WAIT && !settings.has_store {
                let message = "a wait of more than an hour is over before its time when Envoy \
                               restarts";
                findings.warn(Warning::LongWait, &[&rule.path], message);
            }
        }
    }
    let of_base = demanded(&document.rules.all_tools.require);
    for rules in all_rules {
        let of_base = if rules.extends { &*of_base } else { &[] };
        let common = demanded(&rules.all_tools.require);
        for (_, rule) in rules.tools.iter().filter(|(_, rule)| !rule.approve_if.is_empty()) {
            let own = demanded(&rule.require);
            absent(&rule.approve_if, &[&own, &common, of_base], findings);
        }
        absent(&rules.all_tools.approve_if, &[&common, of_base], findings);
    }
}

/// The paths that checks in force ask for, in order.
pub(super) fn demanded(checks: &[Check]) -> Vec<&str> {
    let mut paths = Vec::new();
    for check in checks.iter().filter(|check| !check.shadow) {
        check.conditions.iter().for_each(|formula| demands(formula, &mut paths));
    }
    order::sorted(paths, Ord::cmp)
}

/// The paths without which a formula does not hold.
pub(super) fn demands<'f>(formula: &'f Formula, paths: &mut Vec<&'f str>) {
    match formula {
        Formula::One(condition) if matches!(condition.test, Test::Exists(false)) => {}
        Formula::One(condition) => paths.push(condition.path.as_str()),
        Formula::All(inner) => inner.iter().for_each(|one| demands(one, paths)),
        // One of several may hold without its value, and `not` without any.
        Formula::Any(_) | Formula::Not(_) => {}
    }
}

/// Warns of checks on an argument that a call may leave out: then they do not hold,
/// and nobody is asked.
fn absent(checks: &[Check], demands: &[&[&str]], findings: &mut Findings) {
    for check in checks {
        for path in check.conditions.iter().filter_map(|formula| missing(formula, demands)) {
            findings.warning(Warning::ApprovalByAbsent, &|| {
                let message = format!(
                    "a call without `{path}` needs no approval by this; have a `require` say \
                     that it exists"
                );
                (check.path.clone(), message)
            });
        }
    }
}

/// An argument that nothing demands, and without which a formula does not hold.
fn missing<'f>(formula: &'f Formula, demands: &[&[&str]]) -> Option<&'f str> {
    match formula {
        Formula::One(condition) => {
            let path = condition.path.as_str();
            let demanded = demands.iter().any(|paths| paths.binary_search(&path).is_ok());
            let decides = condition.path.root == Root::Args && !condition.test.is_about_presence();
            (decides && !demanded).then_some(path)
        }
        Formula::All(inner) => inner.iter().find_map(|one| missing(one, demands)),
        Formula::Any(inner) => {
            let mut missed = None;
            for one in inner {
                let path = missing(one, demands)?;
                missed = missed.or(Some(path));
            }
            missed
        }
        Formula::Not(_) => None,
    }
}
