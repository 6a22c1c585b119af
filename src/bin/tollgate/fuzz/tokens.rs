//! Words that inputs may need: from the data segments of a module, and from a dictionary.

use crate::Failure;
use std::path::Path;
use wasmparser::{Parser, Payload};

/// So many words of a module are used, and their lengths.
const MOST: usize = 256;
const SHORTEST: usize = 3;
const LONGEST: usize = 64;

/// The texts in the data segments of a module.
pub fn of_module(module: &[u8]) -> Vec<Vec<u8>> {
    let mut tokens: Vec<Vec<u8>> = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let Ok(Payload::DataSection(segments)) = payload else {
            continue;
        };
        for segment in segments.into_iter().filter_map(Result::ok) {
            let is_text = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
            for text in segment.data.split(|byte| !is_text(byte)) {
                let fits = (SHORTEST..=LONGEST).contains(&text.len());
                if fits && tokens.len() < MOST && !tokens.iter().any(|token| token == text) {
                    tokens.push(text.to_vec());
                }
            }
        }
    }
    tokens
}

/// The tokens of a file: lines of `"text"` or `name="text"`, with `\xAB`, `\\` and `\"`.
pub fn of_file(path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let text = std::fs::read(path).map_err(|error| Failure::file(path, error))?;
    let mut tokens = Vec::new();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let token = quoted(line).ok_or_else(|| {
            Failure::file(
                path,
                format_args!("line {number} is no \"text\" or name=\"text\""),
            )
        })?;
        if !token.is_empty() {
            tokens.push(token);
        }
    }
    Ok(tokens)
}

fn quoted(line: &[u8]) -> Option<Vec<u8>> {
    let start = line.iter().position(|byte| *byte == b'"')? + 1;
    let text = line.get(start..)?.strip_suffix(b"\"")?;
    let mut token = Vec::new();
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'\\' {
            token.push(*byte);
            continue;
        }
        match bytes.next()? {
            b'x' => {
                let digits = [*bytes.next()?, *bytes.next()?];
                token.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            escaped => token.push(*escaped),
        }
    }
    Some(token)
}

#[cfg(test)]
mod tests {
    #[test]
    fn dictionaries_have_escapes() {
        let token = super::quoted(br#"kw1="a\x00\"\\b""#);
        assert_eq!(token.as_deref(), Some(&b"a\0\"\\b"[..]));
        assert_eq!(super::quoted(b"a"), None);
    }
}
