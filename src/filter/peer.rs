//! The client, by the properties that Envoy has of its connection and token.

use super::host::{self, HostError};
use crate::exchange::identity::Peer;
use crate::policy::condition::{Claim, Claims, Payload, Untyped};
use crate::policy::document::{Certificate, PayloadPlace};
use core::cell::OnceCell;

/// The client at the other end of the stream.
pub(super) struct Client<'a> {
    place: &'a PayloadPlace,
    /// The filter state with the claims, once it was asked for.
    state: OnceCell<Payload>,
}

impl<'a> Client<'a> {
    pub(super) const fn new(place: &'a PayloadPlace) -> Self {
        Self { place, state: OnceCell::new() }
    }

    /// The claims where they are in a filter state.
    fn state(&self) -> Option<&Payload> {
        let PayloadPlace::State(name) = self.place else { return None };
        Some(self.state.get_or_init(|| {
            Payload::read(host::property(&["filter_state", name].join("\0")).ok().flatten())
        }))
    }
}

/// The host's status for a value that it cannot put into bytes.
const SERIALIZATION_FAILURE: u32 = 3;

/// The path of the metadata in which Envoy's jwt_authn stores verified claims.
const JWT: [&str; 3] = ["metadata", "filter_metadata", "envoy.filters.http.jwt_authn"];

impl Claims for Client<'_> {
    fn claim(&self, path: &[&str]) -> Claim {
        if let Some(state) = self.state() {
            return state.claim(path);
        }
        let key = match self.place {
            PayloadPlace::Metadata(key) => key,
            _ => PayloadPlace::METADATA,
        };
        let steps = [&JWT[..], &[key], path].concat();
        match host::property(&steps.join("\0")) {
            Ok(Some(bytes)) => Claim::Untyped(untyped(bytes)),
            Ok(None) => Claim::Absent,
            // Envoy has bytes for everything except for a null, and for a list or an
            // object with a null in it. Of these, only a list has a first element.
            Err(HostError(SERIALIZATION_FAILURE)) => {
                match host::property(&[&*steps, &["0"]].concat().join("\0")) {
                    Ok(None) => Claim::Unreadable,
                    _ => Claim::Opaque,
                }
            }
            Err(_) => Claim::Unreadable,
        }
    }

    fn has_lists(&self) -> bool {
        self.state().is_some()
    }

    fn size(&self) -> usize {
        self.state().map_or(0, Payload::size)
    }
}

/// A property by each type that it may have, since Envoy does not tell: a text as
/// UTF-8, a number as a double of eight bytes, a boolean as one byte. A list begins
/// with the number of its elements, in four bytes.
fn untyped(bytes: Vec<u8>) -> Untyped {
    Untyped {
        number: <[u8; 8]>::try_from(&*bytes).ok().map(f64::from_le_bytes),
        boolean: match *bytes {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        },
        is_empty_list: *bytes == [0; 4],
        text: String::from_utf8(bytes).ok(),
    }
}

impl Peer for Client<'_> {
    fn certificate(&self, field: Certificate) -> Option<Vec<u8>> {
        let name = match field {
            Certificate::UriSan => "connection\0uri_san_peer_certificate",
            Certificate::Subject => "connection\0subject_peer_certificate",
        };
        host::property(name).ok().flatten()
    }

    fn route(&self) -> Option<Vec<u8>> {
        host::property("xds\0route_name").ok().map(Option::unwrap_or_default)
    }

    fn has_certificate(&self) -> bool {
        // Anything except for a plain "no" may be a certificate.
        match host::property("connection\0mtls") {
            Ok(None) => false,
            Ok(Some(flag)) => *flag != [0],
            Err(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_is_read_as_each_type_that_its_bytes_may_have() {
        let text = |text: &str| Some(text.to_owned());
        let none = Untyped::default;
        for (bytes, expected) in [
            (&b"alice"[..], Untyped { text: text("alice"), ..none() }),
            (b"", Untyped { text: text(""), ..none() }),
            (&[0], Untyped { text: text("\0"), boolean: Some(false), ..none() }),
            (&[1], Untyped { text: text("\u{1}"), boolean: Some(true), ..none() }),
            (&[2], Untyped { text: text("\u{2}"), ..none() }),
            (&[0xff], none()),
            (&[0; 4], Untyped { text: text("\0\0\0\0"), is_empty_list: true, ..none() }),
            (
                &3.5_f64.to_le_bytes(),
                Untyped { text: text("\0\0\0\0\0\0\u{c}@"), number: Some(3.5), ..none() },
            ),
            (&(-1.0_f64).to_le_bytes(), Untyped { number: Some(-1.0), ..none() }),
            (
                b"12345678",
                Untyped {
                    text: text("12345678"),
                    number: Some(f64::from_le_bytes(*b"12345678")),
                    ..none()
                },
            ),
        ] {
            assert_eq!(untyped(bytes.to_vec()), expected, "{bytes:?}");
        }
    }
}
