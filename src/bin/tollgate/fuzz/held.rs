//! How a guest holds the bytes of an input where it compares them, and so which bytes make a comparison come out
//! equal. What is compared, and where it stands in the input, is in `content`.

/// How the bytes of an input stand in an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// In the order of memory.
    Bytes,
    /// The first byte in the highest bits.
    Reversed,
    /// Each in a unit of UTF-16.
    Units,
}

impl Held {
    pub const ALL: [Held; 3] = [Held::Bytes, Held::Reversed, Held::Units];

    /// What an operand of so many bytes holds, if that is text or bytes.
    fn read(self, operand: u64, width: usize) -> Option<Vec<u8>> {
        let mut bytes: Vec<u8> = operand.to_le_bytes().into_iter().take(width).collect();
        match self {
            Held::Bytes => {}
            Held::Reversed => bytes.reverse(),
            Held::Units => {
                let (units, _) = bytes.as_chunks::<2>();
                let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
                let text: Option<String> = char::decode_utf16(units).map(Result::ok).collect();
                bytes = text?.into_bytes();
            }
        }
        Some(bytes)
    }

    /// Where `there`, the bytes of an input, stand in an operand: what stands there in the other operand, and how
    /// much of it is in place of `there`.
    pub fn wanted(
        self,
        there: &[u8],
        [held, other]: [u64; 2],
        width: usize,
    ) -> Option<(Vec<u8>, usize)> {
        if there.is_empty() || self == Held::Reversed && there.len() == 1 {
            return None;
        }
        let (held, other) = (self.read(held, width)?, self.read(other, width)?);
        let at = held.windows(there.len()).position(|piece| piece == there)?;
        let mut wanted = other.get(at..)?.to_vec();
        // What is behind the number that was loaded is not of the input.
        while wanted.len() > there.len() && wanted.last() == Some(&0) {
            wanted.pop();
        }
        if wanted.len() > there.len() && self == Held::Reversed {
            wanted.truncate(there.len());
        }
        Some((wanted, there.len()))
    }
}

/// Numbers in the place of the decimal number `there`, whose value is one of the operands.
pub fn numbers(
    there: &[u8],
    [held, other]: [u64; 2],
    is_float: bool,
    width: usize,
) -> Vec<Vec<u8>> {
    let Some(number) = str::from_utf8(there)
        .ok()
        .and_then(|it| it.parse::<u64>().ok())
    else {
        return Vec::new();
    };
    if is_float {
        #[expect(clippy::cast_precision_loss, reason = "the value that a float has")]
        let is_held = match width {
            8 => f64::from_bits(held) == number as f64,
            _ => f32::from_bits(low(held)) == number as f32,
        };
        let other = match width {
            8 => f64::from_bits(other),
            _ => f32::from_bits(low(other)).into(),
        };
        return match is_held && other.is_finite() {
            true => [other, other + 1.0, other - 1.0]
                .map(|it| it.to_string().into())
                .into(),
            false => Vec::new(),
        };
    }
    if number != held {
        return Vec::new();
    }
    let near = [other, other.wrapping_add(1), other.wrapping_sub(1)];
    near.map(|it| it.to_string().into()).into()
}

fn low(number: u64) -> u32 {
    u32::try_from(number & 0xFFFF_FFFF).unwrap_or(0)
}

/// The byte that makes operands equal of which one is as much more than a byte of the input, before and after that
/// was changed.
pub fn moved([before, after]: [u8; 2], [held, changed]: [u64; 2], other: u64) -> Option<u8> {
    let more = held.wrapping_sub(before.into());
    if more == 0 || changed.wrapping_sub(after.into()) != more {
        return None;
    }
    u8::try_from(other.wrapping_sub(more) & 0xFFFF_FFFF).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &[u8]) -> u64 {
        let mut bytes = [0; 8];
        bytes[..text.len()].copy_from_slice(text);
        u64::from_le_bytes(bytes)
    }

    #[test]
    fn operands_hold_bytes_in_several_ways() {
        let operands = [word(b"vers"), word(b"app ")];
        assert_eq!(
            Held::Bytes.wanted(b"vers", operands, 4),
            Some((b"app ".to_vec(), 4))
        );
        // Some of them are behind the end of the input, or before its start.
        assert_eq!(
            Held::Bytes.wanted(b"er", operands, 4),
            Some((b"pp ".to_vec(), 2))
        );
        let operands = [word(b"a\0l\0l\0 \0"), word(b"t\0e\0a\0p\0")];
        assert_eq!(
            Held::Units.wanted(b"all ", operands, 8),
            Some((b"teap".to_vec(), 4))
        );
        assert_eq!(Held::Bytes.wanted(b"all ", operands, 8), None);
        let operands = [u64::from(u32::from_be_bytes(*b"\0\0ab")), 0x6364];
        assert_eq!(
            Held::Reversed.wanted(b"ab", operands, 4),
            Some((b"cd".to_vec(), 2))
        );
    }

    #[test]
    fn numbers_and_moved_bytes_are_recognised() {
        assert_eq!(numbers(b"12", [12, 418], false, 4)[0], b"418");
        assert_eq!(numbers(b"12", [13, 418], false, 4), Vec::<Vec<u8>>::new());
        let floats = [12_f64.to_bits(), 418_f64.to_bits()];
        assert_eq!(numbers(b"12", floats, true, 8)[0], b"418");
        assert_eq!(
            moved(*b"AB", [b'a'.into(), b'b'.into()], b'z'.into()),
            Some(b'Z')
        );
        assert_eq!(moved(*b"AB", [5, 9], 7), None);
    }
}
