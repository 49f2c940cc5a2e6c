//! The right to decide about a request.

use super::{Endpoint, Refused};
use crate::approvals::{Edge, Entry};
use crate::exchange::head::{self, Head};
use crate::limits::Store;
use crate::policy::Caller;
use crate::policy::condition::{Facts, JsonTexts, Line, Moment, Work};
use crate::policy::document::patterns;

impl<'h, S, H> Endpoint<'_, S, H>
where
    S: Store,
    H: Iterator<Item = (&'h [u8], &'h [u8])> + Clone,
{
    /// Whether a caller may decide about a request: under the policy now in force or, where
    /// another gateway made the request, by the terms that came with it.
    pub(super) fn may_decide(&self, caller: &Caller, entry: &Entry) -> Result<(), Refused> {
        if entry.caller == caller.id {
            return Err(refused(403, "self", "nobody decides about a request of his own"));
        }
        let stranger = || refused(403, "stranger", "you do not decide about this request");
        let known = self.policy.may_approve_something(&caller.id);
        let named = match &entry.edge {
            Some(edge) => self.names(edge, caller),
            None => self.policy.needed_by(entry).map(|needed| needed.terms.name(&caller.id)),
        };
        match named {
            None if known => {
                let changed = "the rule has changed since the request was made; the call has to \
                               be made again";
                return Err(refused(409, "changed", changed));
            }
            None | Some(false) => return Err(stranger()),
            Some(true) => {}
        }
        if !self.admitted.get_or_init(|| self.meets_requirements(caller)) {
            let says = "your request does not have what `approver_require` asks for";
            return Err(refused(403, "requirement", says));
        }
        Ok(())
    }

    /// Whether the terms of an edge name a caller whom the policy here does not keep out;
    /// `None` if they are not of an edge of this policy: its ids may be of others.
    fn names(&self, edge: &Edge, caller: &Caller) -> Option<bool> {
        let is_ours = self.approvals.home.is_some() && edge.identity == self.approvals.identity;
        let named = || patterns(&edge.approvers).iter().any(|one| one.matches(&caller.id));
        is_ours.then(|| self.policy.may_approve_something(&caller.id) && named())
    }

    fn meets_requirements(&self, caller: &Caller) -> bool {
        let head = Head::default().naming(self.policy, self.headers.clone());
        self.policy.admits_approver(&Facts {
            arguments: None,
            members: None,
            headers: &head.named,
            claims: self.peer,
            caller_id: &caller.id,
            tool: "",
            moment: Moment::default(),
            work: &Work::default(),
            texts: &JsonTexts::default(),
        })
    }

    /// Refuses a decision that a page of another site had a browser send.
    pub(super) fn is_of_this_site(&self) -> Result<(), Refused> {
        let refused = || Refused {
            status: 403,
            why: "cross_site",
            says: "a decision must not come from a page of another site".into(),
        };
        let one = |name| match head::line(self.headers.clone(), name) {
            Line::Absent => Ok(None),
            Line::Text(text) => Ok(Some(text)),
            Line::Unclear => Err(refused()),
        };
        let site = one("sec-fetch-site")?;
        if site.is_some_and(|site| site != "same-origin" && site != "none") {
            return Err(refused());
        }
        let authority = one(":authority")?.unwrap_or_default().to_ascii_lowercase();
        let own = self.approvals.url.as_deref().map(origin);
        if own.is_some_and(|(_, host)| !host.eq_ignore_ascii_case(&authority)) {
            return Err(refused());
        }
        if let Some(other) = one("origin")? {
            let same = match own {
                Some((whole, _)) => other.eq_ignore_ascii_case(whole),
                None => other.split_once("://").is_some_and(|(_, host)| host == authority),
            };
            return if same { Ok(()) } else { Err(refused()) };
        }
        Ok(())
    }
}

fn refused(status: u16, why: &'static str, says: &'static str) -> Refused {
    Refused { status, why, says: says.into() }
}

/// The scheme with the host of a URL, and the host with its port.
fn origin(url: &str) -> (&str, &str) {
    let start = url.find("://").map_or(0, |at| at.saturating_add(3));
    let length = url.get(start..).and_then(|rest| rest.find('/'));
    let end = length.map_or(url.len(), |length| start.saturating_add(length));
    (url.get(..end).unwrap_or_default(), url.get(start..end).unwrap_or_default())
}
