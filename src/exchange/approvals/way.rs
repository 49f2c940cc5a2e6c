//! The ways in which a client learns that its call waits for a person: by an error, or,
//! where `ask` is `url`, so that it shows its user the page of the request by itself.
//!
//! Nothing that the client brings back lets a call run. The call that comes again finds
//! its request by its digest, in which a plain answer of the client is not.

use super::json::Object;
use super::stage::Stage;
use crate::approvals::{Id, OWN_RESPONSE};
use crate::exchange::head::Head;
use crate::policy::document::Ask;
use crate::policy::{Policy, duration};
use crate::wire::jsonrpc::Params;
use crate::wire::mcp::{Answered, ELICIT, answer, answers_others, shows_urls};

/// The message for a call whose rule has none.
pub(in crate::exchange) const ASKS: &str = "A call like this one needs approval.";
/// The code of revision 2025-11-25 for a call whose user has to open an address first. No
/// other revision has it.
pub(in crate::exchange) const URL_REQUIRED: i32 = -32042;
/// That revision.
const URL_REQUIRED_IN: &str = "2025-11-25";

/// The way in which a client learns that its call waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::exchange) enum Way {
    /// By an error with code 428.
    #[default]
    Error,
    /// The same, since the client answered that its user will not open the page.
    Declined,
    /// By a result that asks the client's user to open the page.
    Question,
    /// By the error [`URL_REQUIRED`].
    UrlRequired,
}

/// The page that a client's user is asked to open.
#[derive(Debug)]
pub(in crate::exchange) struct Page {
    pub(in crate::exchange) id: String,
    pub(in crate::exchange) url: String,
    pub(in crate::exchange) message: String,
}

impl Way {
    /// The way for a call. In revision 2026-07-28 each request says what its client can
    /// do; in 2025-11-25 that was said at the start of the session, and is the operator's
    /// to know.
    ///
    /// An answer other than `accept` comes first, whatever Accept and revision say: who
    /// said no has said it. A call that answers a server's own question gets no question
    /// of ours: the client would come back with our answer in the place of the server's,
    /// and so with another call, for as long as it tries.
    pub(in crate::exchange) fn new(
        policy: &Policy,
        head: &Head,
        stateless: bool,
        params: &Params<'_>,
    ) -> Self {
        let by_url = policy.approvals.as_ref().is_some_and(|all| all.ask == Ask::Url);
        if !by_url {
            return Self::Error;
        }
        if answer(params, OWN_RESPONSE) == Some(Answered::Otherwise) {
            return Self::Declined;
        }
        if !head.accepts_mcp {
            return Self::Error;
        }
        if stateless {
            let asks = shows_urls(params) && !answers_others(params, OWN_RESPONSE);
            return if asks { Self::Question } else { Self::Error };
        }
        match head.revision.version() {
            Some(URL_REQUIRED_IN) => Self::UrlRequired,
            _ => Self::Error,
        }
    }
}

impl Page {
    /// The page of a request, if the client shows it to its user.
    pub(super) fn new(
        way: Way,
        id: Id,
        url: &str,
        asks: &str,
        stage: Stage,
        expires_in: u64,
    ) -> Option<Self> {
        if !matches!(way, Way::Question | Way::UrlRequired) {
            return None;
        }
        let mut message = format!("{asks} Request {id}");
        if stage == Stage::Pending {
            message.extend([" is still waiting, for another ", &duration(expires_in)]);
        }
        message.push('.');
        Some(Self { id: id.to_string(), url: url.to_owned(), message })
    }

    /// The result that asks the client's user to open it.
    pub(in crate::exchange) fn question(&self) -> String {
        let mut params = Object::default();
        params.text("mode", "url");
        params.text("url", &self.url);
        params.text("message", &self.message);
        let mut request = Object::default();
        request.text("method", ELICIT);
        request.raw("params", &params.end());
        let mut requests = Object::default();
        requests.raw(OWN_RESPONSE, &request.end());
        let mut result = Object::default();
        result.text("resultType", "input_required");
        result.raw("inputRequests", &requests.end());
        result.end()
    }

    /// The member `elicitations` of the data of [`URL_REQUIRED`].
    pub(in crate::exchange) fn elicitations(&self) -> String {
        let mut one = Object::default();
        one.text("mode", "url");
        one.text("elicitationId", &self.id);
        one.text("url", &self.url);
        one.text("message", &self.message);
        ["[", &one.end(), "]"].concat()
    }
}
