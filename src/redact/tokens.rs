//! Tokens that are known by a prefix and an alphabet, and JSON Web Tokens. Matched by hand: every
//! byte is looked at once for each token that may begin with it, whatever a guest makes up.

use super::spans::{End, HIDDEN, Spans, count};

/// What a token is made of behind its prefix.
#[derive(Clone, Copy)]
enum Alphabet {
    /// `A-Z 0-9`
    Upper,
    /// `a-f 0-9`
    Hex,
    /// `A-Z a-z 0-9`
    Alphanumeric,
    /// `A-Z a-z 0-9 _`
    Word,
    /// `A-Z a-z 0-9 -`
    Dashed,
    /// `A-Z a-z 0-9 - _`
    Url,
    /// `A-Z a-z 0-9 - _ .`
    Dotted,
    /// `A-Z a-z 0-9 - _ /`
    Path,
}

use Alphabet::*;

impl Alphabet {
    fn holds(self, byte: u8) -> bool {
        match self {
            Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Hex => matches!(byte, b'a'..=b'f' | b'0'..=b'9'),
            Alphanumeric => byte.is_ascii_alphanumeric(),
            Word => is_word(byte),
            Dashed => byte.is_ascii_alphanumeric() || byte == b'-',
            Url => is_word(byte) || byte == b'-',
            Dotted => is_word(byte) || matches!(byte, b'-' | b'.'),
            Path => is_word(byte) || matches!(byte, b'-' | b'/'),
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where a token may begin and end.
#[derive(Clone, Copy, PartialEq)]
enum Border {
    /// Anywhere.
    Free,
    /// Not within a word.
    Start,
    /// Not within a word at either end, and of exactly the length given.
    Exact,
}

use Border::*;

struct Token {
    prefix: &'static str,
    alphabet: Alphabet,
    /// How many characters at least follow the prefix.
    least: usize,
    border: Border,
}

const fn token(prefix: &'static str, alphabet: Alphabet, least: usize, border: Border) -> Token {
    Token {
        prefix,
        alphabet,
        least,
        border,
    }
}

/// In the order of their first bytes. Tokens run on as far as their alphabet does: what is too long for one is none to keep either.
const TOKENS: &[Token] = &[
    token("AKIA", Upper, 16, Exact),
    token("ABIA", Upper, 16, Exact),
    token("ACCA", Upper, 16, Exact),
    token("ASIA", Upper, 16, Exact),
    token("AIza", Url, 35, Start),
    token("AGE-SECRET-KEY-1", Upper, 58, Start),
    token("SG.", Dotted, 60, Start),
    token("dop_v1_", Hex, 64, Start),
    token("doo_v1_", Hex, 64, Start),
    token("dor_v1_", Hex, 64, Start),
    token("ghp_", Word, 36, Free),
    token("gho_", Word, 36, Free),
    token("ghu_", Word, 36, Free),
    token("ghs_", Word, 36, Free),
    token("ghr_", Word, 36, Free),
    token("github_pat_", Word, 36, Free),
    token("glpat-", Dotted, 20, Start),
    token("hooks.slack.com/", Path, 20, Free),
    token("hf_", Alphanumeric, 30, Start),
    token("hvs.", Url, 24, Start),
    token("npm_", Alphanumeric, 36, Start),
    token("pypi-", Url, 50, Start),
    token("rk_live_", Alphanumeric, 10, Start),
    token("rk_test_", Alphanumeric, 10, Start),
    token("rk_prod_", Alphanumeric, 10, Start),
    token("sk_live_", Alphanumeric, 10, Start),
    token("sk_test_", Alphanumeric, 10, Start),
    token("sk_prod_", Alphanumeric, 10, Start),
    token("sk-ant-", Url, 20, Start),
    token("sk-proj-", Url, 20, Start),
    token("sk-", Url, 40, Start),
    token("shpat_", Hex, 32, Start),
    token("shpca_", Hex, 32, Start),
    token("shppa_", Hex, 32, Start),
    token("shpss_", Hex, 32, Start),
    token("xoxa-", Dashed, 0, Free),
    token("xoxb-", Dashed, 0, Free),
    token("xoxe-", Dashed, 0, Free),
    token("xoxp-", Dashed, 0, Free),
    token("xoxr-", Dashed, 0, Free),
    token("xoxs-", Dashed, 0, Free),
    token("xapp-", Dashed, 20, Start),
    token("ya29.", Url, 20, Start),
];

/// Which of the tokens begin with a byte: from where in the list, and to where.
const BEGINS: [(usize, usize); 256] = {
    let mut begins = [(0, 0); 256];
    let mut at = 0;
    while at < TOKENS.len() {
        let first = TOKENS[at].prefix.as_bytes()[0] as usize;
        if begins[first].1 == 0 {
            begins[first].0 = at;
        }
        at += 1;
        begins[first].1 = at;
    }
    begins
};

pub(super) fn find(bytes: &[u8], end: End, spans: &mut Spans) {
    count(bytes.len());
    // How far each token's alphabet was seen to reach: within such a run there is nothing to learn.
    let mut reached = [0; TOKENS.len()];
    let mut header_end = 0;
    let mut jwt_end = 0;
    // Where the last token ended: what follows is no part of a word.
    let mut ended = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let is_within = at != ended && follows_word(bytes, at);
        if *byte == b'e' && !is_within && at >= jwt_end && bytes.get(at + 1) == Some(&b'y') {
            if at >= header_end {
                header_end = at + run(bytes.get(at..).unwrap_or_default(), Url);
            }
            if let Some(stop) = jwt(bytes, at, header_end) {
                spans.add(at..stop);
                (jwt_end, ended) = (stop, stop);
            }
        }
        let (from, to) = BEGINS[usize::from(*byte)];
        for number in from..to {
            let (Some(token), Some(reached)) = (TOKENS.get(number), reached.get_mut(number)) else {
                continue;
            };
            if at < *reached || (is_within && token.border != Free) {
                continue;
            }
            if let Some((stop, fits)) = one(bytes, at, token, end) {
                *reached = stop;
                if fits {
                    spans.add(at..stop);
                    ended = stop;
                }
            }
        }
    }
}

/// How far a token would go whose prefix is at one place, and whether it is one.
fn one(bytes: &[u8], at: usize, token: &Token, end: End) -> Option<(usize, bool)> {
    let behind = bytes.get(at..)?.strip_prefix(token.prefix.as_bytes())?;
    let length = run(behind, token.alphabet);
    let stop = at + token.prefix.len() + length;
    let at_end = stop == bytes.len() && end == End::Cut;
    let fits = match token.border {
        Exact => length == token.least && !bytes.get(stop).is_some_and(|byte| joins(*byte)),
        Free | Start => length >= token.least,
    };
    Some((stop, fits || at_end))
}

fn run(bytes: &[u8], alphabet: Alphabet) -> usize {
    let stop = bytes.iter().position(|byte| !alphabet.holds(*byte));
    let length = stop.unwrap_or(bytes.len());
    count(length);
    length
}

fn follows_word(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    before.is_some_and(|byte| joins(*byte))
}

/// Whether a token is no token beside this byte. Behind a mark there may have been a word.
fn joins(byte: u8) -> bool {
    is_word(byte) || byte == HIDDEN
}

/// The least length of a part of a JSON Web Token.
const JWT_PART: usize = 12;

/// `ey….ey….…`: a header and a payload, which begin with `{"` in base64, and a signature if it is
/// there. The header is known to go to `header_end`. Returns where the token ends.
fn jwt(bytes: &[u8], at: usize, header_end: usize) -> Option<usize> {
    if header_end - at < JWT_PART {
        return None;
    }
    let behind_dot = |at: usize| bytes.get(at..)?.strip_prefix(b".");
    let payload = behind_dot(header_end).filter(|part| part.starts_with(b"ey"))?;
    let length = run(payload, Url);
    if length < JWT_PART {
        return None;
    }
    let mut stop = header_end + 1 + length;
    if let Some(signature) = behind_dot(stop) {
        stop += 1 + run(signature, Url);
    }
    Some(stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str, end: End) -> String {
        let mut spans = Spans::default();
        find(text.as_bytes(), end, &mut spans);
        spans.merge();
        spans.shown(text)
    }

    #[test]
    fn tokens_with_the_same_first_byte_are_neighbours() {
        assert!(TOKENS.is_sorted_by_key(|token| token.prefix.as_bytes()[0]));
    }

    #[test]
    fn every_token_is_found_at_its_least_length_and_not_one_shorter() {
        for token in TOKENS {
            let body = |length| {
                if length == 0 {
                    String::new()
                } else {
                    "A7".repeat(length).split_at(length).0.to_owned()
                }
            };
            let body = |length| match token.alphabet {
                Hex => body(length).to_lowercase(),
                _ => body(length),
            };
            let whole = format!("({}{})", token.prefix, body(token.least));
            assert_eq!(hidden(&whole, End::Whole), "(#)", "{whole}");
            if token.least > 0 {
                let short = format!("({}{})", token.prefix, body(token.least - 1));
                assert_eq!(hidden(&short, End::Whole), short);
            }
        }
    }

    #[test]
    fn borders_of_words_count_where_they_must() {
        let key = "AKIAIOSFODNN7EXAMPLE";
        assert_eq!(hidden(&format!("id={key};"), End::Whole), "id=#;");
        for text in [format!("x{key}"), format!("{key}Z"), format!("{key}_")] {
            assert_eq!(hidden(&text, End::Whole), text);
        }
        let ask = "ask-me-whether-this-very-long-name-is-a-token";
        assert_eq!(hidden(ask, End::Whole), ask);
    }

    #[test]
    fn a_token_that_was_cut_is_one() {
        assert_eq!(hidden("my ghp_12", End::Cut), "my #");
        assert_eq!(hidden("my ghp_12", End::Whole), "my ghp_12");
        assert_eq!(hidden("ghp_12 is short", End::Cut), "ghp_12 is short");
    }

    #[test]
    fn web_tokens_have_two_parts_or_three() {
        let (header, payload) = ("eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0NTY3ODkwIn0");
        assert_eq!(
            hidden(&format!("<{header}.{payload}.abc-_>"), End::Whole),
            "<#>"
        );
        assert_eq!(hidden(&format!("<{header}.{payload}>"), End::Whole), "<#>");
        assert_eq!(
            hidden(&format!("-{header}-{header}.{payload}."), End::Whole),
            "-#"
        );
        for text in [header, "eyes.eyes.eyes", "they.eyJzdWIiOiIxMjM0NTY3ODkwIn0"] {
            assert_eq!(hidden(text, End::Whole), text);
        }
    }

    #[test]
    fn a_token_may_stand_directly_behind_another() {
        let (one, two) = ("dop_v1_", "shpat_");
        let digits = "0123456789abcdef0123456789abcdef";
        let text = format!("{one}{digits}{digits}{two}{digits}{two}{digits}.");
        assert_eq!(hidden(&text, End::Whole), "###.");
    }
}
