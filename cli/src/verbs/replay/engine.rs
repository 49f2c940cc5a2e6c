//! A policy with its counters, which judges calls of a log as Envoy judges calls, as far
//! as the log tells.

use super::call::{Call, Content, Recorded, Word};
use super::counts::{Charged, Counts};
use super::doubt::Doubts;
use super::evidence::{Evidence, arguments};
use mcp_policy_filter::exchange::head::{self, Head, Trace};
use mcp_policy_filter::exchange::identity::{NoIdentity, NoPeer, Peer, identify};
use mcp_policy_filter::exchange::judge::{Judge, Verdict};
use mcp_policy_filter::limits::MemoryStore;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::condition::{Claim, Claims, Facts, JsonTexts, Line, Payload, Work};
use mcp_policy_filter::policy::document::{Batches, Certificate, Source};
use mcp_policy_filter::policy::known::Partly;
use mcp_policy_filter::policy::{About, Caller, Denial, Needed, Policy, Reason};
use mcp_policy_filter::wire::json::{Members, Raw};
use mcp_policy_filter::wire::jsonrpc::{self, Message};
use mcp_policy_filter::wire::mcp::{Method, ToolCall};

/// A policy and its counters.
#[derive(Debug)]
pub(super) struct Engine {
    policy: Policy,
    store: MemoryStore,
    doubts: Doubts,
}

/// The decision about one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// The decision.
    Decided(Decided),
    /// It depends on something that the log does not tell.
    Unknown {
        /// The rule; empty where it is none.
        rule: String,
        /// The part that is not known.
        what: String,
    },
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decided {
    /// The decision.
    pub(super) word: Word,
    /// The reason; empty of an allowed call.
    pub(super) reason: &'static str,
    /// The rule.
    pub(super) rule: String,
    /// The message for the agent.
    pub(super) message: String,
}

/// The claims of a request of which only the claims are known.
struct Claimed(Payload);

impl Claims for Claimed {
    fn claim(&self, path: &[&str]) -> Claim {
        self.0.claim(path)
    }
}

impl Peer for Claimed {
    fn certificate(&self, _: Certificate) -> Option<Vec<u8>> {
        None
    }

    fn has_certificate(&self) -> bool {
        false
    }
}

/// The caller is not known.
const CALLER: &str = "the caller";

/// The parts of one call, and what is known of it.
struct Parts<'a> {
    tool: &'a str,
    arguments: Option<Raw<'a>>,
    members: Option<&'a Members<'a>>,
    headers: &'a [(String, Line)],
    claims: &'a dyn Claims,
    /// The arguments, if they are those of a record.
    recorded: Option<&'a Recorded>,
    has_headers: bool,
    has_claims: bool,
}

impl Engine {
    /// The engine of a policy, with all counters at zero.
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy, store: MemoryStore::default(), doubts: Doubts::default() }
    }

    /// Judges a call, and charges it.
    pub(super) fn judge(&mut self, call: &Call) -> Judged {
        let judged = match &call.content {
            Content::Opaque(why) => Err(*why),
            Content::Recorded(recorded) => self.recorded(call, recorded),
            Content::Sent { body, headers, claims } => {
                self.sent(call, body, headers.as_deref(), claims.as_deref())
            }
        };
        judged.unwrap_or_else(|why| {
            // It may have been charged whatever its tool costs anybody.
            self.doubt(&call.tool, call.time);
            unknown("", why)
        })
    }

    /// Counts a call that may have been charged to any holder.
    fn doubt(&mut self, tool: &str, now: Nanos) {
        for charge in self.policy.charges_of_anybody(tool) {
            self.doubts.add(&charge, true, now);
        }
    }

    fn recorded(&mut self, call: &Call, recorded: &Recorded) -> Result<Judged, &'static str> {
        let caller = match self.named(call.caller.as_deref()) {
            Some(caller) => caller?,
            None => return Err(CALLER),
        };
        let arguments = match recorded.names {
            Some(_) => match arguments(&recorded.text) {
                Some(raw) => Some(raw),
                None => return Err("the arguments, which cannot be read"),
            },
            None => None,
        };
        let parts = Parts {
            tool: &call.tool,
            arguments,
            members: None,
            headers: &[],
            claims: &NoPeer,
            recorded: Some(recorded),
            has_headers: false,
            has_claims: false,
        };
        Ok(self.decide(call, call.session.as_ref(), caller, &parts))
    }

    /// The caller whom a line names; `None` if it names none and the policy needs one.
    fn named(&self, id: Option<&str>) -> Option<Result<Caller, &'static str>> {
        let policy = &self.policy;
        if policy.identity.is_empty() {
            return Some(Ok(Caller::anonymous()));
        }
        let id = id?;
        // Under a policy that admits everybody, this is who had no credential.
        let is_nobody = id == Caller::anonymous().id && !policy.settings.admits_anonymous;
        Some(if is_nobody { Err(CALLER) } else { Ok(Caller::new(id.into())) })
    }

    fn sent(
        &mut self,
        call: &Call,
        body: &str,
        headers: Option<&[(String, String)]>,
        claims: Option<&str>,
    ) -> Result<Judged, &'static str> {
        let peer = Claimed(Payload::read(
            claims.map(|claims| claims.as_bytes().to_vec()).or(Some(Vec::new())),
        ));
        let mut caller = match self.named(call.caller.as_deref()) {
            Some(caller) => caller?,
            None => match self.identified(headers, claims, &peer)? {
                Ok(caller) => caller,
                Err(nobody) => return Ok(nobody),
            },
        };
        let head = Head { trace: Trace::from_headers(pairs(headers)), ..Head::default() };
        let head = head.naming(&self.policy, pairs(headers));
        let settings = &self.policy.settings;
        let message = jsonrpc::decode(body.as_bytes(), settings.max_depth);
        let called = match &message {
            Ok(Message::Call(call)) if call.id.is_some() => match Method::parse(call.method) {
                Ok(Method::ToolsCall) => {
                    ToolCall::parse(&call.params).ok().map(|tool| (tool, &call.params.members))
                }
                _ => None,
            },
            _ => None,
        };
        let Some((tool, members)) = called else {
            let is_batch = body.trim_start().starts_with('[');
            if is_batch && settings.batches == Batches::Judge {
                self.doubt_batch(body, call.time);
                return Err("the calls of a batch one by one");
            }
            self.policy.place(&mut caller, &head.about(&peer), || Some(call.time));
            return Ok(self.other(&caller, &head, &peer, body, call.time));
        };
        let parts = Parts {
            tool: &tool.tool,
            arguments: tool.arguments,
            members: Some(members),
            headers: &head.named,
            claims: &peer,
            recorded: None,
            has_headers: headers.is_some(),
            has_claims: claims.is_some(),
        };
        let session = head.trace.session.as_ref();
        Ok(self.decide(call, session.or(call.session.as_ref()), caller, &parts))
    }

    /// The caller by the headers and claims of a line, or the judgement of a request without
    /// one.
    ///
    /// # Errors
    /// The line does not have all that the sources read.
    fn identified(
        &self,
        headers: Option<&[(String, String)]>,
        claims: Option<&str>,
        peer: &dyn Peer,
    ) -> Result<Result<Caller, Judged>, &'static str> {
        let sources = &self.policy.identity;
        let tells = |source: &Source| match source {
            Source::Jwt { .. } => claims.is_some(),
            Source::Mtls(_) => false,
            Source::Bearer(_) | Source::Header(_) => headers.is_some(),
        };
        if !sources.iter().all(tells) {
            return Err(CALLER);
        }
        let given = |name: &str| head::given(pairs(headers), name);
        match identify(sources, &given, peer) {
            Ok(id) if !self.policy.is_stranger(&id) => Ok(Ok(Caller::new(id))),
            _ if self.policy.settings.admits_anonymous => Err(CALLER),
            _ => {
                let (reason, message) = (Reason::NoIdentity, NoIdentity::Missing.to_string());
                let rule = "(no identity)";
                Ok(Err(decided(Word::Denied, reason.as_str(), rule, &message)))
            }
        }
    }

    /// Counts the calls of a batch, which may have been charged to any holder.
    fn doubt_batch(&mut self, body: &str, now: Nanos) {
        let batch = jsonrpc::decode_batch(body.as_bytes(), self.policy.settings.max_depth);
        for message in batch.unwrap_or_default() {
            if let Message::Call(one) = message
                && let Ok(tool) = ToolCall::parse(&one.params)
            {
                self.doubt(&tool.tool, now);
            }
        }
    }

    /// Judges what is not one call of a tool.
    fn other(
        &self,
        caller: &Caller,
        head: &Head,
        peer: &dyn Peer,
        body: &str,
        now: Nanos,
    ) -> Judged {
        let judge = Judge {
            policy: &self.policy,
            caller: Ok(caller),
            head,
            peer,
            store: &self.store,
            now,
            work: Work::default(),
            beside: Work::default(),
            recording: Work::of_records(),
            awaited: core::cell::Cell::default(),
        };
        match judge.judge(body.as_bytes()) {
            Verdict::Go { .. } => decided(Word::Allowed, "", "", ""),
            Verdict::Refuse(refusal) => {
                let record = &refusal.record;
                let reason = record.reason.map_or("", Reason::as_str);
                let message = record.message.as_deref().unwrap_or_default();
                decided(Word::Denied, reason, record.rule, message)
            }
            // No log has that answer.
            Verdict::Ask { .. } => unknown("", "the answer of another service"),
        }
    }

    fn decide(
        &mut self,
        call: &Call,
        session: Option<&[u8; 32]>,
        mut caller: Caller,
        parts: &Parts<'_>,
    ) -> Judged {
        let Self { policy, store, doubts } = self;
        let now = call.time;
        let Parts { tool, arguments, members, headers, claims, .. } = *parts;
        policy.place(&mut caller, &About { headers, claims }, || Some(now));
        let (work, texts) = (Work::default(), JsonTexts::default());
        let caller_id = &caller.id;
        let (work, texts, moment) = (&work, &texts, policy.moment(now));
        let evidence = Evidence {
            facts: Facts {
                arguments,
                members,
                headers,
                claims,
                caller_id,
                tool,
                moment,
                work,
                texts,
            },
            recorded: parts.recorded,
            has_headers: parts.has_headers,
            has_claims: parts.has_claims,
            has_moment: call.is_timed,
        };
        let (partly, charges) = policy.decide_known(&caller, session, &evidence);
        let mut counts = Counts { policy, store, doubts, now, charges };
        let is_shadow = policy.is_shadow(&caller);
        match partly {
            Partly::Unknown(lacks) => {
                counts.doubt();
                unknown(lacks.rule, lacks.what)
            }
            Partly::Denied(denial) => denied(&denial, is_shadow),
            Partly::Allowed { approval: Some(needed), .. } => {
                approval(&mut counts, &caller, call, &needed, is_shadow)
            }
            Partly::Allowed { rule, approval: None } => match counts.charge() {
                Charged::Yes => decided(Word::Allowed, "", rule, ""),
                Charged::No(denial) => denied(&denial, is_shadow),
                Charged::Unknown(rule, what) => unknown(rule, what),
            },
        }
    }
}

/// The decision about a call that needs the approval of a person. One that ran by an
/// approval is taken to be approved again.
fn approval(
    counts: &mut Counts<'_, '_>,
    caller: &Caller,
    call: &Call,
    needed: &Needed<'_>,
    is_shadow: bool,
) -> Judged {
    let message = needed.message.unwrap_or_default();
    let reason = Reason::ApprovalRequired.as_str();
    if is_shadow {
        return decided(Word::Shadow, reason, needed.rule, message);
    }
    if counts.policy.is_stranger(&caller.id) {
        let message = "This call needs approval, for which a caller without a credential cannot \
                       ask. Sign in first.";
        return decided(Word::Denied, Reason::Denied.as_str(), needed.rule, message);
    }
    let may_ask = counts.policy.approvals.as_ref().is_some_and(|all| all.approvers_may_ask);
    if needed.terms.name(&caller.id) && !may_ask {
        let message = "Callers who approve such calls cannot make them.";
        return decided(Word::Denied, Reason::Denied.as_str(), needed.rule, message);
    }
    match &call.was {
        Some(was) if was.was_approved => match counts.charge() {
            Charged::Yes => {}
            Charged::No(denial) => return denied(&denial, false),
            Charged::Unknown(rule, what) => return unknown(rule, what),
        },
        // It did not run, so it was not charged.
        Some(was) if was.word == Word::Approval => {}
        // With a full limit nobody is asked, unless somebody was before.
        _ if counts.is_full() => return unknown(needed.rule, "whether it was approved"),
        _ => counts.doubt(),
    }
    decided(Word::Approval, reason, needed.rule, message)
}

/// The headers of a line as the filter has them.
fn pairs(headers: Option<&[(String, String)]>) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
    let lines = headers.unwrap_or_default().iter();
    lines.map(|(name, value)| (name.as_bytes(), value.as_bytes()))
}

fn unknown(rule: &str, what: &str) -> Judged {
    Judged::Unknown { rule: rule.to_owned(), what: what.to_owned() }
}

fn decided(word: Word, reason: &'static str, rule: &str, message: &str) -> Judged {
    let (rule, message) = (rule.to_owned(), message.to_owned());
    Judged::Decided(Decided { word, reason, rule, message })
}

fn denied(denial: &Denial<'_>, is_shadow: bool) -> Judged {
    let passes = is_shadow && denial.reason.is_by_rule();
    let word = if passes { Word::Shadow } else { Word::Denied };
    decided(word, denial.reason.as_str(), denial.rule, &denial.message)
}
