//! How an operand of a comparison may be written in an input.

/// An operand as bytes, and what would take its place.
pub type Written = (Vec<u8>, Vec<u8>);

/// Whether a number fits into fewer bytes, with or without a sign.
fn fits(number: u64, bytes: u32, of: u32) -> bool {
    let (bits, all) = (8 * bytes, 8 * of);
    if bits >= all {
        return true;
    }
    let signed = (number << (64 - all)).cast_signed() >> (64 - all);
    number >> bits == 0 || (-1 << (bits - 1)..0).contains(&signed)
}

/// All ways in which `from` may be written, with `to` written in the same way.
pub fn ways(from: u64, to: u64, bytes: u8, is_float: bool) -> Vec<Written> {
    let mut ways = Vec::new();
    let of: u32 = if bytes == 8 { 8 } else { 4 };
    for len in [8_u32, 4, 2, 1] {
        if len > of || !fits(from, len, of) || !fits(to, len, of) {
            continue;
        }
        let written = |number: u64| -> Vec<u8> {
            number
                .to_le_bytes()
                .into_iter()
                .take(len as usize)
                .collect()
        };
        push_both_orders(&mut ways, written(from), written(to));
    }
    if is_float {
        floats(&mut ways, from, to, of);
        return ways;
    }
    let signed = |number: u64| match of {
        8 => number.cast_signed(),
        _ => i64::from(
            u32::try_from(number & 0xFFFF_FFFF)
                .unwrap_or(0)
                .cast_signed(),
        ),
    };
    ways.push((from.to_string().into(), to.to_string().into()));
    if signed(from) < 0 || signed(to) < 0 {
        ways.push((
            signed(from).to_string().into(),
            signed(to).to_string().into(),
        ));
    }
    // Of its bytes, as they are in memory.
    let digits = |number: u64| -> Vec<u8> {
        hex(number.to_le_bytes().get(..of as usize).unwrap_or_default())
    };
    ways.push((digits(from), digits(to)));
    ways.push((format!("{from:x}").into(), format!("{to:x}").into()));
    ways.push((format!("{from:X}").into(), format!("{to:X}").into()));
    ways
}

fn push_both_orders(ways: &mut Vec<Written>, mut from: Vec<u8>, mut to: Vec<u8>) {
    ways.push((from.clone(), to.clone()));
    if from.len() > 1 {
        from.reverse();
        to.reverse();
        ways.push((from, to));
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float of the other width, or a whole number near it"
)]
fn floats(ways: &mut Vec<Written>, from: u64, to: u64, of: u32) {
    let value = |bits: u64| match of {
        8 => f64::from_bits(bits),
        _ => f64::from(f32::from_bits(
            u32::try_from(bits & 0xFFFF_FFFF).unwrap_or(0),
        )),
    };
    let (from, to) = (value(from), value(to));
    match of {
        8 => push_both_orders(
            ways,
            (from as f32).to_le_bytes().into(),
            (to as f32).to_le_bytes().into(),
        ),
        _ => push_both_orders(ways, from.to_le_bytes().into(), to.to_le_bytes().into()),
    }
    let (whole_from, whole_to) = (from as i64, to as i64);
    for len in [8, 4, 2, 1] {
        let written =
            |number: i64| -> Vec<u8> { number.to_le_bytes().into_iter().take(len).collect() };
        push_both_orders(ways, written(whole_from), written(whole_to));
    }
    ways.push((from.to_string().into(), to.to_string().into()));
    ways.push((whole_from.to_string().into(), whole_to.to_string().into()));
}

pub fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|byte| format!("{byte:02x}").into_bytes())
        .collect()
}

pub fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| usize::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = bits >> (18 - 6 * digit) & 63;
            let one = DIGITS.get(value).copied().unwrap_or(b'=');
            text.push(if digit > group.len() { b'=' } else { one });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_all_ways() {
        let ways = ways(0x0102, 0x0304, 4, false);
        for way in [
            (&[2, 1][..], &[4, 3][..]),
            (&[1, 2], &[3, 4]),
            (&[2, 1, 0, 0], &[4, 3, 0, 0]),
            (b"258", b"772"),
        ] {
            assert!(
                ways.contains(&(way.0.into(), way.1.into())),
                "{way:?} of {ways:?}"
            );
        }
        assert!(super::ways(u64::MAX, 5, 8, false).contains(&(vec![0xFF], vec![5])));
        let float = super::ways(1.5_f64.to_bits(), 2.0_f64.to_bits(), 8, true);
        assert!(float.contains(&(b"1.5".into(), b"2".into())));
    }

    /// RFC 4648.
    #[test]
    fn base64_is_the_standard_one() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text.as_bytes());
        }
    }
}
