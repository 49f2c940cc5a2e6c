//! Clients that go away in the middle, or send what never ends.

use std::sync::Arc;

use mcp_rig::client::{Body, Request, http1, http2};

use crate::asks::{LARGEST, call};
use crate::ledger::Fate;
use crate::wire::{Connection, PACE, Stage, Wire};

/// The name in the report.
pub const VANISHED: &str = "clients that vanish";
const ENDLESS: &str = "bodies without an end";

/// The moment at which a client goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    WithinHead,
    WithinBody,
    BeforeTheAnswer,
    WithinTheAnswer,
}

const ENDS: [End; 4] =
    [End::WithinHead, End::WithinBody, End::BeforeTheAnswer, End::WithinTheAnswer];

pub async fn run(stage: Arc<Stage>, wire: Wire) {
    while stage.opens() {
        for end in ENDS {
            let Some(connection) = wire.open(&stage).await else { break };
            let number = stage.ledger.number();
            let whole = matches!(end, End::BeforeTheAnswer | End::WithinTheAnswer);
            let fate = if whole { Fate::Unknown } else { Fate::Refused };
            stage.ledger.fate(number, fate);
            let request = Request::mcp(call(number, "work", "slow").to_string());
            let request = request.header("x-agent-id", wire.caller());
            // That the connection broke before makes no difference.
            match connection {
                Connection::Http1(connection) => over_http1(connection, &request, end).await,
                Connection::Http2(connection) => over_http2(connection, request, end).await,
            }
            stage.ledger.right(VANISHED);
            tokio::time::sleep(PACE).await;
        }
        endless(&stage, wire).await;
    }
}

async fn over_http1(mut connection: http1::Connection, request: &Request, end: End) {
    let Body::Whole(body) = &request.body else { return };
    let lines = request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n{}\r\n",
        body.len(),
        lines.collect::<String>(),
    );
    let bytes = [head.as_bytes(), body].concat();
    let sent = match end {
        End::WithinHead => head.len() / 2,
        End::WithinBody => bytes.len() - 1,
        End::BeforeTheAnswer | End::WithinTheAnswer => bytes.len(),
    };
    let _ = connection.send_raw(&bytes[..sent]).await;
    if end == End::WithinTheAnswer {
        let _ = connection.head().await;
    }
}

async fn over_http2(mut connection: http2::Connection, request: Request, end: End) {
    let Body::Whole(body) = &request.body else { return };
    let mut body = body.clone();
    let Ok((response, mut stream)) = connection.begin(&request.clone().cut(1)).await else {
        return;
    };
    match end {
        End::WithinHead => {}
        End::WithinBody => {
            body.pop();
            let _ = stream.send_data(body.into(), false);
        }
        End::BeforeTheAnswer | End::WithinTheAnswer => {
            let _ = stream.send_data(body.into(), true);
        }
    }
    match end {
        End::WithinTheAnswer => drop(response.await),
        // What is answered was sent after all that.
        _ => drop(connection.send(&Request::new("PUT", "/mcp")).await),
    }
}

/// Sends a body without an end, until it is told that it is too large.
async fn endless(stage: &Stage, wire: Wire) {
    let Some(connection) = wire.open(stage).await else { return };
    let request = Request::mcp("").cut(1).header("x-agent-id", wire.caller());
    let piece = vec![b' '; LARGEST / 4];
    let status = match connection {
        Connection::Http1(mut connection) => {
            let head = "POST /mcp HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\
                        x-agent-id: agent-1\r\n\r\n";
            let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat();
            let _ = connection.send_raw(head).await;
            for _ in 0..5 {
                let _ = connection.send_raw(&chunk).await;
            }
            connection.response().await.ok().map(|response| response.status)
        }
        Connection::Http2(mut connection) => match connection.begin(&request).await {
            Ok((response, mut stream)) => {
                for _ in 0..5 {
                    let _ = stream.send_data(piece.clone().into(), false);
                }
                response.await.ok().map(|response| response.status().as_u16())
            }
            Err(_) => None,
        },
    };
    match status {
        Some(413) => stage.ledger.right(ENDLESS),
        None => stage.ledger.broken_off(ENDLESS),
        Some(status) => stage.ledger.wrong(format!("{wire:?} endless body: {status}")),
    }
}
