//! `lock`: the definitions of a server's tools, by their digests.

use super::at::At;
use super::tool_name;
use super::wording::quote;
use crate::order;

/// The most tools of a lock. Each that has changed takes a few bytes in shared data, which
/// are read for each call.
pub const MAX_LOCKED: usize = 4_096;

/// The beginning of a digest, which names its algorithm.
pub const DIGEST_PREFIX: &str = "sha256:";

/// A lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Whether it refuses and hides, or is only recorded.
    pub enforces: bool,
    /// The name of each tool, with the digest of its definition, sorted.
    pub tools: Vec<(String, [u8; 32])>,
    /// Whether the `_meta` of a definition is left out of its digest.
    pub ignores_meta: bool,
}

const MODES: [(&str, bool); 2] = [("enforce", true), ("report", false)];

impl Lock {
    pub(super) fn read(at: &At<'_>) -> Option<Self> {
        let object = at.object(&["mode", "tools", "ignore"])?;
        let enforces = object.required("mode").and_then(|at| at.choice(&MODES));
        let ignored = object.get("ignore").map(|at| at.each(|at| at.choice(&[("_meta", ())])));
        let listed = object.required("tools")?;
        let entries = listed.entries();
        if entries.len() > MAX_LOCKED {
            listed
                .wrong(format!("has {} tools; at most {MAX_LOCKED} can be locked", entries.len()));
        }
        let read = |(name, at): &(&str, At<'_>)| {
            if name.contains('*') && !at.reading().unusual_tool_names {
                at.wrong("names one tool, and is not a pattern; name each tool by itself");
                return None;
            }
            tool_name::check(at, name)?;
            Some(((*name).to_owned(), digest(at.object(&["digest"])?.required("digest")?)?))
        };
        let tools = entries.iter().filter_map(read).collect();
        let tools = order::sorted(tools, |(a, _): &(String, _), (b, _)| a.cmp(b));
        let ignores_meta = ignored.is_some_and(|ignored| !ignored.is_empty());
        Some(Self { enforces: enforces?, tools, ignores_meta })
    }
}

fn digest(at: &At<'_>) -> Option<[u8; 32]> {
    let text = at.string()?;
    let found = parse(text);
    if found.is_none() {
        at.wrong(format!(
            "{} is not a digest; write `{DIGEST_PREFIX}` and 64 hexadecimal digits in lower case, \
             as `mcp-policy lock` does",
            quote(text)
        ));
    }
    found
}

/// The bytes of a digest as a policy has it.
fn parse(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix(DIGEST_PREFIX)?.as_bytes();
    let mut bytes = [0; 32];
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = hex(*high)?.checked_mul(16)?.checked_add(hex(*low)?)?;
    }
    Some(bytes)
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => digit.checked_sub(b'0'),
        b'a'..=b'f' => digit.checked_sub(b'a')?.checked_add(10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn digests_have_one_spelling() {
        let digits = "00ff".repeat(16);
        let bytes = parse(&format!("sha256:{digits}")).unwrap();
        assert_eq!(bytes[..4], [0, 255, 0, 255]);
        for text in [
            digits.clone(),
            format!("sha512:{digits}"),
            format!("SHA256:{digits}"),
            format!("sha256:{}", digits.to_uppercase()),
            format!("sha256:{digits}0"),
            format!("sha256:{digits}00"),
            format!("sha256:{}", &digits[1..]),
            format!("sha256:+{}", &digits[1..]),
            format!("sha256: {}", &digits[1..]),
            "sha256:".into(),
        ] {
            assert_eq!(parse(&text), None, "{text}");
        }
    }
}
