//! HMAC (RFC 2104) with SHA-256.

use alloc::string::String;
use tollgate_abi::sha256::{Sha256, digest, hex};

const BLOCK: usize = 64;

/// The first hexadecimal digits of the HMAC of `message`.
pub(super) fn hex_start(key: &[u8], message: &[u8], digits: usize) -> String {
    let mut text = hex(&hmac(key, message));
    text.truncate(digits);
    text
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let hashed;
    let key = if key.len() > BLOCK {
        hashed = digest(key);
        &hashed[..]
    } else {
        key
    };
    let padded = |with: u8| {
        let mut block = [with; BLOCK];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let mut inner = Sha256::default();
    inner.update(&padded(0x36));
    inner.update(message);
    let mut outer = Sha256::default();
    outer.update(&padded(0x5c));
    outer.update(&inner.finish());
    outer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test cases 1, 2 and 6.
    #[test]
    fn published_vectors() {
        for (key, message, expected) in [
            (
                vec![0x0b; 20],
                "Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe".to_vec(),
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 131],
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            assert_eq!(hex(&hmac(&key, message.as_bytes())), expected);
            assert_eq!(hex_start(&key, message.as_bytes(), 32), expected[..32]);
        }
    }
}
