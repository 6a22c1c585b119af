//! Patterns for names: `env:<pattern>`, and the kinds of the embedder.

use super::MAX_TEXT;
use super::error::Flaw;
use super::glob::{Braces, Glob, Parts};
use alloc::{borrow::ToOwned, string::String};

/// The prefix of a full glob, in kinds whose own grammar is simpler. The structured v2 form has such
/// globs; the prefix distinguishes them from names that contain a star.
pub(super) const GLOB: &str = "glob:";

/// An exact name, `PREFIX*` or `*`; any other star is an ordinary character. After `glob:` a full
/// glob, with choices in braces.
#[derive(Clone, Debug)]
pub(super) enum NamePattern {
    All,
    Prefix(String),
    Exact(String),
    Glob(Glob),
}

impl NamePattern {
    pub(super) fn parse(text: &str) -> Result<NamePattern, Flaw> {
        if text.is_empty() {
            return Err(Flaw::new(0, "the name is empty"));
        }
        if let Some(at) = text.find('\0') {
            return Err(Flaw::new(at, "a name cannot contain a NUL byte"));
        }
        if let Some(glob) = text.strip_prefix(GLOB) {
            return Glob::parse(glob, Parts::OfText, Braces::Choices)
                .map(NamePattern::Glob)
                .map_err(|flaw| flaw.shifted(GLOB.len()));
        }
        Ok(match text.strip_suffix('*') {
            Some("") => NamePattern::All,
            Some(prefix) => NamePattern::Prefix(prefix.to_owned()),
            None => NamePattern::Exact(text.to_owned()),
        })
    }

    /// For the names of variables, which cannot contain `=`.
    pub(super) fn parse_variable(text: &str) -> Result<NamePattern, Flaw> {
        match text.find('=') {
            Some(at) => Err(Flaw::new(at, "the name of a variable cannot contain `=`")),
            None => NamePattern::parse(text),
        }
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        let matches = match self {
            NamePattern::All => true,
            NamePattern::Prefix(prefix) => name.starts_with(prefix.as_str()),
            NamePattern::Exact(own) => own == name,
            // No capability can name a longer one.
            NamePattern::Glob(glob) => name.len() <= MAX_TEXT && glob.matches(name),
        };
        // The name is validated after it matched: there may be many patterns.
        matches && !name.is_empty() && !name.contains('\0')
    }

    pub(super) fn matches_variable(&self, name: &str) -> bool {
        self.matches(name) && !name.contains('=')
    }
}
