//! Regular expressions of a policy, and how large they are.

use super::TestError;
use regex_lite::{Regex, RegexBuilder};

/// One compiles to at most so many bytes.
pub(super) const MAX_REGEX_BYTES: usize = 1 << 16;

/// The smallest size limit under which an expression compiles tells how large
/// it is, and so how long the texts may be that it is run on.
///
/// # Errors
/// It is no expression, or too large a one.
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
