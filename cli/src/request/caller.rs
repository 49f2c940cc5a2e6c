//! A caller by its id: the credential by which a policy's sources name it.

use crate::failure::Failure;
use crate::output::shown;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::policy::condition::Payload;
use mcp_policy_filter::policy::document::Source;
use mcp_policy_filter::simulate::explain::admit;
use mcp_policy_filter::simulate::notation::Ask;
use serde_json::{Map, Value};

/// Makes a request one of the caller with this id. Of several sources, the kind at its
/// beginning (`jwt:`, `mtls:`, `bearer:`, `header:`) picks one, and without a kind the
/// first of the policy's list does. Without a source all callers are one.
///
/// # Errors
/// No source of the policy can name such a caller.
pub(crate) fn name(ask: &mut Ask, policy: &mut Policy, id: &str) -> Result<(), Failure> {
    let many = policy.identity.len() > 1;
    let kind = |source: &Source| match source {
        Source::Jwt { .. } => "jwt",
        Source::Mtls(_) => "mtls",
        Source::Bearer(_) => "bearer",
        Source::Header(_) => "header",
    };
    let prefixed = id.split_once(':').filter(|_| many);
    let chosen = prefixed.and_then(|(word, rest)| {
        let source = policy.identity.iter().find(|source| kind(source) == word)?;
        Some((source, rest))
    });
    let Some((source, id)) = chosen.or(policy.identity.first().map(|first| (first, id))) else {
        return Ok(());
    };
    match source {
        Source::Header(name) => set(ask, name, id),
        Source::Mtls(_) => ask.client.certificate = Some(id.to_owned()),
        Source::Jwt { claims, .. } => ask.client.payload = Some(claimed(ask, claims, id)?),
        Source::Bearer(bearer) => {
            let mut names: Vec<String> =
                bearer.tokens.iter().map(|(_, name)| format!("`{}`", shown(name))).collect();
            names.sort();
            names.dedup();
            let unknown = || {
                Failure::new(format!(
                    "--as {}: no token of `bearer` is this caller's; it names {}",
                    shown(id),
                    names.join(", ")
                ))
            };
            let (name, value) = admit(policy, id).ok_or_else(unknown)?;
            set(ask, name, &value);
        }
    }
    Ok(())
}

/// Sets a header of which the request has one.
fn set(ask: &mut Ask, name: &str, value: &str) {
    ask.headers.retain(|(other, _)| other != name);
    ask.headers.push((name.to_owned(), value.to_owned()));
}

/// The claims of a request, with an id in those that name the caller.
fn claimed(ask: &Ask, paths: &[Vec<String>], id: &str) -> Result<Payload, Failure> {
    let parts = if paths.len() > 1 { parts(id) } else { vec![id.to_owned()] };
    if parts.len() != paths.len() {
        return Err(Failure::new(format!(
            "--as {}: this policy joins {} claims to an id; write them with a bar between, as \
             records have them",
            shown(id),
            paths.len()
        )));
    }
    let mut claims = match &ask.client.payload {
        Some(Payload::Object(text)) => serde_json::from_str(text).unwrap_or_default(),
        _ => Map::new(),
    };
    for (path, part) in paths.iter().zip(parts) {
        insert(&mut claims, path, Value::from(part));
    }
    Ok(Payload::read(Some(Value::from(claims).to_string().into_bytes())))
}

fn insert(into: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => drop(into.insert(last.clone(), value)),
        [first, rest @ ..] => {
            let inner = into.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// The parts of an id that bars join; `\|` and `\\` are characters of a part.
fn parts(id: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for c in id.chars() {
        match c {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '|' if !escaped => parts.push(String::new()),
            c => {
                if let Some(last) = parts.last_mut() {
                    last.push(c);
                }
            }
        }
        escaped = false;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn an_id_comes_apart_at_its_bars() {
        assert_eq!(parts(r"https://id|alice"), ["https://id", "alice"]);
        assert_eq!(parts(r"a\|b|c\\"), ["a|b", r"c\"]);
        assert_eq!(parts("alone"), ["alone"]);
    }
}
