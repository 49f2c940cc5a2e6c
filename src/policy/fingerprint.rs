//! Fingerprints of texts that are not secret, and HMACs: of arguments, by which records
//! can be compared without showing them, and of notices, by which a receiver knows them.

use core::fmt::{self, Write};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// A key of HMAC-SHA-256. A bare hash of a short value could be found by trying
/// values.
#[derive(Clone)]
pub struct HmacKey(Hmac<Sha256>);

impl HmacKey {
    /// The key of these bytes. HMAC takes a key of any length.
    pub fn new(key: &str) -> Option<Self> {
        Hmac::new_from_slice(key.as_bytes()).ok().map(Self)
    }

    /// The HMAC of a text, as 64 hexadecimal digits.
    pub fn hex(&self, text: &str) -> String {
        let mut state = self.0.clone();
        state.update(text.as_bytes());
        hex(&state.finalize().into_bytes())
    }
}

/// The first twelve hexadecimal digits of a SHA-256: enough to tell it from
/// others.
pub fn fingerprint_of(hash: &[u8; 32]) -> String {
    hex(hash.get(..6).unwrap_or_default())
}

fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// Hides the key.
impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn hmacs_are_those_of_rfc_4231() {
        let hmac = HmacKey::new("Jefe").unwrap();
        // Test case 2.
        assert_eq!(
            hmac.hex("what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(format!("{hmac:?}"), "HmacKey");
    }
}
