//! Limits with their counts, and the approval that a call needs.

use super::{cut, cut_to};
use crate::limits::ChargeError;
use crate::limits::window::ONE_CALL;
use crate::policy::explain::Explanation;
use crate::policy::{Counted, LimitState, ResultBound, ResultBounds, duration};

/// The limits of a call.
pub(super) fn limits(explanation: &Explanation) -> Vec<String> {
    if explanation.limits.is_empty() {
        return Vec::new();
    }
    let head = match &explanation.decided {
        Ok(_) => "limits",
        Err(_) => "limits (a denied call is not charged)",
    };
    let lines = explanation.limits.iter().flat_map(|one| limit(one, explanation.decided.is_err()));
    core::iter::once(head.to_owned()).chain(lines).collect()
}

/// The bounds of the size of the result.
pub(super) fn result(explanation: &Explanation) -> Vec<String> {
    let ResultBounds { enforced, shadow } = &explanation.result;
    let line = |bound: &ResultBound, effect| {
        format!("result: at most {} bytes pass, by {}{effect}", bound.most, cut(&bound.rule))
    };
    let enforced = enforced.iter().map(|bound| line(bound, ""));
    enforced.chain(shadow.iter().map(|bound| line(bound, " in shadow"))).collect()
}

/// A limit with its count and, unless it is `is_aside` and cannot deny the call, with the
/// holder of the count.
pub(super) fn limit(limit: &LimitState, is_aside: bool) -> Vec<String> {
    let (max, window) = (amount(limit.max), &limit.window_name);
    let rule = cut(&limit.rule);
    let counted = match &limit.counted {
        Ok(counted) => counted,
        Err(denied) => {
            let mark = if is_aside { "(deny)" } else { "DENY  " };
            return vec![format!("  {mark}  {rule}: {}", cut(&denied.message))];
        }
    };
    let mark = match (&counted.refused, is_aside) {
        (None, _) => "ok    ",
        (Some(_), false) => "FULL  ",
        (Some(_), true) => "(full)",
    };
    let mut lines = vec![format!("  {mark}  {rule}: {}", count(limit, counted, &max, window))];
    if !is_aside {
        lines.push(format!("            {}", holder(limit, counted)));
    }
    lines
}

/// The count before and after.
fn count(limit: &LimitState, counted: &Counted, max: &str, window: &str) -> String {
    let weight = match &limit.increment_from {
        Some(path) => format!(", the call weighs {} by {}", amount(counted.weight), cut(path)),
        None if counted.weight != ONE_CALL => {
            format!(", the call weighs {}", amount(counted.weight))
        }
        None => String::new(),
    };
    let used = match (counted.before, counted.after) {
        (Ok(before), Ok(after)) if before == after => {
            format!("{} of {max} per {window} used{weight}", amount(before))
        }
        (Ok(before), Ok(after)) => format!(
            "{} of {max} per {window} used, {} after this call, {} left{weight}",
            amount(before),
            amount(after),
            amount(limit.max.saturating_sub(after))
        ),
        (Err(_), _) | (_, Err(_)) => "the count cannot be read".into(),
    };
    match counted.refused {
        Some(ChargeError::Limit { retry_after, .. }) => {
            format!("{used}; room again in {}", duration(retry_after))
        }
        Some(ChargeError::Counter { .. }) => format!("{used}; no place for another counter"),
        None => used,
    }
}

/// The holder of the count, and the time until it begins anew.
fn holder(limit: &LimitState, counted: &Counted) -> String {
    let values: Vec<String> = limit
        .per
        .iter()
        .map(|(path, value)| match value {
            Ok(value) if path == "call" => format!("the same call (hash {})", cut(value)),
            Ok(value) => format!("{} = {}", cut(path), cut_to(value, 60)),
            Err(why) => format!("{}, which cannot be read: {why}", cut(path)),
        })
        .collect();
    let whose = match limit.scope {
        "global" => "all callers together",
        "session" => "this session of the caller",
        _ => "this caller",
    };
    let whose = match &*values {
        [] => format!("counted for {whose}"),
        values => format!("counted for {whose}, with {}", values.join(" and ")),
    };
    match counted.ends_in {
        Some(seconds) => format!("{whose}; the window ends in {}", duration(seconds)),
        None => format!("{whose}; the window slides"),
    }
}

/// The approval that a call needs.
pub(super) fn approval(explanation: &Explanation) -> Vec<String> {
    let Some(approval) = &explanation.approval else { return Vec::new() };
    let approvers: Vec<String> = approval.approvers.iter().map(|one| cut(one)).collect();
    let people = match approval.need {
        1 => "one approver".to_owned(),
        need => format!("{need} different approvers"),
    };
    vec![
        format!("approval by {people} of {}", approvers.join(", ")),
        format!(
            "            asked for by {}; a request waits {}, an approval holds {}",
            approval.rules.iter().map(|rule| cut(rule)).collect::<Vec<_>>().join(" and "),
            duration(approval.wait),
            duration(approval.valid)
        ),
    ]
}

/// Millionths as a decimal without needless zeros.
pub(super) fn amount(millionths: u64) -> String {
    let (whole, part) = (millionths / ONE_CALL, millionths % ONE_CALL);
    match part {
        0 => whole.to_string(),
        part => format!("{whole}.{part:06}").trim_end_matches('0').to_owned(),
    }
}
