//! Pinning: what a grant whose path contains a link allows besides its own text. The caller provides
//! the function that resolves links.

use super::arguments::is_plain;
use super::command::family;
use super::exec::{ExecPattern, clean, literal};
use super::fs::PathGlob;
use super::glob::{Braces, Glob, Parts, escaped, is_wild};
use super::name::GLOB;
use super::path::{self, Resolve};
use super::{Capability, GrantPattern};
use alloc::{borrow::ToOwned, collections::BTreeSet, string::String, vec::Vec};

/// The maximum number of combinations of choices that are pinned one by one.
const MAX_PINNED: usize = 64;

impl Capability {
    /// Returns the same grant without `..` after a name in its path: `resolve` says where that leads.
    /// `None` if it leads nowhere, so that nothing is granted.
    ///
    /// Everything else here takes such a `..` as text, which removes the name before it.
    #[must_use]
    pub fn resolved(&self, resolve: Resolve<'_>, cwd: Option<&str>) -> Option<Capability> {
        let (operation, glob) = match &self.pattern {
            GrantPattern::Read(glob) => ("fs:read:", glob),
            GrantPattern::Write(glob) => ("fs:write:", glob),
            _ => return Some(self.clone()),
        };
        let Some(directory) = glob.directory_by_dots(cwd) else {
            return Some(self.clone());
        };
        let real = path::resolved(&directory, resolve)?;
        let text = format!("{operation}{}", glob.in_real_directory(&real));
        text.parse().ok()
    }

    /// Returns the same grant with the literal part of its path resolved by `resolve`; empty if that
    /// changes nothing.
    ///
    /// A granted link allows its target, and a granted directory whose path contains a link allows
    /// the real directory, as they are at the time of this call. Use the result together with the
    /// grant from then on. `resolve` returns the real path of a file that exists; relative grants
    /// count from `cwd`.
    ///
    /// The same applies to commands with an absolute path, with the same arguments, and to `DIR/*`.
    /// An item of a list whose target can run code is not pinned: such a command needs a separate
    /// grant.
    ///
    /// Each combination of the choices in a glob is pinned separately, if there are at most 64;
    /// otherwise the directory before the first brace is pinned.
    #[must_use]
    pub fn pinned(&self, resolve: Resolve<'_>, cwd: Option<&str>) -> Vec<Capability> {
        let texts = match &self.pattern {
            GrantPattern::Read(glob) => pinned_globs("fs:read:", glob, resolve, cwd),
            GrantPattern::Write(glob) => pinned_globs("fs:write:", glob, resolve, cwd),
            GrantPattern::Exec(ExecPattern::Glob(glob)) => pinned_choices(glob, resolve),
            GrantPattern::Exec(pattern) => pinned_command(pattern, resolve, cwd)
                .map(|command| format!("exec:{command}"))
                .into_iter()
                .collect(),
            GrantPattern::Network(_) | GrantPattern::Env(_) | GrantPattern::Custom(_) => Vec::new(),
        };
        let texts: BTreeSet<String> = texts.into_iter().collect();
        let pinned = texts.iter().filter_map(|text| text.parse().ok());
        pinned.filter(|pinned| pinned != self).collect()
    }

    /// Whether everything that this grants is this directory or below it. Only grants of files are.
    pub(crate) fn is_at_or_below(&self, directory: &str, cwd: Option<&str>) -> bool {
        let (GrantPattern::Read(glob) | GrantPattern::Write(glob)) = &self.pattern else {
            return false;
        };
        let Some((prefix, _)) = glob.literal_prefix(cwd) else {
            return false;
        };
        let rest = prefix.strip_prefix(directory.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Returns the directory that contains everything this grants, as far as it is named without
    /// wildcards; `None` if this is not a grant of files. If the directory does not exist, the grant
    /// is most likely a mistake.
    #[must_use]
    pub fn directory(&self, cwd: Option<&str>) -> Option<String> {
        let (GrantPattern::Read(glob) | GrantPattern::Write(glob)) = &self.pattern else {
            return None;
        };
        if let Some(directory) = glob.directory_by_dots(cwd) {
            return Some(directory);
        }
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

/// The commands that choices name, or their directories. The result is a glob as well, since a choice
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
                    // A list cannot contain these names; such a target needs a separate grant.
                    .filter(|target| is_plain(target) && !target.contains(','))
                    .collect();
                (!targets.is_empty()).then(|| targets.join(","))
            }
        },
    }
}
