//! PEM blocks of private keys: the header, the body and the footer, also without a footer.

use super::spans::{BORDER, Spans, count, find as find_bytes};
use alloc::vec::Vec;
use core::ops::Range;

const BEGIN: &[u8] = b"-----BEGIN";
const END: &[u8] = b"-----END";
const DASHES: &[u8] = b"-----";
/// Every label of a private key contains it, and no other label does.
const KEY: &[u8] = b"PRIVATE";
/// The maximum length of a label; the longest in use has 21 letters.
const LABEL: usize = 64;

pub(super) fn find(bytes: &[u8], spans: &mut Spans) {
    for block in blocks(bytes) {
        spans.add(block.range);
    }
}

/// Whether the text ends within a block.
pub(super) fn ends_open(bytes: &[u8]) -> bool {
    blocks(bytes)
        .last()
        .is_some_and(|block| !block.closed && block.range.end == bytes.len())
}

/// The part of a line that continues a block of earlier lines, and whether the block is still open.
pub(super) fn continued(line: &[u8]) -> (Range<usize>, bool) {
    if let Some(end) = find_bytes(line, 0, END)
        && let Some((_, stop)) = label(line, end + END.len())
    {
        return (0..stop, false);
    }
    let stop = body(line, 0);
    (0..stop, stop == line.len())
}

struct PemBlock {
    range: Range<usize>,
    /// Whether it has a footer.
    closed: bool,
}

fn blocks(bytes: &[u8]) -> Vec<PemBlock> {
    let mut blocks = Vec::new();
    let mut from = 0;
    // The next footer of any label is searched for once, not once for each header.
    let mut next_end = find_bytes(bytes, 0, END);
    let mut next_border = find_bytes(bytes, 0, &[BORDER]);
    while let Some(begin) = find_bytes(bytes, from, BEGIN) {
        from = begin + BEGIN.len();
        let Some((name, header_end)) = label(bytes, from) else {
            continue;
        };
        if find_bytes(name, 0, KEY).is_none() {
            continue;
        }
        while next_end.is_some_and(|end| end < header_end) {
            next_end = next_end.and_then(|end| find_bytes(bytes, end + 1, END));
        }
        if next_border.is_some_and(|border| border < header_end) {
            next_border = find_bytes(bytes, header_end, &[BORDER]);
        }
        // A footer after a border belongs to another block.
        let footer = next_end.filter(|end| next_border.is_none_or(|border| *end < border));
        let footer = footer.and_then(|end| label(bytes, end + END.len()));
        let block = match footer {
            Some((of, stop)) if of == name => PemBlock {
                range: begin..stop,
                closed: true,
            },
            _ => PemBlock {
                range: begin..body(bytes, header_end),
                closed: false,
            },
        };
        from = block.range.end;
        blocks.push(block);
    }
    blocks
}

/// The label at `from`, and the end of its dashes. In a form, a space is `+`.
fn label(bytes: &[u8], from: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(from..)?;
    count(LABEL);
    let length = rest
        .iter()
        .take(LABEL)
        .position(|byte| !matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b' ' | b'+'))?;
    let dashes = rest.get(length..)?;
    dashes
        .starts_with(DASHES)
        .then_some((rest.get(..length)?, from + length + DASHES.len()))
}

/// The end of the body of a block that begins at `at`: base64 with line breaks (also escaped, as in
/// JSON), and the headers of encrypted keys.
fn body(bytes: &[u8], mut at: usize) -> usize {
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let length = rest.iter().position(|byte| !is_body(*byte));
        let length = length.unwrap_or(rest.len());
        count(length);
        at += length;
        // A header line, such as `DEK-Info: AES-256-CBC,00FF`; the start of its name looks like base64.
        let rest = bytes.get(at..).unwrap_or_default();
        if !(rest.starts_with(b"-Type: ") || rest.starts_with(b"-Info: ")) {
            return at;
        }
        let length = rest.iter().position(|byte| *byte == b'\n');
        let length = length.unwrap_or(rest.len());
        count(length);
        at += length;
    }
}

fn is_body(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'+' | b'/' | b'=' | b'\\' | b' ' | b'\t' | b'\r' | b'\n'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str) -> String {
        let mut spans = Spans::default();
        find(text.as_bytes(), &mut spans);
        spans.merge();
        spans.shown(text)
    }

    #[test]
    fn whole_blocks_of_private_keys_are_hidden() {
        for name in [
            "PRIVATE KEY",
            "RSA PRIVATE KEY",
            "ENCRYPTED PRIVATE KEY",
            "PGP PRIVATE KEY BLOCK",
        ] {
            let block = format!("-----BEGIN {name}-----\nMIIE+/=\n\n-----END {name}-----");
            assert_eq!(hidden(&format!("a\n{block}\nb {block}.")), "a\n#\nb #.");
            assert_eq!(hidden(&block.replace('\n', "\\n")), "#");
        }
        let encrypted = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00FF\n\nMIIE";
        assert_eq!(hidden(encrypted), "#");
    }

    #[test]
    fn a_footer_behind_a_border_belongs_to_another_block() {
        let text = b"-----BEGIN PRIVATE KEY-----\nMIIE\xFF-----END PRIVATE KEY-----";
        let mut spans = Spans::default();
        find(text, &mut spans);
        spans.merge();
        let hidden = spans.replace(text, 1, |_| "#".to_owned());
        assert_eq!(hidden, b"#\xFF-----END PRIVATE KEY-----");
    }

    #[test]
    fn what_is_no_private_key_stays() {
        for text in [
            "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----\nMIIE\n-----END PUBLIC KEY-----",
            "-----BEGIN private key-----",
            "-----BEGIN PRIVATE KEY----",
            "-----BEGIN ",
        ] {
            assert_eq!(hidden(text), text);
        }
    }

    #[test]
    fn without_its_footer_a_block_ends_where_its_body_does() {
        let text = "grep '-----BEGIN PRIVATE KEY-----' *.pem";
        assert_eq!(hidden(text), "grep '#' *.pem");
        let cut = "-----BEGIN PRIVATE KEY-----\nMIIE\nMIIF";
        assert_eq!(hidden(cut), "#");
        assert!(ends_open(cut.as_bytes()));
        let other = "-----BEGIN EC PRIVATE KEY-----\nMIIE\n-----END CERTIFICATE-----";
        assert_eq!(hidden(other), "#-----END CERTIFICATE-----");
    }
}
