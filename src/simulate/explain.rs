//! A request taken apart: who calls, what each call in it meets, and what comes of it.
//!
//! The request is sent, as any other, and its outcome is that of the gateway. Beside it
//! each call is explained, by the counts that it found. Nothing is written to the store.

mod offers;

use super::{Body, Host, Outcome, Recorded};
use crate::exchange::Step;
use crate::exchange::caller;
use crate::exchange::head::{Entry, Head, given};
use crate::exchange::identity::{NoIdentity, Peer, asked};
use crate::exchange::judge::reason_of;
use crate::exchange::record::Decision;
use crate::limits::window::Nanos;
use crate::limits::{ChargeError, Store, Trial};
use crate::policy::condition::{Facts, JsonTexts, Work};
use crate::policy::document::{Batches, Source};
use crate::policy::explain::{Explained, Explanation};
use crate::policy::{Caller, Policy, Reason};
use crate::wire::jsonrpc::{self, Message};
use crate::wire::mcp::{Method, OfferKind, TOOLS_CALL, ToolCall};

/// A request taken apart.
#[derive(Debug)]
pub struct Explanations {
    /// The treatment of the request by its head.
    pub treatment: Treatment,
    /// The sources of ids that were asked, in their order, each with its answer: the
    /// last one decided.
    pub sources: Vec<Asked>,
    /// The caller's id, or the reason for which it is not known.
    pub caller: Result<String, NoIdentity>,
    /// The messages of the body, as far as they can be read.
    pub messages: Vec<Explaining>,
    /// The outcome.
    pub outcome: Outcome,
    /// The records, as they are logged.
    pub lines: Vec<String>,
}

/// The treatment of a request by its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// Its body is judged.
    Judged,
    /// Its path is exempt.
    Exempt,
    /// Its method has no body, so that it carries no message.
    Bodyless,
    /// The filter serves it itself.
    Served,
    /// It is refused for its head.
    Refused,
}

/// A source of ids, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The kind: `jwt`, `mtls`, `bearer` or `header`.
    pub kind: &'static str,
    /// The place where it looks for a credential.
    pub looks_at: String,
    /// The id, if it found a credential; an error where that cannot be used.
    pub answer: Result<Option<String>, NoIdentity>,
}

/// A message of a body.
#[derive(Debug)]
pub enum Explaining {
    /// A call of a tool.
    Call {
        /// The tool.
        tool: String,
        /// The arguments, as sent.
        arguments: Option<String>,
        /// The call, taken apart; without a caller there is nothing to tell.
        explanation: Option<Box<Explanation>>,
    },
    /// A request that is judged by a prompt or a resource.
    Offer {
        /// The method.
        method: String,
        /// The kind.
        kind: OfferKind,
        /// The name of the prompt, or the URI. Of several, the first that is denied, or the
        /// first.
        name: String,
        /// The request, taken apart.
        explanation: Box<Explanation>,
    },
    /// A request or notification with another method, which passes by
    /// `settings.methods` or not.
    Other {
        /// The method.
        method: String,
        /// Whether that lets it pass.
        passes: bool,
        /// Whether it is a notification, which gets no answer.
        silent: bool,
    },
    /// The answer to a request of the server.
    Response,
}

impl<S: Store> Host<'_, S> {
    /// Sends a request on trial, and takes it apart.
    ///
    /// # Errors
    /// See [`Host::send`].
    pub fn explain<'h>(
        &self,
        headers: impl Iterator<Item = (&'h [u8], &'h [u8])> + Clone,
        peer: &dyn Peer,
        body: &Body<'_>,
    ) -> Result<Explanations, Step> {
        let Self { policy, store, now } = *self;
        let trial = Trial::new(store);
        let host = Host { policy, store: &trial, now };
        let entry = Entry::from_headers(headers.clone(), policy);
        let mut treatment = Treatment::of(&entry);
        let caller = caller::caller(policy, headers.clone(), peer);
        let id = caller.as_ref().map(|caller| caller.id.clone()).map_err(|why| *why);
        let mut messages = match entry {
            Entry::Judge(_) if body.bytes.len() > policy.settings.max_body_bytes => {
                treatment = Treatment::Refused;
                Vec::new()
            }
            Entry::Judge(head) => {
                let head = head.naming(policy, headers.clone());
                host.messages(&head, caller.ok(), peer, body.bytes)
            }
            _ => Vec::new(),
        };
        let sent = host.send(headers.clone(), peer, body)?;
        if let Outcome::Served(_) = sent.outcome {
            (treatment, messages) = (Treatment::Served, Vec::new());
        }
        let (is_alone, went_on) = (messages.len() == 1, matches!(sent.outcome, Outcome::WentOn(_)));
        for message in &mut messages {
            if let Some(explanation) = message.explanation_mut() {
                match is_alone {
                    true => explanation.read_after(&policy.table, &trial, now),
                    // A batch that is refused is not charged.
                    false if !went_on => explanation.take_back(),
                    false => {}
                }
            }
        }
        let lines = host.lines(&sent);
        let sources = sources(policy, headers, peer);
        let outcome = sent.outcome;
        Ok(Explanations { treatment, sources, caller: id, messages, outcome, lines })
    }

    /// The messages of a body, each taken apart before any is judged. Those of a batch find
    /// the counts that the ones before them would leave.
    fn messages(
        &self,
        head: &Head,
        mut caller: Option<Caller>,
        peer: &dyn Peer,
        body: &[u8],
    ) -> Vec<Explaining> {
        let settings = &self.policy.settings;
        if let Some(caller) = &mut caller {
            self.policy.place(caller, &head.about(peer), || Some(self.now));
        }
        let is_array = body.trim_ascii_start().first() == Some(&b'[');
        let messages = match is_array && settings.batches == Batches::Judge {
            true => jsonrpc::decode_batch(body, settings.max_depth).unwrap_or_default(),
            false => jsonrpc::decode(body, settings.max_depth).into_iter().collect(),
        };
        let (work, beside) = (Work::default(), Work::default());
        let store = Trial::new(self.store);
        let host = Host { policy: self.policy, store: &store, now: self.now };
        let explain = |message| {
            let mut told = host.message(message, head, caller.as_ref(), peer, (&work, &beside));
            let explanation = told.as_mut().and_then(Explaining::explanation_mut);
            if let Some(explanation) = explanation {
                explanation.charge(&self.policy.table, &store, self.now);
            }
            told
        };
        messages.into_iter().filter_map(explain).collect()
    }

    fn message(
        &self,
        message: Message<'_>,
        head: &Head,
        caller: Option<&Caller>,
        peer: &dyn Peer,
        (work, beside): (&Work, &Work),
    ) -> Option<Explaining> {
        let Message::Call(call) = message else { return Some(Explaining::Response) };
        match Method::parse(call.method).ok()? {
            Method::Other(method) => {
                let passes = self.policy.settings.passes(&method);
                let offer = caller.filter(|_| passes && call.id.is_some());
                let offer =
                    offer.and_then(|caller| self.offer(&method, &call, head, caller, peer, work));
                Some(offer.unwrap_or_else(|| Explaining::Other {
                    passes,
                    method: method.into_owned(),
                    silent: call.id.is_none(),
                }))
            }
            Method::ToolsCall if call.id.is_none() => Some(Explaining::Other {
                method: TOOLS_CALL.to_owned(),
                passes: false,
                silent: true,
            }),
            Method::ToolsCall => {
                let params = &call.params;
                let call = ToolCall::parse(params).ok()?;
                let explanation = caller.map(|caller| {
                    let texts = JsonTexts::default();
                    let facts = Facts {
                        arguments: call.arguments,
                        members: Some(&params.members),
                        headers: &head.named,
                        claims: peer,
                        caller_id: &caller.id,
                        tool: &call.tool,
                        moment: self.policy.moment(self.now),
                        work,
                        texts: &texts,
                    };
                    Box::new(self.policy.explain(&Explained {
                        caller,
                        call: &call,
                        facts: &facts,
                        session: head.trace.session.as_ref(),
                        beside,
                        store: self.store,
                        now: self.now,
                    }))
                });
                Some(Explaining::Call {
                    arguments: call.arguments.map(|raw| raw.text.to_owned()),
                    explanation,
                    tool: call.tool.into_owned(),
                })
            }
        }
    }
}

impl Explanations {
    /// The record of the decision: of the first message that a rule denies, else the first.
    pub fn record(&self) -> Option<&Recorded> {
        match &self.outcome {
            Outcome::WentOn(records) => {
                let denied = |record: &&Recorded| record.decision != Decision::Allowed;
                records.iter().find(denied).or(records.first())
            }
            Outcome::Refused(refusal) => Some(&refusal.record),
            Outcome::Served(_) => None,
        }
    }
}

impl Explanations {
    /// The explanation of the call that the record is about, else of the first call.
    pub fn explanation(&self) -> Option<&Explanation> {
        let all = || self.messages.iter().filter_map(|one| Some((one.tool(), one.explanation()?)));
        let record = self.record();
        let is_meant = |(tool, explanation): &(Option<&String>, &Explanation)| {
            record.is_some_and(|record| {
                record.tool.as_ref() == *tool
                    && explanation.denial().is_none_or(|(_, rule)| rule == record.rule)
            })
        };
        all().find(is_meant).or_else(|| all().next()).map(|(_, explanation)| explanation)
    }
}

impl Treatment {
    const fn of(entry: &Entry) -> Self {
        match entry {
            Entry::Judge(_) => Self::Judged,
            Entry::Exempt => Self::Exempt,
            Entry::Bodyless { .. } => Self::Bodyless,
            Entry::Metadata(_) => Self::Served,
            Entry::Refuse(_) | Entry::Unread { .. } => Self::Refused,
        }
    }
}

impl Explanation {
    /// The reason and the rule by which the call does not go on, without those of its
    /// approval, unless shadow mode lets it pass.
    pub fn denial(&self) -> Option<(Reason, &str)> {
        if let Err(denied) = &self.decided {
            return Some((denied.reason, &denied.rule));
        }
        let uncounted = self.limits.iter().find_map(|limit| limit.counted.as_ref().err());
        if let Some(denied) = uncounted {
            return Some((denied.reason, &denied.rule));
        }
        let refused = self.refused?;
        let rule = self.limits.get(refused.index()).map_or("(internal)", |limit| &limit.rule);
        match refused {
            ChargeError::Limit { .. } => Some((Reason::RateLimited, rule)),
            ChargeError::Counter { error, .. } => Some((reason_of(error), rule)),
        }
    }
}

/// The sources that were asked for the caller's id, up to the one that decided.
fn sources<'h>(
    policy: &Policy,
    headers: impl Iterator<Item = (&'h [u8], &'h [u8])> + Clone,
    peer: &dyn Peer,
) -> Vec<Asked> {
    let mut all = Vec::new();
    for source in &policy.identity {
        let (kind, looks_at) = match source {
            Source::Jwt { claims, .. } => {
                let paths: Vec<String> = claims.iter().map(|path| path.join(".")).collect();
                let claims = if paths.len() == 1 { "claim" } else { "claims" };
                ("jwt", format!("the {claims} {} of a verified token", paths.join(" and ")))
            }
            Source::Mtls(_) => ("mtls", "the client's certificate".to_owned()),
            Source::Bearer(_) => ("bearer", "a token in the authorization header".to_owned()),
            Source::Header(name) => ("header", format!("the header {name}")),
        };
        let answer = asked(source, &|name| given(headers.clone(), name), peer);
        let decides = !matches!(answer, Ok(None));
        all.push(Asked { kind, looks_at, answer });
        if decides {
            break;
        }
    }
    all
}

/// A moment as RFC 3339 writes it.
pub fn moment(text: &str) -> Option<Nanos> {
    crate::policy::document::moment_of(text)
}

/// The same as a text, in UTC.
pub fn rfc3339(moment: Nanos) -> String {
    let mut text = String::new();
    crate::exchange::audit::rfc3339(&mut text, moment);
    text
}
