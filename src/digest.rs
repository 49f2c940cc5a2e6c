//! Hashes over several parts, told apart by their lengths: `a` and `bc` are other
//! parts than `ab` and `c`.

use sha2::{Digest, Sha256};

/// The SHA-256 over each part's length, as eight bytes in little-endian order, and
/// its bytes.
pub fn of_parts(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        hasher.update(length.to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}
