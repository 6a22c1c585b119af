//! Choices in braces by definition: all that they can make, written out. For small globs only.

/// Every text that the braces in `glob` can make of it, in the order written, for a glob whose
/// braces are balanced. A brace or comma inside `[...]` is a character.
pub fn written_out(glob: &str) -> Vec<String> {
    let characters: Vec<char> = glob.chars().collect();
    let mut depth = 0;
    let (mut open, mut commas) = (0, Vec::new());
    let mut at = 0;
    while at < characters.len() {
        match characters[at] {
            '[' => {
                let sign = usize::from(matches!(characters.get(at + 1), Some('!' | '^')));
                let first = at + 1 + sign;
                let end = (first + 1..characters.len()).find(|end| characters[*end] == ']');
                at = end.unwrap_or(at);
            }
            '{' => {
                if depth == 0 {
                    open = at;
                }
                depth += 1;
            }
            ',' if depth == 1 => commas.push(at),
            '}' => {
                depth -= 1;
                if depth == 0 {
                    let before: String = characters[..open].iter().collect();
                    let after: String = characters[at + 1..].iter().collect();
                    let mut starts = vec![open + 1];
                    starts.extend(commas.iter().map(|comma| comma + 1));
                    commas.push(at);
                    return starts
                        .iter()
                        .zip(&commas)
                        .flat_map(|(start, end)| {
                            let item: String = characters[*start..*end].iter().collect();
                            written_out(&format!("{before}{item}{after}"))
                        })
                        .collect();
                }
            }
            _ => {}
        }
        at += 1;
    }
    vec![glob.to_owned()]
}
