//! HTTP/1.1 as bytes, for both ends.
//!
//! A library would correct what the tests want wrong or odd (a body in six
//! chunks, trailers, half a request), so the raw client and the recording
//! upstream share this reader instead. It reads strictly: whatever is not
//! plain HTTP/1.1 is an error, since it would mean that Envoy sent it.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncRead, AsyncReadExt};

/// Header or trailer lines, in their order on the wire.
pub type Fields = Vec<(String, String)>;

/// The first value of the field called `name`, whatever its case.
pub fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// A start line and the header fields under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// `POST /mcp HTTP/1.1` or `HTTP/1.1 200 OK`.
    pub start: String,
    /// The header fields.
    pub headers: Fields,
}

impl Head {
    /// The end of the body after this head, if the message has a body at all.
    pub fn framing(&self) -> Result<Framing> {
        if let Some(coding) = field(&self.headers, "transfer-encoding") {
            return match coding {
                "chunked" => Ok(Framing::Chunked),
                other => Err(invalid(format!("transfer-encoding `{other}`"))),
            };
        }
        match field(&self.headers, "content-length") {
            Some(length) => {
                let length = length.parse().map_err(|_| invalid("content-length"))?;
                Ok(Framing::Length(length))
            }
            None => Ok(Framing::Unstated),
        }
    }

    /// The status code, of a response's head.
    pub fn status(&self) -> Result<u16> {
        let code = self.start.split(' ').nth(1).and_then(|code| code.parse().ok());
        code.ok_or_else(|| invalid(format!("status line `{}`", self.start)))
    }
}

/// The sign of a body's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// After this many bytes.
    Length(usize),
    /// With the chunk of length zero, and the trailers after it.
    Chunked,
    /// Not at all: a request has no body then, and a response's body ends
    /// with the connection.
    Unstated,
}

/// A connection's incoming half, with what was read of it too early.
#[derive(Debug)]
pub struct Reader<S> {
    stream: S,
    ahead: Vec<u8>,
}

impl<S: AsyncRead + Unpin> Reader<S> {
    /// Reads from `stream`.
    pub fn new(stream: S) -> Self {
        Self { stream, ahead: Vec::new() }
    }

    /// The next head, or `None` where the peer closed instead of sending one.
    pub async fn head(&mut self) -> Result<Option<Head>> {
        if self.ahead.is_empty() && !self.fill().await? {
            return Ok(None);
        }
        let start = self.line().await?;
        let headers = self.fields().await?;
        Ok(Some(Head { start, headers }))
    }

    /// A whole body and its trailers. Without any framing there is none.
    pub async fn body(&mut self, framing: Framing) -> Result<(Vec<u8>, Fields)> {
        match framing {
            Framing::Length(length) => Ok((self.exactly(length).await?, Fields::new())),
            Framing::Unstated => Ok((Vec::new(), Fields::new())),
            Framing::Chunked => {
                let mut body = Vec::new();
                while let Some(chunk) = self.chunk().await? {
                    body.extend(chunk);
                }
                Ok((body, self.fields().await?))
            }
        }
    }

    /// The next chunk of a chunked body, or `None` after its last one.
    ///
    /// The caller still has to read the trailers then, with [`Self::fields`].
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        let line = self.line().await?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| invalid("chunk size"))?;
        if size == 0 {
            return Ok(None);
        }
        let chunk = self.exactly(size).await?;
        match self.line().await?.as_str() {
            "" => Ok(Some(chunk)),
            _ => Err(invalid("chunk longer than its size")),
        }
    }

    /// Header or trailer lines up to the empty one.
    pub async fn fields(&mut self) -> Result<Fields> {
        let mut fields = Fields::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(fields);
            }
            let (name, value) = line.split_once(':').ok_or_else(|| invalid("header line"))?;
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// Everything up to the peer's close.
    pub async fn rest(&mut self) -> Result<Vec<u8>> {
        while self.fill().await? {}
        Ok(std::mem::take(&mut self.ahead))
    }

    async fn line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = self.ahead.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.ahead.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).map_err(|_| invalid("line not in UTF-8"));
            }
            self.more().await?;
        }
    }

    async fn exactly(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.ahead.len() < length {
            self.more().await?;
        }
        Ok(self.ahead.drain(..length).collect())
    }

    async fn more(&mut self) -> Result<()> {
        match self.fill().await? {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::UnexpectedEof, "closed within a message")),
        }
    }

    /// Reads once; false at the peer's close.
    async fn fill(&mut self) -> Result<bool> {
        Ok(self.stream.read_buf(&mut self.ahead).await? > 0)
    }
}

fn invalid(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidData, format!("not plain HTTP/1.1: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_follow_each_other_on_one_connection() {
        let wire = "POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi\
                    POST /b HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n\
                    2\r\nab\r\n1;x=y\r\nc\r\n0\r\nx-sum: 3\r\n\r\n\
                    GET /c HTTP/1.1\r\n\r\n";
        let mut reader = Reader::new(wire.as_bytes());
        let mut seen = Vec::new();
        while let Some(head) = reader.head().await.expect("a head") {
            let (body, trailers) =
                reader.body(head.framing().expect("framing")).await.expect("a body");
            seen.push((head.start, String::from_utf8(body).expect("text"), trailers.len()));
        }
        let expected = [("POST /a", "hi", 0), ("POST /b", "abc", 1), ("GET /c", "", 0)];
        let expected =
            expected.map(|(line, body, n)| (format!("{line} HTTP/1.1"), body.to_owned(), n));
        assert_eq!(seen, expected);
    }

    #[tokio::test]
    async fn half_a_message_is_an_error() {
        let mut reader = Reader::new("HTTP/1.1 200 OK\r\ncontent-le".as_bytes());
        assert_eq!(reader.head().await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}
