//! Pinning: what a grant that names a link, or lies behind one, covers besides its own text.
//! Who resolves links, and when, is the world's business; here it is a function.

use super::arguments::is_plain;
use super::command::family;
use super::exec::{ExecPattern, clean, literal};
use super::fs::PathGlob;
use super::glob::{Braces, Glob, Parts, escaped, is_wild};
use super::name::GLOB;
use super::{Capability, Matcher, path};
use std::collections::BTreeSet;

type Resolve<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The most globs without choices that one with choices is pinned as.
const MAX_PINNED: usize = 64;

impl Capability {
    /// The same grant with its literal directory, or the whole literal path, resolved to the real
    /// one by `resolve`; empty where that makes no difference.
    ///
    /// A granted link covers its target, and a granted directory behind a link covers the real
    /// directory, as they were when this was called (reglet-abi 4.3, rows 81 and 82). Hold all of
    /// the capabilities from then on. `resolve` tells the real path of what exists; relative grants
    /// count from `cwd`.
    ///
    /// For commands the same holds of absolute paths, with the same arguments, and of `DIR/*`. An
    /// item of a list whose target can run code is not pinned: such a command needs a grant of its
    /// own.
    ///
    /// Each combination of the choices in a glob is pinned by itself, if there are at most 64 of
    /// them; otherwise the directory in front of the first brace is.
    pub fn pinned(&self, resolve: Resolve<'_>, cwd: Option<&str>) -> Vec<Capability> {
        let texts = match &self.matcher {
            Matcher::Read(glob) => pinned_globs("fs:read:", glob, resolve, cwd),
            Matcher::Write(glob) => pinned_globs("fs:write:", glob, resolve, cwd),
            Matcher::Exec(ExecPattern::Glob(glob)) => pinned_choices(glob, resolve),
            Matcher::Exec(pattern) => pinned_command(pattern, resolve, cwd)
                .map(|command| format!("exec:{command}"))
                .into_iter()
                .collect(),
            Matcher::Network(_) | Matcher::Env(_) | Matcher::Custom(_) => Vec::new(),
        };
        let texts: BTreeSet<String> = texts.into_iter().collect();
        let pinned = texts.iter().filter_map(|text| text.parse().ok());
        pinned.filter(|pinned| pinned != self).collect()
    }
}

impl Capability {
    /// The directory that every path this grants is in or below, as far as it is named without
    /// wildcards; `None` for what is not a grant of files. A grant in a directory that does not
    /// exist is most often a slip (reglet-abi 4.7, F11).
    pub fn directory(&self, cwd: Option<&str>) -> Option<String> {
        let (Matcher::Read(glob) | Matcher::Write(glob)) = &self.matcher else {
            return None;
        };
        let (prefix, wild) = glob.literal_prefix(cwd)?;
        if !wild.is_empty() {
            return Some(prefix);
        }
        match prefix.rsplit_once('/') {
            Some(("", _)) | None => Some("/".to_owned()),
            Some((parent, _)) => Some(parent.to_owned()),
        }
    }
}

fn pinned_globs(
    kind: &str,
    glob: &PathGlob,
    resolve: Resolve<'_>,
    cwd: Option<&str>,
) -> Vec<String> {
    let plain = glob.written_out(MAX_PINNED);
    let plain = plain.unwrap_or_else(|| vec![glob.clone()]);
    let pinned = plain.iter().filter_map(|glob| {
        let (prefix, _) = glob.literal_prefix(cwd)?;
        let real = path::real(&prefix, resolve).filter(|real| *real != prefix)?;
        Some(format!("{kind}{}", glob.below_real(&real)))
    });
    pinned.collect()
}

/// The commands that choices name, or the directories of those: still a glob, since a choice
/// names nothing literally.
fn pinned_choices(glob: &Glob, resolve: Resolve<'_>) -> Vec<String> {
    let plain = glob.written_out(MAX_PINNED).unwrap_or_default();
    let pinned = plain.iter().filter_map(|text| {
        let glob = Glob::parse(text, Parts::OfText, Braces::Choices).ok()?;
        let (prefix, wild) = glob.split_at_wildcard();
        let path = path::absolute(prefix, None)?;
        let real = path::real(&path, resolve).filter(|real| *real != path)?;
        let real = escaped(&real);
        Some(match wild {
            "" => format!("exec:{GLOB}{real}"),
            wild => format!("exec:{GLOB}{real}/{wild}"),
        })
    });
    pinned.collect()
}

fn pinned_command(
    pattern: &ExecPattern,
    resolve: Resolve<'_>,
    cwd: Option<&str>,
) -> Option<String> {
    let real = |path: &str| {
        let path = clean(path, cwd).filter(|path| path.starts_with('/'))?;
        path::real(&path, resolve).filter(|real| *real != path)
    };
    match pattern {
        ExecPattern::Any | ExecPattern::Glob(_) => None,
        ExecPattern::Dir(dir) => {
            let dir = path::absolute(dir, cwd)?;
            let real = path::real(&dir, resolve).filter(|real| *real != dir)?;
            Some(match is_wild(&real) || !is_plain(&real) {
                true => format!("{GLOB}{}/*", escaped(&real)),
                false => format!("{real}/*"),
            })
        }
        ExecPattern::Command(name, arguments) => {
            let mut text = literal(&real(name)?);
            arguments.write(&mut text);
            Some(text)
        }
        ExecPattern::Names(names) => match names.as_slice() {
            [name] => real(name).map(|target| literal(&target)),
            names => {
                let targets: Vec<String> = names
                    .iter()
                    .filter_map(|name| real(name))
                    .filter(|target| family(target).is_none())
                    // A list has no way to write these; such a target needs a grant of its own.
                    .filter(|target| is_plain(target) && !target.contains(','))
                    .collect();
                (!targets.is_empty()).then(|| targets.join(","))
            }
        },
    }
}
