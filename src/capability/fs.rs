//! `fs:read:<glob>` and `fs:write:<glob>`: paths matched part by part.
//! No links are followed here; see `pinned` for what a grant that names a link covers.

use super::error::Flaw;
use super::path;

/// The longest path or path pattern, in bytes: what Linux takes.
const MAX_PATH: usize = 4096;

/// A glob over absolute paths: `*`, `?` and `[...]` stop at `/`, and a part that is `**` stands for
/// any number of parts, also none. Braces are ordinary characters.
///
/// Parts are compiled one by one, so that no wildcard ever meets a `/`: a star then never has to
/// try a second place for the rest of the path, and a hostile path costs no more than its length
/// times the number of parts.
#[derive(Clone, Debug)]
pub(super) struct PathGlob {
    /// Counted from the root, or from a working directory so many levels up.
    anchor: Anchor,
    parts: Vec<Part>,
    /// The parts with `/` between, for the rule that an identical text always matches (row 86).
    tail: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Anchor {
    /// `**` alone: every absolute path, whatever the working directory.
    Anywhere,
    Root,
    Cwd {
        up: usize,
    },
}

#[derive(Clone, Debug)]
enum Part {
    Name(String),
    Glob(glob::Pattern),
    AnyDepth,
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
        let mut glob = PathGlob {
            anchor: match text {
                "**" => Anchor::Anywhere,
                _ if text.starts_with('/') => Anchor::Root,
                _ => Anchor::Cwd { up: 0 },
            },
            parts: Vec::new(),
            tail: String::new(),
        };
        let mut names: Vec<&str> = Vec::new();
        let mut at = 0;
        for name in text.split('/') {
            match name {
                "" | "." => {}
                ".." => match (glob.parts.pop(), &mut glob.anchor) {
                    (Some(Part::Name(_)), _) => {
                        names.pop();
                    }
                    (Some(_), _) => {
                        return Err(Flaw::new(at, "`..` after a wildcard has no fixed meaning"));
                    }
                    (None, Anchor::Cwd { up }) => *up = up.saturating_add(1),
                    (None, _) => {}
                },
                name => {
                    glob.parts
                        .push(Part::parse(name).map_err(|flaw| flaw.shifted(at))?);
                    names.push(name);
                }
            }
            at = at.saturating_add(name.len()).saturating_add(1);
        }
        glob.tail = names.join("/");
        Ok(glob)
    }

    /// The cleaned text, which parses to the same glob.
    pub(super) fn text(&self) -> String {
        match &self.anchor {
            Anchor::Anywhere => "**".to_owned(),
            Anchor::Root => format!("/{}", self.tail),
            Anchor::Cwd { up: 0 } if self.parts.is_empty() => ".".to_owned(),
            // `**` alone has a meaning of its own.
            Anchor::Cwd { up: 0 } if self.tail == "**" => "./**".to_owned(),
            Anchor::Cwd { up } => {
                let mut parts = vec![".."; *up];
                parts.extend(self.tail.split('/').filter(|part| !part.is_empty()));
                parts.join("/")
            }
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
            Anchor::Anywhere | Anchor::Root => self.matches_below(rest),
            Anchor::Cwd { up } => {
                let Some(base) = base(cwd, up) else {
                    return false;
                };
                below(rest, &base).is_some_and(|rest| self.matches_below(rest))
            }
        }
    }

    fn matches_below(&self, rest: &str) -> bool {
        rest == self.tail || matches(&self.parts, rest)
    }

    /// The literal directory or file that every path meant lies in or is, and the text of the
    /// parts after it. `None` for a relative glob without `cwd`.
    pub(super) fn literal_prefix(&self, cwd: Option<&str>) -> Option<(String, String)> {
        let names = self
            .parts
            .iter()
            .take_while(|part| matches!(part, Part::Name(_)))
            .count();
        let mut tail = self.tail.split('/').filter(|part| !part.is_empty());
        let prefix: Vec<&str> = tail.by_ref().take(names).collect();
        let base = match self.anchor {
            Anchor::Anywhere | Anchor::Root => "/".to_owned(),
            Anchor::Cwd { up } => base(cwd, up)?,
        };
        let prefix = path::cleaned(&format!("/{base}/{}", prefix.join("/"))).into_owned();
        Some((prefix, tail.collect::<Vec<_>>().join("/")))
    }

    /// Whether this means every absolute path.
    pub(super) fn is_everything(&self) -> bool {
        !matches!(self.anchor, Anchor::Cwd { .. })
            && !self.parts.is_empty()
            && self.parts.iter().all(|part| matches!(part, Part::AnyDepth))
    }

    /// Whether this means a directory given literally and everything below it.
    pub(super) fn is_tree(&self) -> bool {
        match self.parts.split_last() {
            Some((Part::AnyDepth, names)) => names.iter().all(|part| matches!(part, Part::Name(_))),
            _ => false,
        }
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

impl Part {
    fn parse(name: &str) -> Result<Part, Flaw> {
        if name == "**" {
            return Ok(Part::AnyDepth);
        }
        if !name.contains(['*', '?', '[']) {
            return Ok(Part::Name(name.to_owned()));
        }
        check_escapes(name)?;
        match glob::Pattern::new(&shell_negation(name)) {
            Ok(pattern) => Ok(Part::Glob(pattern)),
            Err(error) => {
                // The crate counts characters, and one too few for a misplaced `**`.
                let at = name
                    .char_indices()
                    .nth(error.pos)
                    .map_or(name.len(), |(at, _)| at);
                Err(Flaw::new(at, format!("bad glob: {}", error.msg))
                    .hint("write [[], [*] or [?] for the character itself"))
            }
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Part::Name(own) => own == name,
            Part::Glob(pattern) => pattern.matches(name),
            Part::AnyDepth => true,
        }
    }
}

/// A backslash would escape in some dialects of globs and be a plain character in this one.
fn check_escapes(name: &str) -> Result<(), Flaw> {
    match name.find('\\') {
        Some(at) => Err(Flaw::new(at, "a backslash does not escape here")
            .hint("write [[], [*] or [?] for the character itself")),
        None => Ok(()),
    }
}

/// `[^a]` means `[!a]` to a shell and to plugins written in Go; the glob crate knows the latter.
fn shell_negation(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(open) = rest.find('[') {
        let (before, class) = rest.split_at(open);
        out.push_str(before);
        let (sign, body) = match class.get(1..) {
            Some(body) if body.starts_with(['^', '!']) => ("[!", body.get(1..).unwrap_or("")),
            Some(body) => ("[", body),
            None => ("[", ""),
        };
        out.push_str(sign);
        // The first character of a class may be `]`.
        let first = body.chars().next().map_or(0, char::len_utf8);
        let end = body
            .get(first..)
            .and_then(|more| more.find(']'))
            .map_or(body.len(), |end| {
                first.saturating_add(end).saturating_add(1)
            });
        let (body, after) = body.split_at_checked(end).unwrap_or((body, ""));
        out.push_str(body);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Matches part by part. Only the last `**` seen ever takes one more part: an earlier one could
/// not do better, so the whole costs at most parts times names.
fn matches(parts: &[Part], rest: &str) -> bool {
    let mut names = Some(rest).filter(|rest| !rest.is_empty());
    let mut next = 0;
    let mut depth: Option<(usize, Option<&str>)> = None;
    loop {
        match (parts.get(next), names) {
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

fn first(path: &str) -> &str {
    path.split_once('/').map_or(path, |(name, _)| name)
}

fn after(path: &str) -> Option<&str> {
    path.split_once('/').map(|(_, rest)| rest)
}
