//! `fs:read:<glob>` and `fs:write:<glob>`: globs over absolute paths, cleaned and anchored. After
//! `glob:`, braces are choices; otherwise they are characters. This module follows no links; see
//! `Capability::pinned` for what a grant that names a link allows.

use super::error::Flaw;
use super::glob::{Beginning, Braces, Glob, Parts, escaped, is_wild, literal};
use super::name::GLOB;
use super::path;
use alloc::{borrow::ToOwned, string::String, vec::Vec};

/// The maximum length of a path or path pattern in bytes, that of Linux.
const MAX_PATH: usize = 4096;

/// What is done with a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum FsOperation {
    Read,
    Write,
}

impl FsOperation {
    /// Splits `read:<path>` or `write:<path>`.
    pub(super) fn split(text: &str) -> Result<(FsOperation, &str), Flaw> {
        match text.split_once(':') {
            Some(("read", path)) => Ok((FsOperation::Read, path)),
            Some(("write", path)) => Ok((FsOperation::Write, path)),
            Some(_) => {
                Err(Flaw::new(0, "unknown operation").hint("the operations are read and write"))
            }
            None => {
                Err(Flaw::new(0, "no operation").hint("write fs:read:<path> or fs:write:<path>"))
            }
        }
    }
}

/// A glob over absolute paths, matched as text. Before the first brace, `.`, `..` and empty parts are removed, so
/// `/etc/` is `/etc`.
#[derive(Clone, Debug)]
pub(super) struct PathGlob {
    anchor: Anchor,
    glob: Glob,
    /// As it was written, if `..` follows a name: where that leads depends on links.
    written: Option<Written>,
}

/// A path with `..` after a name.
#[derive(Clone, Debug)]
struct Written {
    /// The beginning up to the last `..`, which contains no wildcard.
    directory: String,
    /// The rest, a pattern; empty if there is none.
    rest: String,
}

impl Written {
    /// `None` for a path whose `..` are all at its beginning, where they have no name to leave.
    fn of(text: &str) -> Option<Written> {
        let parts = text.split('/').filter(|part| !matches!(*part, "" | "."));
        let parts: Vec<&str> = parts.collect();
        let named = parts.iter().position(|part| *part != "..")?;
        let last = parts.iter().rposition(|part| *part == "..")?;
        let (directory, rest) = parts.split_at_checked(last + 1)?;
        let root = if text.starts_with('/') { "/" } else { "" };
        (named < last).then(|| Written {
            directory: format!("{root}{}", directory.join("/")),
            rest: rest.join("/"),
        })
    }

    /// The text, which reads `directory` in another form.
    fn text_in(&self, directory: &str) -> String {
        match self.rest.as_str() {
            "" => directory.to_owned(),
            rest => format!("{}/{rest}", directory.trim_end_matches('/')),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Anchor {
    /// `**` alone: every absolute path, whatever the working directory.
    Anywhere,
    Root,
    /// The directory `up` levels above the working directory.
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
                format!("a path has at most {MAX_PATH} bytes"),
            ));
        }
        match text.strip_prefix(GLOB) {
            Some("") => Err(Flaw::new(text.len(), "the path is empty")),
            Some(glob) => PathGlob::parse_choices(glob).map_err(|flaw| flaw.shifted(GLOB.len())),
            None => PathGlob::parse_plain(text),
        }
    }

    fn parse_plain(text: &str) -> Result<PathGlob, Flaw> {
        // Parsed as written first, so that errors have the right position.
        Glob::parse(text, Parts::OfText, Braces::Characters)?;
        let (anchor, parts) = cleaned(text)?;
        let anchor = match text {
            "**" => Anchor::Anywhere,
            _ => anchor,
        };
        Ok(PathGlob {
            anchor,
            glob: Glob::parse(&parts.join("/"), Parts::OfPath, Braces::Characters)?,
            written: Written::of(text),
        })
    }

    /// A glob with choices. The parts before the one with the first brace are cleaned. The rest is
    /// kept as written: its parts depend on the choice.
    fn parse_choices(text: &str) -> Result<PathGlob, Flaw> {
        // Parsed as a whole first, so that errors have the right position.
        let whole = Glob::parse(text, Parts::OfPath, Braces::Choices)?;
        if !whole.has_choices() {
            return PathGlob::parse_plain(text);
        }
        let brace = text.find('{').unwrap_or_default();
        let start = text
            .get(..brace)
            .and_then(|before| before.rfind('/'))
            .map_or(0, |slash| slash.saturating_add(1));
        let (before, rest) = text.split_at_checked(start).unwrap_or((text, ""));
        let (anchor, parts) = match before {
            "" => (first_anchor(&whole)?, Vec::new()),
            before => cleaned(before)?,
        };
        let written = Written::of(before);
        let pattern = Glob::parse(rest, Parts::OfPath, Braces::Choices)?;
        let written = written.map(|written| Written {
            rest: match written.rest.as_str() {
                "" => pattern.text().to_owned(),
                names => format!("{names}/{}", pattern.text()),
            },
            ..written
        });
        let rest = [parts.as_slice(), &[rest]].concat().join("/");
        Ok(PathGlob {
            anchor,
            glob: Glob::parse(&rest, Parts::OfPath, Braces::Choices)?,
            written,
        })
    }

    /// The canonical text, which parses to the same glob.
    pub(super) fn text(&self) -> String {
        let tail = self.glob.text();
        let choices = self.glob.has_choices();
        if let Some(written) = &self.written {
            let text = written.text_in(&written.directory);
            return match choices {
                true => format!("{GLOB}{text}"),
                false if text.starts_with(GLOB) => format!("./{text}"),
                false => text,
            };
        }
        let text = match self.anchor {
            Anchor::Anywhere => "**".to_owned(),
            Anchor::Root => format!("/{tail}"),
            Anchor::Cwd { up: 0 } if tail.is_empty() => ".".to_owned(),
            // Without `./`, `**` and `glob:` have another meaning, and a choice can begin with `/`.
            Anchor::Cwd { up: 0 } if tail == "**" || tail.starts_with(GLOB) || choices => {
                format!("./{tail}")
            }
            Anchor::Cwd { up } if tail.is_empty() => vec![".."; up].join("/"),
            Anchor::Cwd { up } => format!("{}{tail}", "../".repeat(up)),
        };
        match choices {
            true => format!("{GLOB}{text}"),
            false => text,
        }
    }

    /// Whether `path` matches. Relative paths and globs count from `cwd`.
    pub(super) fn matches(&self, path: &str, cwd: Option<&str>) -> bool {
        if path.len() > MAX_PATH {
            return false;
        }
        self.test(path, cwd, |glob, parts| glob.matches(parts))
    }

    /// Whether `path` and every path below it match.
    pub(super) fn covers_all_below(&self, path: &str, cwd: Option<&str>) -> bool {
        self.test(path, cwd, Glob::covers_all_below)
    }

    /// Whether every path directly in the directory `path` matches.
    pub(super) fn covers_names_in(&self, path: &str, cwd: Option<&str>) -> bool {
        self.test(path, cwd, Glob::covers_names_in)
    }

    /// Whether `path` is a proper ancestor of a path that matches.
    pub(super) fn matches_below(&self, path: &str, cwd: Option<&str>) -> bool {
        if path.len() > MAX_PATH {
            return false;
        }
        let Some(path) = path::absolute(path, cwd) else {
            return false;
        };
        let Some((prefix, wild)) = self.literal_prefix(cwd) else {
            return false;
        };
        let path = path.as_ref();
        below(prefix.trim_start_matches('/'), path).is_some_and(|rest| !rest.is_empty())
            || (!wild.is_empty() && self.test(path, cwd, Glob::matches_below))
    }

    /// Whether this matches everything that `other` matches. Conservative: `false` where uncertain.
    pub(super) fn includes(&self, other: &PathGlob, cwd: Option<&str>) -> bool {
        if self.is_everything() {
            return true;
        }
        let Some((path, wild)) = other.literal_prefix(cwd) else {
            return false;
        };
        if wild.is_empty() {
            return self.matches(&path, None) || self.matches(&path, cwd);
        }
        self.test(&path, cwd, |glob, parts| glob.includes(parts, &other.glob))
    }

    /// The result of `matches` for the part of `path` that the glob applies to. Relative paths and
    /// globs count from `cwd`.
    fn test(&self, path: &str, cwd: Option<&str>, matches: impl Fn(&Glob, &str) -> bool) -> bool {
        let Some(path) = path::absolute(path, cwd) else {
            return false;
        };
        let Some(rest) = path.strip_prefix('/') else {
            return false;
        };
        match self.anchor {
            Anchor::Anywhere | Anchor::Root => matches(&self.glob, rest),
            Anchor::Cwd { up } => base(cwd, up)
                .as_deref()
                .and_then(|base| below(rest, base))
                .is_some_and(|rest| matches(&self.glob, rest)),
        }
    }

    /// The literal path before the first wildcard, and the parts from the first wildcard on. `None`
    /// for a relative glob without `cwd`.
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

    /// Whether this matches every absolute path.
    pub(super) fn is_everything(&self) -> bool {
        !matches!(self.anchor, Anchor::Cwd { .. }) && self.glob.covers_all_below("")
    }

    /// The directory that the last `..` leads to, if one follows a name: a path to be resolved. `None`
    /// without `cwd` for a relative glob.
    pub(super) fn directory_by_dots(&self, cwd: Option<&str>) -> Option<String> {
        let directory = &self.written.as_ref()?.directory;
        match directory.starts_with('/') {
            true => Some(directory.clone()),
            false => Some(format!("{}/{directory}", cwd?)),
        }
    }

    /// The text of the glob with `real` in place of that directory.
    pub(super) fn in_real_directory(&self, real: &str) -> String {
        let choices = self.glob.has_choices();
        let real = match choices {
            true => escaped(real),
            false => literal(real),
        };
        let text = match &self.written {
            Some(written) => written.text_in(&real),
            None => self.text(),
        };
        match choices {
            true => format!("{GLOB}{text}"),
            false => text,
        }
    }

    /// The text of the glob with `real` in place of its literal path.
    pub(super) fn below_real(&self, real: &str) -> String {
        let (_, wild) = self.glob.split_at_wildcard();
        let choices = self.glob.has_choices();
        let real = match choices {
            true => escaped(real),
            false => literal(real),
        };
        match choices {
            true => format!("{GLOB}{real}/{wild}"),
            false => format!("{real}/{wild}"),
        }
    }

    /// The globs without choices that together match the same, if there are at most `most`.
    pub(super) fn written_out(&self, most: usize) -> Option<Vec<PathGlob>> {
        let globs = self.glob.written_out(most)?.into_iter().map(|glob| {
            let text = match self.anchor {
                Anchor::Anywhere | Anchor::Root => format!("/{glob}"),
                Anchor::Cwd { up } => format!("./{}{glob}", "../".repeat(up)),
            };
            PathGlob::parse_plain(&text).ok()
        });
        globs.collect()
    }
}

/// The anchor of a glob, and its cleaned parts.
fn cleaned(text: &str) -> Result<(Anchor, Vec<&str>), Flaw> {
    let mut refused = None;
    let (up, parts) = path::names(text, |name, at| {
        if is_wild(name) {
            refused.get_or_insert(at);
        }
    });
    match refused {
        Some(at) => Err(Flaw::new(at, "`..` after a wildcard has no fixed meaning")),
        None if text.starts_with('/') => Ok((Anchor::Root, parts)),
        None => Ok((Anchor::Cwd { up }, parts)),
    }
}

/// The anchor of a glob that begins with a choice.
fn first_anchor(glob: &Glob) -> Result<Anchor, Flaw> {
    match glob.beginning() {
        Beginning::Slash => Ok(Anchor::Root),
        Beginning::Name => Ok(Anchor::Cwd { up: 0 }),
        Beginning::Other => Err(Flaw::new(
            0,
            "the choices must all begin with `/`, or all with a name",
        )
        .hint("begin with `/`, or with `./` for the working directory")),
    }
}

/// The directory `up` levels above `cwd`. `None` without an absolute `cwd`.
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

/// `rest`, a path without its leading `/`, relative to the directory `base`.
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
            ("/etc//./x/**", "/etc/x/**"),
            ("/../..", "/"),
            ("/../../a", "/a"),
            ("**", "**"),
            ("./**", "./**"),
            ("../..", "../.."),
            // Where `..` after a name leads depends on links.
            ("/etc//./x/../**", "/etc/x/../**"),
            ("a/..", "a/.."),
            ("../a/../../*", "../a/../../*"),
            ("./glob:x/../y", "./glob:x/../y"),
            ("a//b/", "a/b"),
            ("**/x", "**/x"),
            ("/x/{a,b}", "/x/{a,b}"),
            ("./glob:x", "./glob:x"),
            ("glob:/a/../b/*", "/a/../b/*"),
            ("glob:**", "**"),
            ("glob:./**", "./**"),
            ("glob:/a//./b/./{c,d}/", "glob:/a/b/{c,d}/"),
            ("glob:/a//../b/./{c,d}/", "glob:/a/../b/{c,d}/"),
            ("glob:a/../{c,d}", "glob:a/../{c,d}"),
            ("glob:{a,b}", "glob:./{a,b}"),
            ("glob:./{/a,b}", "glob:./{/a,b}"),
            ("glob:../{a,b}", "glob:../{a,b}"),
            ("glob:{/a,/b}/c", "glob:/{/a,/b}/c"),
            ("glob:/[{]", "/[{]"),
        ] {
            let glob = PathGlob::parse(text).unwrap();
            assert_eq!(glob.text(), expected);
            assert_eq!(PathGlob::parse(expected).unwrap().text(), expected);
        }
    }

    #[test]
    fn globs_without_a_fixed_beginning_are_refused() {
        for (text, at) in [
            ("glob:{/a,b}", 5),
            ("glob:{a,}", 5),
            ("glob:{**,/a}", 5),
            ("glob:{**/x,a}", 5),
            ("glob:", 5),
            ("glob:/a/*/../{b,c}", 12),
            ("glob:/a/{b,..}/c", 14),
            ("glob:/a/}", 8),
        ] {
            let read = PathGlob::parse(text).map(|_| ()).map_err(|flaw| flaw.at);
            assert_eq!(read, Err(at), "{text}");
        }
    }

    /// All paths of at most this many of three names.
    fn paths(depth: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..depth {
            let longer = last
                .iter()
                .flat_map(|path| ["a", "b", "ab"].map(|name| format!("{path}/{name}")));
            last = longer.collect();
            all.extend(last.clone());
        }
        all
    }

    /// Every kind of part matches one of the three names, so what can match at all does below.
    #[test]
    fn a_directory_is_above_what_a_glob_matches_if_something_below_it_matches() {
        let parts = ["a", "ab", "*", "?", "a*", "[b-c]", "**", "{a,b/a}"];
        let all = paths(5);
        for anchor in ["/", "", "../"] {
            for first in parts {
                for second in parts.iter().chain(&[""]) {
                    let text = format!("glob:{anchor}{first}/{second}");
                    let Ok(glob) = PathGlob::parse(&text) else {
                        continue;
                    };
                    for directory in paths(2) {
                        let directory = format!("/{}", directory.trim_start_matches('/'));
                        let below = format!("{}/", directory.trim_end_matches('/'));
                        let cwd = Some("/a/b");
                        let expected = all.iter().any(|path| {
                            path.len() > below.len()
                                && path.starts_with(&below)
                                && glob.matches(path, cwd)
                        });
                        let found = glob.matches_below(&directory, cwd);
                        assert_eq!(found, expected, "{text} below {directory}");
                    }
                }
            }
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
