//! A model of envoyproxy/ratelimit, which is in no registry: what its source does with a
//! request, and nothing else.
//!
//! - A key is the domain, and the keys and values of a descriptor, and the start of the
//!   window, joined by `_` without any escape. Windows are aligned to 1970.
//! - A descriptor may bring its limit, if the domain is known. Without a limit it is
//!   answered OK, and its status has no `current_limit`.
//! - All keys are incremented, over or not. With `STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT`
//!   they are read first: if one would be over, it alone is incremented.
//! - Versions before 2025 know the weight of a request alone, which is at least 1.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use redis::aio::ConnectionManager;

use crate::rls::{
    Code, DescriptorStatus, Duration, RateLimit, RateLimitDescriptor, RateLimitRequest,
    RateLimitResponse, Unit,
};
use crate::{Limit, Status};

/// The engine, by its settings.
pub struct Ratelimit {
    /// The domain of its file.
    pub domain: String,
    /// The limits of its file, for descriptors that bring none.
    pub limits: Vec<Limit>,
    /// `STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT`.
    pub stops: bool,
    /// Whether it is a version that does not read the weight of a descriptor.
    pub old: bool,
    /// The counts.
    pub store: Store,
    /// The seconds that its clock is ahead.
    pub ahead: AtomicI64,
}

/// The place of the counts.
pub enum Store {
    /// This process.
    Memory(Mutex<HashMap<String, u64>>),
    /// Redis.
    Redis(Box<ConnectionManager>),
}

/// A descriptor with its limit.
struct Counted {
    key: String,
    max: u32,
    unit: Unit,
    hits: u64,
}

impl Ratelimit {
    /// The answer to a request.
    ///
    /// # Errors
    /// The request has no domain or no descriptor, or the store fails.
    pub async fn answer(&self, request: &RateLimitRequest) -> Result<RateLimitResponse, Status> {
        if request.domain.is_empty() || request.descriptors.is_empty() {
            return Err(Status::UNKNOWN);
        }
        let now = self.now();
        let counted = request.descriptors.iter().map(|one| self.counted(request, one, now));
        let counted: Vec<Option<Counted>> = counted.collect();
        let mut charged: Vec<(&str, u64, u64)> =
            counted.iter().flatten().map(|one| (&*one.key, one.hits, seconds(one.unit))).collect();
        if self.stops {
            let keys: Vec<&str> = charged.iter().map(|(key, ..)| *key).collect();
            let before = self.store.read(&keys).await?;
            let is_over =
                |(one, before): (&Counted, &u64)| before.saturating_add(one.hits) > one.max.into();
            let over = counted.iter().flatten().zip(&before).position(is_over);
            if let Some(over) = over {
                let others = charged.iter_mut().enumerate().filter(|(at, _)| *at != over);
                others.for_each(|(_, (_, hits, _))| *hits = 0);
            }
        }
        let mut after = self.store.add(&charged).await?.into_iter();
        let mut response = RateLimitResponse::default();
        let mut code = Code::Ok;
        for one in &counted {
            let Some(Counted { max, unit, .. }) = one else {
                response
                    .statuses
                    .push(DescriptorStatus { code: Code::Ok.into(), ..Default::default() });
                continue;
            };
            let left = u64::from(*max).checked_sub(after.next().unwrap_or(u64::MAX));
            let own = if left.is_some() { Code::Ok } else { Code::OverLimit };
            code = code.max(own);
            let divider = seconds(*unit);
            let reset = divider - now % divider;
            response.statuses.push(DescriptorStatus {
                code: own.into(),
                current_limit: Some(RateLimit {
                    name: String::new(),
                    requests_per_unit: *max,
                    unit: (*unit).into(),
                }),
                limit_remaining: left.map_or(0, |left| u32::try_from(left).unwrap_or(u32::MAX)),
                duration_until_reset: Some(Duration {
                    seconds: i64::try_from(reset).unwrap_or(i64::MAX),
                    nanos: 0,
                }),
            });
        }
        response.overall_code = code.into();
        Ok(response)
    }

    fn now(&self) -> u64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        now.as_secs().saturating_add_signed(self.ahead.load(Ordering::Relaxed))
    }

    fn counted(
        &self,
        request: &RateLimitRequest,
        descriptor: &RateLimitDescriptor,
        now: u64,
    ) -> Option<Counted> {
        if request.domain != self.domain {
            return None;
        }
        let (max, unit) = match &descriptor.limit {
            Some(limit) => (limit.requests_per_unit, Unit::try_from(limit.unit).ok()?),
            None => self.own_limit(descriptor)?,
        };
        let mut key = format!("{}_", request.domain);
        for entry in &descriptor.entries {
            key += &format!("{}_{}_", entry.key, entry.value);
        }
        let divider = seconds(unit);
        key += &(now / divider * divider).to_string();
        let of_request = u64::from(request.hits_addend.max(1));
        let hits = match descriptor.hits_addend {
            Some(hits) if !self.old => hits.value,
            _ => of_request,
        };
        Some(Counted { key, max, unit, hits })
    }

    fn own_limit(&self, descriptor: &RateLimitDescriptor) -> Option<(u32, Unit)> {
        let value = |key: &str| {
            let entry = descriptor.entries.iter().find(|entry| entry.key == key);
            entry.map(|entry| &*entry.value)
        };
        let limit = self.limits.iter().find(|limit| {
            value("mcp_counter") == Some(&limit.counter)
                && value("mcp_caller").is_some() == limit.per_caller
        })?;
        let units = [Unit::Second, Unit::Minute, Unit::Hour, Unit::Day];
        let unit = units.into_iter().find(|unit| seconds(*unit) == u64::from(limit.seconds))?;
        Some((limit.max, unit))
    }
}

fn seconds(unit: Unit) -> u64 {
    match unit {
        Unit::Unknown | Unit::Second => 1,
        Unit::Minute => 60,
        Unit::Hour => 3_600,
        Unit::Day => 86_400,
        Unit::Week => 7 * 86_400,
        Unit::Month => 30 * 86_400,
        Unit::Year => 365 * 86_400,
    }
}

impl Store {
    /// A store in this process, or in Redis.
    ///
    /// # Panics
    /// Redis cannot be reached.
    pub async fn new(redis: Option<&str>) -> Self {
        let Some(redis) = redis else { return Self::Memory(Mutex::default()) };
        Self::Redis(Box::new(crate::connect(redis).await))
    }

    /// The counts of some keys.
    async fn read(&self, keys: &[&str]) -> Result<Vec<u64>, Status> {
        match self {
            Self::Memory(counts) => {
                let counts = counts.lock().expect("the counts");
                Ok(keys.iter().map(|key| counts.get(*key).copied().unwrap_or_default()).collect())
            }
            Self::Redis(_) if keys.is_empty() => Ok(Vec::new()),
            Self::Redis(manager) => {
                let mut pipe = redis::pipe();
                for key in keys {
                    pipe.get(*key);
                }
                let found = pipe.query_async::<Vec<Option<u64>>>(&mut (**manager).clone()).await;
                let found = found.map_err(|_| Status::UNKNOWN)?;
                Ok(found.into_iter().map(Option::unwrap_or_default).collect())
            }
        }
    }

    /// Adds to keys, each for these seconds, and returns the counts after it.
    async fn add(&self, keys: &[(&str, u64, u64)]) -> Result<Vec<u64>, Status> {
        match self {
            Self::Memory(counts) => {
                let mut counts = counts.lock().expect("the counts");
                let add = |(key, hits, _): &(&str, u64, u64)| {
                    let count = counts.entry((*key).to_owned()).or_default();
                    *count = count.saturating_add(*hits);
                    *count
                };
                Ok(keys.iter().map(add).collect())
            }
            Self::Redis(_) if keys.is_empty() => Ok(Vec::new()),
            Self::Redis(manager) => {
                let mut pipe = redis::pipe();
                for (key, hits, seconds) in keys {
                    pipe.incr(*key, *hits);
                    pipe.expire(*key, i64::try_from(*seconds).unwrap_or(i64::MAX)).ignore();
                }
                let after = pipe.query_async::<Vec<u64>>(&mut (**manager).clone()).await;
                after.map_err(|_| Status::UNKNOWN)
            }
        }
    }
}
