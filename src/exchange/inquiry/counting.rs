//! Limits across replicas: the questions about one request to the service that counts
//! them, and the meaning of its answers for the request.

use super::{Consulted, Counted, Denied, FailureKind, MOST_QUESTIONS, Next};
use crate::exchange::question::{Answer, Failure, Question, Service};
use crate::limit_service::{self, Charge, METHOD, Plan, SERVICE, Verdict};
use crate::limits::Tag;
use crate::policy::document::{LimitService, OnFailure};
use crate::policy::{Denial, Limit, Reason};
use std::borrow::Cow;

/// The rule of a request that the service did not count.
const RULE: &str = "/settings/limit_service";
const FAILED: &str = "The gateway cannot count this call across replicas at the moment. Try again.";

/// The limits of a request that the service counts, until it has answered.
#[derive(Debug)]
pub(super) struct Counting {
    plan: Plan,
    cluster: Box<str>,
    authority: Option<Box<str>>,
    timeout: u32,
    on_failure: OnFailure,
    /// In the order of the plan's charges, each with the index of its call among those
    /// that are asked about. Long parts of a limit are shared with its policy.
    limits: Vec<(usize, Limit)>,
}

/// A limit of a call, as it is to be counted.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The index of the call among those that are asked about.
    pub call: usize,
    /// The limit.
    pub limit: &'a Limit,
    /// The charge to the service.
    pub charge: Charge<'a>,
}

impl Counting {
    /// The questions about these limits.
    ///
    /// # Errors
    /// The index of a limit that the charges alone exceed, or of the one that would take
    /// one question too many.
    pub(super) fn new(service: &LimitService, asked: &[Asked<'_>]) -> Result<Self, usize> {
        let charges: Vec<_> = asked.iter().map(|asked| asked.charge).collect();
        let plan = Plan::new(service.engine, &service.domain, &charges)?;
        // Those before it would be charged, and nobody gives that back.
        if let Some(beyond) = plan.beyond(usize::from(MOST_QUESTIONS)) {
            return Err(beyond);
        }
        Ok(Self {
            plan,
            cluster: (&*service.cluster).into(),
            authority: service.authority.as_deref().map(Box::from),
            // It is at most 5,000.
            timeout: u32::try_from(service.timeout_ms).unwrap_or(u32::MAX),
            on_failure: service.on_failure,
            limits: asked.iter().map(|asked| (asked.call, asked.limit.clone())).collect(),
        })
    }

    pub(super) fn next(
        &mut self,
        answer: Option<Answer>,
        report: &mut dyn FnMut(Consulted),
    ) -> Next {
        let left = match answer {
            None => Vec::new(),
            Some(Answer::Grpc(bytes)) => match self.plan.answered(&bytes) {
                Verdict::Ok(left) => {
                    report(Consulted::Ok);
                    left
                }
                Verdict::Over { index, retry_after } => {
                    report(Consulted::Over);
                    return self.over(index, retry_after);
                }
                Verdict::Failed(failure) => {
                    return self.failed(
                        report,
                        match failure {
                            limit_service::Failure::Unproven => FailureKind::Unproven,
                            _ => FailureKind::Other,
                        },
                    );
                }
            },
            #[cfg(any(test, not(target_os = "wasi")))]
            Some(Answer::Simulated) => return Next::Pass(Counted::Process, None),
            Some(Answer::Failed(Failure::Timeout)) => {
                return self.failed(report, FailureKind::Timeout);
            }
            Some(Answer::Failed(Failure::Dispatch)) => {
                return self.failed(report, FailureKind::Dispatch);
            }
            // Clients fill the seats of those that wait. That must not open the gate.
            Some(Answer::Failed(Failure::Crowded)) => {
                report(Consulted::Failed(FailureKind::Dispatch));
                return self.deny();
            }
            Some(Answer::Failed(_) | Answer::Http { .. }) => {
                return self.failed(report, FailureKind::Other);
            }
        };
        match self.plan.question() {
            Some(question) => Next::Ask(Box::new(Question {
                cluster: self.cluster.clone(),
                service: Service::Grpc {
                    authority: self.authority.clone(),
                    service: SERVICE,
                    method: METHOD,
                },
                bytes: question.bytes.clone(),
                timeout: self.timeout,
            })),
            None => Next::Pass(Counted::Replicas(self.left(&left)), None),
        }
    }

    /// Each limit, with the rest of it where the engine tells that.
    fn left(&self, told: &[(usize, u32)]) -> Vec<(usize, Box<str>, Option<u64>)> {
        let limits = self.limits.iter().enumerate().map(|(index, (call, limit))| {
            let units = told.iter().find(|(of, _)| *of == index).map(|(_, units)| *units);
            (*call, (&*limit.pointer).into(), units.map(|units| limit.amount_of(units)))
        });
        limits.collect()
    }

    fn over(&self, index: usize, retry_after: Option<u64>) -> Next {
        let Some((call, limit)) = self.limits.get(index) else { return self.deny() };
        let Denial { reason, rule, message, retry_after } = limit.over(retry_after);
        Next::Deny(Denied {
            call: *call,
            reason,
            rule: Cow::Owned(rule.to_owned()),
            message: Cow::Owned(message.into_owned()),
            retry_after,
        })
    }

    fn failed(&self, report: &mut dyn FnMut(Consulted), kind: FailureKind) -> Next {
        report(Consulted::Failed(kind));
        match self.on_failure {
            OnFailure::Deny => self.deny(),
            OnFailure::Local => {
                report(Consulted::Local);
                Next::Pass(Counted::Process, None)
            }
            OnFailure::Allow => {
                report(Consulted::Uncounted);
                let limits = self.limits.iter();
                let limits = limits.map(|(call, limit)| (*call, (&*limit.pointer).into()));
                let (limits, tags) = (limits.collect(), self.tags());
                Next::Pass(Counted::Nowhere { limits, tags }, None)
            }
        }
    }

    fn deny(&self) -> Next {
        Next::Deny(Denied {
            call: self.limits.first().map_or(0, |(call, _)| *call),
            reason: Reason::LimitService,
            rule: RULE.into(),
            message: FAILED.into(),
            retry_after: None,
        })
    }

    fn tags(&self) -> Vec<Tag> {
        self.limits.iter().map(|(_, limit)| limit.tag()).collect()
    }

    pub(super) fn size(&self) -> usize {
        self.plan.size().saturating_add(self.limits.len().saturating_mul(size_of::<Limit>()))
    }
}
