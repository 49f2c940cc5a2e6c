//! An upstream that costs as little as one can: it reads each request whole and
//! answers every one the same. The benchmark uses it, since every cycle that
//! the upstream takes is missing for the measurement.
//!
//! It prints its port. A thread serves a connection, until the connection ends.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// As much of a body is read at a time, into memory that stays warm.
const PIECE: usize = 256 * 1024;

const BODY: &str =
    r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"done"}]}}"#;

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-upstream: reached\r\n\
         content-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    for stream in listener.incoming() {
        let (stream, answer) = (stream?, answer.clone());
        thread::spawn(move || serve(stream, answer.as_bytes()));
    }
    Ok(())
}

/// Answers requests with a Content-Length, which all that come have, until the
/// peer is gone.
fn serve(mut stream: TcpStream, answer: &[u8]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; PIECE];
    let mut filled = 0;
    loop {
        let head = loop {
            if let Some(head) = buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
                break head + 4;
            }
            filled += some(stream.read(&mut buffer[filled..])?)?;
        };
        let mut rest = content_length(&buffer[..head]).ok_or(ErrorKind::InvalidData)?;
        let here = rest.min(filled - head);
        buffer.copy_within(head + here..filled, 0);
        filled -= head + here;
        rest -= here;
        while rest > 0 {
            let most = rest.min(PIECE);
            rest -= some(stream.read(&mut buffer[..most])?)?;
        }
        stream.write_all(answer)?;
    }
}

/// Nothing read is the end of the connection.
fn some(read: usize) -> std::io::Result<usize> {
    if read == 0 { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(read) }
}

fn content_length(head: &[u8]) -> Option<usize> {
    let head = core::str::from_utf8(head).ok()?;
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })
}
