//! Both engines on one Redis, by themselves: what is left of a count when one of them
//! starts again, and what they say without Redis.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mcp_engine::limitador::Limitador;
use mcp_engine::ratelimit::{Ratelimit, Store};
use mcp_engine::rls::{
    Code, Entry, RateLimitDescriptor, RateLimitOverride, RateLimitRequest, UInt64Value, Unit,
};
use mcp_engine::{Engine, Limit, Status};

/// A Redis on a socket in a directory of its own; both go when it is dropped.
struct Redis {
    child: Child,
    directory: PathBuf,
}

impl Redis {
    fn start() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // A socket's path has at most 107 bytes.
        let directory =
            std::env::temp_dir().join(format!("mcp-engine-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let program = std::env::var_os("REDIS_SERVER")
            .expect("REDIS_SERVER is not set: run the tests with scripts/test-engine");
        let child = Command::new(program)
            .args(["--port", "0", "--save", "", "--unixsocket", "redis.sock", "--dir"])
            .arg(&directory)
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let redis = Self { child, directory };
        let start = Instant::now();
        while std::os::unix::net::UnixStream::connect(redis.socket()).is_err() {
            assert!(start.elapsed() < Duration::from_secs(30), "Redis does not serve");
            std::thread::sleep(Duration::from_millis(10));
        }
        redis
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("redis.sock")
    }

    fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn request(counter: &str, limit: Option<u32>, hits: u64) -> RateLimitRequest {
    let entry = |key: &str, value: &str| Entry { key: key.to_owned(), value: value.to_owned() };
    RateLimitRequest {
        domain: "mcp".to_owned(),
        descriptors: vec![RateLimitDescriptor {
            entries: vec![entry("mcp_counter", counter), entry("mcp_caller", "ann")],
            limit: limit
                .map(|max| RateLimitOverride { requests_per_unit: max, unit: Unit::Day.into() }),
            hits_addend: limit.map(|_| UInt64Value { value: hits }),
            is_negative_hits: false,
        }],
        hits_addend: u32::try_from(hits).unwrap(),
    }
}

async fn limitador(redis: &Redis) -> Engine {
    let counter = "calls".to_owned();
    let limits = [Limit { counter, max: 10, seconds: 3_600, per_caller: true }];
    Engine::Limitador(Limitador::new("mcp", &limits, Some(&redis.url()), true).await)
}

async fn ratelimit(redis: &Redis, stops: bool) -> Engine {
    let (store, ahead) = (Store::new(Some(&redis.url())).await, AtomicI64::new(0));
    let domain = "mcp".to_owned();
    Engine::Ratelimit(Ratelimit { domain, limits: vec![], stops, old: false, store, ahead })
}

#[tokio::test]
async fn counts_survive_the_engine_and_not_redis() {
    let mut redis = Redis::start();
    let calls = |hits| request("calls", None, hits);
    let code = async |engine: &Engine, hits| {
        Code::try_from(engine.answer(&calls(hits)).await.unwrap().overall_code).unwrap()
    };
    let first = limitador(&redis).await;
    assert_eq!(code(&first, 6).await, Code::Ok);
    let second = limitador(&redis).await;
    assert_eq!(code(&second, 5).await, Code::OverLimit);
    assert_eq!(code(&second, 4).await, Code::Ok);
    assert_eq!(code(&first, 1).await, Code::OverLimit);
    redis.stop();
    assert_eq!(first.answer(&calls(1)).await, Err(Status::UNAVAILABLE));
}

#[tokio::test]
async fn ratelimit_increments_what_is_over_and_with_the_switch_nothing_else() {
    for stops in [false, true] {
        let mut redis = Redis::start();
        let first = ratelimit(&redis, stops).await;
        let second = ratelimit(&redis, stops).await;
        let mut two = request("a", Some(10), 6);
        two.descriptors.extend(request("b", Some(100), 6).descriptors);
        let left = |response: &mcp_engine::rls::RateLimitResponse| {
            response.statuses.iter().map(|status| status.limit_remaining).collect::<Vec<_>>()
        };
        let answer = first.answer(&two).await.unwrap();
        assert_eq!((answer.overall_code(), left(&answer)), (Code::Ok, vec![4, 94]));
        let answer = second.answer(&two).await.unwrap();
        let others = if stops { 94 } else { 88 };
        assert_eq!((answer.overall_code(), left(&answer)), (Code::OverLimit, vec![0, others]));
        // The heavy call that was refused has used the budget up.
        let answer = first.answer(&request("a", Some(10), 1)).await.unwrap();
        assert_eq!(answer.overall_code(), Code::OverLimit);
        // A look is none.
        for _ in 0..3 {
            let answer = first.answer(&request("b", Some(100), 0)).await.unwrap();
            assert_eq!((answer.overall_code(), left(&answer)), (Code::Ok, vec![others]));
        }
        redis.stop();
        assert_eq!(first.answer(&two).await, Err(Status::UNKNOWN));
    }
}
