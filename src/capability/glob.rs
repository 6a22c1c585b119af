//! Globs over texts with parts separated by `/`: paths, and patterns for variables, commands, hosts
//! and keys. `program` parses a glob, `run` matches it, `compare` compares two.
//!
//! `*`, `?` and `[...]` stop at `/`, a part `**` matches any number of parts, also none, and
//! everything else matches itself. With braces, `{a,b}` is a choice; choices nest, may be empty and
//! may contain `/`. Choices are not expanded: parsing costs time and memory in proportion to the
//! glob, and matching at most the length of the glob times that of the text.

mod class;
mod compare;
mod program;
mod run;

use super::error::Flaw;
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use program::Program;
use run::GlobState;

/// How to write a character that is otherwise a wildcard.
const LITERAL_HINT: &str = "write [[], [*] or [?] for the character itself";

/// The characters that begin a wildcard, with or without braces.
const WILDCARDS: [char; 3] = ['*', '?', '['];

/// The characters that begin a wildcard, or begin or end a choice.
const WILDCARDS_AND_BRACES: [char; 5] = ['*', '?', '[', '{', '}'];

/// Which texts a glob is matched with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    /// Cleaned paths: no part is empty, `.` or `..`. In a choice, a part that is empty or `.` is
    /// ignored, as in a path, and `..` is an error.
    OfPath,
    /// Any texts, also with empty parts.
    OfText,
}

/// Whether braces are choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Braces {
    Characters,
    Choices,
}

/// How the texts that a glob matches begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// All of them with `/`.
    Slash,
    /// None of them with `/` or `**`, and none is empty.
    Name,
    Other,
}

/// A parsed glob.
#[derive(Clone, Debug)]
pub(super) struct Glob {
    text: String,
    /// The start of the part with the first wildcard; the length of the text if there is none.
    wild: usize,
    /// The program for the rest from there on, `None` if there is no wildcard.
    program: Option<Program>,
}

impl Glob {
    /// Parses a glob. The glob of a path comes without the leading `/`.
    pub(super) fn parse(text: &str, parts: Parts, braces: Braces) -> Result<Glob, Flaw> {
        check_backslashes(text, braces)?;
        let wild = match first_wild(text, braces) {
            Some(at) => text
                .get(..at)
                .and_then(|before| before.rfind('/'))
                .map_or(0, |slash| slash.saturating_add(1)),
            None => text.len(),
        };
        let rest = text.get(wild..).unwrap_or_default();
        let program = match rest.is_empty() {
            true => None,
            false => {
                let program = Program::parse(rest, parts, braces);
                Some(program.map_err(|flaw| flaw.shifted(wild))?)
            }
        };
        Ok(Glob {
            text: text.to_owned(),
            wild,
            program,
        })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it contains a choice.
    pub(super) fn has_choices(&self) -> bool {
        self.program.as_ref().is_some_and(Program::has_choices)
    }

    /// How the texts that it matches begin.
    pub(super) fn beginning(&self) -> Beginning {
        match &self.program {
            Some(program) if self.wild == 0 => program.beginning(),
            _ if self.text.is_empty() => Beginning::Other,
            _ if self.text.starts_with('/') => Beginning::Slash,
            _ => Beginning::Name,
        }
    }

    /// The parts before the first wildcard, and the parts from it on.
    pub(super) fn split_at_wildcard(&self) -> (&str, &str) {
        let (before, wild) = self
            .text
            .split_at_checked(self.wild)
            .unwrap_or((&self.text, ""));
        match wild.is_empty() {
            true => (before, ""),
            false => (before.strip_suffix('/').unwrap_or(before), wild),
        }
    }

    /// The globs without choices that together match the same; `None` for one without choices, and
    /// if there are more than `most`.
    pub(super) fn written_out(&self, most: usize) -> Option<Vec<String>> {
        let program = self
            .program
            .as_ref()
            .filter(|program| program.has_choices())?;
        let texts = program.written_out(most)?;
        let before = self.text.get(..self.wild).unwrap_or_default();
        let whole = |text: &String| format!("{before}{text}");
        Some(texts.iter().map(whole).collect())
    }

    /// Whether this matches `text`. A glob without choices also matches its own text, since the name of
    /// a file can look like a glob.
    ///
    /// The empty text has no parts: `/*` does not match the root directory itself.
    pub(super) fn matches(&self, text: &str) -> bool {
        if text == self.text && !self.has_choices() {
            return true;
        }
        let Some(rest) = self.after_literal(text) else {
            return false;
        };
        self.split_at_wildcard().1 == "**" || self.run(rest).is_some_and(|run| run.has_ended())
    }

    /// Whether this matches `text` and every text whose parts begin with those of `text`.
    pub(super) fn covers_all_below(&self, text: &str) -> bool {
        let rest = self.after_literal(text);
        rest.and_then(|rest| self.run(rest))
            .is_some_and(|run| run.takes_all_below())
    }

    /// Whether this matches some text that consists of `text` and further parts.
    pub(super) fn matches_below(&self, text: &str) -> bool {
        let rest = self.after_literal(text);
        rest.and_then(|rest| self.run(rest))
            .is_some_and(|run| run.can_go_on())
    }

    /// Whether this matches every text that consists of `text` and one more part.
    pub(super) fn covers_names_in(&self, text: &str) -> bool {
        let rest = self.after_literal(text);
        rest.and_then(|rest| self.run(rest))
            .is_some_and(|run| run.takes_any_part())
    }

    /// The parts of `text` that are compared with the wildcards, if any. The outer `None` means that
    /// the literal parts do not match.
    fn after_literal<'a>(&self, text: &'a str) -> Option<Option<&'a str>> {
        if self.wild == 0 {
            return Some(Some(text).filter(|text| !text.is_empty()));
        }
        let (literal, _) = self.split_at_wildcard();
        match text.strip_prefix(literal)? {
            "" => Some(None),
            rest => rest.strip_prefix('/').map(Some),
        }
    }

    /// The state after matching these parts.
    fn run(&self, parts: Option<&str>) -> Option<GlobState<'_>> {
        let mut run = GlobState::new(self.program.as_ref()?);
        if let Some(parts) = parts {
            run.take_all(parts);
            run.take('/');
        }
        Some(run)
    }
}

fn first_wild(text: &str, braces: Braces) -> Option<usize> {
    match braces {
        Braces::Characters => text.find(WILDCARDS),
        Braces::Choices => text.find(WILDCARDS_AND_BRACES),
    }
}

/// A backslash is an escape in some kinds of globs and an ordinary character in this one.
fn check_backslashes(text: &str, braces: Braces) -> Result<(), Flaw> {
    let mut at: usize = 0;
    for part in text.split('/') {
        if first_wild(part, braces).is_some()
            && let Some(backslash) = part.find('\\')
        {
            return Err(Flaw::new(
                at.saturating_add(backslash),
                "a backslash is not an escape character here",
            )
            .hint(LITERAL_HINT));
        }
        at = at.saturating_add(part.len()).saturating_add(1);
    }
    Ok(())
}

/// Whether `text` contains a character that begins a wildcard.
pub(super) fn is_wild(text: &str) -> bool {
    text.contains(WILDCARDS)
}

/// Whether `text` contains a character that begins a wildcard, or begins or ends a choice.
pub(super) fn is_wild_with_braces(text: &str) -> bool {
    text.contains(WILDCARDS_AND_BRACES)
}

/// The length of the text from the part with the first wildcard or brace on, in bytes.
pub(super) fn wild_bytes(text: &str) -> usize {
    let Some((before, _)) = text
        .find(WILDCARDS_AND_BRACES)
        .and_then(|at| text.split_at_checked(at))
    else {
        return 0;
    };
    let plain = before.rfind('/').map_or(0, |slash| slash.saturating_add(1));
    text.len().saturating_sub(plain)
}

/// The glob without braces that matches only `text`: the text itself, if it has no wildcard.
pub(super) fn literal(text: &str) -> String {
    match is_wild(text) {
        true => escaped(text),
        false => text.to_owned(),
    }
}

/// The glob that matches only `text`, with or without braces.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '*' | '?' | '[' | ']' | '{' | '}' => escaped.extend(['[', character, ']']),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(glob: &str) -> Glob {
        Glob::parse(glob, Parts::OfText, Braces::Characters).unwrap()
    }

    fn path(glob: &str) -> Glob {
        Glob::parse(glob, Parts::OfPath, Braces::Choices).unwrap()
    }

    #[test]
    fn wildcards_stop_at_slashes_and_double_stars_span() {
        for (glob, name, expected) in [
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
            ("a[d-b]", "ac", false),
            ("a[b-]", "a-", true),
            ("a[1]", "a[1]", true),
            ("/x/y*", "/x/yz", true),
            ("a/*", "a/", true),
            ("a/*", "a", false),
            ("a/*/b", "a//b", true),
            ("", "", true),
            ("a", "", false),
            ("é?*", "éé", true),
        ] {
            assert_eq!(text(glob).matches(name), expected, "{glob} on {name}");
        }
    }

    #[test]
    fn choices_are_matched() {
        for (glob, name, expected) in [
            ("etc/{hosts,passwd}", "etc/hosts", true),
            ("etc/{hosts,passwd}", "etc/host", false),
            ("etc/{hosts,passwd}", "etc/{hosts,passwd}", false),
            ("{a,b{c,d}}x", "bdx", true),
            ("{a,b{c,d}}x", "bx", false),
            ("{a,b}{c,d}", "bc", true),
            ("{a}", "a", true),
            ("{,a}", "a", true),
            ("{,a}", "", true),
            ("a{/**,}", "a/b/c", true),
            ("a{/**,}", "a", true),
            ("a{/**,}", "ab", false),
            ("{**,a}/b", "x/y/b", true),
            ("{a/**,b}/c", "a/c", true),
            ("{a/**,b}/c", "b/x/c", false),
            ("usr/{,local/}bin", "usr/bin", true),
            ("usr/{,local/}bin", "usr/local/bin", true),
            // As in a path, a part that is empty or `.` is left out.
            ("usr/{,local}/bin", "usr/bin", true),
            ("usr/{.,local}/bin", "usr/bin", true),
            ("usr/{*,local}/bin", "usr/bin", false),
            ("usr/{.x,local}", "usr/.x", true),
            ("usr/{.*,local}", "usr/x", false),
            ("usr/{.*,local}", "usr/.x", true),
            ("{a,b}/", "b", true),
            ("[{]a[}]", "{a}", true),
            ("[]{]x", "{x", true),
            ("{[,],b}", ",", true),
            ("a,{b,c}", "a,c", true),
        ] {
            assert_eq!(path(glob).matches(name), expected, "{glob} on {name}");
        }
    }

    #[test]
    fn bad_globs_are_refused_with_their_place() {
        for (glob, at) in [
            ("[", 0),
            ("a/[", 2),
            ("[a/]", 0),
            ("a/b**", 3),
            ("**a", 2),
            ("é***", 2),
            ("a\\*", 1),
            ("[]", 0),
            ("[!]", 0),
        ] {
            for braces in [Braces::Characters, Braces::Choices] {
                let read = Glob::parse(glob, Parts::OfText, braces);
                assert_eq!(read.map(|_| ()).map_err(|flaw| flaw.at), Err(at), "{glob}");
            }
        }
        for (glob, at) in [
            ("{a", 0),
            ("a}", 1),
            ("a{b,{c}", 1),
            ("{a\\,b}/c", 2),
            ("{x,}**", 4),
            ("{*,x}*", 5),
            ("{**,x}y", 6),
            ("a/{..,b}/c", 8),
            ("a/{.,b}.", 8),
        ] {
            let read = Glob::parse(glob, Parts::OfPath, Braces::Choices);
            assert_eq!(read.map(|_| ()).map_err(|flaw| flaw.at), Err(at), "{glob}");
        }
        let many = format!("{{{}}}", "a,".repeat(program::MAX_ALTERNATIVES));
        let flaw = Glob::parse(&many, Parts::OfText, Braces::Choices).unwrap_err();
        assert!(flaw.of(&many).problem().contains("257 alternatives"));
    }

    #[test]
    fn few_choices_can_be_written_out() {
        for (glob, texts) in [
            ("a/{b,c*}/d", Some("a/b/d a/c*/d")),
            (
                "{a,{b,?}[!c-e]}{,[,]}",
                Some("?[!c-e] ?[!c-e], a a, b[!c-e] b[!c-e],"),
            ),
            ("{[{]}x", Some("[{]x")),
            ("{a,b}{a,b}{a,b}", Some("aaa aab aba abb baa bab bba bbb")),
            ("{a,b}{a,b}{a,b}{,}", None),
            ("{}{}{}{}{}{}{}{}{}{}", Some("")),
            ("a*", None),
        ] {
            let mut found = path(glob).written_out(8);
            found.iter_mut().for_each(|texts| texts.sort());
            let found = found.map(|texts| texts.join(" "));
            assert_eq!(found.as_deref(), texts, "{glob}");
        }
        assert_eq!(path(&"{,,}".repeat(64)).written_out(1000), None);
    }

    #[test]
    fn an_escaped_text_matches_itself_alone() {
        for name in ["a*b", "{a,b}", "[x]", "]", "a?", "!", "-", "a}", "é{"] {
            let glob = escaped(name);
            for braces in [Braces::Characters, Braces::Choices] {
                let glob = Glob::parse(&glob, Parts::OfText, braces).unwrap();
                assert!(glob.matches(name), "{name}");
                assert!(!glob.matches("a"), "{name}");
                assert!(!glob.matches("ab"), "{name}");
            }
        }
    }

    #[test]
    fn what_is_below_and_what_is_in_a_directory() {
        for (glob, directory, below, names) in [
            ("**", "", true, false),
            ("**", "a/b", true, false),
            ("*", "", false, true),
            ("a/{b,c}/**", "a/c", true, false),
            ("a/{b,c}/**", "a/c/d", true, false),
            ("a/{b,c}/**", "a/d", false, false),
            ("a/{b/**,c}", "a/b", true, false),
            ("a/{b/**,c}", "a/c", false, false),
            ("a{/**,}", "a", true, false),
            ("a/**/b", "a/b", false, false),
            ("a/{*,x.log}", "a", false, true),
            ("{a,b}/*", "b", false, true),
            ("a/*.log", "a", false, false),
            ("a/*/*", "a/x", false, true),
            ("a/**/*", "a/x/y", false, true),
        ] {
            assert_eq!(path(glob).covers_all_below(directory), below, "{glob}");
            assert_eq!(path(glob).covers_names_in(directory), names, "{glob}");
        }
    }
}
