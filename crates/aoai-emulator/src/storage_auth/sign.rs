//! The one signature everything rests on: base64 of HMAC-SHA256 with the account key.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Compares in constant time. What is not base64 is not the signature.
pub(super) fn is_signature_of(signature: &str, text: &str, key: &[u8]) -> bool {
    let Ok(signature) = STANDARD.decode(signature) else { return false };
    // A key of any length will do for an HMAC.
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
    mac.chain_update(text).verify_slice(&signature).is_ok()
}
