//! The explanation for programs. The page of `explain` lists the fields.

use super::asked::saw;
use super::{End, Written, end};
use crate::exchange::record::Decision;
use crate::limits::ChargeError;
use crate::limits::window::{Nanos, ONE_CALL};
use crate::policy::condition::{Asked, Of, Seen, Truth};
use crate::policy::explain::{About, Answered, Denied, Entry, Explanation};
use crate::policy::pattern::Beaten;
use crate::policy::{Counted, LimitState, Policy, ResultBound};
use crate::simulate::Outcome;
use crate::simulate::explain::{Explaining, Explanations, Treatment, rfc3339};
use crate::simulate::tree::Tree;
use serde_json::{Map, Value, json};

/// The explanation as one object.
pub fn json(
    policy: &Policy,
    written: Written<'_, impl Tree>,
    told: &Explanations,
    now: Nanos,
) -> Value {
    let first = told.explanation();
    let record = told.record();
    let rule = record.map(|record| &*record.rule);
    let reply = match &told.outcome {
        Outcome::WentOn(_) => None,
        Outcome::Refused(refusal) => Some(&refusal.reply),
        Outcome::Served(served) => Some(&served.reply),
    };
    let records = told.lines.iter().map(|line| parsed(line.as_bytes()));
    json!({
        "goes_on": end(told) == End::WentOn,
        "decision": decision(told),
        "reason": record.and_then(|record| record.reason).map(|reason| reason.as_str()),
        "rule": rule,
        "place": rule.and_then(|rule| written.of_rule(rule, first)).map(|place| written.at(&place)),
        "message": record.and_then(|record| record.message.as_deref()),
        "policy": policy.fingerprint,
        "time": rfc3339(now),
        "treatment": treatment(told.treatment),
        "caller": {
            "id": told.caller.as_ref().ok(),
            "fault": told.caller.as_ref().err().map(ToString::to_string),
            "sources": told.sources.iter().map(|asked| json!({
                "kind": asked.kind,
                "id": asked.answer.as_ref().ok(),
                "fault": asked.answer.as_ref().err().map(ToString::to_string),
            })).collect::<Vec<_>>(),
        },
        "messages": told.messages.iter().map(message).collect::<Vec<_>>(),
        "answer": reply.map(|reply| json!({
            "status": reply.status,
            "headers": reply.fields().into_iter()
                .map(|(name, value)| (name.to_owned(), Value::from(value.into_owned())))
                .collect::<Map<_, _>>(),
            "body": parsed(&reply.body),
        })),
        "records": records.collect::<Vec<_>>(),
    })
}

/// The body of an answer or a record, which this program wrote.
fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}

/// The decision in one word.
pub fn decision(told: &Explanations) -> &'static str {
    match (&told.outcome, told.record()) {
        (Outcome::Served(_), _) => "served",
        (Outcome::Refused(_), _) => "denied",
        (Outcome::WentOn(_), Some(record)) if record.decision == Decision::Shadow => "shadow",
        (Outcome::WentOn(_), Some(_)) => "allowed",
        (Outcome::WentOn(_), None) => "passes",
    }
}

const fn treatment(treatment: Treatment) -> &'static str {
    match treatment {
        Treatment::Judged => "judged",
        Treatment::Exempt => "exempt",
        Treatment::Bodyless => "bodyless",
        Treatment::Served => "served",
        Treatment::Refused => "refused",
    }
}

fn message(message: &Explaining) -> Value {
    match message {
        Explaining::Call { tool, arguments, explanation } => {
            let mut value = json!({
                "method": "tools/call",
                "tool": tool,
                "arguments": arguments.as_ref().map(|text| parsed(text.as_bytes())),
            });
            if let (Value::Object(members), Some(explanation)) = (&mut value, explanation)
                && let Value::Object(more) = call(explanation)
            {
                members.extend(more);
            }
            value
        }
        Explaining::Offer { method, kind, name, explanation } => {
            let mut value = json!({ "method": method, kind.as_str(): name });
            if let (Value::Object(members), Value::Object(more)) = (&mut value, call(explanation)) {
                members.extend(more);
            }
            value
        }
        Explaining::Other { method, passes, silent } => {
            json!({ "method": method, "passes": passes, "notification": silent })
        }
        Explaining::Response => json!({ "response": true }),
    }
}

fn call(explanation: &Explanation) -> Value {
    let rules = &explanation.rules;
    let shadow = &explanation.shadow;
    json!({
        "rules": {
            "body": rules.body.as_str(),
            "name": rules.name,
            "pointer": rules.pointer,
            "extends": rules.extends,
            "mode": if rules.shadow { "shadow" } else { "enforce" },
            "default": if rules.allows_by_default { "allow" } else { "deny" },
            "grants": rules.grants.iter().map(|(pattern, why)| json!({
                "pattern": pattern, "beaten": why.as_ref().map(beaten),
            })).collect::<Vec<_>>(),
            "groups": rules.groups.iter().map(|group| json!({
                "name": group.name,
                "belongs": group.belongs(),
                "in_time": group.in_time,
                "conditions": group.conditions.iter().map(condition).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        },
        "entries": explanation.entries.iter().map(entry).collect::<Vec<_>>(),
        "questions": explanation.questions.iter().map(question).collect::<Vec<_>>(),
        "approval": explanation.approval.as_ref().map(|approval| json!({
            "rules": approval.rules,
            "approvers": approval.approvers,
            "need": approval.need,
            "wait": approval.wait,
            "valid": approval.valid,
        })),
        "limits": explanation.limits.iter().map(limit).collect::<Vec<_>>(),
        "result": {
            "enforced": explanation.result.enforced.as_ref().map(bound),
            "shadow": explanation.result.shadow.as_ref().map(bound),
        },
        "shadow": {
            "entries": shadow.entries.iter().map(entry).collect::<Vec<_>>(),
            "questions": shadow.questions.iter().map(question).collect::<Vec<_>>(),
            "limits": shadow.limits.iter().map(limit).collect::<Vec<_>>(),
        },
    })
}

fn bound(bound: &ResultBound) -> Value {
    json!({ "max_bytes": bound.most, "rule": &*bound.rule })
}

fn entry(entry: &Entry) -> Value {
    json!({
        "pattern": entry.pattern,
        "pointer": entry.pointer,
        "action": entry.action,
        "beaten": entry.beaten.as_ref().map(beaten),
    })
}

fn beaten(why: &Beaten) -> Value {
    let by = match why {
        Beaten::Exact(by) | Beaten::Narrower(by) => Some(by),
        _ => None,
    };
    let word = match why {
        Beaten::OutOfTime => "out_of_time",
        Beaten::Replaced => "replaced",
        Beaten::Exact(_) => "exact",
        Beaten::Narrower(_) => "narrower",
        Beaten::Stricter => "stricter",
        Beaten::Longer => "longer",
        Beaten::First => "first",
    };
    json!({ "why": word, "by": by })
}

fn question(question: &Answered) -> Value {
    let mut value = json!({
        "asked": question.asked,
        "rule": question.rule,
        "denied": question.denied.as_ref().map(denied),
    });
    let more = match &question.about {
        About::Hide(patterns) => json!({ "patterns": patterns }),
        About::Locked { named } => json!({ "named": named }),
        About::Entry { found, allows } => json!({ "found": found, "default_allows": allows }),
        About::Time { from, until } => {
            json!({ "from": from.map(rfc3339), "until": until.map(rfc3339) })
        }
        About::Action(action) => json!({ "action": action }),
        About::Args { allowed, others } => json!({ "allowed": allowed, "others": others }),
        About::Check(conditions) => json!({
            "truth": question.about.truth().map(truth),
            "conditions": conditions.iter().map(condition).collect::<Vec<_>>(),
        }),
        About::Limits | About::Schema => json!({}),
    };
    if let (Value::Object(members), Value::Object(more)) = (&mut value, more) {
        members.extend(more);
    }
    value
}

fn denied(denied: &Denied) -> Value {
    json!({ "reason": denied.reason.as_str(), "rule": denied.rule, "message": denied.message })
}

const fn truth(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "true",
        Truth::False => "false",
        Truth::Undecidable(_) => "undecidable",
    }
}

fn condition(asked: &Asked) -> Value {
    let why = match asked.truth {
        Some(Truth::Undecidable(why)) => Some(why.to_string()),
        _ => None,
    };
    let joined = |word: &str, inner: Value| json!({ word: inner, "truth": asked.truth.map(truth), "why": why });
    let all = |inner: &[Asked]| inner.iter().map(condition).collect::<Value>();
    let one = match &asked.of {
        Of::One(one) => one,
        Of::Any(inner) => return joined("any", all(inner)),
        Of::All(inner) => return joined("all", all(inner)),
        Of::Not(inner) => return joined("not", condition(inner)),
    };
    let value = |seen: &Seen| match seen {
        Seen::Value(text) => json!({ "value": text }),
        Seen::Absent => json!({ "absent": true }),
        Seen::Unclear(why) => json!({ "unclear": why.to_string() }),
        Seen::Secret => json!({ "secret": true }),
    };
    let mut told = json!({
        "path": one.path,
        "op": one.op,
        "value": parsed(one.value.as_bytes()),
        "truth": asked.truth.map(truth),
        "why": why,
        "saw": one.seen.iter().map(value).collect::<Vec<_>>(),
        "more": one.more,
        "text": saw(one),
    });
    if let (Some(from), Value::Object(members)) = (&one.from, &mut told) {
        members.insert("value".into(), Value::Null);
        members.insert("value_from".into(), json!({ "path": one.value, "saw": value(from) }));
    }
    told
}

fn limit(limit: &LimitState) -> Value {
    let mut value = json!({
        "rule": limit.rule,
        "max": number(limit.max),
        "window": limit.window,
        "algorithm": limit.algorithm,
        "scope": limit.scope,
        "per": limit.per.iter().map(|(path, value)| json!({
            "path": path,
            "value": value.as_ref().ok(),
            "fault": value.as_ref().err().map(ToString::to_string),
        })).collect::<Vec<_>>(),
        "increment_from": limit.increment_from,
        "denied": limit.counted.as_ref().err().map(denied),
    });
    if let (Value::Object(members), Ok(counted)) = (&mut value, &limit.counted)
        && let Value::Object(more) = count(limit, counted)
    {
        members.extend(more);
    }
    value
}

fn count(limit: &LimitState, counted: &Counted) -> Value {
    let retry_after = match counted.refused {
        Some(ChargeError::Limit { retry_after, .. }) => Some(retry_after),
        _ => None,
    };
    json!({
        "weight": number(counted.weight),
        "before": counted.before.ok().map(number),
        "after": counted.after.ok().map(number),
        "left": limit.left().map(number),
        "full": counted.refused.is_some(),
        "retry_after": retry_after,
        "ends_in": counted.ends_in,
    })
}

/// An amount in calls or in units of `increment_from`.
fn number(millionths: u64) -> Value {
    match millionths % ONE_CALL {
        0 => Value::from(millionths / ONE_CALL),
        _ => serde_json::from_str(&super::limits::amount(millionths)).unwrap_or_default(),
    }
}
