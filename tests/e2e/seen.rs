//! The requests that a recording upstream was sent.

use mcp_rig::http::{Fields, Framing, Head, Reader, field};
use mcp_rig::upstream::Upstream;

/// A request that arrived, or as much of it as did.
#[derive(Clone, Debug)]
pub struct Seen {
    pub head: Head,
    /// Every byte of the body that arrived.
    pub body: Vec<u8>,
    pub trailers: Fields,
    /// Whether it arrived to its end.
    pub whole: bool,
}

impl Seen {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        field(&self.head.headers, name)
    }
}

/// Every request that `upstream` was sent so far, in no order across
/// connections.
pub async fn requests(upstream: &Upstream) -> Vec<Seen> {
    let mut requests = Vec::new();
    for bytes in upstream.connections() {
        let mut reader = Reader::new(bytes.as_slice());
        // Half a head is not a request: no server would read it.
        while let Ok(Some(head)) = reader.head().await {
            requests.push(request(head, &mut reader).await);
        }
    }
    requests
}

/// The bodies of [`requests`] that arrived whole.
pub async fn whole_bodies(upstream: &Upstream) -> Vec<Vec<u8>> {
    let requests = requests(upstream).await.into_iter();
    requests.filter(|request| request.whole).map(|request| request.body).collect()
}

async fn request(head: Head, reader: &mut Reader<&[u8]>) -> Seen {
    let (mut body, mut trailers) = (Vec::new(), None);
    match head.framing().expect("framing by Envoy") {
        Framing::Chunked => {
            while let Ok(Some(chunk)) = reader.chunk().await {
                body.extend(chunk);
            }
            trailers = reader.fields().await.ok();
        }
        framing => {
            if let Ok((bytes, none)) = reader.body(framing).await {
                (body, trailers) = (bytes, Some(none));
            }
        }
    }
    let whole = trailers.is_some();
    if !whole {
        body.extend(reader.rest().await.expect("bytes in memory"));
    }
    Seen { head, body, trailers: trailers.unwrap_or_default(), whole }
}
