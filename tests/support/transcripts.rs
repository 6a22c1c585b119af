//! Lines of transcripts as a recording has them, for tests that change them.

/// A line with this object and its check.
pub fn checked(object: &str) -> String {
    let body = object.strip_suffix('}').unwrap();
    let add = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x100_0000_01b3);
    let words = body.as_bytes().chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    let hash = words.fold(add(0xcbf2_9ce4_8422_2325, body.len() as u64), add);
    format!("{body},\"check\":\"{hash:016x}\"}}\n")
}

/// The object of a line, without its check.
pub fn unchecked(line: &str) -> String {
    let (body, _) = line.rsplit_once(",\"check\"").unwrap();
    format!("{body}}}")
}
