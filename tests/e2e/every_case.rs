//! The corpus through a real Envoy, in both versions of HTTP and both ways of
//! holding.
//!
//! One Envoy takes all cases: it has one filter for each policy, of which a
//! header of the request's picks one. Cases that count do not share a filter,
//! since filters of different names do not share counters.

use std::collections::BTreeMap;

use mcp_rig::client::{Request, Response};
use mcp_rig::gateway::{Gateway, Shell};
use mcp_rig::upstream::questions::{Questions, Reply};
use mcp_rig::upstream::{Answer, Upstream};
use serde_json::{Value, json};

use crate::asking::cluster;
use crate::corpus::{self, Case, Outcome, PAYLOAD_STATE, Script};
use crate::seen::{self, Seen};
use crate::support::{Holding, Wire, manager, passed};
use crate::tokens::set_filter_state;

/// Picks the filter.
const POLICY: &str = "x-case-policy";
/// Names one request, so that the upstream's record can be asked for it.
const REQUEST: &str = "x-case-request";
/// The text of the filter state with the payload of a token.
const PAYLOAD: &str = "x-case-payload";

#[tokio::test]
async fn the_corpus_passes_over_http1() {
    every_case(Wire::Http1, Holding::Body).await;
}

#[tokio::test]
async fn the_corpus_passes_over_http1_with_the_headers_held() {
    every_case(Wire::Http1, Holding::Everything).await;
}

#[tokio::test]
async fn the_corpus_passes_over_http2() {
    every_case(Wire::Http2, Holding::Body).await;
}

#[tokio::test]
async fn the_corpus_passes_over_http2_with_the_headers_held() {
    every_case(Wire::Http2, Holding::Everything).await;
}

async fn every_case(wire: Wire, holding: Holding) {
    let mut cases = corpus::cases();
    cases.retain(|case| !case.sets_clock);
    let upstream = Upstream::start_choosing(REQUEST, answers(&cases)).await;
    let service = Questions::start().await;
    let policies = Policies::of(&cases, holding);
    let gateway = Gateway::builder()
        .upstream(upstream.addr())
        .hold_request_headers(holding == Holding::Everything)
        .http1_trailers()
        .cluster(cluster("limits", service.addr()))
        .filter_before(set_filter_state(PAYLOAD_STATE, &format!("%REQ({PAYLOAD})%")))
        .edit_listener(move |listener| policies.edit(listener))
        .start()
        .await;

    let policies = Policies::of(&cases, holding);
    let mut responses = BTreeMap::new();
    for case in &cases {
        for (index, request) in case.requests.iter().enumerate() {
            for time in 0..request.times {
                let name = format!("{} {index} {time}", case.name);
                let replies = replies(request);
                assert_eq!(service.reply_next(replies), 0, "{name}: not asked by the one before");
                let request = written(request)
                    .header(POLICY, &policies.number(&case.name))
                    .header(REQUEST, &name);
                responses.insert(name, wire.send(gateway.addr(), &request).await);
            }
        }
    }

    assert_eq!(service.reply_next(Vec::new()), 0, "the last one was not asked about");
    // Any other would be a question too many.
    assert_eq!(service.asked(), []);

    let arrived = seen::requests(&upstream).await;
    let arrived: BTreeMap<_, _> =
        arrived.iter().filter_map(|seen| Some((seen.header(REQUEST)?, seen))).collect();
    corpus::run(cases, |case| {
        let mut results = Vec::new();
        for (index, request) in case.requests.iter().enumerate() {
            for time in 0..request.times {
                let name = format!("{} {index} {time}", case.name);
                let seen = arrived.get(name.as_str()).copied();
                let result = outcome(&responses[&name], seen, request, holding)
                    .and_then(|outcome| corpus::check(&outcome, &request.expect));
                results.push((index, result));
            }
        }
        results
    });
}

/// The answers of the service about a request.
fn replies(request: &corpus::Request) -> Vec<Reply> {
    let answers = request.limit_service.iter();
    let reply = |answer: &Script| match answer {
        Script::Never => Reply::Never,
        Script::Reset => Reply::Reset,
        Script::Status(status) => Reply::Status(*status),
        Script::Message(message) => Reply::Message(message.clone()),
    };
    answers.map(reply).collect()
}

/// The answers of a case's server, by the name of the request.
fn answers(cases: &[Case]) -> BTreeMap<String, Answer> {
    let mut answers = BTreeMap::new();
    for case in cases {
        for (index, request) in case.requests.iter().enumerate() {
            for time in 0..request.times {
                if let Some(response) = &request.response {
                    answers.insert(format!("{} {index} {time}", case.name), answer(response));
                }
            }
        }
    }
    answers
}

/// The response as the server writes it.
fn answer(response: &corpus::Response) -> Answer {
    let mut head = format!("HTTP/1.1 {} Status\r\n", response.status);
    for (name, value) in &response.headers {
        head += &format!("{name}: {value}\r\n");
    }
    let events = response.headers.iter().any(|(_, value)| value.contains("event-stream"));
    if !events && !response.trailers {
        let head = format!("{head}content-length: {}\r\n\r\n", response.body.len());
        return Answer::new().then([head.as_bytes(), &response.body].concat());
    }
    let head = Answer::new().then(head + "transfer-encoding: chunked\r\n\r\n");
    let chunks = response.body.chunks(50);
    let chunk =
        |chunk: &[u8]| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
    let end = if response.trailers { "0\r\nx-sum: 1\r\n\r\n" } else { "0\r\n\r\n" };
    chunks.map(chunk).fold(head, Answer::then).then(end)
}

/// The request as the client writes it.
fn written(request: &corpus::Request) -> Request {
    let mut written = Request::new(&request.method, &request.path);
    for (name, value) in &request.headers {
        written = written.header(name, value);
    }
    if let Some(payload) = &request.client.payload {
        written = written.header(PAYLOAD, payload);
    }
    if !request.body.is_empty() {
        written = written.body(request.body.clone());
    }
    if request.trailers { written.trailer("x-sum", "1") } else { written }
}

/// The outcome of a request, if answer and record agree about it.
fn outcome(
    response: &Response,
    seen: Option<&Seen>,
    request: &corpus::Request,
    holding: Holding,
) -> Result<Outcome, String> {
    let whole = seen.is_some_and(|seen| seen.whole && seen.body == request.body);
    if let (Some(sent), true) = (&request.response, whole) {
        return Ok(sent.outcome(response.status, response.body.clone()));
    }
    if passed(response) {
        return match seen {
            Some(seen) if seen.whole && seen.body == request.body => Ok(Outcome::Forwarded),
            seen => Err(format!("what the upstream got is not what was sent: {seen:?}")),
        };
    }
    match seen {
        Some(seen) if holding == Holding::Everything || !seen.body.is_empty() => {
            Err(format!("was refused, but the upstream got {seen:?}"))
        }
        _ => Ok(Outcome::Replied {
            status: response.status,
            headers: response.headers.clone(),
            body: response.body.clone(),
        }),
    }
}

/// The policies of all cases, each once, and which case has which.
struct Policies {
    texts: Vec<String>,
    numbers: BTreeMap<String, usize>,
}

impl Policies {
    fn of(cases: &[Case], holding: Holding) -> Self {
        let mut policies = Self { texts: Vec::new(), numbers: BTreeMap::new() };
        for case in cases {
            let text = match holding {
                Holding::Body => case.policy.clone(),
                Holding::Everything => held(&case.policy),
            };
            let counts = text.contains("limit") || text.contains("lock");
            let known = policies.texts.iter().position(|known| *known == text && !counts);
            let number = known.unwrap_or_else(|| {
                policies.texts.push(text);
                policies.texts.len() - 1
            });
            policies.numbers.insert(case.name.clone(), number);
        }
        policies
    }

    fn number(&self, case: &str) -> String {
        self.numbers[case].to_string()
    }

    /// Puts a filter for each policy in the place of the only one, and routes
    /// of which each turns one of them on. A request that picks none finds no
    /// route.
    fn edit(&self, listener: &mut Value) {
        let manager = manager(listener);
        let route = manager["route_config"]["virtual_hosts"][0]["routes"][0].clone();
        let filters = manager["http_filters"].as_array_mut().expect("a list of filters");
        // Behind the one that sets the filter state.
        let filter = filters.remove(1);
        let mut routes = Vec::new();
        for (number, text) in self.texts.iter().enumerate() {
            let (number, name) = (number.to_string(), format!("policy-{number}"));
            let mut filter = filter.clone();
            filter["name"] = name.as_str().into();
            filter["disabled"] = true.into();
            let config = &mut filter["typed_config"];
            match Shell::under_test() {
                Shell::Wasm => {
                    config["config"]["name"] = name.as_str().into();
                    config["config"]["configuration"]["value"] = text.as_str().into();
                }
                Shell::Native => {
                    config["filter_name"] = name.as_str().into();
                    config["filter_config"]["value"] = format!("{text}\n").into();
                }
            }
            filters.insert(1, filter);

            let mut route = route.clone();
            route["match"]["headers"] =
                json!([{ "name": POLICY, "string_match": { "exact": number } }]);
            route["typed_per_filter_config"] = json!({ name: {
                "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
                "config": {},
            } });
            routes.push(route);
        }
        manager["route_config"]["virtual_hosts"][0]["routes"] = routes.into();
    }
}

/// The policy with `hold_request_headers`.
fn held(policy: &str) -> String {
    let mut policy: Value = serde_json::from_str(policy).expect("a policy");
    policy["settings"]["hold_request_headers"] = true.into();
    policy.to_string()
}
