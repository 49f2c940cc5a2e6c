//! The corpus through the explanations: what they say of a call is what the gateway does.

use crate::core::{Connection, MIDNIGHT, respond};
use crate::corpus::{self, Outcome, Request};
use mcp_policy_filter::exchange::record::Decision;
use mcp_policy_filter::limits::MemoryStore;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::condition::Truth;
use mcp_policy_filter::policy::explain::{Answered, Explanation};
use mcp_policy_filter::policy::{Policy, Reason};
use mcp_policy_filter::simulate::explain::{Explaining, Explanations};
use mcp_policy_filter::simulate::{self, Body, Ending, Host, Recorded};

fn explain(host: &Host<'_, MemoryStore>, request: &Request) -> Explanations {
    let (headers, ending) = head(request);
    let body = Body { ending, ..Body::whole(&request.body) };
    host.explain(headers, &Connection(&request.client), &body).unwrap()
}

fn head(request: &Request) -> (impl Iterator<Item = (&[u8], &[u8])> + Clone, Ending) {
    let pseudo = [(":method", &request.method), (":path", &request.path)];
    let others = request.headers.iter().map(|(name, value)| (&**name, value));
    let headers = pseudo.into_iter().chain(others);
    let headers = headers.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    (headers, if request.trailers { Ending::Trailers } else { Ending::Last })
}

/// The status and the body that a client sees, where the answer is the filter's own.
fn seen(outcome: &simulate::Outcome) -> Option<(u16, &[u8])> {
    match outcome {
        simulate::Outcome::WentOn(_) => None,
        simulate::Outcome::Refused(refusal) => Some((refusal.reply.status, &refusal.reply.body)),
        simulate::Outcome::Served(served) => Some((served.reply.status, &served.reply.body)),
    }
}

#[test]
fn the_corpus_is_explained_as_it_is_decided() {
    let (mut explained, mut batches, mut offers) = (0, 0, 0);
    corpus::run(corpus::cases(), |case| {
        let policy = Policy::parse(case.policy.as_bytes(), "core").unwrap();
        let store = MemoryStore::default();
        let mut results = Vec::new();
        // An explanation has the counts of one process, and no service's answers.
        if policy.settings.limit_service.is_some() {
            return results;
        }
        for (index, request) in case.requests.iter().enumerate() {
            let now = Nanos((MIDNIGHT + request.at) * 1_000_000_000);
            let host = Host { policy: &policy, store: &store, now };
            for _ in 0..request.times {
                let before = store.size();
                let told = explain(&host, request);
                assert_eq!(store.size(), before, "{}: an explanation was counted", case.name);
                let (headers, ending) = head(request);
                let body = Body { ending, ..Body::whole(&request.body) };
                let mut sent = host.send(headers, &Connection(&request.client), &body).unwrap();
                assert_eq!(seen(&sent.outcome), seen(&told.outcome), "{} {index}", case.name);
                assert_eq!(host.lines(&sent), told.lines, "{} {index}", case.name);
                // What a server's response becomes is another rig's; what is kept of it counts.
                if let (Some(response), simulate::Outcome::WentOn(_), Some(listing)) =
                    (&request.response, &sent.outcome, sent.exchange.listing())
                {
                    respond(&host, listing, response, usize::MAX);
                }
                if request.response.is_none() {
                    let outcome = outcome(&told);
                    results.push((index, corpus::check(&outcome, &request.expect)));
                }
                let (tool, explanation) = match &*told.messages {
                    [Explaining::Call { tool, explanation: Some(explanation), .. }] => {
                        (Some(tool), explanation)
                    }
                    [Explaining::Offer { explanation, .. }] => {
                        offers += 1;
                        (None, explanation)
                    }
                    _ => {
                        let agrees = batch_agrees(&told);
                        batches += usize::from(agrees.is_some());
                        results.extend(agrees.map(|agrees| (index, agrees)));
                        continue;
                    }
                };
                let record = told.record().unwrap();
                // Headers are compared before any rule is asked, and another message of a
                // batch may be unreadable.
                let before = [Some(Reason::HeaderMismatch), Some(Reason::Undecodable)];
                if !before.contains(&record.reason) {
                    explained += 1;
                    assert_eq!(record.tool.as_ref(), tool, "{} {index}", case.name);
                    results.push((index, agrees(explanation, record)));
                }
            }
        }
        results
    });
    assert!(explained > 1_000, "only {explained} calls were explained");
    assert!(batches > 5, "only {batches} batches were explained");
    assert!(offers > 80, "only {offers} requests for prompts and resources were explained");
}

/// Whether the explanations of a batch say what its records say. `None` where it was not
/// the rules or the counts that decided.
fn batch_agrees(told: &Explanations) -> Option<Result<(), String>> {
    let calls = told.messages.iter().map(|message| match message {
        Explaining::Call { explanation, .. } => explanation.as_deref(),
        _ => None,
    });
    let calls = calls.collect::<Option<Vec<&Explanation>>>().filter(|calls| calls.len() > 1)?;
    match &told.outcome {
        simulate::Outcome::WentOn(records) => {
            assert_eq!(records.len(), calls.len());
            let mut each = calls.into_iter().zip(records);
            Some(each.try_for_each(|(explanation, record)| agrees(explanation, record)))
        }
        simulate::Outcome::Refused(refusal) if refusal.record.reason? == Reason::RateLimited => {
            let first = calls.iter().find_map(|explanation| explanation.denial());
            let recorded = (Reason::RateLimited, &*refusal.record.rule);
            let uncharged = calls.iter().flat_map(|explanation| &explanation.limits);
            let uncharged = uncharged.filter_map(|limit| limit.counted.as_ref().ok());
            Some(match first == Some(recorded) {
                true if uncharged.clone().all(|counted| counted.before == counted.after) => Ok(()),
                _ => Err(format!("{first:?} and {recorded:?}")),
            })
        }
        _ => None,
    }
}

fn outcome(told: &Explanations) -> Outcome {
    let reply = match &told.outcome {
        simulate::Outcome::WentOn(_) => return Outcome::Forwarded,
        simulate::Outcome::Refused(refusal) => &refusal.reply,
        simulate::Outcome::Served(served) => &served.reply,
    };
    let headers = reply.fields().into_iter().map(|(name, value)| (name.into(), value.into()));
    Outcome::Replied { status: reply.status, headers: headers.collect(), body: reply.body.clone() }
}

/// Whether an explanation of one call says what its record says.
fn agrees(explanation: &Explanation, record: &Recorded) -> Result<(), String> {
    let decided = explanation.denial();
    let recorded = record.reason.map(|reason| (reason, &*record.rule));
    match (decided, &explanation.approval) {
        // The standing of an approval is the exchange's.
        (None, Some(approval)) => {
            let limit = "/settings/approvals/requests";
            let asks = approval.rules.contains(&record.rule) || record.rule == limit;
            if !asks && record.decision != Decision::Allowed {
                return Err(format!("{approval:?} and {recorded:?}"));
            }
        }
        _ if decided != recorded => return Err(format!("{decided:?} and {recorded:?}")),
        (None, None) if explanation.decided.as_ref() != Ok(&record.rule) => {
            return Err(format!("{:?} and {}", explanation.decided, record.rule));
        }
        _ => {}
    }
    // The first question that fails is the denial.
    let failing = explanation.questions.iter().find_map(|one| one.denied.as_ref());
    let placed = explanation.rules.denied.as_ref();
    if placed.or(failing) != explanation.decided.as_ref().err() {
        return Err(format!("{failing:?} and {:?}", explanation.decided));
    }
    explanation.questions.iter().chain(&explanation.shadow.questions).try_for_each(holds)?;
    // The entry that decides is the one that beats the others, and is first.
    let winners = explanation.entries.iter().filter(|one| one.beaten.is_none()).count();
    if winners > 1 || explanation.entries.first().is_some_and(|one| one.beaten.is_some()) {
        return Err(format!("{:?}", explanation.entries));
    }
    // The limits that a call was charged are recorded with what they have left.
    for (index, (rule, left)) in record.limits.iter().enumerate() {
        // Of a limit that several URIs of one request were charged to, the last is the end.
        if record.limits.iter().skip(index + 1).any(|(other, _)| other == rule) {
            continue;
        }
        let told = explanation.limits.iter().find(|one| *one.rule == **rule);
        if told.and_then(|one| one.left()) != Some(*left) {
            return Err(format!("{told:?} and {left}"));
        }
    }
    // Rules in shadow: those of limits come behind.
    let found: Vec<_> = record.shadow.iter().map(|(rule, why)| (rule, *why)).collect();
    let told: Vec<_> = explanation.shadow.found.iter().map(|(rule, why)| (rule, *why)).collect();
    let of_limits = |rule: &String| explanation.shadow.limits.iter().any(|one| one.rule == *rule);
    let others: Vec<_> = found.into_iter().filter(|(rule, _)| !of_limits(rule)).collect();
    let questions = explanation.shadow.questions.iter();
    let failing: Vec<_> = questions.filter_map(|one| one.denied.as_ref()).collect();
    let failing: Vec<_> = failing.iter().map(|one| (&one.rule, one.reason)).collect();
    if others != told || failing != told {
        return Err(format!("{others:?}, {told:?} and {failing:?}"));
    }
    Ok(())
}

/// Whether the answer of a check is that of its conditions.
fn holds(question: &Answered) -> Result<(), String> {
    let Some(truth) = question.about.truth() else { return Ok(()) };
    let reason = question.denied.as_ref().map(|denied| denied.reason);
    let expected = match (question.asked, truth) {
        (_, Truth::Undecidable(_)) => Some(Reason::Undecidable),
        ("require", Truth::False) => Some(Reason::Require),
        ("deny_if", Truth::True) => Some(Reason::DenyIf),
        // One that decides asks for approval, and denies nothing by itself.
        ("approve_if", Truth::True) if reason.is_some() => Some(Reason::ApprovalRequired),
        _ => None,
    };
    if reason == expected { Ok(()) } else { Err(format!("{question:?}")) }
}
