//! Places in the sources of fixtures, which comments name.

use std::fs;

/// The line of a source file that has the mark `here: NAME`.
pub fn marked(source: &str, mark: &str) -> u32 {
    let text = fs::read_to_string(source).unwrap();
    let mark = format!("here: {mark}");
    let is_marked = |line: &str| line.trim_end_matches(" */").ends_with(&mark);
    let mut lines = text.lines().zip(1..).filter(|(line, _)| is_marked(line));
    let (_, line) = lines
        .next()
        .unwrap_or_else(|| panic!("{source}: no {mark}"));
    assert!(lines.next().is_none(), "{source}: {mark} twice");
    line
}
