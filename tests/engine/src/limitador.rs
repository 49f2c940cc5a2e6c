//! Kuadrant's Limitador, asked as its server asks it.
//!
//! A request's descriptors are the list `descriptors`, and `hits_addend` is what every
//! limit that applies is charged. There are no statuses; with `--rate-limit-headers
//! DRAFT_VERSION_03` the limits that applied are in the headers. Storage that fails is
//! the status UNAVAILABLE.

mod redis;

use std::collections::HashMap;

use limitador::limit::{Context, Limit as Rule};
use limitador::{CheckResult, RateLimiter};

use crate::rls::{Code, HeaderValue, RateLimitRequest, RateLimitResponse};
use crate::{Limit, Status};

/// Limitador, by where it counts.
pub struct Limitador {
    counting: Counting,
    /// `--rate-limit-headers DRAFT_VERSION_03`.
    headers: bool,
}

enum Counting {
    Memory(RateLimiter),
    Redis(redis::Redis),
}

impl Limitador {
    /// Limitador with these limits in the namespace `domain`.
    ///
    /// # Panics
    /// Redis cannot be reached.
    pub async fn new(domain: &str, limits: &[Limit], redis: Option<&str>, headers: bool) -> Self {
        let rules = limits.iter().map(|limit| rule(domain, limit));
        Self::with(rules.collect(), redis, headers).await
    }

    /// Limitador with the limits of its file.
    ///
    /// # Panics
    /// Redis cannot be reached, or a limit is there twice.
    pub async fn with(rules: Vec<Rule>, redis: Option<&str>, headers: bool) -> Self {
        let rules = rules.into_iter();
        let counting = match redis {
            None => {
                let limiter = RateLimiter::new(10_000);
                rules.for_each(|rule| assert!(limiter.add_limit(rule), "a limit twice"));
                Counting::Memory(limiter)
            }
            Some(redis) => Counting::Redis(redis::Redis::new(redis, rules).await),
        };
        Self { counting, headers }
    }

    /// The answer to a request.
    ///
    /// # Errors
    /// The storage fails.
    pub async fn answer(&self, request: &RateLimitRequest) -> Result<RateLimitResponse, Status> {
        let mut response = RateLimitResponse::default();
        if request.domain.is_empty() {
            return Ok(response);
        }
        let entries = |descriptor: &crate::rls::RateLimitDescriptor| {
            let entries = descriptor.entries.iter();
            entries.map(|entry| (entry.key.clone(), entry.value.clone())).collect()
        };
        let values: Vec<HashMap<String, String>> =
            request.descriptors.iter().map(entries).collect();
        let mut context = Context::default();
        context.list_binding("descriptors".to_owned(), values);
        let delta = u64::from(request.hits_addend.max(1));
        let mut checked: CheckResult = match &self.counting {
            Counting::Memory(limiter) => {
                let namespace = request.domain.as_str().into();
                let checked = limiter.check_rate_limited_and_update(&namespace, &context, delta);
                checked.map_err(|_| Status::UNAVAILABLE)?
            }
            Counting::Redis(redis) => {
                redis.check_and_update(&request.domain, &context, delta).await?
            }
        };
        let code = if checked.limited { Code::OverLimit } else { Code::Ok };
        response.overall_code = code.into();
        if self.headers {
            let headers = checked.response_header().into_iter();
            let headers = headers.map(|(key, value)| HeaderValue { key, value, raw_value: vec![] });
            response.response_headers_to_add = headers.collect();
            response.response_headers_to_add.sort_by(|a, b| a.key.cmp(&b.key));
        }
        Ok(response)
    }
}

/// Reads the file of Limitador, as its server does.
///
/// # Panics
/// It is anything else.
pub fn file(text: &str) -> Vec<Rule> {
    yaml_serde::from_str(text).expect("a list of limits")
}

/// A limit as the file of Limitador has it. Conditions are about the first descriptor:
/// `exists` never applies, and an index that is not there ends the server's task.
fn rule(domain: &str, limit: &Limit) -> Rule {
    // A text of CEL is written as one of JSON.
    let name = serde_json::Value::from(&*limit.counter);
    let condition = format!("descriptors[0][\"mcp_counter\"] == {name}");
    let conditions = [condition.as_str().try_into().expect("a condition")];
    let caller = limit.per_caller.then_some("descriptors[0][\"mcp_caller\"]");
    let variables: Vec<_> =
        caller.into_iter().map(|text| text.try_into().expect("a variable")).collect();
    Rule::new(domain, limit.max.into(), limit.seconds.into(), conditions, variables)
}
