//! The byte order mark that some editors write at the beginning of a text file.

/// U+FEFF in UTF-8.
pub(crate) const MARK: &str = "\u{FEFF}";

/// Returns the text of a file without its byte order mark.
pub(crate) fn skip(text: &str) -> &str {
    text.strip_prefix(MARK).unwrap_or(text)
}
