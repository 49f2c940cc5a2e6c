//! The end that answers: the home, which keeps the requests of its edges.

use super::question::Question;
use super::seal::{HEADER, Seal, Way, seal};
use super::{BELOW, MOST_QUESTION, Told};
use crate::approvals::{Entry, Put, Slots, Standing, Taken};
use crate::exchange::Served;
use crate::exchange::approvals::json::Object;
use crate::exchange::approvals::notice::Notice;
use crate::exchange::approvals::request::{Made, make, notice};
use crate::exchange::approvals::stage::Stage;
use crate::exchange::consulted::Consulted;
use crate::exchange::head;
use crate::exchange::identity::Given;
use crate::exchange::reply::Reply;
use crate::exchange::target::is_below;
use crate::limits::window::Nanos;
use crate::limits::{Store, StoreError};
use crate::policy::{Approvals, Caller, Holders, Policy};

/// The times that a question looks anew where others change its request meanwhile.
const TRIES: usize = 3;

/// A question whose body is not all there.
#[derive(Debug)]
pub(in crate::exchange) struct Opened(Seal);

/// A question that gets no answer which counts for an edge.
struct Refused {
    status: u16,
    /// A part of a sentence for the operator.
    why: &'static str,
}

const fn refused(status: u16, why: &'static str) -> Refused {
    Refused { status, why }
}

/// Whether a request is one for the home, whatever its method.
pub(in crate::exchange) fn is_for_home<'a>(
    approvals: &Approvals,
    headers: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
) -> bool {
    let (Some(_), Some(endpoint)) = (&approvals.home, &approvals.path) else { return false };
    let Given::Once(target) = head::given(headers, ":path") else { return false };
    is_below(endpoint, target) == Some(BELOW.as_bytes())
}

/// The most bytes of a question.
pub(in crate::exchange) fn longest(policy: &Policy) -> usize {
    policy.settings.max_body_bytes.min(MOST_QUESTION)
}

impl Opened {
    /// Takes the headers of a question; `end` if it has no body. A seal that is missing or
    /// of another time need not wait for the body.
    ///
    /// # Errors
    /// The answer.
    pub(in crate::exchange) fn new<'a>(
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
        now: Option<Nanos>,
        end: bool,
    ) -> Result<Self, Box<Served>> {
        let opened = || {
            if head::given(headers.clone(), ":method") != Given::Once(b"POST") {
                return Err(refused(405, "it is no POST"));
            }
            let line = match head::given(headers.clone(), HEADER) {
                Given::Once(line) => Seal::parse(line),
                Given::Never | Given::Twice => None,
            };
            let seal = line.ok_or(refused(401, "it has no seal"))?;
            let now = now.ok_or(refused(500, "there is no clock"))?;
            if !seal.is_fresh(now) {
                return Err(refused(401, "the clocks differ by more than 30 seconds"));
            }
            if end {
                return Err(refused(400, "it has no body"));
            }
            Ok(Self(seal))
        };
        opened().map_err(|refused| Box::new(refused.served()))
    }

    /// The answer to a question that is too long.
    pub(in crate::exchange) fn too_long() -> Served {
        refused(413, "it is too long").served()
    }

    /// The answer to the whole question.
    pub(in crate::exchange) fn answer(
        &self,
        policy: &Policy,
        body: &[u8],
        store: &impl Store,
        now: Nanos,
    ) -> Served {
        self.answered(policy, body, store, now).unwrap_or_else(Refused::served)
    }

    fn answered(
        &self,
        policy: &Policy,
        body: &[u8],
        store: &impl Store,
        now: Nanos,
    ) -> Result<Served, Refused> {
        let Self(sealed) = self;
        let approvals = policy.approvals.as_ref();
        let home = approvals.and_then(|all| Some((all, all.home.as_ref()?, all.path.as_ref()?)));
        let (approvals, home, path) = home.ok_or(refused(500, "this is no home"))?;
        let path = [path.as_str(), BELOW].concat();
        if !sealed.is_fresh(now) {
            return Err(refused(401, "the clocks differ by more than 30 seconds"));
        }
        if !sealed.holds(Way::Question, &home.keys, &path, body) {
            return Err(refused(401, "its seal is of another key or another text"));
        }
        let slots = Slots::new(&policy.table);
        let question = Question::read(body, slots.namespace(), home.wait);
        let question = question.ok_or(refused(400, "it is of another version"))?;
        let identity = question.entry.edge.as_ref().map(|edge| edge.identity);
        if identity != Some(approvals.identity) {
            return Err(refused(
                409,
                "its edge has another `identity`, so that one person may have two ids",
            ));
        }
        let of = Of { policy, approvals, question: &question, put: sealed.put };
        let (told, notice) = of.told(store, now).map_err(|error| match error {
            StoreError::Contended => refused(503, "too many ask at the same time"),
            StoreError::Clock => refused(503, "the clock is behind a request"),
            _ => refused(503, "the requests cannot be read or stored"),
        })?;
        let body = told.write();
        let put = Put { nonce: sealed.put.nonce, seconds: now.seconds() };
        let seal = seal(Way::Answer, &home.keys, put, &path, body.as_bytes());
        let mut served = served(200, body);
        served.reply.headers.push((HEADER, seal.into()));
        served.event = Some(Consulted::StoreServed);
        served.notice = notice;
        Ok(served)
    }
}

impl Refused {
    fn served(self) -> Served {
        let mut object = Object::default();
        object.text("error", self.why);
        let mut served = served(self.status, object.end());
        if self.status == 405 {
            served.reply.headers.push(("allow", "POST".into()));
        }
        served.event = Some(Consulted::StoreRefused(self.why));
        served
    }
}

fn served(status: u16, body: String) -> Served {
    let headers = vec![("cache-control", "no-store".into())];
    let reply = Reply { headers, body: body.into_bytes(), ..Reply::bare(status) };
    Served::new(reply, "approval_store")
}

/// A question that is known to be of an edge.
struct Of<'a> {
    policy: &'a Policy,
    approvals: &'a Approvals,
    question: &'a Question,
    put: Put,
}

type Answered = (Told, Option<Box<Notice>>);

impl Of<'_> {
    /// The standing of the call, after the step that the question asks for.
    fn told(&self, store: &impl Store, now: Nanos) -> Result<Answered, StoreError> {
        let Self { question: Question { entry, is_look, .. }, .. } = *self;
        let slots = Slots::new(&self.policy.table);
        let approved = |entry: Entry| Told::Approved { id: entry.id, by: entry.approved_by };
        let before = |entry: &Entry| Told::waits(self.approvals, entry, Stage::Pending, now);
        for _ in 0..TRIES {
            match slots.find(store, &entry.digest, now)? {
                Standing::Denied(entry) => return Ok((Told::denied(&entry), None)),
                Standing::Approved(_, entry) if *is_look => return Ok((approved(entry), None)),
                Standing::Approved(slot, _) => {
                    match slots.take(store, slot, &entry.digest, self.put, now)? {
                        Taken::Now(entry) => return Ok((approved(entry), None)),
                        Taken::Before(entry) => return Ok((before(&entry), None)),
                        // Another question took it meanwhile.
                        Taken::Not => {}
                    }
                }
                Standing::Pending(entry) => {
                    return Ok(self.waits(&entry, Stage::Pending, store, now));
                }
                Standing::Unknown(free) => {
                    return match slots.taken(store, &entry.digest, self.put, now)? {
                        Taken::Now(entry) if !is_look => Ok((approved(entry), None)),
                        // It may come again after its answer, and makes no request then.
                        Taken::Now(entry) | Taken::Before(entry) => Ok((before(&entry), None)),
                        Taken::Not => self.request(&free, store, now),
                    };
                }
            }
        }
        Err(StoreError::Contended)
    }

    /// Makes the request, unless the caller has made too many.
    fn request(
        &self,
        free: &[u16],
        store: &impl Store,
        now: Nanos,
    ) -> Result<Answered, StoreError> {
        let Self { policy, approvals, question: Question { entry, .. }, .. } = *self;
        let caller = Caller::new(entry.caller.clone());
        let requests = approvals.requests.plain(&Holders::new(&policy.table, &caller, None));
        match make(policy, requests, store, free, entry, now) {
            Made::New(entry) => Ok(self.waits(&entry, Stage::Requested, store, now)),
            Made::Found(entry) => Ok(self.waits(&entry, Stage::Pending, store, now)),
            Made::Full => Ok((Told::Full, None)),
            Made::Limited { retry_after } => Ok((Told::Limited { retry_after }, None)),
            Made::Failed(error) => Err(error),
        }
    }

    fn waits(&self, entry: &Entry, stage: Stage, store: &impl Store, now: Nanos) -> Answered {
        let Self { policy, approvals, question, .. } = *self;
        let rule = entry.rules.first().map(String::as_str).unwrap_or_default();
        let says = (rule, question.message.as_deref());
        let notice = notice(approvals, says, Slots::new(&policy.table), store, entry, now);
        (Told::waits(approvals, entry, stage, now), notice)
    }
}
