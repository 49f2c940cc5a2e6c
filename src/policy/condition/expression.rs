//! Regular expressions of a policy, and their compiled size.

use super::TestError;
use regex_lite::{Regex, RegexBuilder};

/// The most bytes that one compiles to.
pub(super) const MAX_REGEX_BYTES: usize = 1 << 16;

/// Compiles an expression. Returns it with the smallest size limit under which
/// it compiles, which bounds the texts that it is run on.
///
/// # Errors
/// The text is not an expression, or compiles to too much.
pub(super) fn compile(text: &str) -> Result<(Regex, usize), TestError> {
    let mut size = 1 << 10;
    loop {
        match RegexBuilder::new(text).size_limit(size).build() {
            Ok(regex) => return Ok((regex, size)),
            Err(error) => {
                let error = error.to_string();
                if !error.contains("size limit") {
                    return Err(TestError::Regex(error.lines().collect::<Vec<_>>().join(" ")));
                }
            }
        }
        if size >= MAX_REGEX_BYTES {
            return Err(TestError::RegexSize);
        }
        size = size.saturating_mul(2);
    }
}
