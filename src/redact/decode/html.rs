//! Character references of HTML: by number, and by name for ASCII and Latin-1.

use super::{Escape, number};

/// The names of ASCII characters in HTML 5. They are case-sensitive.
const NAMES: &[(&str, char)] = &[
    ("quot", '"'),
    ("QUOT", '"'),
    ("amp", '&'),
    ("AMP", '&'),
    ("lt", '<'),
    ("LT", '<'),
    ("gt", '>'),
    ("GT", '>'),
    ("apos", '\''),
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("excl", '!'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("lpar", '('),
    ("rpar", ')'),
    ("ast", '*'),
    ("midast", '*'),
    ("plus", '+'),
    ("comma", ','),
    ("period", '.'),
    ("sol", '/'),
    ("colon", ':'),
    ("semi", ';'),
    ("equals", '='),
    ("quest", '?'),
    ("commat", '@'),
    ("lsqb", '['),
    ("lbrack", '['),
    ("bsol", '\\'),
    ("rsqb", ']'),
    ("rbrack", ']'),
    ("Hat", '^'),
    ("lowbar", '_'),
    ("UnderBar", '_'),
    ("grave", '`'),
    ("DiacriticalGrave", '`'),
    ("lcub", '{'),
    ("lbrace", '{'),
    ("verbar", '|'),
    ("vert", '|'),
    ("VerticalLine", '|'),
    ("rcub", '}'),
    ("rbrace", '}'),
];

/// The names of the characters from U+00A0 to U+00FF, in order.
const LATIN_1: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr \
    deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest \
    Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml \
    ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig \
    agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml \
    eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";

/// The length of the longest name.
const LONGEST: usize = 16;

/// The maximum number of digits, with leading zeros.
const DIGITS: usize = 10;

/// The character reference at the start of some bytes.
pub(super) fn reference(bytes: &[u8]) -> Option<Escape> {
    let (digits, radix, before) = match bytes.get(1..3)? {
        [b'#', b'x' | b'X'] => (bytes.get(3..)?, 16, 3),
        [b'#', _] => (bytes.get(2..)?, 10, 2),
        _ => return named(bytes),
    };
    let is_digit = |byte: &u8| char::from(*byte).is_digit(radix);
    let count = digits
        .iter()
        .take(DIGITS)
        .take_while(|byte| is_digit(byte))
        .count();
    let code = number(digits.get(..count)?, radix)?;
    // Browsers accept it without the semicolon too.
    let ends = usize::from(digits.get(count) == Some(&b';'));
    Some(Escape::character(
        before + count + ends,
        char::from_u32(code)?,
    ))
}

fn named(bytes: &[u8]) -> Option<Escape> {
    let rest = bytes.get(1..)?;
    let length = rest
        .iter()
        .take(LONGEST + 1)
        .position(|byte| *byte == b';')?;
    let name = rest.get(..length)?;
    let ascii = NAMES.iter().find(|(known, _)| known.as_bytes() == name);
    let character = ascii.map(|(_, character)| *character).or_else(|| {
        let mut names = LATIN_1.split_ascii_whitespace();
        let at = names.position(|known| known.as_bytes() == name)?;
        Some(char::from(u8::try_from(0xA0 + at).ok()?))
    });
    Some(Escape::character(length + 2, character?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_of_latin_1_has_its_name() {
        let names: Vec<&str> = LATIN_1.split_ascii_whitespace().collect();
        assert_eq!(names.len(), 0x60);
        let at = |c: char| names[u32::from(c) as usize - 0xA0];
        assert_eq!((at('©'), at('×'), at('é')), ("copy", "times", "eacute"));
        assert_eq!((at('ß'), at('÷'), at('ÿ')), ("szlig", "divide", "yuml"));
        let all = NAMES.iter().map(|(name, _)| *name).chain(names);
        assert_eq!(all.map(str::len).max(), Some(LONGEST));
    }
}
