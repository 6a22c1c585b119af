//! `fs:read:<glob>` and `fs:write:<glob>`: globs over absolute paths, cleaned and anchored.
//! No links are followed here; see `Capability::pinned` for what a grant that names a link covers.

use super::error::Flaw;
use super::glob::Glob;
use super::path;

/// The longest path or path pattern, in bytes: what Linux takes.
const MAX_PATH: usize = 4096;

/// A glob over absolute paths. Braces are ordinary characters; `.`, `..` and empty parts are
/// cleaned away, so `/etc/` is `/etc`.
#[derive(Clone, Debug)]
pub(super) struct PathGlob {
    anchor: Anchor,
    glob: Glob,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Anchor {
    /// `**` alone: every absolute path, whatever the working directory (row 59).
    Anywhere,
    Root,
    /// The working directory, so many levels up.
    Cwd {
        up: usize,
    },
}

impl PathGlob {
    pub(super) fn parse(text: &str) -> Result<PathGlob, Flaw> {
        if text.is_empty() {
            return Err(Flaw::new(0, "the path is empty"));
        }
        if let Some(at) = text.find('\0') {
            return Err(Flaw::new(at, "a path cannot contain a NUL byte"));
        }
        if text.len() > MAX_PATH {
            return Err(Flaw::new(
                MAX_PATH,
                format!("a path is longer than {MAX_PATH} bytes"),
            ));
        }
        let mut anchor = match text {
            "**" => Anchor::Anywhere,
            _ if text.starts_with('/') => Anchor::Root,
            _ => Anchor::Cwd { up: 0 },
        };
        let mut glob = Glob::empty();
        let mut at = 0;
        for name in text.split('/') {
            match name {
                "" | "." => {}
                ".." => match (glob.pop(), &mut anchor) {
                    (Some(true), _) | (None, Anchor::Root | Anchor::Anywhere) => {}
                    (None, Anchor::Cwd { up }) => *up = up.saturating_add(1),
                    (Some(false), _) => {
                        return Err(Flaw::new(at, "`..` after a wildcard has no fixed meaning"));
                    }
                },
                name => glob.push(name).map_err(|flaw| flaw.shifted(at))?,
            }
            at = at.saturating_add(name.len()).saturating_add(1);
        }
        Ok(PathGlob { anchor, glob })
    }

    /// The cleaned text, which parses to the same glob.
    pub(super) fn text(&self) -> String {
        let tail = self.glob.text();
        match self.anchor {
            Anchor::Anywhere => "**".to_owned(),
            Anchor::Root => format!("/{tail}"),
            Anchor::Cwd { up: 0 } if self.glob.is_empty() => ".".to_owned(),
            // `**` alone has a meaning of its own.
            Anchor::Cwd { up: 0 } if tail == "**" => "./**".to_owned(),
            Anchor::Cwd { up } if self.glob.is_empty() => vec![".."; up].join("/"),
            Anchor::Cwd { up } => format!("{}{tail}", "../".repeat(up)),
        }
    }

    /// Whether `path` is one of the paths meant; relative ones on either side count from `cwd`.
    pub(super) fn matches(&self, path: &str, cwd: Option<&str>) -> bool {
        if path.len() > MAX_PATH {
            return false;
        }
        let Some(path) = path::absolute(path, cwd) else {
            return false;
        };
        let Some(rest) = path.strip_prefix('/') else {
            return false;
        };
        match self.anchor {
            Anchor::Anywhere | Anchor::Root => self.glob.matches(rest),
            Anchor::Cwd { up } => base(cwd, up)
                .as_deref()
                .and_then(|base| below(rest, base))
                .is_some_and(|rest| self.glob.matches(rest)),
        }
    }

    /// The directory or file given literally that every path meant is or lies below, and the
    /// parts from the first wildcard on. `None` for a relative glob without `cwd`.
    pub(super) fn literal_prefix(&self, cwd: Option<&str>) -> Option<(String, &str)> {
        let base = match self.anchor {
            Anchor::Anywhere | Anchor::Root => "/".to_owned(),
            Anchor::Cwd { up } => base(cwd, up)?,
        };
        let (prefix, wild) = self.glob.split_at_wildcard();
        Some((
            path::cleaned(&format!("{base}/{prefix}")).into_owned(),
            wild,
        ))
    }

    /// Whether this means every absolute path.
    pub(super) fn is_everything(&self) -> bool {
        !matches!(self.anchor, Anchor::Cwd { .. }) && self.glob.split_at_wildcard() == ("", "**")
    }
}

/// The working directory, `up` levels further up. `None` without an absolute one.
fn base(cwd: Option<&str>, up: usize) -> Option<String> {
    let cwd = cwd.filter(|cwd| cwd.starts_with('/'))?;
    let mut base = path::absolute(cwd, None)?.into_owned();
    for _ in 0..up {
        match base.rfind('/') {
            Some(slash) if slash > 0 => base.truncate(slash),
            _ => return Some("/".to_owned()),
        }
    }
    Some(base)
}

/// `rest`, a path without its leading `/`, seen from the directory `base`.
fn below<'a>(rest: &'a str, base: &str) -> Option<&'a str> {
    let base = base.trim_start_matches('/');
    if base.is_empty() {
        return Some(rest);
    }
    let rest = rest.strip_prefix(base)?;
    if rest.is_empty() {
        Some(rest)
    } else {
        rest.strip_prefix('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_cleaned_and_keep_their_meaning() {
        for (text, expected) in [
            ("/etc//./x/../**", "/etc/**"),
            ("/../..", "/"),
            ("**", "**"),
            ("./**", "./**"),
            ("a/..", "."),
            ("../..", "../.."),
            ("../a/../../*", "../../*"),
            ("a//b/", "a/b"),
            ("**/x", "**/x"),
        ] {
            let glob = PathGlob::parse(text).unwrap();
            assert_eq!(glob.text(), expected);
            assert_eq!(PathGlob::parse(expected).unwrap().text(), expected);
        }
    }

    #[test]
    fn a_step_back_over_a_wildcard_is_refused() {
        assert_eq!(
            PathGlob::parse("/a/*/../b")
                .map(|_| ())
                .map_err(|flaw| flaw.at),
            Err(5)
        );
    }
}
