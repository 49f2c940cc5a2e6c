//! The client of a request in memory: its certificate, the claims of its token, and
//! the route that its request takes.

use crate::exchange::identity::Peer;
use crate::policy::condition::{Claim, Claims, Payload};
use crate::policy::document::Certificate;
use serde_json::Value;

/// A client, as the host of an exchange knows it. Its claims have their types.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// Claims, each by the keys and indexes that lead to it, joined by `/`.
    pub claims: Vec<(String, Claim)>,
    /// The claims as filter state holds them: lists are handed over whole.
    pub payload: Option<Payload>,
    /// The field of its certificate, empty where the certificate has none.
    pub certificate: Option<String>,
    /// Envoy's name of the route.
    pub route: String,
}

impl Client {
    /// Adds the claims within a value, each by its path. An empty list or object is
    /// not seen by its path, as in Envoy's metadata.
    pub fn add_claims(&mut self, path: &str, value: &Value) {
        let below = |key: &str| if path.is_empty() { key.into() } else { format!("{path}/{key}") };
        let claim = match value {
            Value::Null => Claim::Absent,
            Value::String(text) => Claim::Text(text.clone()),
            Value::Bool(value) => Claim::Bool(*value),
            Value::Number(number) => number.as_f64().map_or(Claim::Unreadable, Claim::Number),
            Value::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    self.add_claims(&below(&index.to_string()), element);
                }
                return;
            }
            Value::Object(members) => {
                for (key, member) in members {
                    self.add_claims(&below(key), member);
                }
                return;
            }
        };
        self.claims.push((path.into(), claim));
    }
}

impl Claims for Client {
    fn claim(&self, path: &[&str]) -> Claim {
        if let Some(payload) = &self.payload {
            return payload.claim(path);
        }
        let path = path.join("/");
        if let Some((_, claim)) = self.claims.iter().find(|(other, _)| *other == path) {
            return claim.clone();
        }
        let below = if path.is_empty() { path } else { path + "/" };
        let is_part = self.claims.iter().any(|(other, _)| other.starts_with(&below));
        if is_part { Claim::Opaque } else { Claim::Absent }
    }

    fn has_lists(&self) -> bool {
        self.payload.is_some()
    }

    fn size(&self) -> usize {
        self.payload.as_ref().map_or(0, Claims::size)
    }
}

impl Peer for Client {
    fn certificate(&self, _: Certificate) -> Option<Vec<u8>> {
        self.certificate.clone().map(String::into_bytes)
    }

    fn has_certificate(&self) -> bool {
        self.certificate.is_some()
    }

    fn route(&self) -> Option<Vec<u8>> {
        Some(self.route.clone().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_found_by_their_paths() {
        let mut client = Client::default();
        assert_eq!(Claims::claim(&client, &[]), Claim::Absent);
        let value = r#"{"sub": "a", "realm": {"roles": ["x", 2]}, "none": null}"#;
        client.add_claims("", &serde_json::from_str(value).unwrap());
        let found = |path: &[&str]| Claims::claim(&client, path);
        assert_eq!(found(&["sub"]), Claim::Text("a".into()));
        assert_eq!(found(&["realm", "roles", "1"]), Claim::Number(2.0));
        assert_eq!(found(&["realm", "roles"]), Claim::Opaque);
        assert_eq!(found(&["none"]), Claim::Absent);
        assert_eq!(found(&[]), Claim::Opaque);
    }
}
