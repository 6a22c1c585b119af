//! Globs over texts whose parts are divided by `/`: paths above all, and the v2 patterns for
//! variables, commands, hosts and keys. Braces are expanded elsewhere, before a glob is parsed.

use super::error::Flaw;

/// What to write for a character that is a wildcard otherwise.
const LITERAL_HINT: &str = "write [[], [*] or [?] for the character itself";

/// A compiled glob: `*`, `?` and `[...]` stop at `/`, a part that is `**` stands for any number of
/// parts, also none, and everything else is itself.
///
/// Parts are compiled one by one, so that no wildcard ever meets a `/`: a star then never has to
/// try a second place for what follows the `/`, and a hostile text costs no more than its length
/// times the number of parts.
#[derive(Clone, Debug)]
pub(super) struct Glob {
    parts: Vec<Part>,
    /// The parts with `/` between, for the rule that an identical text always matches (row 86).
    text: String,
}

#[derive(Clone, Debug)]
enum Part {
    Name(String),
    Wild(glob::Pattern),
    AnyDepth,
}

impl Glob {
    /// A glob of no parts: it matches the empty text.
    pub(super) fn empty() -> Glob {
        Glob {
            parts: Vec::new(),
            text: String::new(),
        }
    }

    pub(super) fn parse(text: &str) -> Result<Glob, Flaw> {
        let mut glob = Glob::empty();
        let mut at = 0;
        for name in text.split('/') {
            glob.parts
                .push(Part::parse(name).map_err(|flaw| flaw.shifted(at))?);
            at = at.saturating_add(name.len()).saturating_add(1);
        }
        glob.text = text.to_owned();
        Ok(glob)
    }

    /// Appends one part, which contains no `/`.
    pub(super) fn push(&mut self, name: &str) -> Result<(), Flaw> {
        self.parts.push(Part::parse(name)?);
        if !self.text.is_empty() {
            self.text.push('/');
        }
        self.text.push_str(name);
        Ok(())
    }

    /// Takes the last part away: whether it was literal, `None` if there is none.
    pub(super) fn pop(&mut self) -> Option<bool> {
        let literal = matches!(self.parts.pop()?, Part::Name(_));
        self.text.truncate(self.text.rfind('/').unwrap_or(0));
        Some(literal)
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The texts of the parts before the first wildcard and of those from it on.
    pub(super) fn split_at_wildcard(&self) -> (&str, &str) {
        let mut at = 0;
        for part in &self.parts {
            match part {
                Part::Name(name) => at = name.len().saturating_add(at).saturating_add(1),
                Part::Wild(_) | Part::AnyDepth => {
                    let before = self.text.get(..at.saturating_sub(1)).unwrap_or_default();
                    return (before, self.text.get(at..).unwrap_or_default());
                }
            }
        }
        (&self.text, "")
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        text == self.text || self.matches_parts(text)
    }

    /// The empty text has no parts: `/*` does not mean the root directory itself.
    ///
    /// Only the last `**` seen ever takes one part more: an earlier one could not do better, so
    /// the whole costs at most parts times names.
    fn matches_parts(&self, text: &str) -> bool {
        let mut names = Some(text).filter(|text| !text.is_empty());
        let mut next = 0;
        let mut depth: Option<(usize, Option<&str>)> = None;
        loop {
            match (self.parts.get(next), names) {
                (Some(Part::AnyDepth), _) => {
                    next = next.saturating_add(1);
                    depth = Some((next, names));
                }
                (None, None) => return true,
                (Some(part), Some(path)) if part.matches(first(path)) => {
                    names = after(path);
                    next = next.saturating_add(1);
                }
                _ => {
                    let Some((resume, Some(path))) = depth else {
                        return false;
                    };
                    names = after(path);
                    next = resume;
                    depth = Some((resume, names));
                }
            }
        }
    }
}

fn first(path: &str) -> &str {
    path.split_once('/').map_or(path, |(name, _)| name)
}

fn after(path: &str) -> Option<&str> {
    path.split_once('/').map(|(_, rest)| rest)
}

impl Part {
    fn parse(name: &str) -> Result<Part, Flaw> {
        if name == "**" {
            return Ok(Part::AnyDepth);
        }
        if !is_wild(name) {
            return Ok(Part::Name(name.to_owned()));
        }
        // A backslash would escape in some dialects of globs and be a plain character in this one.
        if let Some(at) = name.find('\\') {
            return Err(Flaw::new(at, "a backslash does not escape here").hint(LITERAL_HINT));
        }
        glob::Pattern::new(&shell_negation(name))
            .map(Part::Wild)
            .map_err(|error| {
                // The crate counts characters, and does not quite point at a misplaced `**`.
                let at = match error.msg.contains("recursive") {
                    true => name.find("**"),
                    false => name.char_indices().nth(error.pos).map(|(at, _)| at),
                };
                let at = at.unwrap_or(name.len());
                Flaw::new(at, format!("bad glob: {}", error.msg)).hint(LITERAL_HINT)
            })
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Part::Name(own) => own == name,
            Part::Wild(pattern) => pattern.matches(name),
            Part::AnyDepth => true,
        }
    }
}

/// Whether `text` holds a character that begins a wildcard.
pub(super) fn is_wild(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The glob that matches `text` and nothing else.
pub(super) fn escaped(text: &str) -> String {
    if is_wild(text) {
        glob::Pattern::escape(text)
    } else {
        text.to_owned()
    }
}

/// `[^a]` means `[!a]` to a shell and to plugins written in Go; the glob crate knows the latter.
fn shell_negation(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, class)) = rest.split_once('[') {
        out.push_str(before);
        out.push('[');
        let negated = class.strip_prefix(['^', '!']);
        if negated.is_some() {
            out.push('!');
        }
        let class = negated.unwrap_or(class);
        // The first character of a class may be `]`.
        let first = class.chars().next().map_or(0, char::len_utf8);
        let end = class
            .get(first..)
            .and_then(|more| more.find(']'))
            .map_or(class.len(), |end| {
                first.saturating_add(end).saturating_add(1)
            });
        let (class, after) = class.split_at_checked(end).unwrap_or((class, ""));
        out.push_str(class);
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stop_at_slashes_and_double_stars_span() {
        for (glob, text, expected) in [
            ("*", "a", true),
            ("*", "", false),
            ("*", "a/b", false),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "a/x/y/b/c", false),
            ("**/b/**/c", "b/x/b/y/c", true),
            ("**", "", true),
            ("**", "a/b", true),
            ("a[^b]c", "abc", false),
            ("a[^b]c", "axc", true),
            ("a[!]]c", "a]c", false),
            ("a[]]c", "a]c", true),
            ("a[b-d]?", "acx", true),
            ("a[1]", "a[1]", true),
            ("/x/y*", "/x/yz", true),
            ("", "", true),
            ("a", "", false),
        ] {
            assert_eq!(
                Glob::parse(glob).unwrap().matches(text),
                expected,
                "{glob} on {text}"
            );
        }
    }

    #[test]
    fn bad_globs_are_refused_with_their_place() {
        for (glob, at) in [
            ("[", 0),
            ("a/[", 2),
            ("a/b**", 3),
            ("é***", 2),
            ("a\\*", 1),
            ("[]", 0),
        ] {
            assert_eq!(
                Glob::parse(glob).map(|_| ()).map_err(|flaw| flaw.at),
                Err(at),
                "{glob}"
            );
        }
    }

    #[test]
    fn many_stars_do_not_explode() {
        let glob = Glob::parse(&format!("**/{}b/**/z", "*a".repeat(40))).unwrap();
        assert!(!glob.matches(&format!("{}/y", "a".repeat(4000))));
    }
}
