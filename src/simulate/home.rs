//! A gateway in memory as the home of other gateways' approvals.

use super::{Body, Host, Outcome, pairs};
use crate::exchange::identity::NoPeer;
use crate::exchange::question::{Answer, Failure, Question, Service};
use crate::limits::Store;

impl<S: Store> Host<'_, S> {
    /// The answer of this gateway, as the home, to a question of another.
    pub fn answer(&self, question: &Question) -> Answer {
        let Service::Http { authority, path, headers } = &question.service else {
            return Answer::Failed(Failure::Transport);
        };
        let mut all: Vec<(&str, &str)> =
            vec![(":method", "POST"), (":path", path), (":authority", authority)];
        all.extend(headers.iter().map(|(name, value)| (*name, &**value)));
        let sent = self.send(pairs(&all), &NoPeer, &Body::whole(&question.bytes));
        let reply = match sent.map(|sent| sent.outcome) {
            Ok(Outcome::Served(served)) => served.reply,
            Ok(Outcome::Refused(refused)) => refused.reply,
            Ok(Outcome::WentOn(_)) | Err(_) => return Answer::Failed(Failure::Transport),
        };
        let lines = reply.fields().into_iter();
        let headers = lines.map(|(name, value)| (name.as_bytes().into(), value.as_bytes().into()));
        Answer::Http { status: reply.status, headers: headers.collect(), body: reply.body }
    }
}
