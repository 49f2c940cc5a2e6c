//! Clients that listen to streams of events until they have heard enough, or
//! the connection ends with its listener.

use std::sync::Arc;

use mcp_rig::client::{Request, http1, http2};
use serde_json::Value;

use crate::asks::is_shown;
use crate::wire::{Connection, PACE, Stage, Wire};

const STANDING: &str = "standing streams of events";
/// Events after which a client goes without a word.
const ENOUGH: u64 = 200;

pub async fn run(stage: Arc<Stage>, wire: Wire) {
    while stage.opens() {
        let Some(connection) = wire.open(&stage).await else { continue };
        let mut heard = Heard::default();
        match connection {
            Connection::Http1(connection) => over_http1(&stage, connection, &mut heard).await,
            Connection::Http2(connection) => over_http2(&stage, connection, &mut heard).await,
        }
        match heard.wrong {
            Some(what) => stage.ledger.wrong(format!("{wire:?} stream: {what}")),
            None => stage.ledger.right(STANDING),
        }
        tokio::time::sleep(PACE).await;
    }
}

async fn over_http1(stage: &Stage, mut connection: http1::Connection, heard: &mut Heard) {
    let head = "GET /mcp HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\
                x-agent-id: agent-1\r\n\r\n";
    if connection.send_raw(head).await.is_err() || connection.head().await.is_err() {
        return;
    }
    while stage.runs() && heard.more() {
        match connection.chunk().await {
            Ok(Some(chunk)) => heard.take(&chunk),
            Ok(None) | Err(_) => return,
        }
    }
}

async fn over_http2(stage: &Stage, mut connection: http2::Connection, heard: &mut Heard) {
    let request = Request::new("GET", "/mcp").header("x-agent-id", "agent-2");
    let Ok((response, _stream)) = connection.begin(&request).await else { return };
    let Ok(response) = response.await else { return };
    let mut body = response.into_body();
    while stage.runs() && heard.more() {
        let Some(Ok(data)) = body.data().await else { return };
        if body.flow_control().release_capacity(data.len()).is_err() {
            return;
        }
        heard.take(&data);
    }
}

/// The events of one stream.
#[derive(Debug, Default)]
struct Heard {
    events: u64,
    rest: Vec<u8>,
    wrong: Option<String>,
}

impl Heard {
    fn more(&self) -> bool {
        self.events < ENOUGH && self.wrong.is_none()
    }

    fn take(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = self.rest.drain(..end + 2).collect();
            let event = String::from_utf8_lossy(&event);
            if !self.is_next(&event) {
                self.wrong = Some(format!("event {}: {event}", self.events));
            }
            self.events += 1;
        }
    }

    /// Whether this is the event that has to come, without the hidden tool.
    fn is_next(&self, event: &str) -> bool {
        let id = format!("id: {}\ndata: ", self.events);
        let Some(data) = event.strip_prefix(&*id) else { return false };
        let data: Value = serde_json::from_str(data).unwrap_or_default();
        match self.events.is_multiple_of(3) {
            true => is_shown(&data),
            false => data["result"].is_object(),
        }
    }
}
