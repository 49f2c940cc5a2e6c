//! gRPC over HTTP/2, as much of it as a unary method needs, and the control paths:
//!
//! | path | what it does |
//! | --- | --- |
//! | `/-/fault/NAME` | the next answers have this fault; without a name, none has |
//! | `/-/release` | answers that are held go out |
//! | `/-/ahead/SECONDS` | the clock of `ratelimit` is that far ahead |
//! | `/-/asked` | how often the method was called, and the last request in hexadecimal digits: `N HEX` |

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request, Response};
use prost::Message;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::fault::Fault;
use crate::rls::RateLimitRequest;
use crate::{Engine, Status};

/// The method.
const PATH: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

/// An engine that is served, and what was asked of it.
pub struct Server {
    engine: Engine,
    told: Mutex<Told>,
    released: Notify,
}

#[derive(Default)]
struct Told {
    fault: Option<Fault>,
    asked: u64,
    last: Vec<u8>,
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

impl Server {
    /// An engine to be served.
    pub fn new(engine: Engine) -> Arc<Self> {
        Arc::new(Self { engine, told: Mutex::default(), released: Notify::new() })
    }

    /// Serves connections until the process ends.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let server = Arc::clone(&self);
            tokio::spawn(async move {
                // A connection that fails is its client's to notice.
                let _ = server.connection(stream).await;
            });
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream) -> Result<(), Failed> {
        stream.set_nodelay(true)?;
        let mut connection = h2::server::handshake(stream).await?;
        while let Some(accepted) = connection.accept().await {
            let (request, respond) = accepted?;
            let server = Arc::clone(&self);
            tokio::spawn(async move {
                // So is a stream.
                let _ = server.stream(request, respond).await;
            });
        }
        Ok(())
    }

    async fn stream(
        &self,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
    ) -> Result<(), Failed> {
        let path = request.uri().path().to_owned();
        let body = read(request.into_body()).await?;
        if path == PATH {
            return self.called(&body, respond).await;
        }
        let (status, text) = match self.control(&path) {
            Some(text) => (200, text),
            None => (404, String::new()),
        };
        let head = Response::builder().status(status).body(())?;
        respond.send_response(head, false)?.send_data(text.into(), true)?;
        Ok(())
    }

    fn control(&self, path: &str) -> Option<String> {
        let mut told = self.told.lock().expect("what was told");
        let (word, rest) = match path.strip_prefix("/-/")?.split_once('/') {
            Some((word, rest)) => (word, Some(rest)),
            None => (path.strip_prefix("/-/")?, None),
        };
        match (word, rest) {
            ("fault", None) => told.fault = None,
            ("fault", Some(name)) => told.fault = Some(Fault::named(name)?),
            ("release", None) => self.released.notify_waiters(),
            ("ahead", Some(seconds)) => {
                let Engine::Ratelimit(engine) = &self.engine else { return None };
                engine.ahead.store(seconds.parse().ok()?, Ordering::Relaxed);
            }
            ("asked", None) => {
                let hex: String = told.last.iter().map(|byte| format!("{byte:02x}")).collect();
                return Some(format!("{} {hex}", told.asked));
            }
            _ => return None,
        }
        Some("ok".to_owned())
    }

    async fn called(&self, body: &[u8], mut respond: SendResponse<Bytes>) -> Result<(), Failed> {
        let released = self.released.notified();
        let message = unframed(body);
        let fault = {
            let mut told = self.told.lock().expect("what was told");
            told.asked += 1;
            told.last = message.unwrap_or_default().to_vec();
            told.fault
        };
        let request = message.and_then(|message| RateLimitRequest::decode(message).ok());
        let answer = match &request {
            Some(request) => self.engine.answer(request).await,
            None => Err(Status::INVALID_ARGUMENT),
        };
        match fault {
            Some(Fault::Reset) => {
                respond.send_reset(Reason::INTERNAL_ERROR);
                return Ok(());
            }
            Some(Fault::Held) => released.await,
            _ => {}
        }
        let answer = match (answer, fault) {
            (Err(status), _) => Err(status),
            (Ok(_), Some(Fault::Unavailable)) => Err(Status::UNAVAILABLE),
            (Ok(answer), Some(fault)) => Ok(fault.spoil(answer)),
            (Ok(answer), None) => Ok(answer.encode_to_vec()),
        };
        let head = Response::builder().header("content-type", "application/grpc");
        match answer {
            Err(Status(code)) => {
                respond
                    .send_response(head.header("grpc-status", code.to_string()).body(())?, true)?;
            }
            Ok(message) => {
                let mut stream = respond.send_response(head.body(())?, false)?;
                let more = if fault == Some(Fault::CutFrame) { 100 } else { 0 };
                let length = u32::try_from(message.len() + more)?.to_be_bytes();
                stream.send_data([&[0][..], &length, &message].concat().into(), false)?;
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", "0".parse()?);
                stream.send_trailers(trailers)?;
            }
        }
        Ok(())
    }
}

async fn read(mut stream: RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data?;
        stream.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    Ok(body)
}

/// The one message in a body of gRPC.
fn unframed(body: &[u8]) -> Option<&[u8]> {
    let (head, message) = body.split_at_checked(5)?;
    let [0, length @ ..] = head else { return None };
    let length = u32::from_be_bytes(length.try_into().ok()?);
    (usize::try_from(length).ok()? == message.len()).then_some(message)
}
