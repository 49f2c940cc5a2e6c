//! A call taken apart, for the page: the words of `mcp-policy explain`, and the parts that
//! are drawn.

use crate::findings::units;
use core::ops::Range;
use mcp_policy_filter::exchange::reply::Reply;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::simulate::Outcome;
use mcp_policy_filter::simulate::explain::Explanations;
use mcp_policy_filter::simulate::tree::Tree;
use mcp_policy_filter::simulate::words::{self, Written};
use serde_json::{Value, json};

/// The answer to the last call of a line.
pub(super) enum Told {
    /// A request, taken apart.
    Request(Box<Explanations>),
    /// The reply to a decision of an approver.
    Decision(Box<Reply>),
}

impl Told {
    /// Everything that the page shows.
    pub(super) fn json(
        self,
        policy: &Policy,
        written: Written<'_, impl Tree>,
        now: Nanos,
    ) -> Value {
        let told = match self {
            Self::Request(told) => told,
            Self::Decision(reply) => return json!({ "answer": answer(Some(&reply)) }),
        };
        let reply = match &told.outcome {
            Outcome::WentOn(_) => None,
            Outcome::Refused(refusal) => Some(&refusal.reply),
            Outcome::Served(served) => Some(&served.reply),
        };
        let rule = told.record().map(|record| &*record.rule);
        let place = rule.and_then(|rule| written.of_rule(rule, told.explanation()));
        let record = told.record();
        let explained = words::json(policy, written, &told, now);
        let messages = explained.pointer("/messages").and_then(Value::as_array);
        // Of a batch, the first that has some.
        let mut messages = messages.into_iter().flatten();
        let limits = messages.find_map(|message| message.pointer("/limits")?.as_array());
        let limits = limits.into_iter().flatten().map(|limit| {
            let rule = limit.pointer("/rule").and_then(Value::as_str).unwrap_or_default();
            let mut limit = limit.clone();
            if let (Value::Object(members), Some(place)) = (&mut limit, written.of_rule(rule, None))
            {
                members.insert("place".into(), span(written.text, &place));
            }
            limit
        });
        json!({
            "verdict": words::verdict(&told),
            "decision": words::decision(&told),
            "rule": rule,
            "place": place.map(|place| span(written.text, &place)),
            "message": record.and_then(|record| record.message.as_deref()),
            "remedy": words::remedy(&told),
            "steps": words::steps(policy, written, &told),
            "limits": limits.collect::<Vec<_>>(),
            "time": explained.pointer("/time"),
            "answer": answer(reply),
            "records": told.lines,
        })
    }
}

fn span(text: &str, place: &Range<usize>) -> Value {
    json!({ "from": units(text, place.start), "to": units(text, place.end) })
}

/// The answer that the client gets, if it is not the server's.
fn answer(reply: Option<&Reply>) -> Value {
    let Some(reply) = reply else { return Value::Null };
    let headers = reply.fields().into_iter().map(|(name, value)| json!([name, value]));
    json!({
        "status": reply.status,
        "headers": headers.collect::<Vec<_>>(),
        "body": String::from_utf8_lossy(&reply.body),
    })
}
