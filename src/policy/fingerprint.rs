//! Fingerprints of texts that are not secret, and HMACs: of arguments, by which records
//! can be compared without showing them, and of notices and questions about approvals, by
//! which a receiver knows them.

use crate::digest::hex;
use core::fmt;
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

    /// The key of these very bytes.
    pub fn of_bytes(key: &[u8; 32]) -> Option<Self> {
        Hmac::new_from_slice(key).ok().map(Self)
    }

    /// The HMAC of a text in these parts, as 64 hexadecimal digits.
    pub fn hex_of(&self, parts: &[&[u8]]) -> String {
        hex(&self.over(parts).finalize().into_bytes())
    }

    /// Whether this is the HMAC of a text in these parts, in a time that says nothing of
    /// it.
    pub fn verifies(&self, parts: &[&[u8]], mac: &[u8; 32]) -> bool {
        self.over(parts).verify_slice(mac).is_ok()
    }

    fn over(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut state = self.0.clone();
        parts.iter().for_each(|part| state.update(part));
        state
    }

    /// The HMAC of a text, as 64 hexadecimal digits.
    pub fn hex(&self, text: &str) -> String {
        self.hex_of(&[text.as_bytes()])
    }
}

/// The first twelve hexadecimal digits of a SHA-256: enough to tell it from
/// others.
pub fn fingerprint_of(hash: &[u8; 32]) -> String {
    hex(hash.get(..6).unwrap_or_default())
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
        let parts: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        assert_eq!(hmac.hex_of(&parts), hmac.hex("what do ya want for nothing?"));
        assert_eq!(format!("{hmac:?}"), "HmacKey");
        // Test case 1, with a key of 32 bytes and not 20: HMAC fills it up with zeros.
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let mac = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        let key = HmacKey::of_bytes(&key).unwrap();
        assert_eq!(key.hex_of(&[b"Hi ", b"There"]), mac);
        let digit = |at: usize| u8::from_str_radix(&mac[2 * at..][..2], 16).unwrap();
        let mut mac = core::array::from_fn(digit);
        assert!(key.verifies(&[b"Hi There"], &mac) && !key.verifies(&[b"Hi Their"], &mac));
        mac[31] ^= 1;
        assert!(!key.verifies(&[b"Hi There"], &mac));
    }
}
