//! `approval` of a tool, and `settings.approvals`.

use super::at::{At, Object};
use super::checks::{self, Check};
use super::limits::{self, Limit};
use super::notify::Notify;
use super::request_path::RequestPath;
use super::store::{Store, StoreKeys};
use super::url;
use super::wording::quote;
use crate::policy::condition::{Formula, Root};
use crate::policy::pattern::Pattern;
use crate::text::is_name;

/// The terms on which calls are approved, each where it is given.
#[derive(Debug, Default)]
pub struct Terms {
    /// `approvers`: patterns of the ids of those who may decide, as written.
    pub approvers: Option<Vec<String>>,
    /// `need`: different approvers that a call takes.
    pub need: Option<u8>,
    /// `wait`: seconds for which a request stays open.
    pub wait: Option<u64>,
    /// `valid`: seconds for which an approval can be used.
    pub valid: Option<u64>,
    /// The path in the document, for messages to the author.
    pub path: String,
}

/// `settings.approvals`
#[derive(Debug)]
pub struct Approvals {
    /// `path`: the request path at which approvers talk to the filter.
    pub path: Option<RequestPath>,
    /// Whether there is a `path`, which may be one that cannot be used.
    pub has_path: bool,
    /// `url`: the same as people see it.
    pub url: Option<String>,
    /// The terms of rules that give none of their own.
    pub terms: Terms,
    /// `approver_require`: what an approver's request must have.
    pub approver_require: Vec<Check>,
    /// `approvers_may_ask`: whether an approver of a rule may make calls under it.
    pub approvers_may_ask: bool,
    /// `requests`: new requests that one caller may make.
    pub requests: Limit,
    /// Lists of requests that one approver may ask for.
    pub lists: Limit,
    /// `max_arguments_bytes`: the longest call that an approver is shown.
    pub max_arguments_bytes: usize,
    /// `ask`: the form in which a client is told to ask a person.
    pub ask: Ask,
    /// `notify`: the service that is told of new requests.
    pub notify: Option<Notify>,
    /// `store`: the home that keeps the requests of this policy.
    pub store: Option<Store>,
    /// Whether there is a `store`, which may be one that cannot be used.
    pub has_store: bool,
    /// `serve_store`: the keys of the edges whose requests are kept here.
    pub serves: Option<StoreKeys>,
    /// Whether there is a `serve_store`, which may be one that cannot be used.
    pub has_edges: bool,
}

/// The form in which a client is told to ask a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ask {
    /// An error, whose message says all.
    #[default]
    Error,
    /// The address of the request, for clients that show it by themselves.
    Url,
}

/// The keys of the terms.
const TERMS: [&str; 4] = ["approvers", "need", "wait", "valid"];
const KEYS: [&str; 14] = [
    "path",
    "url",
    "approvers",
    "need",
    "wait",
    "valid",
    "approver_require",
    "approvers_may_ask",
    "requests",
    "max_arguments_bytes",
    "ask",
    "notify",
    "store",
    "serve_store",
];
const ASK: [(&str, Ask); 2] = [("error", Ask::Error), ("url", Ask::Url)];

/// The most patterns of approvers.
const MAX_APPROVERS: usize = 64;
/// The most requests that one caller may have at once: a quarter of all slots.
const MAX_REQUESTS: u64 = 256;

impl Terms {
    /// Reads the terms of a tool.
    pub(super) fn read(at: &At<'_>) -> Self {
        at.object(&TERMS).map(|object| Self::of_object(at, &object)).unwrap_or_default()
    }

    fn of_object(at: &At<'_>, object: &Object<'_>) -> Self {
        let whole = |key, least, most| object.get(key).and_then(|at| at.whole(least, most));
        Self {
            approvers: object.get("approvers").map(approvers),
            need: whole("need", 1, 3).and_then(|need| u8::try_from(need).ok()),
            wait: whole("wait", 10, 604_800),
            valid: whole("valid", 10, 86_400),
            path: at.path().into(),
        }
    }
}

fn approvers(at: &At<'_>) -> Vec<String> {
    let count = if at.is_list() { at.elements().len() } else { 1 };
    if !(1..=MAX_APPROVERS).contains(&count) {
        at.wrong(format!(
            "expected 1 to {MAX_APPROVERS} patterns, found {count}; name who may approve, like \
             `ops-*`"
        ));
    }
    at.each(|at| {
        let text = at.string()?;
        if !is_name(text) {
            at.wrong(format!(
                "{} matches no caller: an id has 1 to 256 bytes without control characters",
                quote(text)
            ));
        }
        Some(text.to_owned())
    })
}

impl Approvals {
    pub(super) fn read(
        at: &At<'_>,
        exempt: &[RequestPath],
        served: &[RequestPath],
    ) -> Option<Self> {
        let object = at.object(&KEYS)?;
        let built_in = || {
            let pointer = format!("{}/requests", at.path());
            Limit::built_in("approval_requests", 20, 3_600, &pointer)
        };
        let given = object.get("requests");
        // One that cannot be read is an error already.
        let requests = given.and_then(|at| limits::read_short("approval_requests", at));
        let requests = requests.or_else(built_in)?;
        let max = object.get("max_arguments_bytes").and_then(|at| at.whole(256, 16_384));
        Some(Self {
            has_path: object.get("path").is_some(),
            path: object.get("path").and_then(|at| RequestPath::read_own(at, exempt, served)),
            url: object.get("url").and_then(url::page).map(|url| url.trim_end_matches('/').into()),
            terms: Terms::of_object(at, &object),
            approver_require: object.get("approver_require").map(require).unwrap_or_default(),
            approvers_may_ask: object
                .get("approvers_may_ask")
                .and_then(At::boolean)
                .unwrap_or_default(),
            requests,
            lists: Limit::built_in("approval_lists", 30, 60, "/settings/approvals/lists")?,
            max_arguments_bytes: max.and_then(|max| usize::try_from(max).ok()).unwrap_or(4096),
            ask: object.get("ask").map(|at| ask(at, &object)).unwrap_or_default(),
            notify: object.get("notify").and_then(Notify::read),
            store: object.get("store").and_then(|at| Store::read(at, &object)),
            has_store: object.get("store").is_some(),
            serves: object.get("serve_store").and_then(|at| StoreKeys::served(at, &object)),
            has_edges: object.get("serve_store").is_some(),
        })
    }

    /// Whether one caller could fill a large part of the slots, under this longest
    /// wait.
    pub fn floods(&self, longest_wait: u64) -> bool {
        let window = u64::from(self.requests.window.seconds()).max(1);
        // A wait that is as short as can be may lie in two windows.
        let windows = longest_wait.div_ceil(window).saturating_add(1);
        let max = self.requests.max / crate::limits::window::ONE_CALL;
        max.saturating_mul(windows) > MAX_REQUESTS
    }
}

/// Reads `ask`, which may need the `url` beside it.
fn ask(at: &At<'_>, settings: &Object<'_>) -> Ask {
    let ask = at.choice(&ASK).unwrap_or_default();
    // An edge shows the address that the home tells it.
    if ask == Ask::Url && settings.get("url").is_none() && settings.get("store").is_none() {
        at.wrong("clients would be shown no address; give `settings.approvals` a `url`");
    }
    ask
}

/// Reads checks on an approver's request, which has no tool and no arguments.
fn require(at: &At<'_>) -> Vec<Check> {
    let checks = checks::read(at);
    for check in &checks {
        if check.shadow {
            at.wrong_at(&check.path, "an approver is let in or not; leave `mode` out");
        }
        for path in check.conditions.iter().flat_map(Formula::paths) {
            if !matches!(path.root, Root::Claims | Root::Headers | Root::Grant) {
                at.wrong(format!(
                    "{} is not known of an approver's request; use `claims`, `headers` or `grant`",
                    quote(path.as_str())
                ));
            }
        }
    }
    checks
}

/// The patterns of approvers, compiled.
pub fn patterns(approvers: &[String]) -> Vec<Pattern> {
    approvers.iter().map(|text| Pattern::new(text)).collect()
}
