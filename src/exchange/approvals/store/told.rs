//! The answer of the home about a call.

use super::super::json::Object;
use super::super::stage::Stage;
use super::members::Members;
use crate::approvals::{Entry, Id, State};
use crate::limits::window::Nanos;
use crate::policy::Approvals;
use crate::text::{MAX_NAME, is_name};

/// The most bytes of the reason of a denial, and of an address.
const LONGEST: usize = 2_304;
/// The most seconds that an answer may name: those of the longest window.
const MOST_SECONDS: u64 = 366 * 86_400;

/// The standing of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It may run. Where the question was for a use, the approval is used.
    Approved { id: Id, by: Vec<String> },
    /// It waits for people.
    Waits {
        id: Id,
        /// Whether it is a new request, or one that was there.
        stage: Stage,
        expires_in: u64,
        by: Vec<String>,
        url: Option<String>,
    },
    /// It was denied.
    Denied { id: Id, by: Vec<String>, reason: String },
    /// The home has no room for another request.
    Full,
    /// The caller has made too many requests.
    Limited { retry_after: u64 },
}

impl Told {
    /// The standing of a call whose request is there.
    pub(in crate::exchange::approvals) fn waits(
        approvals: &Approvals,
        entry: &Entry,
        stage: Stage,
        now: Nanos,
    ) -> Self {
        if entry.state == State::Denied {
            return Self::denied(entry);
        }
        Self::Waits {
            id: entry.id,
            stage,
            expires_in: entry.expires_in(now),
            by: entry.approved_by.clone(),
            url: approvals.url_of(entry.id),
        }
    }

    /// The standing of a call that was denied.
    pub(in crate::exchange::approvals) fn denied(entry: &Entry) -> Self {
        let (by, reason) = (entry.approved_by.clone(), entry.reason.clone());
        Self::Denied { id: entry.id, by, reason }
    }

    /// The body of the answer.
    pub(super) fn write(&self) -> String {
        let mut object = Object::default();
        object.text("state", self.word());
        match self {
            Self::Approved { id, by } => {
                object.text("id", &id.to_string());
                object.texts("by", by);
            }
            Self::Waits { id, stage: _, expires_in, by, url } => {
                object.text("id", &id.to_string());
                object.number("expires_in", *expires_in);
                object.texts("by", by);
                if let Some(url) = url {
                    object.text("url", url);
                }
            }
            Self::Denied { id, by, reason } => {
                object.text("id", &id.to_string());
                object.texts("by", by);
                object.text("reason", reason);
            }
            Self::Full => {}
            Self::Limited { retry_after } => object.number("retry_after", *retry_after),
        }
        object.end()
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Approved { .. } => "approved",
            Self::Waits { stage, .. } => stage.as_str(),
            Self::Denied { .. } => "denied",
            Self::Full => "full",
            Self::Limited { .. } => "limited",
        }
    }

    /// Reads an answer.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let mut members = Members::read(body)?;
        let state = members.text("state", 16)?;
        let told = match &*state {
            "approved" => Self::Approved { id: id(&mut members)?, by: by(&mut members)? },
            "requested" | "pending" => Self::Waits {
                id: id(&mut members)?,
                stage: if state == "pending" { Stage::Pending } else { Stage::Requested },
                expires_in: members.number("expires_in", 0, MOST_SECONDS)?,
                by: by(&mut members)?,
                url: match members.has("url") {
                    true => Some(members.text("url", LONGEST).filter(|url| is_address(url))?),
                    false => None,
                },
            },
            "denied" => Self::Denied {
                id: id(&mut members)?,
                by: by(&mut members)?,
                reason: members
                    .text("reason", LONGEST)
                    .filter(|reason| !reason.chars().any(char::is_control))?,
            },
            "full" => Self::Full,
            "limited" => {
                Self::Limited { retry_after: members.number("retry_after", 1, MOST_SECONDS)? }
            }
            _ => return None,
        };
        members.are_taken().then_some(told)
    }
}

fn id(members: &mut Members<'_>) -> Option<Id> {
    Id::parse(&members.text("id", 20)?)
}

fn by(members: &mut Members<'_>) -> Option<Vec<String>> {
    let by = members.texts("by", MAX_NAME)?;
    by.iter().all(|id| is_name(id)).then_some(by)
}

/// Whether a text may be shown to people as the address of a page.
fn is_address(text: &str) -> bool {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    is_web && text.bytes().all(|byte| byte.is_ascii_graphic())
}
