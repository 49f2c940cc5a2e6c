//! The tools in the answers of a server, each with its whole text: no reader has dropped
//! anything of it.

use crate::output::shown;
use core::fmt::Write as _;
use mcp_policy_filter::policy::document::DIGEST_PREFIX;
use mcp_policy_filter::wire::json::{JsonError, Kind, Raw, Reader};
use mcp_policy_filter::wire::mcp::{DefinitionError, digest_of_definition};
use std::collections::BTreeSet;

/// The deepest nesting of an answer, which is that of the filter.
const MAX_DEPTH: usize = 256;

/// A tool, as a server lists it.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    /// Its name.
    pub(super) name: String,
    /// Its whole object.
    pub(super) text: String,
}

impl Tool {
    /// Its digest, as a policy has it.
    ///
    /// # Errors
    /// Two readers may have two forms of the definition.
    pub(super) fn digest(&self, ignores_meta: bool) -> Result<String, DefinitionError> {
        let mut reader = Reader::outline(self.text.as_bytes(), MAX_DEPTH);
        let tool = reader.as_mut().ok().and_then(|reader| reader.value().ok());
        let digest = digest_of_definition(tool.ok_or(DefinitionError::Depth)?, ignores_meta)?;
        let mut text = DIGEST_PREFIX.to_owned();
        for byte in digest {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Ok(text)
    }
}

/// The tools in these texts: answers, objects with `tools`, or lists. A text without any is
/// passed over.
///
/// # Errors
/// A list cannot be read in one way only, or has a tool without a name or twice.
pub(super) fn tools(texts: &[String]) -> Result<Vec<Tool>, String> {
    let (mut all, mut names) = (Vec::new(), BTreeSet::new());
    for text in texts {
        let fault = |error: JsonError| {
            format!(
                "a list of tools is not JSON that all readers read alike: byte {}: {}",
                error.at, error.kind
            )
        };
        let mut reader = Reader::new(text.trim_end().as_bytes(), MAX_DEPTH).map_err(fault)?;
        let whole = reader.value().map_err(fault)?;
        reader.end().map_err(fault)?;
        let Some(list) = list(whole) else { continue };
        if let Some(doubt) = reader.ambiguity() {
            return Err(fault(doubt));
        }
        let mut tools = Vec::new();
        let read = Reader::again(list).array(|reader| {
            tools.push(reader.value()?);
            Ok(())
        });
        read.map_err(fault)?;
        for tool in tools {
            let Some(Kind::String(name)) = tool.member("name").map(|name| name.kind) else {
                return Err("a tool has no name, so no lock can have it".into());
            };
            let name = name.decode().into_owned();
            if !names.insert(name.clone()) {
                return Err(format!(
                    "the server lists the tool `{}` twice; clients differ on which they keep, so \
                     no lock can have it",
                    shown(&name)
                ));
            }
            all.push(Tool { name, text: tool.text.to_owned() });
        }
    }
    Ok(all)
}

/// The list of tools in a value, if it has one.
fn list(whole: Raw<'_>) -> Option<Raw<'_>> {
    let is_list = |raw: &Raw<'_>| matches!(raw.kind, Kind::Array);
    let result = whole.member("result").unwrap_or(whole);
    Some(result.member("tools").unwrap_or(result)).filter(is_list)
}

/// The text of a file with definitions, which [`tools`] reads.
pub(super) fn file(tools: &[Tool]) -> String {
    let tools: Vec<&str> = tools.iter().map(|tool| tool.text.trim()).collect();
    format!("{{\"tools\":[\n{}\n]}}\n", tools.join(",\n"))
}
