//! Requests by the id of their caller: each source of ids has its credential, and a
//! person who tries a policy knows the id alone.

use crate::policy::Policy;
use crate::policy::condition::Payload;
use crate::policy::document::Source;
use crate::simulate::notation::Ask;
use core::fmt;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The reason why a request cannot be made that a caller of this id sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCredential {
    /// All callers are one.
    NoIdentity,
    /// An id is made of this many claims, and this one has another number of parts.
    Claims(usize),
    /// No token of the policy has this name.
    NoToken,
}

impl fmt::Display for NoCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoIdentity => f.write_str("the policy has no `identity`, so all callers are one"),
            Self::Claims(count) => write!(
                f,
                "this policy joins {count} claims to an id; write them with a bar between, as \
                 records have them"
            ),
            Self::NoToken => f.write_str("no token of the policy's `bearer` has this name"),
        }
    }
}

impl core::error::Error for NoCredential {}

/// Admits a token that is made up for each caller whom a `bearer` source names: of the
/// tokens that are in use, a policy has the hashes alone.
pub fn admit_made_up_tokens(policy: &mut Policy) {
    for source in &mut policy.identity {
        if let Source::Bearer(bearer) = source {
            let names: Vec<String> = bearer.tokens.iter().map(|(_, name)| name.clone()).collect();
            let made_up = |name: String| (Sha256::digest(token(&name)).into(), name);
            bearer.tokens.extend(names.into_iter().map(made_up));
        }
    }
}

/// A token that no client has.
fn token(name: &str) -> String {
    let hash = Sha256::digest(name);
    let hash = hash.iter().take(8).map(|byte| format!("{byte:02x}"));
    format!("made-up-{}", hash.collect::<String>())
}

impl Ask {
    /// The same with the credential of a caller. Under a policy with several sources of
    /// ids an id may begin with its source, as in records: `header:planner`.
    ///
    /// # Errors
    /// There is no such credential.
    pub fn by(mut self, policy: &Policy, id: &str) -> Result<Self, NoCredential> {
        let kind = |source: &Source| match source {
            Source::Jwt { .. } => "jwt:",
            Source::Mtls(_) => "mtls:",
            Source::Bearer(_) => "bearer:",
            Source::Header(_) => "header:",
        };
        let sources = &policy.identity;
        let first = sources.first().ok_or(NoCredential::NoIdentity)?;
        let named = sources.iter().filter(|_| sources.len() > 1);
        let mut named = named.filter_map(|source| Some((source, id.strip_prefix(kind(source))?)));
        let (source, id) = named.next().unwrap_or((first, id));
        match source {
            Source::Header(name) => Ok(self.with_one(name, id)),
            Source::Mtls(_) => {
                self.client.certificate = Some(id.to_owned());
                Ok(self)
            }
            Source::Bearer(bearer) => {
                let is_named = bearer.tokens.iter().any(|(_, name)| name == id);
                is_named.then_some(()).ok_or(NoCredential::NoToken)?;
                Ok(self.with_one("authorization", &format!("Bearer {}", token(id))))
            }
            Source::Jwt { claims, .. } => {
                let parts = if claims.len() > 1 { parts(id) } else { vec![id.to_owned()] };
                if parts.len() != claims.len() {
                    return Err(NoCredential::Claims(claims.len()));
                }
                for (path, part) in claims.iter().zip(&parts) {
                    if self.client.payload.is_some() {
                        self.client.payload = Some(self.client.payload_with(path, part));
                    } else {
                        self.client.add_claims(&path.join("/"), &Value::from(&**part));
                    }
                }
                Ok(self)
            }
        }
    }
}

impl Ask {
    /// The same with one header of this name.
    fn with_one(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.with(name, value)
    }
}

impl super::client::Client {
    /// The payload with another claim.
    fn payload_with(&self, path: &[String], id: &str) -> Payload {
        let text = match &self.payload {
            Some(Payload::Object(text)) => text,
            _ => "{}",
        };
        let mut payload: Value = serde_json::from_str(text).unwrap_or_default();
        let mut inner = &mut payload;
        for key in path {
            if !inner.is_object() {
                *inner = Value::Object(serde_json::Map::new());
            }
            let Value::Object(members) = inner else { return Payload::Unreadable };
            inner = members.entry(key).or_insert(Value::Null);
        }
        *inner = Value::from(id);
        Payload::read(Some(payload.to_string().into_bytes()))
    }
}

/// The parts of an id that bars join; `\|` and `\\` are characters of a part.
fn parts(id: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut chars = id.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => part.extend(chars.next()),
            '|' => parts.push(core::mem::take(&mut part)),
            c => part.push(c),
        }
    }
    parts.push(part);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::stage::Stage;

    fn caller(identity: &str, id: &str) -> Option<String> {
        let text = format!(
            r#"{{"version": "1", "default": "deny", "identity": {identity},
                 "grants": {{{}: {{"default": "allow"}}, "*": {{"default": "deny"}}}}}}"#,
            Value::from(id)
        );
        let mut policy = Policy::parse(text.as_bytes(), "").unwrap();
        admit_made_up_tokens(&mut policy);
        let mut stage = Stage::under(policy.into());
        let ask = Ask::tool("x").by(&stage.policy, id).ok()?;
        let sent = stage.send(&ask).unwrap();
        match sent.outcome {
            crate::simulate::Outcome::WentOn(records) => records[0].caller_id.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_source_has_its_credential() {
        let hash = "00".repeat(32);
        for identity in [
            r#"[{"header": "x-agent-id"}]"#.to_owned(),
            r#"[{"jwt": {"claim": "sub"}}]"#.to_owned(),
            r#"[{"mtls": "subject"}]"#.to_owned(),
            format!(r#"[{{"bearer": {{"tokens": {{"planner": "sha256:{hash}"}}}}}}]"#),
        ] {
            assert_eq!(caller(&identity, "planner").as_deref(), Some("planner"), "{identity}");
        }
        let joined = r#"[{"jwt": {"claim": ["iss", "sub.id"]}}]"#;
        for id in ["https://id|alice", r"a\|b|c\\"] {
            assert_eq!(caller(joined, id).as_deref(), Some(id));
        }
        assert_eq!(parts(r"a\|b|c\\|"), ["a|b", r"c\", ""]);
        assert_eq!(caller(joined, "alice"), None);
        let two = r#"[{"jwt": {"claim": "sub"}}, {"header": "x-agent-id"}]"#;
        assert_eq!(caller(two, "header:planner").as_deref(), Some("header:planner"));
        let none = Policy::parse(br#"{"version": "1", "default": "deny"}"#, "").unwrap();
        assert_eq!(Ask::tool("x").by(&none, "a").unwrap_err(), NoCredential::NoIdentity);
    }
}
