//! `limits` and `rate_limit`.

use super::at::{At, escape};
use super::checks;
use super::conditions;
use super::limit_service::{Across, across};
use super::wording::quote;
use crate::limits::window::{Algorithm, ONE_CALL, Scope, Window};
use crate::policy::condition::{Path, Root};
use crate::wire::json::Decimal;

/// The largest `max`, so that sums in millionths fit 64 bits.
const MAX: u64 = 9_000_000_000_000;

const WINDOWS: [(&str, u32); 4] = [("second", 1), ("minute", 60), ("hour", 3_600), ("day", 86_400)];

const KEYS: [&str; 12] = [
    "counter",
    "window",
    "max",
    "scope",
    "per",
    "increment_from",
    "weight",
    "algorithm",
    "across",
    "unit",
    "on_deny",
    "mode",
];
const SCOPES: [(&str, Scope); 3] = [
    (Scope::Grant.as_str(), Scope::Grant),
    (Scope::Session.as_str(), Scope::Session),
    (Scope::Global.as_str(), Scope::Global),
];
const ALGORITHMS: [(&str, Algorithm); 2] = [
    (Algorithm::Fixed.as_str(), Algorithm::Fixed),
    (Algorithm::Sliding.as_str(), Algorithm::Sliding),
];

/// The word in `per` for a call with the same arguments.
const CALL: &str = "call";
/// The most values that a limit counts by.
const MAX_PER: usize = 8;

/// One of the values that a limit counts by.
#[derive(Clone, Debug)]
pub enum Per {
    /// The value that a path names.
    Value {
        /// The path.
        path: Path,
        /// Whether a text of the arguments is nothing else, also one that is JSON.
        literal: bool,
    },
    /// The tool and all its arguments.
    Call,
}

impl Per {
    /// The value's name, as written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Value { path, .. } => path.as_str(),
            Self::Call => CALL,
        }
    }

    /// The value's name, for messages to the caller, if it is one of the arguments.
    pub fn of_arguments(&self) -> Option<&str> {
        match self {
            Self::Value { path, .. } => (path.root == Root::Args).then(|| path.as_str()),
            Self::Call => Some("arguments"),
        }
    }

    /// Whether a client can make as many values as it likes.
    pub fn is_of_client(&self) -> bool {
        match self {
            Self::Value { path, .. } => matches!(path.root, Root::Args | Root::Headers),
            Self::Call => true,
        }
    }
}

/// One limit.
#[derive(Clone, Debug)]
pub struct Limit {
    /// The limit's JSON pointer, which names it by its counter.
    pub pointer: String,
    /// The path in the document, for messages to the author.
    pub path: String,
    /// `counter`
    pub counter: String,
    /// `window`
    pub window: Window,
    /// `max`, in millionths.
    pub max: u64,
    /// `scope`
    pub scope: Scope,
    /// `per`: each combination of these values has a count; none for one count.
    pub per: Vec<Per>,
    /// `algorithm`
    pub algorithm: Algorithm,
    /// `increment_from`
    pub increment_from: Option<Path>,
    /// `weight`, in millionths: that of a call without `increment_from`.
    pub weight: u64,
    /// `across`
    pub across: Across,
    /// `unit`: the amount that is one unit to the service, in millionths.
    pub unit: u64,
    /// `on_deny`
    pub on_deny: Option<String>,
    /// Whether calls without room go on, and are recorded.
    pub shadow: bool,
}

/// Reads a list of limits.
pub(super) fn read(at: &At<'_>) -> Vec<Limit> {
    let list = at.pointer();
    at.each(|at| {
        let object = at.object(&KEYS)?;
        let counter = object.required("counter").and_then(counter);
        let window = object.required("window").and_then(window);
        let increment_from = object.get("increment_from").map(checks::argument);
        let max = object.required("max").and_then(|at| match increment_from {
            Some(_) => at.millionths(MAX),
            None => at.whole(1, MAX).map(|max| max.saturating_mul(ONE_CALL)),
        });
        let weight = object.get("weight").map_or(Some(ONE_CALL), |at| {
            if increment_from.is_some() {
                at.wrong("a call weighs what `increment_from` names; leave one of the two out");
                return None;
            }
            let weight = at.whole(1, max.unwrap_or(u64::MAX) / ONE_CALL)?;
            Some(weight.saturating_mul(ONE_CALL))
        });
        let scope = object.get("scope").map_or(Some(Scope::Grant), |at| at.choice(&SCOPES));
        let per = object.get("per").map(|at| per_values(at, scope)).unwrap_or_default();
        let algorithm =
            object.get("algorithm").map_or(Some(Algorithm::Fixed), |at| at.choice(&ALGORITHMS));
        let on_deny = object.get("on_deny").and_then(At::string).map(str::to_owned);
        let across = across(&object, max);
        let (counter, (across, unit)) = (counter?, across?);
        Some(Limit {
            pointer: format!("{list}/{}", escape(&counter)),
            path: at.path().into(),
            window: window?,
            max: max?,
            scope: scope?,
            per,
            algorithm: algorithm?,
            // One that cannot be read is an error already.
            increment_from: increment_from.flatten(),
            weight: weight?,
            across,
            unit,
            on_deny,
            shadow: checks::shadow(&object),
            counter,
        })
    })
}

/// Reads the short form of one limit on the tools that `name` matches.
pub(super) fn read_short(name: &str, at: &At<'_>) -> Option<Limit> {
    let (max, window) = if at.is_object() {
        let object = at.object(&["max", "window"])?;
        let max = object.required("max").and_then(|at| at.whole(1, MAX));
        let window = object.required("window").and_then(window);
        (max?, window?)
    } else if let Some(limit) = at.as_string().and_then(short) {
        limit
    } else {
        at.expected("a limit like `10/minute` or `{\"max\": 10, \"window\": 60}`");
        return None;
    };
    let places = (at.pointer(), at.path().to_owned());
    Some(Limit::of_calls(places, format!("{name}_rate"), max, window))
}

impl Limit {
    /// The names of the values that it counts by.
    pub fn per_text(&self) -> String {
        self.per.iter().map(Per::as_str).collect::<Vec<_>>().join(", ")
    }

    /// Whether it bounds the calls of a caller, whatever they hold: a client opens
    /// sessions and makes up values as it likes, and calls may weigh nothing. A limit
    /// in shadow bounds nothing.
    pub fn bounds_caller(&self) -> bool {
        self.scope != Scope::Session
            && self.increment_from.is_none()
            && self.per.is_empty()
            && !self.shadow
    }

    /// A limit of the filter's own: this many calls of each caller in these seconds.
    pub(super) fn built_in(counter: &str, max: u64, window: u32, pointer: &str) -> Option<Self> {
        let places = (pointer.to_owned(), pointer.to_owned());
        Some(Self::of_calls(places, counter.into(), max, Window::new(window)?))
    }

    /// A limit of this many calls of each caller in a window, with its pointer and its path.
    fn of_calls(places: (String, String), counter: String, max: u64, window: Window) -> Self {
        let (pointer, path) = places;
        Self {
            pointer,
            path,
            counter,
            window,
            max: max.saturating_mul(ONE_CALL),
            scope: Scope::Grant,
            per: Vec::new(),
            algorithm: Algorithm::Fixed,
            increment_from: None,
            weight: ONE_CALL,
            across: Across::Process,
            unit: ONE_CALL,
            on_deny: None,
            shadow: false,
        }
    }
}

/// "10/minute", or with seconds "10/60".
fn short(text: &str) -> Option<(u64, Window)> {
    let (max, window) = text.split_once('/')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let max = Some(max).filter(|max| digits(max))?.parse().ok()?;
    let window = match WINDOWS.iter().find(|(name, _)| *name == window) {
        Some((_, seconds)) => *seconds,
        None => Some(window).filter(|window| digits(window))?.parse().ok()?,
    };
    (1..=MAX).contains(&max).then_some((max, Window::new(window)?))
}

fn per_values(at: &At<'_>, scope: Option<Scope>) -> Vec<Per> {
    let per = at.each(per);
    if scope == Some(Scope::Session) {
        at.wrong("a limit counts by values or by session; use the scope `grant` or `global`");
    }
    if at.is_list() && !(1..=MAX_PER).contains(&at.elements().len()) {
        at.wrong(format!(
            "a limit counts by 1 to {MAX_PER} values; without `per` it has one count"
        ));
    }
    per
}

fn per(at: &At<'_>) -> Option<Per> {
    let text = at.string()?;
    if text == CALL {
        return Some(Per::Call);
    }
    let path = conditions::path(at)?;
    let whole = path.root == Root::Args && path.steps.is_empty();
    let one = !matches!(path.root, Root::Grant | Root::Hour | Root::Weekday);
    if whole || !one || path.has_each() {
        at.wrong(format!(
            "{} does not name a single value to count by; write a path like `args.customer`, or \
             `{CALL}` for calls with the same arguments",
            quote(text)
        ));
        return None;
    }
    Some(Per::Value { path, literal: at.reading().literal })
}

fn counter(at: &At<'_>) -> Option<String> {
    at.name("a counter").map(Into::into)
}

fn window(at: &At<'_>) -> Option<Window> {
    let seconds = match (at.as_string(), at.as_number()) {
        (Some(name), _) => WINDOWS.iter().find(|(word, _)| *word == name).map(|(_, s)| *s),
        (None, Some(text)) => {
            Decimal::parse(text).and_then(Decimal::whole).and_then(|s| u32::try_from(s).ok())
        }
        (None, None) => None,
    };
    let window = seconds.and_then(Window::new);
    if window.is_none() {
        let names = WINDOWS.map(|(name, _)| format!("`\"{name}\"`")).join(", ");
        at.expected(&format!("{names} or whole seconds from 1 to {}", Window::MAX_SECONDS));
    }
    window
}
