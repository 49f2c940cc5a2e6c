//! The core's own endpoint: the gateway in memory behind a small server of HTTP.

use mcp_policy_filter::exchange::identity::NoPeer;
use mcp_policy_filter::limits::MemoryStore;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::simulate::{Body, Host, Outcome, pairs};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

const POLICY: &str = r#"{
  "version": "1", "default": "deny",
  "identity": [{"bearer": {"tokens": {
    "support-agent": "sha256:b0ac9e5fadf3c06dc55e1956c8c6b47f216365279569306c8e9ae8c83e5111cd",
    "payments-ann": "sha256:5708e560aa955b7cb275cb5373a3644169d88c030b44c4dc32f156c6e652c1a2"}}}],
  "tools": {
    "create_refund": {"action": "require_approval", "reason": "Refunds are approved.",
      "approval": {"approvers": ["payments-*"]}},
    "drop": {"action": "require_approval", "approval": {"approvers": ["payments-*"], "need": 2}}},
  "settings": {"paths": ["/mcp"], "approvals": {"path": "/mcp-approvals"}}}"#;

pub(crate) const AGENT: &str = "support-agent-token";
pub(crate) const ANN: &str = "payments-ann-token";

/// The gateway, and the requests that came to its endpoint.
pub(crate) struct Gateway {
    policy: Policy,
    store: MemoryStore,
    pub(crate) seen: Vec<String>,
}

impl Gateway {
    fn send(&self, headers: &[(&str, &str)], body: &str) -> Outcome {
        let now = Nanos(1_728_000_000_000_000_000);
        let host = Host { policy: &self.policy, store: &self.store, now };
        host.send(pairs(headers), &NoPeer, &Body::whole(body.as_bytes())).unwrap().outcome
    }

    /// Makes a call, and returns the id of its request.
    pub(crate) fn call(&self, tool: &str, arguments: &str) -> String {
        let bearer = format!("Bearer {AGENT}");
        let headers = [
            (":method", "POST"),
            (":path", "/mcp?tenant=7"),
            (":authority", "MCP.example.com"),
            ("accept", "application/json, text/event-stream"),
            ("content-type", "application/json"),
            ("authorization", &bearer),
        ];
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
        );
        match self.send(&headers, &body) {
            Outcome::Refused(refusal) => {
                let record = &refusal.record.line;
                let record: serde_json::Value = serde_json::from_str(record).unwrap();
                record["approval"]["id"].as_str().unwrap().to_owned()
            }
            Outcome::WentOn(_) => "went on".into(),
            Outcome::Served(_) => panic!("served"),
        }
    }
}

/// A server in front of a gateway. `answer` may change what the endpoint answers.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) gateway: Arc<Mutex<Gateway>>,
}

pub(crate) type Change = fn(String) -> String;

pub(crate) fn serve(change: Change) -> Server {
    let policy = Policy::parse(POLICY.as_bytes(), "docs").unwrap();
    let gateway = Gateway { policy, store: MemoryStore::default(), seen: Vec::new() };
    let gateway = Arc::new(Mutex::new(gateway));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mcp-approvals", listener.local_addr().unwrap());
    let shared = Arc::clone(&gateway);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(&stream.unwrap(), &shared, change);
        }
    });
    Server { url, gateway }
}

fn answer(stream: &TcpStream, gateway: &Mutex<Gateway>, change: Change) {
    let mut lines = BufReader::new(stream).lines().map(|line| line.unwrap_or_default());
    let first = lines.next().unwrap_or_default();
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers =
        vec![(":method".to_owned(), method.to_owned()), (":path".into(), path.into())];
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap_or((&line, ""));
        let name = name.to_ascii_lowercase();
        let name = if name == "host" { ":authority".to_owned() } else { name };
        headers.push((name, value.to_owned()));
    }
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let mut gateway = gateway.lock().unwrap();
    gateway.seen.push(first.clone());
    let Outcome::Served(served) = gateway.send(&headers, "") else { return };
    let body = change(String::from_utf8(served.reply.body).unwrap());
    let mut head = format!("HTTP/1.1 {} x\r\nconnection: close\r\n", served.reply.status);
    write!(head, "content-length: {}\r\n\r\n", body.len()).unwrap();
    // The client may be gone.
    let _ = (&mut &*stream).write_all(format!("{head}{body}").as_bytes());
}

/// Answers each request with these bytes.
pub(crate) fn canned(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}/mcp-approvals")
}
