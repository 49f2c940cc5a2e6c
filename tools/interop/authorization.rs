//! An authorization server that grants what it is asked for, as far as the clients
//! need one: its metadata, the registration of a client, and a token for a code. A
//! client's own code plays the user, who would be asked at `/authorize`.

use std::io::Result;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use mcp_rig::http::Reader;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The code that a user brings back.
pub const CODE: &str = "interop-code";
/// The token for it: a JWT of the issuer, the subject and the audience `interop`, signed
/// with [`KEY`] by HS256.
pub const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJpc3MiOiJpbnRlcm9wIiwic3ViIjoiaW50ZXJvcCIsImF1ZCI6ImludGVyb3AifQ.\
    Y5QMCYa2-fOAWZ8ovQ5es2ot3rMIinNpELPXpUklegI";
/// That key, in base64url.
pub const KEY: &str = "aW50ZXJvcC1hdXRob3JpemF0aW9uLXNlcnZlci1rZXk";

/// The server, on a port of loopback; stopped when dropped.
pub struct Authorization {
    addr: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Authorization {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let addr = listener.local_addr().expect("a bound port");
        let asked = Arc::default();
        let record = Arc::clone(&asked);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let record = Arc::clone(&record);
                tokio::spawn(async move {
                    // A client that closes early shows in what it reports.
                    let _ = serve(stream, addr, &record).await;
                });
            }
        });
        Self { addr, asked, accepting }
    }

    /// The issuer.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The paths that were asked for, each once, in their order.
    pub fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().expect("no panic while recording").clone();
        asked.dedup();
        asked
    }
}

impl Drop for Authorization {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Answers the requests of one connection.
async fn serve(stream: TcpStream, addr: SocketAddr, record: &Mutex<Vec<String>>) -> Result<()> {
    let (read, mut write) = stream.into_split();
    let mut reader = Reader::new(read);
    while let Some(head) = reader.head().await? {
        let (body, _) = reader.body(head.framing()?).await?;
        let path = head.start.split(' ').nth(1).unwrap_or_default().to_owned();
        let (status, answer) = answer(&path, &body, addr);
        record.lock().expect("no panic while recording").push(path);
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncache-control: no-store\r\n\
             content-length: {}\r\n\r\n",
            answer.len()
        );
        write.write_all(&[head.as_bytes(), answer.as_bytes()].concat()).await?;
    }
    Ok(())
}

fn answer(path: &str, body: &[u8], addr: SocketAddr) -> (&'static str, Value) {
    let url = format!("http://{addr}");
    match path {
        "/.well-known/oauth-authorization-server" => (
            "200 OK",
            json!({
                "issuer": url,
                "authorization_endpoint": format!("{url}/authorize"),
                "token_endpoint": format!("{url}/token"),
                "registration_endpoint": format!("{url}/register"),
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none"],
            }),
        ),
        "/register" => {
            let mut client: Value = serde_json::from_slice(body).unwrap_or_default();
            client["client_id"] = "interop-client".into();
            ("201 Created", client)
        }
        "/token" if String::from_utf8_lossy(body).contains(CODE) => {
            let token = json!({ "access_token": TOKEN, "token_type": "Bearer", "expires_in": 600 });
            ("200 OK", token)
        }
        "/token" => ("400 Bad Request", json!({ "error": "invalid_grant" })),
        _ => ("404 Not Found", json!({ "error": "not found" })),
    }
}
