//! The encodings in which secrets are searched for. Each is decoded wherever it occurs in a text; the
//! rest of the text is unchanged. What is found in the result is replaced in the text.

mod digits;
mod html;

use super::{layer::Layer, spans};

/// An encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Escapes with a backslash: those of JSON and of other languages.
    Backslash,
    /// `%41`.
    Percent,
    /// Character references: `&quot;`, `&#34;`, `&#x22;`.
    Html,
    /// Standard or for URLs, padded or not, at any alignment.
    Base64,
    /// In either case, at any alignment.
    Hex,
    /// Wrapped over lines: all white space is removed.
    Wrapped,
}

impl Encoding {
    pub(super) const ALL: [Encoding; 6] = [
        Encoding::Backslash,
        Encoding::Percent,
        Encoding::Html,
        Encoding::Base64,
        Encoding::Hex,
        Encoding::Wrapped,
    ];

    /// The decoded text; `None` if nothing in `bytes` has this encoding.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<Layer> {
        let mut layer = match self {
            Encoding::Backslash => escapes(bytes, b'\\', backslash),
            Encoding::Percent => escapes(bytes, b'%', percent),
            Encoding::Html => escapes(bytes, b'&', html::reference),
            Encoding::Base64 => digits::base64(bytes),
            Encoding::Hex => digits::hex(bytes),
            Encoding::Wrapped => unwrapped(bytes),
        }?;
        spans::hide_marks(layer.bytes_mut());
        Some(layer)
    }
}

/// An escape at the start of some bytes, and its meaning.
struct Escape {
    /// Its length in bytes.
    length: usize,
    bytes: [u8; 4],
    count: usize,
}

impl Escape {
    fn byte(length: usize, byte: u8) -> Escape {
        Escape {
            length,
            bytes: [byte, 0, 0, 0],
            count: 1,
        }
    }

    fn character(length: usize, character: char) -> Escape {
        let mut bytes = [0; 4];
        let count = character.encode_utf8(&mut bytes).len();
        Escape {
            length,
            bytes,
            count,
        }
    }
}

/// Decodes the escapes that begin with `sign`, with `read`.
fn escapes(bytes: &[u8], sign: u8, read: impl Fn(&[u8]) -> Option<Escape>) -> Option<Layer> {
    let mut layer = Layer::default();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = bytes
        .get(at..)
        .and_then(|rest| rest.iter().position(|byte| *byte == sign))
    {
        at += found;
        let Some(escape) = bytes.get(at..).and_then(&read) else {
            at += 1;
            continue;
        };
        layer.copy(copied, bytes.get(copied..at).unwrap_or_default());
        let decoded = escape.bytes.get(..escape.count).unwrap_or_default();
        layer.escape(at, escape.length, decoded);
        at += escape.length;
        copied = at;
    }
    if copied == 0 {
        return None;
    }
    layer.copy(copied, bytes.get(copied..).unwrap_or_default());
    Some(layer)
}

fn percent(bytes: &[u8]) -> Option<Escape> {
    let code = number(bytes.get(1..3)?, 16)?;
    Some(Escape::byte(3, u8::try_from(code).ok()?))
}

fn backslash(bytes: &[u8]) -> Option<Escape> {
    let byte = match bytes.get(1)? {
        sign @ (b'"' | b'\'' | b'`' | b'\\' | b'/' | b'$') => *sign,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        b'x' => return hex(bytes),
        b'U' => {
            let code = number(bytes.get(2..10)?, 16)?;
            return Some(Escape::character(10, char::from_u32(code)?));
        }
        b'0'..=b'3' => {
            let code = number(bytes.get(1..4)?, 8)?;
            return Some(Escape::byte(4, u8::try_from(code).ok()?));
        }
        b'u' if bytes.get(2) == Some(&b'{') => return braced(bytes),
        b'u' => return unit(bytes),
        _ => return None,
    };
    Some(Escape::byte(2, byte))
}

/// `\xc3\xa9`, the UTF-8 of a character, or `\xe9`, its number.
fn hex(bytes: &[u8]) -> Option<Escape> {
    let mut read = [0; 4];
    let mut count = 0;
    for (byte, escape) in read.iter_mut().zip(bytes.chunks(4)) {
        let digits = escape
            .strip_prefix(b"\\x")
            .filter(|digits| digits.len() == 2);
        let Some(code) = digits.and_then(|digits| number(digits, 16)) else {
            break;
        };
        *byte = u8::try_from(code).ok()?;
        count += 1;
    }
    let bytes = read.get(..count)?;
    let first = bytes.utf8_chunks().next()?.valid().chars().next();
    let character = first.unwrap_or(char::from(*bytes.first()?));
    let length = first.map_or(4, |first| 4 * first.len_utf8());
    Some(Escape::character(length, character))
}

/// `\u{e9}`.
fn braced(bytes: &[u8]) -> Option<Escape> {
    let rest = bytes.get(3..)?;
    let length = rest.iter().take(9).position(|byte| *byte == b'}')?;
    let code = number(rest.get(..length)?, 16)?;
    Some(Escape::character(4 + length, char::from_u32(code)?))
}

/// `\u00e9`, or two of them for one character.
fn unit(bytes: &[u8]) -> Option<Escape> {
    let first = number(bytes.get(2..6)?, 16)?;
    if let Some(character) = char::from_u32(first) {
        return Some(Escape::character(6, character));
    }
    let second = bytes.get(6..12)?.strip_prefix(b"\\u")?;
    let units = [first, number(second, 16)?].map(|unit| u16::try_from(unit).unwrap_or(0));
    let character = char::decode_utf16(units).next()?.ok()?;
    Some(Escape::character(12, character))
}

/// The number that these digits mean; `None` if there is another character or none.
fn number(digits: &[u8], radix: u32) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u32, |number, digit| {
        let digit = char::from(*digit).to_digit(radix)?;
        number.checked_mul(radix)?.checked_add(digit)
    })
}

/// The text without white space; `None` if it has no line break.
fn unwrapped(bytes: &[u8]) -> Option<Layer> {
    let mut layer = Layer::default();
    let (mut copied, mut at, mut breaks) = (0, 0, false);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(first) = white_space(rest) else {
            at += 1;
            continue;
        };
        layer.copy(copied, bytes.get(copied..at).unwrap_or_default());
        let mut next = Some(first);
        let mut breaks_here = false;
        while let Some(WhiteSpace { length, is_break }) = next {
            at += length;
            breaks_here |= is_break;
            next = bytes.get(at..).and_then(white_space);
        }
        if breaks_here {
            layer.break_here();
            breaks = true;
        }
        copied = at;
    }
    layer.copy(copied, bytes.get(copied..).unwrap_or_default());
    breaks.then_some(layer)
}

/// A character of white space.
struct WhiteSpace {
    length: usize,
    is_break: bool,
}

/// The Unicode white space at the start of some bytes.
fn white_space(bytes: &[u8]) -> Option<WhiteSpace> {
    let (length, is_break) = match bytes {
        [b'\n' | b'\r' | 0x0B | 0x0C, ..] => (1, true),
        [b' ' | b'\t', ..] => (1, false),
        [0..0xC2, ..] => return None,
        [0xC2, 0x85, ..] => (2, true),
        [0xC2, 0xA0, ..] => (2, false),
        [0xE2, 0x80, 0xA8 | 0xA9, ..] => (3, true),
        [0xE2, 0x80, 0x80..=0x8A | 0xAF, ..]
        | [0xE2, 0x81, 0x9F, ..]
        | [0xE1, 0x9A, 0x80, ..]
        | [0xE3, 0x80, 0x80, ..] => (3, false),
        _ => return None,
    };
    Some(WhiteSpace { length, is_break })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(encoding: Encoding, text: &str) -> Option<String> {
        let layer = encoding.decode(text.as_bytes())?;
        let whole = layer.source(&(0..layer.bytes().len()));
        assert_eq!(whole, 0..text.trim_end().len(), "{text}");
        Some(String::from_utf8_lossy(layer.bytes()).into_owned())
    }

    #[test]
    fn escapes_are_decoded_and_what_is_none_stays() {
        use Encoding::*;
        for (encoding, text, expected) in [
            (
                Backslash,
                r#"a\"b\\c\/d\ne\u00e9\ud83d\udd11f\x41\u{1F511}g\303\251\xc3\xa9\xe9h\U0001f511"#,
                Some("a\"b\\c/d\neé🔑fA🔑géééh🔑"),
            ),
            (
                Backslash,
                r"\q \0 \12 \400 \u12 \ud83d \x4 \u{} \u{110000} \",
                None,
            ),
            (Percent, "a%41%c3%A9%4", Some("aAé%4")),
            (Percent, "100% %zz %4", None),
            (
                Html,
                "&lt;a&gt;&quot;&#39;&#x27;&#X27;&amp;amp;&eacute;&copy;&dollar;&#65 b",
                Some("<a>\"'''&amp;é©$A b"),
            ),
            (Html, "a & b &; &unknown; &#; &#x; &#1114112; &amp", None),
            (Wrapped, "a b\n  c\r\nd", Some("abcd")),
            (Wrapped, "a b c", None),
        ] {
            assert_eq!(decoded(encoding, text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn white_space_is_what_unicode_says() {
        for character in '\0'..=char::MAX {
            let mut bytes = [0; 4];
            let bytes = character.encode_utf8(&mut bytes).as_bytes();
            let length = white_space(bytes).map(|space| space.length);
            let expected = character.is_whitespace().then_some(bytes.len());
            assert_eq!(length, expected, "{character:?}");
        }
    }

    #[test]
    fn each_byte_is_traced_to_what_it_was_written_as() {
        let layer = Encoding::Backslash.decode(br"ab\u00e9cd\n").unwrap();
        let text = layer.bytes();
        assert_eq!(text, "abécd\n".as_bytes());
        assert_eq!(layer.source(&(0..2)), 0..2);
        assert_eq!(layer.source(&(2..4)), 2..8);
        assert_eq!(layer.source(&(3..5)), 2..9);
        assert_eq!(layer.source(&(6..7)), 10..12);
    }
}
