//! A limit as compiled, and its denial when it is full.

mod replicas;
#[cfg(any(test, not(target_os = "wasi")))]
mod state;

#[cfg(any(test, not(target_os = "wasi")))]
pub use state::{Counted, LimitState};

use replicas::InService;

use super::{Caller, Denial, Reason};
use crate::approvals;
use crate::digest::of_parts;
use crate::limits::window::{Algorithm, ONE_CALL, Scope, Window};
use crate::limits::{Charge, Holder, Table, Tag, Values};
use crate::policy::condition::{self, Facts, Path, Why};
use crate::policy::document::{self, Per};
use core::cell::OnceCell;
use std::sync::Arc;

/// A limit, ready to be charged. Each tool has a copy of the limits of all
/// tools, so the long parts are shared.
#[derive(Clone, Debug)]
pub struct Limit {
    /// The rule's pointer.
    pub pointer: Arc<str>,
    /// The counter.
    pub(super) tag: Tag,
    /// The callers that share a count.
    scope: Scope,
    /// The values of which each combination has a count, if the counter has more than
    /// one.
    per: Option<Arc<[Per]>>,
    window: Window,
    algorithm: Algorithm,
    /// The amount that a window admits, in millionths.
    pub(super) max: u64,
    /// The argument that gives a call's weight, if one does.
    increment_from: Option<Arc<Path>>,
    /// The weight of any other call, in millionths.
    weight: u64,
    /// Its count in the service, if that counts it.
    in_service: Option<Arc<InService>>,
    on_deny: Option<Arc<str>>,
    /// Whether its entries are counted apart from those of limits that decide.
    shadow: bool,
    /// The subject of the limit: a tool, a pattern or "all tools".
    subject: Arc<str>,
    /// The one holder of a `global` counter.
    everyone: Holder,
}

/// The holders of the counts that a call is charged to.
#[derive(Debug)]
pub struct Holders<'a> {
    table: &'a Table,
    caller: Holder,
    session: &'a [u8],
    /// The hash of the tool and its arguments, once a limit asks for it.
    call: OnceCell<Result<[u8; 32], Why>>,
}

impl<'a> Holders<'a> {
    /// The holders of a caller, and of its session by the SHA-256 of the
    /// `Mcp-Session-Id` header; calls without one share a session.
    pub fn new(table: &'a Table, caller: &Caller, session: Option<&'a [u8; 32]>) -> Self {
        let session = session.map(<[u8; 32]>::as_slice).unwrap_or_default();
        let caller = table.holder_for_caller(&caller.id);
        Self { table, caller, session, call: OnceCell::new() }
    }

    /// The holder of the count of a call's values.
    ///
    /// # Errors
    /// The value that cannot be read, and the reason.
    fn of_values<'p>(
        &self,
        per: &'p [Per],
        scope: Scope,
        facts: &Facts<'_>,
    ) -> Result<Holder, (&'p str, Why)> {
        let mut values: Vec<Vec<u8>> = Vec::with_capacity(per.len());
        for each in per {
            let value = match each {
                Per::Value { path, literal } => condition::text(path, *literal, facts)
                    .map(|text| text.into_owned().into_bytes()),
                Per::Call => self.call(facts).map(|hash| hash.to_vec()),
            };
            values.push(value.map_err(|why| (each.as_str(), why))?);
        }
        let caller = (scope != Scope::Global).then_some(facts.caller_id);
        Ok(self.table.holder_for_values(caller, &values))
    }

    /// The hash of a call: the same for all calls that approvals take for one, whatever
    /// is beside the arguments.
    fn call(&self, facts: &Facts<'_>) -> Result<[u8; 32], Why> {
        *self.call.get_or_init(|| {
            let length = facts.arguments.map_or(0, |arguments| arguments.text.len());
            if !facts.work.parsing(length) || !facts.work.hashing(length) {
                return Err(Why::Work);
            }
            let text = approvals::arguments(facts.arguments).ok_or(Why::Work)?;
            Ok(of_parts(&[facts.tool.as_bytes(), text.as_bytes()]))
        })
    }
}

impl Limit {
    /// Compiles a limit on `subject`, of the rules with this name.
    pub(super) fn new(rules: &str, subject: &str, limit: document::Limit) -> Self {
        let in_service = InService::new(rules, &limit).map(Arc::new);
        let document::Limit {
            pointer,
            path: _,
            counter,
            window,
            max,
            scope,
            per,
            algorithm,
            increment_from,
            weight,
            across: _,
            unit: _,
            on_deny,
            shadow,
        } = limit;
        // One `global` counter across all sets of rules.
        let rules = if scope == Scope::Global { "" } else { rules };
        let same: Vec<&str> = per.iter().filter_map(Per::of_arguments).collect();
        let subject = match &*same {
            [] => subject.into(),
            _ => format!("{subject} with the same {}", same.join(", ")).into(),
        };
        let seconds = window.seconds().to_le_bytes();
        let mut parts: Vec<&[u8]> = vec![
            rules.as_bytes(),
            counter.as_bytes(),
            &seconds,
            algorithm.as_str().as_bytes(),
            scope.as_str().as_bytes(),
        ];
        parts.extend(per.iter().map(|per| per.as_str().as_bytes()));
        let tag = Tag::new(&parts);
        Self {
            pointer: pointer.into(),
            tag,
            scope,
            per: (!per.is_empty()).then(|| per.into()),
            window,
            algorithm,
            max,
            increment_from: increment_from.map(Arc::new),
            weight,
            in_service,
            on_deny: on_deny.map(Into::into),
            shadow,
            subject,
            everyone: Holder::for_everyone(tag),
        }
    }

    /// The charge for a call.
    ///
    /// # Errors
    /// The call's weight cannot be read, or is more than a window admits.
    pub fn charge(&self, holders: &Holders<'_>, facts: &Facts<'_>) -> Result<Charge, Denial<'_>> {
        if let Some(per) = &self.per {
            let holder = holders.of_values(per, self.scope, facts).map_err(|(value, why)| {
                let message = format!("The policy counts by {value} and cannot read it: {why}.");
                self.denial(Reason::Undecidable, message)
            })?;
            let shared = self.scope == Scope::Global;
            let values = Some(Values { caller: holders.caller, shared });
            let weight = self.weight(facts)?;
            return Ok(Charge { holder, per_caller: true, values, weight, ..self.plain(holders) });
        }
        let mut charge = Charge { weight: self.weight(facts)?, ..self.plain(holders) };
        if self.scope == Scope::Session {
            charge.holder = holders.table.holder_for_session(facts.caller_id, holders.session);
        }
        Ok(charge)
    }

    /// The charge for a call that weighs one, whatever its arguments: of a limit without
    /// `increment_from` and not by session.
    pub fn plain(&self, holders: &Holders<'_>) -> Charge {
        Charge {
            tag: self.tag,
            holder: if self.scope == Scope::Global { self.everyone } else { holders.caller },
            per_caller: self.scope != Scope::Global,
            values: None,
            apart: self.shadow,
            window: self.window,
            algorithm: self.algorithm,
            max: self.max,
            weight: ONE_CALL,
        }
    }

    fn weight(&self, facts: &Facts<'_>) -> Result<u64, Denial<'_>> {
        let Some(path) = &self.increment_from else { return Ok(self.weight) };
        let weight = condition::weight(path, facts).map_err(|why| {
            let path = path.as_str();
            let message = format!("The policy counts {path} and cannot read it: {why}.");
            self.denial(Reason::Undecidable, message)
        })?;
        if weight > self.max {
            let (path, limit) = (path.as_str(), self.describe());
            let message = format!("The call's {path} alone is more than the {limit}.");
            return Err(self.denial(Reason::Denied, message));
        }
        Ok(weight)
    }

    #[cold]
    fn denial(&self, reason: Reason, message: String) -> Denial<'_> {
        Denial { reason, rule: &self.pointer, message: message.into(), retry_after: None }
    }

    /// The values of which each combination has a count.
    #[cfg(any(test, not(target_os = "wasi")))]
    pub(super) fn per(&self) -> &[Per] {
        self.per.as_deref().unwrap_or_default()
    }

    /// The argument that gives a call's weight.
    #[cfg(any(test, not(target_os = "wasi")))]
    pub(super) fn increment_from(&self) -> Option<&Path> {
        self.increment_from.as_deref()
    }

    /// Whether each value has a count of its own.
    pub fn is_by_value(&self) -> bool {
        self.per.is_some()
    }

    /// The denial of a call that finds the limit full; there is room again
    /// after this many seconds.
    pub fn full(&self, retry_after: u64) -> Denial<'_> {
        self.over(Some(retry_after))
    }

    /// The same, where it may not be known when there is room again.
    #[cold]
    pub fn over(&self, retry_after: Option<u64>) -> Denial<'_> {
        let again = match retry_after {
            Some(seconds) => format!("Try again in {}.", duration(seconds)),
            None => "Try again later.".into(),
        };
        let message = match &self.on_deny {
            Some(text) => format!("{text} {again}"),
            None => {
                let mut limit = self.describe();
                // The first letter is ASCII: `describe` begins with a word of
                // this file.
                if let Some(first) = limit.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
                format!("{limit} reached for {}. {again}", self.subject)
            }
        };
        Denial {
            reason: Reason::RateLimited,
            rule: &self.pointer,
            message: message.into(),
            retry_after,
        }
    }

    /// "rate limit of 10 per minute", "budget of 12.5 per day".
    fn describe(&self) -> String {
        let kind = if self.increment_from.is_some() { "budget" } else { "rate limit" };
        let seconds = u64::from(self.window.seconds());
        let unit = if seconds < 86_400 { 60 } else { 3_600 };
        let window = match self.window.to_string() {
            // Not one of the words, and exact in two units.
            window if window.contains(' ') && seconds.is_multiple_of(unit) => duration(seconds),
            window => window,
        };
        format!("{kind} of {} per {window}", decimal(self.max))
    }
}

/// A time to wait as people say it, in one or two units and never too short: "37
/// seconds", "2 min 10 s", "16 h 10 min", "3 days 4 h".
pub fn duration(seconds: u64) -> String {
    let (minutes, hours) = (seconds.div_ceil(60), seconds.div_ceil(3_600));
    let (many, of, few, rest) = match seconds {
        1 => return "1 second".into(),
        0..=60 => return format!("{seconds} seconds"),
        61..3_600 => (seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 if minutes < 1_440 => (minutes / 60, "h", minutes % 60, "min"),
        _ if hours < 48 => (hours / 24, "day", hours % 24, "h"),
        _ => (hours / 24, "days", hours % 24, "h"),
    };
    if few == 0 { format!("{many} {of}") } else { format!("{many} {of} {few} {rest}") }
}

/// Millionths as a decimal without needless zeros.
pub(super) fn decimal(millionths: u64) -> String {
    let (whole, part) = (millionths / ONE_CALL, millionths % ONE_CALL);
    if part == 0 {
        return whole.to_string();
    }
    let text = format!("{whole}.{part:06}");
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::duration;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn waits_have_one_or_two_units_and_are_never_too_short() {
        for (seconds, words) in [
            (1, "1 second"),
            (37, "37 seconds"),
            (60, "60 seconds"),
            (61, "1 min 1 s"),
            (120, "2 min"),
            (3_599, "59 min 59 s"),
            (3_600, "1 h"),
            (3_601, "1 h 1 min"),
            (58_200, "16 h 10 min"),
            (58_201, "16 h 11 min"),
            (86_340, "23 h 59 min"),
            (86_341, "1 day"),
            (86_400, "1 day"),
            (86_401, "1 day 1 h"),
            (169_201, "2 days"),
            (172_800, "2 days"),
            (2_678_400, "31 days"),
            (u64::MAX, "213503982334601 days 8 h"),
        ] {
            assert_eq!(duration(seconds), words, "{seconds}");
        }
    }
}
