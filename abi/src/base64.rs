//! Standard base64 with padding (RFC 4648, section 4), the form of bytes inside JSON.

use alloc::{string::String, vec::Vec};
use core::fmt;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Text that is not padded standard base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadBase64 {
    /// Where the text goes wrong, in bytes from its start.
    pub at: usize,
}

impl fmt::Display for BadBase64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not base64 at byte {}", self.at)
    }
}

impl core::error::Error for BadBase64 {}

/// Encodes bytes.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = (group >> (18 - 6 * at)) & 63;
            let padded = at > chunk.len();
            text.push(if padded {
                '='
            } else {
                char::from(*ALPHABET.get(digit as usize).unwrap_or(&b'='))
            });
        }
    }
    text
}

/// Decodes text; the padding must be there and the spare bits must be zero.
///
/// # Errors
///
/// [`BadBase64`] with the place of the first wrong byte.
pub fn decode(text: &str) -> Result<Vec<u8>, BadBase64> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(4) {
        return Err(BadBase64 { at: text.len() });
    }
    let groups = text.len() / 4;
    let mut bytes = Vec::with_capacity(groups * 3);
    for (index, group) in text.chunks_exact(4).enumerate() {
        let last = index + 1 == groups;
        let padding = if last {
            group.iter().rev().take_while(|&&b| b == b'=').count()
        } else {
            0
        };
        if padding > 2 {
            return Err(BadBase64 { at: index * 4 });
        }
        let mut value = 0u32;
        for (at, &symbol) in group.iter().take(4 - padding).enumerate() {
            let digit = digit(symbol).ok_or(BadBase64 { at: index * 4 + at })?;
            value |= digit << (18 - 6 * at);
        }
        let [_, decoded @ ..] = value.to_be_bytes();
        let (kept, spare) = decoded.split_at(3 - padding);
        if spare.iter().any(|&byte| byte != 0) {
            return Err(BadBase64 {
                at: index * 4 + 3 - padding,
            });
        }
        bytes.extend_from_slice(kept);
    }
    Ok(bytes)
}

fn digit(symbol: u8) -> Option<u32> {
    let digit = match symbol {
        b'A'..=b'Z' => symbol - b'A',
        b'a'..=b'z' => symbol - b'a' + 26,
        b'0'..=b'9' => symbol - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(plain.as_bytes()), coded);
            assert_eq!(decode(coded).unwrap(), plain.as_bytes());
        }
    }

    #[test]
    fn every_byte_survives() {
        let all: Vec<u8> = (0..=255).collect();
        for end in 0..all.len() {
            assert_eq!(decode(&encode(&all[..end])).unwrap(), &all[..end]);
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_place() {
        for (text, at) in [
            ("Zg=", 3),
            ("Z===", 0),
            ("Zg==Zg==", 2),
            ("Z!==", 1),
            ("Zh==", 1),
            ("Zm9=", 2),
        ] {
            assert_eq!(decode(text), Err(BadBase64 { at }), "{text}");
        }
        assert!(decode("Zm9v\n").is_err());
        assert!(decode("Zm-_").is_err());
    }
}
