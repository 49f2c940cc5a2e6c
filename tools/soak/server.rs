//! The MCP server of the soak: it keeps count of the calls that it ran, and
//! answers in every way that a server may, bad ones among them.

use std::collections::HashMap;
use std::io::Result;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_rig::http::Reader;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The number of times that a call with some number ran.
type Ran = Arc<Mutex<HashMap<u64, u32>>>;

/// A tool in every list that no client may see.
pub const HIDDEN: &str = "secret_tool";

/// The running server; stopped when dropped.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    ran: Ran,
    accepting: JoinHandle<()>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let addr = listener.local_addr().expect("a bound port");
        let ran = Ran::default();
        Self { addr, ran: ran.clone(), accepting: tokio::spawn(accept(listener, ran)) }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The number of times that each call ran, by its number.
    pub fn ran(&self) -> HashMap<u64, u32> {
        self.ran.lock().expect("no panic").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, ran: Ran) {
    let mut serving = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while serving.try_join_next().is_some() {}
        serving.spawn(serve(stream, ran.clone()));
    }
}

/// Serves one connection. Any error ends it, as does an answer that has to.
async fn serve(stream: TcpStream, ran: Ran) -> Result<()> {
    stream.set_nodelay(true)?;
    let (incoming, mut outgoing) = stream.into_split();
    let mut reader = Reader::new(incoming);
    while let Some(head) = reader.head().await? {
        let (body, _) = reader.body(head.framing()?).await?;
        if head.start.starts_with("GET ") {
            return standing(&mut outgoing).await;
        }
        let asked: Value = serde_json::from_slice(&body)?;
        let answer = match &asked {
            Value::Array(messages) => messages.iter().map(|message| run(message, &ran)).collect(),
            message => run(message, &ran),
        };
        let way = asked["params"]["arguments"]["way"].as_str();
        let way = way.or(asked["params"]["way"].as_str()).unwrap_or("json");
        if !reply(&mut outgoing, way, &answer).await? {
            break;
        }
    }
    Ok(())
}

/// Runs a message, and says what there is to answer.
fn run(message: &Value, ran: &Ran) -> Value {
    let result = match message["method"].as_str() {
        Some("tools/call") => {
            let number = message["params"]["arguments"]["number"].as_u64().unwrap_or_default();
            *ran.lock().expect("no panic").entry(number).or_default() += 1;
            json!({ "content": [{ "type": "text", "text": number.to_string() }] })
        }
        Some("tools/list") => tools(),
        _ => json!({}),
    };
    json!({ "jsonrpc": "2.0", "id": message["id"], "result": result })
}

fn tools() -> Value {
    json!({ "tools": [{ "name": "work" }, { "name": HIDDEN, "description": "x".repeat(500) }] })
}

/// Answers in some way; whether the connection stays.
async fn reply(outgoing: &mut OwnedWriteHalf, way: &str, answer: &Value) -> Result<bool> {
    let text = answer.to_string();
    let length = text.len();
    let json = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    let progress = json!({ "jsonrpc": "2.0", "method": "notifications/progress" });
    match way {
        // The call ran, and nobody is told.
        "reset" => return Ok(false),
        "cut" => {
            outgoing.write_all((json + &text[..length / 2]).as_bytes()).await?;
            return Ok(false);
        }
        "events" => {
            outgoing.write_all(EVENTS.as_bytes()).await?;
            for data in [&progress, answer] {
                outgoing.write_all(&chunk(&format!("data: {data}\n\n"))).await?;
            }
            outgoing.write_all(b"0\r\n\r\n").await?;
        }
        "slow" => {
            outgoing.write_all(EVENTS.as_bytes()).await?;
            let event = format!("event: message\r\ndata: {answer}\r\n\r\n");
            for piece in event.as_bytes().chunks(event.len() / 4) {
                outgoing.write_all(&chunk(&String::from_utf8_lossy(piece))).await?;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            outgoing.write_all(b"0\r\n\r\n").await?;
        }
        _ => outgoing.write_all((json + &text).as_bytes()).await?,
    }
    Ok(true)
}

const EVENTS: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// Sends events, lists among them, until the client is gone.
async fn standing(outgoing: &mut OwnedWriteHalf) -> Result<()> {
    outgoing.write_all(EVENTS.as_bytes()).await?;
    for number in 0_u64.. {
        let result = if number.is_multiple_of(3) { tools() } else { json!({}) };
        let data = json!({ "jsonrpc": "2.0", "id": number, "result": result });
        outgoing.write_all(&chunk(&format!("id: {number}\ndata: {data}\n\n"))).await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}
