//! Tokens with a known prefix and alphabet, and JSON Web Tokens. The matching is written by hand, so
//! that its cost is bounded for any input: a byte is read once for each token that can contain it.

use super::spans::{HIDDEN, Spans, TextEnd, count};

/// The characters of a token after its prefix.
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
    fn contains(self, byte: u8) -> bool {
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
    /// Not within a word at either end, and of exactly the given length.
    Exact,
}

use Border::*;

struct Token {
    prefix: &'static str,
    alphabet: Alphabet,
    /// The minimum number of characters after the prefix.
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

/// All tokens, sorted by their first bytes. A token ends where its alphabet ends: a text that is longer
/// than a real token is replaced too.
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

/// For each byte the range of [`TOKENS`] that begin with it.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which reports an index that is out of bounds"
)]
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

pub(super) fn find(bytes: &[u8], end: TextEnd, spans: &mut Spans) {
    count(bytes.len());
    // For each token the end of the last run of its alphabet: such a run is read only once.
    let mut reached = [0; TOKENS.len()];
    let mut header_end = 0;
    let mut jwt_end = 0;
    // The end of the last token: what follows it begins a new word.
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
        let (from, to) = BEGINS.get(usize::from(*byte)).copied().unwrap_or_default();
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

/// The end of the run that follows the prefix of a token at `at`, and whether it is a token.
fn one(bytes: &[u8], at: usize, token: &Token, end: TextEnd) -> Option<(usize, bool)> {
    let after = bytes.get(at..)?.strip_prefix(token.prefix.as_bytes())?;
    let length = run(after, token.alphabet);
    let stop = at + token.prefix.len() + length;
    let at_end = stop == bytes.len() && end == TextEnd::Cut;
    let fits = match token.border {
        Exact => length == token.least && !bytes.get(stop).is_some_and(|byte| joins(*byte)),
        Free | Start => length >= token.least,
    };
    Some((stop, fits || at_end))
}

fn run(bytes: &[u8], alphabet: Alphabet) -> usize {
    let stop = bytes.iter().position(|byte| !alphabet.contains(*byte));
    let length = stop.unwrap_or(bytes.len());
    count(length);
    length
}

fn follows_word(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    before.is_some_and(|byte| joins(*byte))
}

/// Whether this byte continues a word. A replaced secret may have been part of a word.
fn joins(byte: u8) -> bool {
    is_word(byte) || byte == HIDDEN
}

/// The minimum length of a part of a JSON Web Token.
const JWT_PART: usize = 12;

/// Finds the end of `ey….ey….…`: a header and a payload, which begin with `{"` in base64, and an
/// optional signature. The header ends at `header_end`.
fn jwt(bytes: &[u8], at: usize, header_end: usize) -> Option<usize> {
    if header_end - at < JWT_PART {
        return None;
    }
    let after_dot = |at: usize| bytes.get(at..)?.strip_prefix(b".");
    let payload = after_dot(header_end).filter(|part| part.starts_with(b"ey"))?;
    let length = run(payload, Url);
    if length < JWT_PART {
        return None;
    }
    let mut stop = header_end + 1 + length;
    if let Some(signature) = after_dot(stop) {
        stop += 1 + run(signature, Url);
    }
    Some(stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str, end: TextEnd) -> String {
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
            assert_eq!(hidden(&whole, TextEnd::Whole), "(#)", "{whole}");
            if token.least > 0 {
                let short = format!("({}{})", token.prefix, body(token.least - 1));
                assert_eq!(hidden(&short, TextEnd::Whole), short);
            }
        }
    }

    #[test]
    fn borders_of_words_count_where_they_must() {
        let key = "AKIAIOSFODNN7EXAMPLE";
        assert_eq!(hidden(&format!("id={key};"), TextEnd::Whole), "id=#;");
        for text in [format!("x{key}"), format!("{key}Z"), format!("{key}_")] {
            assert_eq!(hidden(&text, TextEnd::Whole), text);
        }
        let ask = "ask-me-whether-this-very-long-name-is-a-token";
        assert_eq!(hidden(ask, TextEnd::Whole), ask);
    }

    #[test]
    fn a_token_that_was_cut_is_one() {
        assert_eq!(hidden("my ghp_12", TextEnd::Cut), "my #");
        assert_eq!(hidden("my ghp_12", TextEnd::Whole), "my ghp_12");
        assert_eq!(hidden("ghp_12 is short", TextEnd::Cut), "ghp_12 is short");
    }

    #[test]
    fn web_tokens_have_two_parts_or_three() {
        let (header, payload) = ("eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0NTY3ODkwIn0");
        assert_eq!(
            hidden(&format!("<{header}.{payload}.abc-_>"), TextEnd::Whole),
            "<#>"
        );
        assert_eq!(
            hidden(&format!("<{header}.{payload}>"), TextEnd::Whole),
            "<#>"
        );
        assert_eq!(
            hidden(&format!("-{header}-{header}.{payload}."), TextEnd::Whole),
            "-#"
        );
        for text in [header, "eyes.eyes.eyes", "they.eyJzdWIiOiIxMjM0NTY3ODkwIn0"] {
            assert_eq!(hidden(text, TextEnd::Whole), text);
        }
    }

    #[test]
    fn a_token_may_stand_directly_behind_another() {
        let (one, two) = ("dop_v1_", "shpat_");
        let digits = "0123456789abcdef0123456789abcdef";
        let text = format!("{one}{digits}{digits}{two}{digits}{two}{digits}.");
        assert_eq!(hidden(&text, TextEnd::Whole), "###.");
    }
}
