//! Bytes that nobody can guess.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Bytes that no client can guess: the keys with which the standard library seeds its
/// hash maps, which come from the random numbers of the host or the system.
pub fn random() -> [u8; 16] {
    let half = || RandomState::new().build_hasher().finish().to_le_bytes();
    let mut bytes = [0; 16];
    for (byte, random) in bytes.iter_mut().zip(half().into_iter().chain(half())) {
        *byte = random;
    }
    bytes
}
