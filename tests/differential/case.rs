//! One request, down to its bytes on the wire.

/// The property that a case must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It wants `danger` to run, and must not get it.
    Hostile,
    /// It calls `safe` as a client might: where the server runs it, the filter
    /// has to let it through.
    Honest,
    /// As [`Kind::Honest`], but a batch, which only `"batches": "judge"` lets
    /// through.
    Batch,
}

/// A request, and what was done to it.
#[derive(Clone, Debug)]
pub struct Case {
    pub kind: Kind,
    /// Its argument `run`, by which its run is told from others, and the name
    /// of the file in which it is or would be kept.
    pub name: String,
    /// The changes that were made to it.
    pub about: Vec<&'static str>,
    pub bytes: Vec<u8>,
}

/// A request while it is made.
#[derive(Clone, Debug)]
pub struct Draft {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub framing: Framing,
}

#[derive(Clone, Debug)]
pub enum Framing {
    Length,
    /// Chunks of this size, with what follows the size, and trailer lines.
    Chunks(usize, &'static str, &'static str),
    /// These are all the bytes that are sent.
    Whole(Vec<u8>),
}

/// The host that all servers accept; Envoy does not mind.
pub const HOST: &str = "localhost:8000";

impl Draft {
    /// `body` as a client of the older revisions posts it.
    pub fn post(body: impl Into<Vec<u8>>) -> Self {
        let draft = Self {
            method: "POST".into(),
            target: "/mcp".into(),
            headers: Vec::new(),
            body: body.into(),
            framing: Framing::Length,
        };
        draft
            .with("host", HOST)
            .with("content-type", "application/json")
            .with("accept", "application/json, text/event-stream")
    }

    /// With one more header line.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Without the header lines of that name.
    pub fn without(&mut self, name: &str) {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }

    /// With this header line and no other of that name.
    pub fn set(&mut self, name: &str, value: &str) {
        self.without(name);
        self.headers.push((name.into(), value.into()));
    }

    pub fn encode(&self) -> Vec<u8> {
        if let Framing::Whole(bytes) = &self.framing {
            return bytes.clone();
        }
        let mut out = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        for (name, value) in &self.headers {
            // Values are Latin-1: a header can hold bytes that are not UTF-8.
            out.extend(format!("{name}: ").bytes());
            out.extend(value.chars().map(|c| c as u8));
            out.extend(b"\r\n");
        }
        match self.framing {
            Framing::Whole(_) => {}
            Framing::Length => {
                out.extend(format!("content-length: {}\r\n\r\n", self.body.len()).bytes());
                out.extend(&self.body);
            }
            Framing::Chunks(size, extension, trailers) => {
                out.extend(b"transfer-encoding: chunked\r\n\r\n");
                for chunk in self.body.chunks(size) {
                    out.extend(format!("{:x}{extension}\r\n", chunk.len()).bytes());
                    out.extend(chunk);
                    out.extend(b"\r\n");
                }
                out.extend(format!("0\r\n{trailers}\r\n").bytes());
            }
        }
        out
    }
}

impl Case {
    /// The number of requests in the bytes, and so of the answers to come.
    pub fn answers(&self) -> usize {
        self.bytes.windows(LINE_END.len()).filter(|window| window == &LINE_END).count()
    }

    /// A POST's answer ends; that of other methods may be an event stream.
    pub fn is_post(&self) -> bool {
        self.bytes.starts_with(b"POST ")
    }
}

const LINE_END: &[u8] = b" HTTP/1.1\r\n";
