//! A rate limit service for the tests, as an Envoy and its filters ask one.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`rls`] | the messages, as prost-build makes them of Envoy's API |
//! | [`limitador`] | Kuadrant's Limitador: its own crate, in memory or on Redis, asked as its server asks it |
//! | [`ratelimit`] | a model of envoyproxy/ratelimit, in memory or on Redis |
//! | [`stand_in`] | the command line of envoyproxy/ratelimit, for containers |
//! | [`server`] | gRPC by hand, so that answers can be late, cut, lost and wrong |
//! | [`fault`] | what an answer is made of, if it is not the engine's own |

pub mod fault;
pub mod limitador;
pub mod ratelimit;
pub mod rls;
pub mod server;
pub mod stand_in;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use std::time::Duration;

/// A connection to Redis, which is made again when it is lost, and does not wait for that.
///
/// # Panics
/// Redis cannot be reached.
async fn connect(url: &str) -> ConnectionManager {
    let client = redis::Client::open(url).expect("the address of Redis");
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(1)
        .set_max_delay(10)
        .set_connection_timeout(Duration::from_secs(1))
        .set_response_timeout(Duration::from_secs(5));
    client.get_connection_manager_with_config(config).await.expect("Redis")
}

/// An engine.
pub enum Engine {
    /// Kuadrant's Limitador.
    Limitador(limitador::Limitador),
    /// envoyproxy/ratelimit.
    Ratelimit(ratelimit::Ratelimit),
}

impl Engine {
    /// The answer to a request.
    ///
    /// # Errors
    /// A gRPC status: the engine cannot say.
    pub async fn answer(
        &self,
        request: &rls::RateLimitRequest,
    ) -> Result<rls::RateLimitResponse, Status> {
        match self {
            Self::Limitador(engine) => engine.answer(request).await,
            Self::Ratelimit(engine) => engine.answer(request).await,
        }
    }
}

/// A gRPC status that is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u8);

impl Status {
    /// As envoyproxy/ratelimit fails.
    pub const UNKNOWN: Self = Self(2);
    /// As Limitador fails.
    pub const UNAVAILABLE: Self = Self(14);
    /// The bytes are not a request.
    pub const INVALID_ARGUMENT: Self = Self(3);
}

/// A limit of the engine's own file.
#[derive(Clone, Debug)]
pub struct Limit {
    /// The value of `mcp_counter`.
    pub counter: String,
    /// Hits that a window admits.
    pub max: u32,
    /// The length of the window.
    pub seconds: u32,
    /// Whether each `mcp_caller` has a count.
    pub per_caller: bool,
}

impl Limit {
    /// Reads the limits of the command line, a list of objects.
    ///
    /// # Panics
    /// It is anything else.
    pub fn read(text: &str) -> Vec<Self> {
        let list: Vec<serde_json::Value> = serde_json::from_str(text).expect("a list of limits");
        let number = |value: &serde_json::Value| {
            u32::try_from(value.as_u64().expect("a number")).expect("of 32 bits")
        };
        let limit = |limit: &serde_json::Value| Self {
            counter: limit["counter"].as_str().expect("a name").to_owned(),
            max: number(&limit["max"]),
            seconds: number(&limit["seconds"]),
            per_caller: limit["per_caller"].as_bool().expect("true or false"),
        };
        list.iter().map(limit).collect()
    }
}
