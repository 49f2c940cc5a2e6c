//! One sentence about what to change, by the reason of a denial.

use super::cut;
use crate::policy::condition::{Truth, Why};
use crate::policy::explain::{About, Body, Explanation};
use crate::policy::{Reason, duration};
use crate::simulate::Outcome;
use crate::simulate::explain::{Explaining, Explanations};
use crate::wire::mcp::OfferKind;

/// The remedy for a request that does not go on, or that shadow mode lets pass.
pub(super) fn of(told: &Explanations, explanation: Option<&Explanation>) -> Option<String> {
    let record = told.record()?;
    let offer = told.messages.iter().find_map(|message| match message {
        Explaining::Offer { name, .. } => Some(&**name),
        _ => None,
    });
    let tool = record.tool.as_deref().or(offer).map(cut).unwrap_or_default();
    let retry_after = match &told.outcome {
        Outcome::Refused(refusal) => refusal.reply.retry_after,
        _ => None,
    };
    Some(match record.reason? {
        Reason::DefaultDeny => default_deny(&tool, explanation),
        Reason::Hidden => {
            format!("take the pattern out of `hide`; an entry for {tool} does not help")
        }
        Reason::ToolUnknown => {
            format!("review the tool, and add {tool} to `lock`: `mcp-policy lock` writes it")
        }
        Reason::ToolChanged => {
            "compare with `mcp-policy lock --check`, and lock the new definition if it is meant"
                .into()
        }
        Reason::Denied => denied(&tool, explanation, &record.rule),
        Reason::Require if record.rule.ends_with("/args") => {
            "leave out the argument that is not listed, or add its name to `args`".into()
        }
        Reason::Require if record.rule.ends_with("/schema") => {
            "send arguments that fit the schema, or change it".into()
        }
        Reason::Require => {
            "send a call for which every condition of the check is true, or change the check".into()
        }
        Reason::DenyIf => {
            "send a call for which a condition of the check is false, or change the check".into()
        }
        Reason::Undecidable if explanation.is_some_and(|one| one.rules.denied.is_some()) => {
            "correct the claim or the header, or change the condition of the group".into()
        }
        Reason::Undecidable if record.rule.contains("/limits/") => {
            "send the value by which the limit counts, in a form that it can read".into()
        }
        Reason::Undecidable if record.rule.ends_with("/rules") => {
            "send the URI in the form that the server lists, or add an entry with exactly this one"
                .into()
        }
        Reason::Undecidable => undecidable(explanation),
        Reason::RateLimited => match retry_after {
            Some(seconds) => format!("wait {}, or raise `max` of the limit", duration(seconds)),
            None => "raise `max` of the limit".into(),
        },
        Reason::NoIdentity => {
            "say who calls: --as ID, or the header, claims or certificate of a source".into()
        }
        Reason::ApprovalRequired => {
            "have an approver decide, then make exactly the same call again".into()
        }
        Reason::Method if record.rule == "/settings/methods" => {
            "list the method in `settings.methods`".into()
        }
        Reason::Method if record.rule == "(method)" => "send it by GET, POST or DELETE".into(),
        Reason::Undecodable => {
            "send it in a form that every reader takes for the same; bytes are those of the body"
                .into()
        }
        Reason::Path => "send it to a path that `settings.paths` lists, or list this one".into(),
        Reason::BatchRefused => {
            "send one message at a time, or set `settings.batches` to \"judge\"".into()
        }
        Reason::TooLarge => "send less, or raise `settings.max_body_bytes`".into(),
        _ => return None,
    })
}

fn default_deny(tool: &str, explanation: Option<&Explanation>) -> String {
    let kind = explanation.and_then(|explanation| explanation.kind);
    let list = kind.map_or("tools".to_owned(), |kind| format!("{}/rules", kind.key()));
    let rules = explanation.map(|explanation| &explanation.rules);
    let body = rules.filter(|rules| rules.body != Body::Top);
    let place = body.map_or(format!("`{list}`"), |rules| format!("{}/{list}", cut(&rules.pointer)));
    let extends = match body {
        Some(rules) if !rules.extends => {
            let all = kind.map_or("tools", OfferKind::key);
            format!("; with `\"extends\": \"top\"` the {all} of the top level apply as well")
        }
        _ => String::new(),
    };
    format!("add an entry for {tool} to {place}, or correct the spelling, case included{extends}")
}

fn denied(tool: &str, explanation: Option<&Explanation>, rule: &str) -> String {
    if rule.ends_with("/valid_from") || rule.ends_with("/valid_until") {
        return "change the time of the entry, or call within it (--at tries a moment)".into();
    }
    let limits = explanation.map(|explanation| &*explanation.limits).unwrap_or_default();
    if limits.iter().any(|limit| limit.rule == rule) {
        return "split the call, or raise `max` of the limit".into();
    }
    // The rules let it go on to those who approve it, and it is one of them that asks.
    if explanation.is_some_and(|one| one.approval.is_some() && one.decided.is_ok()) {
        return "make it with the credential of a caller who does not approve such calls, or set \
                `settings.approvals.approvers_may_ask`; a caller without a credential signs in"
            .into();
    }
    format!("change the action of the entry, or add a narrower entry for {tool}")
}

fn undecidable(explanation: Option<&Explanation>) -> String {
    let why = explanation.and_then(|explanation| {
        let checks = explanation.questions.iter().filter(|one| one.denied.is_some());
        let mut truths = checks.filter_map(|one| match &one.about {
            About::Check(_) => one.about.truth(),
            _ => None,
        });
        truths.find_map(|truth| match truth {
            Truth::Undecidable(why) => Some(why),
            _ => None,
        })
    });
    match why {
        Some(Why::Type(_)) => {
            "send a value of the type that the policy compares with: `5`, and not `\"5\"`".into()
        }
        Some(Why::LookAlike) => "send the key once, in the case that the policy has".into(),
        Some(Why::Json) => {
            "if the argument is a plain text, write `\"literal\": true` into the condition".into()
        }
        _ => "correct the value that cannot be read in one way only".into(),
    }
}
