//! `mcp-engine ENGINE [OPTION...]`: serves an engine, and prints the address.
//!
//! Called `ratelimit`, it is the stand-in for that service in a container.
//!
//! | option | what it says |
//! | --- | --- |
//! | `--domain NAME` | the domain of the file, or the namespace; `mcp` |
//! | `--limits JSON` | the limits of the file: `[{"counter", "max", "seconds", "per_caller"}]` |
//! | `--file FILE` | `limitador`: the file itself, in the place of these two |
//! | `--redis URL` | counts are in Redis, not in memory |
//! | `--listen ADDRESS` | a free port of loopback without it |
//! | `--stop` | `ratelimit`: STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT |
//! | `--old` | `ratelimit`: a version that does not read the weight of a descriptor |
//! | `--no-headers` | `limitador`: without `--rate-limit-headers` |

use std::sync::atomic::AtomicI64;

use mcp_engine::limitador::{self, Limitador};
use mcp_engine::ratelimit::{Ratelimit, Store};
use mcp_engine::server::Server;
use mcp_engine::{Engine, Limit, stand_in};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args();
    if arguments.next().is_some_and(|program| stand_in::is_meant(&program)) {
        return serve(stand_in::engine().await, stand_in::ADDRESS).await;
    }
    let name = arguments.next().expect("the name of an engine");
    let (mut domain, mut limits, mut redis) = ("mcp".to_owned(), Vec::new(), None);
    let mut file = None;
    let (mut listen, mut stops, mut old, mut headers) =
        ("127.0.0.1:0".to_owned(), false, false, true);
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{option} needs a value"));
        match &*option {
            "--domain" => domain = value(),
            "--limits" => limits = Limit::read(&value()),
            "--file" => file = Some(std::fs::read_to_string(value()).expect("the file")),
            "--redis" => redis = Some(value()),
            "--listen" => listen = value(),
            "--stop" => stops = true,
            "--old" => old = true,
            "--no-headers" => headers = false,
            _ => panic!("unknown option {option}"),
        }
    }
    let redis = redis.as_deref();
    let engine = match &*name {
        "limitador" => Engine::Limitador(match file {
            Some(file) => Limitador::with(limitador::file(&file), redis, headers).await,
            None => Limitador::new(&domain, &limits, redis, headers).await,
        }),
        "ratelimit" => {
            let store = Store::new(redis).await;
            let ahead = AtomicI64::new(0);
            Engine::Ratelimit(Ratelimit { domain, limits, stops, old, store, ahead })
        }
        _ => panic!("unknown engine {name}"),
    };
    serve(engine, &listen).await;
}

async fn serve(engine: Engine, address: &str) {
    let listener = TcpListener::bind(address).await.expect("an address to listen on");
    println!("{}", listener.local_addr().expect("its address"));
    Server::new(engine).serve(listener).await;
}
