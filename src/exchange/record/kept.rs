//! A record that outlives the body and the policy that it is about, while an answer is
//! waited for.

use super::{Counted, Decision, Left, Names, Record};
use crate::exchange::approvals::ApprovalRecord;
use crate::policy::{Reason, Values};
use crate::wire::mcp::Offer;
use std::borrow::Cow;

/// All that a [`Record`] has, with nothing borrowed.
#[derive(Debug)]
pub(in crate::exchange) struct Kept {
    decision: Decision,
    reason: Option<Reason>,
    rule: Box<str>,
    message: Option<Box<str>>,
    method: Option<Box<str>>,
    tool: Option<Box<str>>,
    offer: Option<Box<Offer<'static>>>,
    caller_id: Option<Box<str>>,
    arguments: Option<Names<'static>>,
    arguments_hmac: Option<String>,
    values: Option<Vec<(Box<str>, Option<String>)>>,
    limits: Vec<(Box<str>, Option<u64>, Counted)>,
    approval: Option<Box<ApprovalRecord>>,
    shadow: Vec<(Box<str>, Reason)>,
}

impl Kept {
    pub(in crate::exchange) fn new(record: Record<'_>) -> Self {
        let Record {
            decision,
            reason,
            rule,
            message,
            method,
            tool,
            offer,
            caller_id,
            arguments,
            arguments_hmac,
            values,
            limits,
            approval,
            shadow,
        } = record;
        let owned = |text: Cow<'_, str>| Box::from(&*text);
        Self {
            decision,
            reason,
            rule: rule.into(),
            message: message.map(owned),
            method: method.map(owned),
            tool: tool.map(owned),
            offer: offer.map(|offer| Box::new(offer.into_owned())),
            caller_id: caller_id.map(Box::from),
            arguments: arguments.map(|Names { shown, more }| Names {
                shown: shown.into_iter().map(|name| Cow::Owned(name.into_owned())).collect(),
                more,
            }),
            arguments_hmac,
            values: values.map(|values| {
                values.0.into_iter().map(|(name, value)| (name.into(), value)).collect()
            }),
            limits: limits
                .iter()
                .map(|left| (left.rule.into(), left.millionths, left.counted))
                .collect(),
            approval,
            shadow: shadow.into_iter().map(|(rule, reason)| (rule.into(), reason)).collect(),
        }
    }

    /// The record.
    pub(in crate::exchange) fn record(&self) -> Record<'_> {
        Record {
            decision: self.decision,
            reason: self.reason,
            rule: &self.rule,
            message: self.message.as_deref().map(Cow::Borrowed),
            method: self.method.as_deref().map(Cow::Borrowed),
            tool: self.tool.as_deref().map(Cow::Borrowed),
            offer: self.offer.as_deref().map(Offer::lent),
            caller_id: self.caller_id.as_deref(),
            arguments: self.arguments.clone(),
            arguments_hmac: self.arguments_hmac.clone(),
            values: self.values.as_ref().map(|values| {
                let lent = values.iter().map(|(name, value)| (&**name, value.clone()));
                Box::new(Values(lent.collect()))
            }),
            limits: self
                .limits
                .iter()
                .map(|(rule, left, counted)| Left { rule, millionths: *left, counted: *counted })
                .collect(),
            approval: self.approval.clone(),
            shadow: self.shadow.iter().map(|(rule, reason)| (&**rule, *reason)).collect(),
        }
    }

    /// Takes the place in which a limit was counted, and the rest of it there.
    pub(in crate::exchange) fn count(&mut self, rule: &str, left: Option<u64>, counted: Counted) {
        if let Some(limit) = self.limits.iter_mut().find(|(own, ..)| **own == *rule) {
            (limit.1, limit.2) = (left, counted);
        }
    }

    /// The id of the caller, where callers are told apart.
    pub(in crate::exchange) fn caller_id(&self) -> Option<&str> {
        self.caller_id.as_deref()
    }

    /// The bytes that it keeps, about.
    pub(in crate::exchange) fn size(&self) -> usize {
        let texts = [&self.message, &self.method, &self.tool, &self.caller_id];
        let texts = texts.into_iter().flatten().map(|text| text.len());
        let offer = self.offer.iter().map(|offer| offer.name.len().saturating_add(EACH));
        let texts = texts.chain(offer);
        let names = self.arguments.iter().flat_map(|names| &names.shown).map(|name| name.len());
        let values =
            self.values.iter().flatten().map(|(name, value)| {
                name.len().saturating_add(value.as_ref().map_or(0, String::len))
            });
        let rules = self.limits.iter().map(|(rule, ..)| rule.len());
        let rules = rules.chain(self.shadow.iter().map(|(rule, _)| rule.len()));
        // Each of these has a header of its own, and a block of the allocator.
        let lists = names.chain(values).chain(rules).map(|bytes| bytes.saturating_add(EACH));
        let bytes = texts.chain(lists).fold(self.rule.len(), usize::saturating_add);
        bytes.saturating_add(size_of::<Self>())
    }
}

/// Bytes that an element of a list costs besides its text.
const EACH: usize = 48;
