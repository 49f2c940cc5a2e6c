//! A server that speaks over pipes, behind HTTP: one request after the other, each as it
//! came. It keeps what it handed on.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use mcp_rig::http::Reader;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

/// A running server with its bridge; both end when dropped.
pub struct Bridge {
    addr: SocketAddr,
    handed_on: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

struct Pipes {
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Bridge {
    /// Starts the server, and makes itself known to it.
    pub async fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn().expect("the server");
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stdout = BufReader::new(stdout.expect("a pipe")).lines();
        let mut pipes = Pipes { stdin: stdin.expect("a pipe"), stdout, _child: child };
        let client = json!({ "name": "bridge", "version": "1" });
        let params =
            json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client });
        let hello =
            json!({ "jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": params });
        let answer = pipes.ask(&hello.to_string()).await.expect("an answer");
        assert!(answer.contains("serverInfo"), "{answer}");
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(pipes.ask(&ready.to_string()).await, None);

        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let addr = listener.local_addr().expect("a bound port");
        let handed_on = Arc::default();
        let accepting = tokio::spawn(serve(listener, pipes, Arc::clone(&handed_on)));
        Self { addr, handed_on, accepting }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The messages that the server was given.
    pub fn handed_on(&self) -> Vec<String> {
        self.handed_on.lock().expect("no panic while recording").clone()
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Pipes {
    /// The answer to a message, if it asks for one.
    async fn ask(&mut self, message: &str) -> Option<String> {
        assert!(!message.contains('\n'), "a line: {message}");
        self.stdin.write_all(format!("{message}\n").as_bytes()).await.expect("a server that reads");
        let message: Value = serde_json::from_str(message).expect("JSON");
        let id = message.get("id")?;
        loop {
            let line = self.stdout.next_line().await.expect("UTF-8").expect("a server that lives");
            let answer: Value = serde_json::from_str(&line).expect("JSON");
            if answer.get("id") == Some(id) {
                return Some(line);
            }
        }
    }
}

async fn serve(listener: TcpListener, mut pipes: Pipes, handed_on: Arc<Mutex<Vec<String>>>) {
    // Envoy keeps connections: each has a turn for one request, and closes.
    while let Ok((stream, _)) = listener.accept().await {
        let _ = answer(stream, &mut pipes, &handed_on).await;
    }
}

async fn answer(
    stream: TcpStream,
    pipes: &mut Pipes,
    handed_on: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let (incoming, mut outgoing) = stream.into_split();
    let mut reader = Reader::new(incoming);
    let Some(head) = reader.head().await? else { return Ok(()) };
    let (body, _) = reader.body(head.framing()?).await?;
    let body = String::from_utf8(body).expect("UTF-8");
    handed_on.lock().expect("no panic while recording").push(body.clone());
    let (status, answer) = match pipes.ask(&body).await {
        Some(answer) => ("200 OK", answer),
        None => ("202 Accepted", String::new()),
    };
    let length = answer.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n"
    );
    outgoing.write_all((head + &answer).as_bytes()).await
}
