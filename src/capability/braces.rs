//! `{a,b}` in the globs of the structured v2 form: written out, one glob per choice, because
//! braces are ordinary characters everywhere else.

use super::error::Flaw;

/// How many globs one may become.
const MAX_CHOICES: usize = 256;

/// Every glob that `text` stands for, in the order written. A brace inside `[...]` is a character.
pub(super) fn expand(text: &str) -> Result<Vec<String>, Flaw> {
    if let Some(at) = text.find('\\') {
        return Err(Flaw::new(at, "a backslash does not escape here")
            .hint("write [[], [*] or [?] for the character itself"));
    }
    let mut done = Vec::new();
    // A stack, so that the first choice comes out first and nothing recurses on foreign text.
    let mut open = vec![text.to_owned()];
    while let Some(text) = open.pop() {
        match Group::find(&text)? {
            None => done.push(text),
            Some(group) => open.extend(group.choices().into_iter().rev()),
        }
        if done.len().saturating_add(open.len()) > MAX_CHOICES {
            return Err(Flaw::new(
                0,
                format!("braces make more than {MAX_CHOICES} globs of this"),
            ));
        }
    }
    Ok(done)
}

/// The first group of braces in a text.
struct Group<'a> {
    before: &'a str,
    /// Between the outer braces, split at the commas that are not inside inner ones.
    items: Vec<&'a str>,
    after: &'a str,
}

impl<'a> Group<'a> {
    fn find(text: &'a str) -> Result<Option<Group<'a>>, Flaw> {
        let mut depth: usize = 0;
        let (mut start, mut item, mut items) = (0, 0, Vec::new());
        let mut class_ends = 0;
        for (at, character) in text.char_indices() {
            if at < class_ends {
                continue;
            }
            let behind = at.saturating_add(1);
            match character {
                '[' => class_ends = end_of_class(text, behind),
                '{' => {
                    if depth == 0 {
                        (start, item) = (at, behind);
                    }
                    depth = depth.saturating_add(1);
                }
                ',' if depth == 1 => {
                    items.push(text.get(item..at).unwrap_or_default());
                    item = behind;
                }
                '}' if depth == 0 => return Err(Flaw::new(at, "`}` without a `{` before it")),
                '}' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        items.push(text.get(item..at).unwrap_or_default());
                        return Ok(Some(Group {
                            before: text.get(..start).unwrap_or_default(),
                            items,
                            after: text.get(behind..).unwrap_or_default(),
                        }));
                    }
                }
                _ => {}
            }
        }
        match depth {
            0 => Ok(None),
            _ => Err(Flaw::new(start, "`{` without a `}` behind it")),
        }
    }

    fn choices(&self) -> Vec<String> {
        let Group {
            before,
            items,
            after,
        } = self;
        items
            .iter()
            .map(|item| format!("{before}{item}{after}"))
            .collect()
    }
}

/// Where the class whose `[` stands before `from` ends; `from` itself if it does not.
fn end_of_class(text: &str, from: usize) -> usize {
    let class = text.get(from..).unwrap_or_default();
    let sign = usize::from(class.starts_with(['!', '^']));
    // The first character of a class may be `]`.
    let first = sign.saturating_add(1);
    match class
        .char_indices()
        .find(|(at, c)| *at >= first && *c == ']')
    {
        Some((at, _)) => from.saturating_add(at).saturating_add(1),
        None => from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_become_choices() {
        for (text, expected) in [
            ("a", vec!["a"]),
            ("/etc/{hosts,passwd}", vec!["/etc/hosts", "/etc/passwd"]),
            ("{a,b{c,d}}x", vec!["ax", "bcx", "bdx"]),
            ("{a,b}{c,d}", vec!["ac", "ad", "bc", "bd"]),
            ("{a}", vec!["a"]),
            ("{,a}", vec!["", "a"]),
            ("[{]a[}]", vec!["[{]a[}]"]),
            ("[]{]x", vec!["[]{]x"]),
        ] {
            assert_eq!(expand(text).unwrap(), expected, "{text}");
        }
        for (text, at) in [("{a", 0), ("a}", 1), ("a{b,{c}", 1), ("a\\{b", 1)] {
            assert_eq!(expand(text).map_err(|flaw| flaw.at), Err(at), "{text}");
        }
        assert!(expand(&"{a,b}".repeat(9)).is_err());
        assert!(expand(&"{".repeat(8000)).is_err());
    }
}
