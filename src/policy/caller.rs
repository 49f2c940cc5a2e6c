//! The caller of a request, and the rules that apply to it.
//!
//! The rules are looked up once for each request, when its head is there, since they
//! also say what a caller is shown in lists. Where a policy has times, they are looked
//! up again when the call is judged: its body may have come much later.

use super::bodies::Applied;
use super::{Denial, Policy, Reason, Rules};
use crate::limits::window::Nanos;
use crate::policy::condition::{
    Claim, Claims, Elements, Facts, JsonTexts, Line, Moment, NoClaims, Truth, Why, Work,
};
use crate::policy::document::Mode;
use core::cell::Cell;

/// The id of a caller of whom nothing is known.
pub(super) const ANONYMOUS: &str = "anonymous";

/// The caller of a tool, at a moment.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The caller's id.
    pub id: String,
    /// The rules that apply to it.
    pub(super) body: Body,
    /// The moment, where the policy has times.
    now: Nanos,
}

/// The rules that apply to a caller.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// They were not looked up, so nothing is allowed.
    Unknown,
    /// Those of the top level.
    Top,
    /// Those of the grant with this number.
    Grant(usize),
    /// Those of the group with this number.
    Group(usize),
    /// A condition of a group cannot be decided, so nothing is allowed: the numbers of
    /// both, and the path of the value. It is rare, and most callers are smaller
    /// without it.
    Unclear(Box<(usize, usize, Why, String)>),
}

/// The parts of a request that groups are asked about.
#[derive(Clone, Copy)]
pub struct About<'a> {
    /// The headers that the policy names.
    pub headers: &'a [(String, Line)],
    /// The claims of a verified token.
    pub claims: &'a dyn Claims,
}

impl Caller {
    /// The caller with this id, to whom nothing is allowed before its rules are
    /// looked up.
    pub const fn new(id: String) -> Self {
        Self { id, body: Body::Unknown, now: Nanos(0) }
    }

    /// The one caller where no identity is configured, or without a credential where
    /// the policy admits that. Nothing that a client can vary makes a second one.
    pub fn anonymous() -> Self {
        Self::new(ANONYMOUS.into())
    }

    pub(super) const fn now(&self) -> Nanos {
        self.now
    }
}

impl Policy {
    /// The caller with this id at a moment, of whom nothing else is known.
    pub fn caller(&self, id: &str, now: Nanos) -> Caller {
        let mut caller = Caller::new(id.to_owned());
        let nothing = About { headers: &[], claims: &NoClaims };
        self.place(&mut caller, &nothing, || Some(now));
        caller
    }

    /// Whether any part of the policy applies for a time only.
    pub const fn is_dated(&self) -> bool {
        self.is_dated
    }

    /// Whether callers belong to groups, which are asked about their requests.
    pub fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// Looks up the rules that apply to a caller. The clock is asked only if the
    /// policy has times; without one, nothing is allowed then.
    pub fn place(
        &self,
        caller: &mut Caller,
        about: &About<'_>,
        now: impl FnOnce() -> Option<Nanos>,
    ) {
        let now = if self.is_dated { now() } else { None };
        caller.body = match (self.is_dated, now) {
            (true, None) => Body::Unknown,
            (_, now) => self.body(&caller.id, about, now),
        };
        caller.now = now.unwrap_or(Nanos(0));
    }

    fn body(&self, id: &str, about: &About<'_>, now: Option<Nanos>) -> Body {
        let holds = |rules: &Rules| now.is_none_or(|now| rules.validity.holds(now));
        let grant = match now {
            // No pattern is meant for those of whom nothing is known.
            _ if self.is_stranger(id) => {
                let exact = self.grants.find_exact(id);
                exact.filter(|number| self.grants.values().get(*number).is_some_and(holds))
            }
            Some(_) => self.grants.find_where(id, &holds),
            None => self.grants.find(id),
        };
        match grant {
            Some(number) => Body::Grant(number),
            None if self.groups.is_empty() => Body::Top,
            None => self.group(id, about, now),
        }
    }

    /// Whether this is the id of requests without a credential, which no credential can
    /// name then.
    pub fn is_stranger(&self, id: &str) -> bool {
        self.settings.admits_anonymous && id == ANONYMOUS
    }

    /// The first group that a caller belongs to.
    #[cold]
    fn group(&self, id: &str, about: &About<'_>, now: Option<Nanos>) -> Body {
        let claims = Remembered { claims: about.claims, known: Cell::default() };
        let facts = Facts {
            arguments: None,
            members: None,
            headers: about.headers,
            claims: &claims,
            caller_id: id,
            tool: "",
            moment: Moment::default(),
            work: &Work::default(),
            texts: &JsonTexts::default(),
        };
        for (number, group) in self.groups.iter().enumerate() {
            if now.is_some_and(|now| !group.rules.validity.holds(now)) {
                continue;
            }
            let mut body = Some(Body::Group(number));
            for (index, (_, condition)) in group.when.iter().enumerate() {
                match condition.evaluate(&facts, Elements::All) {
                    (Truth::True, _) => {}
                    // One that is false decides, in any order.
                    (Truth::False, _) => {
                        body = None;
                        break;
                    }
                    (Truth::Undecidable(why), by) => {
                        if let Some(Body::Group(_)) = body {
                            let path = by.map_or("a value", |by| by.path.as_str()).to_owned();
                            body = Some(Body::Unclear(Box::new((number, index, why, path))));
                        }
                    }
                }
            }
            if let Some(body) = body {
                return body;
            }
        }
        Body::Top
    }

    /// The rules that apply to a caller.
    ///
    /// # Errors
    /// It is not known which.
    pub(super) fn rules(&self, caller: &Caller) -> Result<Applied<'_>, Denial<'_>> {
        self.known_rules(caller).ok_or_else(|| self.unplaced(caller))
    }

    /// The rules that apply to a caller, if it is known which.
    pub(super) fn known_rules(&self, caller: &Caller) -> Option<Applied<'_>> {
        let rules = match &caller.body {
            Body::Top => &self.top,
            Body::Grant(number) => self.grants.values().get(*number)?,
            Body::Group(number) => &self.groups.get(*number)?.rules,
            Body::Unknown | Body::Unclear(_) => return None,
        };
        Some(self.applied(rules))
    }

    /// The denial of anything that the rules decide about, to a caller of whom it is
    /// not known which rules apply; `None` to all others.
    pub fn misplaced(&self, caller: &Caller) -> Option<Denial<'_>> {
        self.rules(caller).err()
    }

    /// The denial of anything to a caller of whom it is not known which rules apply.
    #[cold]
    pub fn unplaced(&self, caller: &Caller) -> Denial<'_> {
        let Body::Unclear(unclear) = &caller.body else { return unknown() };
        let (group, index, why, path) = &**unclear;
        let when = self.groups.get(*group).and_then(|group| group.when.get(*index));
        let Some((pointer, _)) = when else { return unknown() };
        Denial {
            reason: Reason::Undecidable,
            rule: pointer,
            message: format!("The policy cannot decide about {path}: {why}.").into(),
            retry_after: None,
        }
    }

    fn applied<'p>(&'p self, own: &'p Rules) -> Applied<'p> {
        Applied { own, base: own.extends.then_some(&self.top) }
    }

    /// All rules that can apply to a caller of whom the id alone is known. Those who
    /// decide about a request for approval find its rule among them: the call itself
    /// is judged again by the rules of its own moment.
    pub(super) fn candidates(&self, id: &str) -> impl Iterator<Item = Applied<'_>> {
        let values = self.grants.values();
        let (grant, mut candidates) = match self.is_stranger(id) {
            true => {
                let grant = self.grants.find_exact(id).and_then(|number| values.get(number));
                (grant, grant.into_iter().collect())
            }
            false => {
                (self.grants.find(id).and_then(|number| values.get(number)), self.grants.all(id))
            }
        };
        if let Some(grant) = grant.filter(|grant| !grant.validity.is_bounded()) {
            candidates = vec![grant];
        } else {
            candidates.extend(self.groups.iter().map(|group| &group.rules));
            candidates.push(&self.top);
        }
        candidates.into_iter().map(|rules| self.applied(rules))
    }

    /// Whether a denial of this caller's call is only recorded.
    pub fn is_shadow(&self, caller: &Caller) -> bool {
        self.mode(caller) == Mode::Shadow
    }

    /// The mode of the rules that apply to a caller. It is not in shadow if they are not
    /// known.
    pub(super) fn mode(&self, caller: &Caller) -> Mode {
        self.known_rules(caller).map_or(Mode::Enforce, |rules| rules.own.mode)
    }
}

/// The denial to a caller whose rules were not looked up.
fn unknown() -> Denial<'static> {
    Denial {
        reason: Reason::Internal,
        rule: "(internal)",
        message: "The gateway cannot tell which rules apply.".into(),
        retry_after: None,
    }
}

/// Claims that are asked of the host once, however many groups look at them.
struct Remembered<'a> {
    claims: &'a dyn Claims,
    known: Cell<Vec<(Vec<String>, Claim)>>,
}

impl Claims for Remembered<'_> {
    fn claim(&self, path: &[&str]) -> Claim {
        let mut known = self.known.take();
        let claim = match known.iter().find(|(other, _)| other == path) {
            Some((_, claim)) => claim.clone(),
            None => {
                let claim = self.claims.claim(path);
                known.push((path.iter().map(|step| (*step).to_owned()).collect(), claim.clone()));
                claim
            }
        };
        self.known.set(known);
        claim
    }

    fn has_lists(&self) -> bool {
        self.claims.has_lists()
    }

    fn size(&self) -> usize {
        self.claims.size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn policy(text: &str) -> Policy {
        Policy::parse(text.as_bytes(), "").unwrap_or_else(|errors| panic!("{errors:?}"))
    }

    const NOTHING: About<'_> = About { headers: &[], claims: &NoClaims };

    #[test]
    fn nothing_is_allowed_before_the_rules_are_looked_up_or_without_a_clock() {
        let open = r#"{"version": "1", "default": "allow", "mode": "shadow"}"#;
        let dated = r#"{"version": "1", "default": "allow", "mode": "shadow",
            "tools": {"a": {"valid_until": "2030-01-01T00:00:00Z"}}}"#;
        let mut late = Caller::anonymous();
        policy(dated).place(&mut late, &NOTHING, || None);
        for (text, caller) in [(open, Caller::anonymous()), (dated, late)] {
            let policy = policy(text);
            assert_eq!(policy.misplaced(&caller).unwrap().reason, Reason::Internal);
            assert!(!policy.is_shadow(&caller));
            assert!(policy.conceals(&caller) && !policy.shows(&caller, "b"));
            assert!(policy.questions(&caller, "b").is_empty());
            let known = policy.caller("anonymous", Nanos(0));
            assert!(policy.misplaced(&known).is_none() && policy.is_shadow(&known));
        }
    }

    #[test]
    fn a_policy_without_times_asks_no_clock() {
        let policy = policy(
            r#"{"version": "1", "default": "deny", "identity": [{"header": "x-id"}],
            "grants": {"a*": {"default": "allow"}}, "groups": [{"name": "g", "default": "deny",
            "when": [{"path": "grant", "op": "eq", "value": "b"}]}]}"#,
        );
        for id in ["a", "b", "c"] {
            let mut caller = Caller::new(id.into());
            policy.place(&mut caller, &NOTHING, || panic!("asked"));
            assert!(policy.misplaced(&caller).is_none());
        }
    }

    /// Claims of which each question is counted.
    struct Counted(Cell<usize>);

    impl Claims for Counted {
        fn claim(&self, path: &[&str]) -> Claim {
            self.0.set(self.0.get().saturating_add(1));
            if path == ["team"] { Claim::Text("t39".into()) } else { Claim::Absent }
        }
    }

    #[test]
    fn a_claim_is_asked_for_once_however_many_groups_look_at_it() {
        let group = |n| {
            format!(
                r#"{{"name": "t{n}", "default": "deny", "tools": {{"x{n}": {{}}}},
                "when": [{{"path": "claims.team", "op": "eq", "value": "t{n}"}}]}}"#
            )
        };
        let groups: Vec<_> = (0..40).map(group).collect();
        let policy = policy(&format!(
            r#"{{"version": "1", "default": "deny", "groups": [{}],
            "settings": {{"tools_list": "callable"}}}}"#,
            groups.join(",")
        ));
        let claims = Counted(Cell::new(0));
        let mut caller = Caller::anonymous();
        policy.place(&mut caller, &About { headers: &[], claims: &claims }, || None);
        assert!(policy.shows(&caller, "x39") && !policy.shows(&caller, "x0"));
        assert_eq!(claims.0.get(), 1);
    }
}
