//! An answerer for the row "ext_authz" of `make bench`: a gRPC service of as
//! little code as one can be, so that the row shows what Envoy pays for asking,
//! not what a particular service takes to think.
//!
//! It speaks as much HTTP/2 as Envoy needs: every stream is a `Check`, whose
//! headers nobody decodes. It looks for the tool's name in the body that Envoy
//! hands on, denies the one that its argument names, and allows all others. It
//! prints its port. A thread serves a connection, until the connection ends.
//!
//! With `--counts` in the place of a name, every stream is a `ShouldRateLimit` of
//! the rows whose limits are counted across replicas, and the answer is the same
//! to each: counted, and room for the rest of the day.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

const PREFACE: usize = 24;
/// A window that no body fills, for a stream and for the connection.
const WINDOW: u32 = 1 << 30;
/// This much of the connection's window is used up before it is given back.
const USED: u32 = 1 << 24;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:status: 200` and `content-type: application/grpc`, as HPACK writes them
/// without its table.
const HEAD: &[u8] = b"\x88\x0f\x10\x10application/grpc";
/// `grpc-status: 0`.
const TRAILERS: &[u8] = b"\x00\x0bgrpc-status\x010";
/// A `CheckResponse`, behind gRPC's five bytes: an empty status, and an
/// `OkHttpResponse`; status 7, and a `DeniedHttpResponse` of HTTP 403.
const ALLOWED: &[u8] = b"\0\0\0\0\x04\x0a\0\x1a\0";
const DENIED: &[u8] = b"\0\0\0\0\x0b\x0a\x02\x08\x07\x12\x05\x0a\x03\x08\x93\x03";

/// A `RateLimitResponse`: OK, for one limit of 1,000,000,000 a day, of which one is used.
const COUNTED: &[u8] = b"\0\0\0\0\x1c\x08\x01\x12\x18\x08\x01\x12\x08\x08\x80\x94\xeb\xdc\x03\x10\x04\
    \x18\xff\x93\xeb\xdc\x03\x22\x04\x08\x80\xa3\x05";

fn main() -> std::io::Result<()> {
    let denied = std::env::args().nth(1).expect("authorizer: needs the name of a tool to deny");
    let denied = if denied == "--counts" { String::new() } else { format!("{denied}\"") };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    for stream in listener.incoming() {
        let (stream, denied) = (stream?, denied.clone());
        thread::spawn(move || serve(stream, denied.as_bytes()));
    }
    Ok(())
}

fn serve(mut stream: TcpStream, denied: &[u8]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.read_exact(&mut [0; PREFACE])?;
    let mut out = Vec::new();
    let mut settings = vec![0, 4];
    settings.extend(WINDOW.to_be_bytes());
    frame(&mut out, SETTINGS, 0, 0, &settings);
    frame(&mut out, WINDOW_UPDATE, 0, 0, &WINDOW.to_be_bytes());
    let mut bodies: HashMap<u32, Vec<u8>> = HashMap::new();
    let mut used = 0;
    let (mut head, mut payload) = ([0; 9], Vec::new());
    loop {
        stream.write_all(&out)?;
        out.clear();
        stream.read_exact(&mut head)?;
        let [a, b, c, kind, flags, id @ ..] = head;
        let id = u32::from_be_bytes(id);
        payload.resize(u32::from_be_bytes([0, a, b, c]) as usize, 0);
        stream.read_exact(&mut payload)?;
        match kind {
            DATA => {
                used += payload.len() as u32;
                if used > USED {
                    frame(&mut out, WINDOW_UPDATE, 0, 0, &used.to_be_bytes());
                    used = 0;
                }
                bodies.entry(id).or_default().extend(&payload);
            }
            RESET => drop(bodies.remove(&id)),
            SETTINGS if flags & ACK == 0 => frame(&mut out, SETTINGS, ACK, 0, &[]),
            PING if flags & ACK == 0 => frame(&mut out, PING, ACK, 0, &payload),
            _ => {}
        }
        if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
            let body = bodies.remove(&id).ok_or(ErrorKind::InvalidData)?;
            let said = match denied {
                [] => COUNTED,
                _ if names(&body, denied) => DENIED,
                _ => ALLOWED,
            };
            frame(&mut out, HEADERS, END_HEADERS, id, HEAD);
            frame(&mut out, DATA, 0, id, said);
            frame(&mut out, HEADERS, END_HEADERS | END_STREAM, id, TRAILERS);
        }
    }
}

/// Whether the first name in a call is this tool's.
fn names(body: &[u8], tool: &[u8]) -> bool {
    let key = br#""name":""#;
    let found = body.windows(key.len()).position(|part| part == key);
    found.is_some_and(|place| body[place + key.len()..].starts_with(tool))
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    out.extend(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
}
