//! What a path leads to: one resolution for the files of the operating system and for simulated
//! ones.
//!
//! A file system follows an existing path itself and returns a handle to the object (on Linux the
//! kernel does this in one step, so there is no moment at which a link can be exchanged). This file
//! adds what the gate judges: the real name of the object, or the name that a missing object would
//! have.

use super::file_error::FileError;
use crate::effect::{Failure, FileKind};
use alloc::{borrow::Cow, string::String, vec::Vec};

/// As many links as Linux follows.
pub(super) const MAX_LINKS: u32 = 40;
/// The longest path of Linux, including the NUL byte at its end.
pub(super) const MAX_PATH: usize = 4096;

/// The names in a directory and what they name.
pub(super) type Names = Vec<(Vec<u8>, FileKind)>;

/// Files that have names. Paths are bytes, because the names of the operating system's files need
/// not be UTF-8.
pub(super) trait FileSystem {
    /// Refers to one object, whatever happens to its name.
    type Handle;
    /// Why something failed.
    type Error: From<FileError>;

    /// Follows an absolute path to an object. A link at its end is followed if `follow` is set or
    /// the path ends with a slash.
    fn find(&self, path: &[u8], follow: bool) -> Result<Object<Self::Handle>, Self::Error>;

    /// The object below a directory at a path of names that are no links.
    fn find_below(
        &self,
        top: &Object<Self::Handle>,
        path: &[u8],
    ) -> Result<Object<Self::Handle>, Self::Error>;

    /// A path by which `find` reaches an object as long as its handle is kept, on Linux whatever
    /// happens to its name.
    fn reach(&self, object: &Object<Self::Handle>) -> Vec<u8>;

    /// What has this name in a directory, `None` if nothing has.
    fn kind(&self, directory: &Self::Handle, name: &[u8]) -> Result<Option<FileKind>, Self::Error>;

    /// The target of the symbolic link that has this name in a directory.
    fn target(&self, directory: &Self::Handle, name: &[u8]) -> Result<Vec<u8>, Self::Error>;

    /// The names in a directory in byte order, `None` if there are more than `limit`.
    fn list(&self, directory: &Self::Handle, limit: usize) -> Result<Option<Names>, Self::Error>;

    /// Whether the error means that there is no such object.
    fn is_missing(error: &Self::Error) -> bool;

    /// Whether the error leaves open what the path leads to.
    fn is_inconclusive(_error: &Self::Error) -> bool {
        false
    }

    /// The error of an effect on this path.
    fn failure(path: &str, error: &Self::Error) -> Failure;
}

/// An existing object.
#[derive(Debug)]
pub(super) struct Object<H> {
    pub(super) handle: H,
    pub(super) kind: FileKind,
    /// Absolute and without links.
    pub(super) real: Vec<u8>,
}

impl<H> Object<H> {
    pub(super) fn is_directory(&self) -> bool {
        self.kind == FileKind::Directory
    }
}

/// A path of an effect, and how a file system reaches where it begins.
pub(super) struct Asked<'a> {
    /// As the effect has it; it ends with `rest`.
    path: &'a [u8],
    /// A path to the directory that `rest` begins in.
    start: Cow<'a, [u8]>,
    rest: &'a [u8],
}

impl<'a> Asked<'a> {
    /// Whether it ends with a name that has a slash behind it.
    pub(super) fn is_slashed(&self) -> bool {
        let name = self.rest.strip_suffix(b"/").unwrap_or_default();
        !name.is_empty() && name != b".." && !name.ends_with(b"/..")
    }

    /// A path from the root.
    pub(super) fn absolute(path: &'a [u8]) -> Asked<'a> {
        Asked {
            path,
            start: Cow::Borrowed(b"/"),
            rest: path,
        }
    }

    /// A path whose end `rest` begins in an open directory, which `start` leads to.
    pub(super) fn below(path: &'a str, start: Vec<u8>, rest: &'a str) -> Asked<'a> {
        Asked {
            path: path.as_bytes(),
            start: Cow::Owned(start),
            rest: rest.as_bytes(),
        }
    }

    /// As reports name it.
    pub(super) fn shown(&self) -> Cow<'a, str> {
        text(self.path)
    }

    /// The path to a directory that it leaves, as reports name it.
    pub(super) fn shown_to(&self, left: &Left) -> Cow<'a, str> {
        let behind = self.rest.len().saturating_sub(left.at);
        let end = self.path.len().saturating_sub(behind + 1);
        match self.path.get(..end) {
            Some(b"") | None => Cow::Borrowed("/"),
            Some(before) => text(before),
        }
    }
}

/// A directory that a path leads into and leaves by `..`.
#[derive(Debug)]
pub(super) struct Left {
    /// Where the `..` is in the rest of the asked path.
    at: usize,
    /// Its real name, or the one that it would have.
    pub(super) real: Vec<u8>,
}

/// A name in an existing directory, whether or not something has the name.
#[derive(Debug)]
pub(super) struct Entry<H> {
    pub(super) directory: Object<H>,
    /// The real name of the directory, followed by the name.
    pub(super) real: Vec<u8>,
    pub(super) last: Last,
}

/// How the last part of a path is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// A name.
    Name,
    /// A name with a slash behind it: only a directory can be meant.
    Slashed,
    /// `.`, the directory of the entry.
    Dot,
    /// `..`, the parent of the directory of the entry.
    DotDot,
    /// Nothing: the path is that of the root.
    Root,
}

impl Last {
    /// Whether there is a name, so that something can be made, moved or removed there.
    pub(super) fn is_name(self) -> bool {
        matches!(self, Last::Name | Last::Slashed)
    }
}

impl<H> Entry<H> {
    pub(super) fn name(&self) -> &[u8] {
        self.real.rsplit(|byte| *byte == b'/').next().unwrap_or(&[])
    }

    /// What is to be appended to a path to the directory, as it was written; `None` for the root,
    /// which is `/` whatever the directory.
    pub(super) fn written(&self) -> Option<Vec<u8>> {
        Some(match self.last {
            Last::Name => self.name().to_vec(),
            Last::Slashed => [self.name(), b"/"].concat(),
            Last::Dot => b".".to_vec(),
            Last::DotDot => b"..".to_vec(),
            Last::Root => return None,
        })
    }
}

/// What a path leads to.
pub(super) enum Resolved<F: FileSystem> {
    Object(Object<F::Handle>),
    /// Nothing, but the directory exists in which it would be.
    Vacant(Entry<F::Handle>),
    /// Nothing, and nothing can be created there.
    Unreachable {
        /// The real name that it would have.
        real: Vec<u8>,
        error: F::Error,
    },
}

impl<F: FileSystem> Resolved<F> {
    /// The real name of the object, or the one that it would have.
    pub(super) fn real(&self) -> &[u8] {
        match self {
            Resolved::Object(object) => &object.real,
            Resolved::Vacant(entry) => &entry.real,
            Resolved::Unreachable { real, .. } => real,
        }
    }

    pub(super) fn is_directory(&self) -> bool {
        matches!(self, Resolved::Object(object) if object.is_directory())
    }

    /// The object, or why there is none.
    pub(super) fn into_object(self) -> Result<Object<F::Handle>, F::Error> {
        match self {
            Resolved::Object(object) => Ok(object),
            Resolved::Vacant(_) => Err(FileError::Missing.into()),
            Resolved::Unreachable { error, .. } => Err(error),
        }
    }
}

/// What a path leads to, and the directories that it leaves by `..` on the way there.
pub(super) struct Resolution<F: FileSystem> {
    pub(super) resolved: Resolved<F>,
    pub(super) left: Vec<Left>,
}

/// Finds what a path leads to. A link at its end is followed if `follow` is set.
///
/// # Errors
///
/// What keeps the file system from resolving any path.
pub(super) fn resolve<F: FileSystem>(
    files: &F,
    asked: &Asked<'_>,
    follow: bool,
) -> Result<Resolution<F>, F::Error> {
    let Way {
        path,
        _held,
        left,
        broken,
    } = walk(files, asked, asked.rest)?;
    let resolved = match broken {
        Some((real, error)) => Resolved::Unreachable { real, error },
        None => match files.find(&path, follow) {
            Ok(object) => Resolved::Object(object),
            Err(error) if F::is_inconclusive(&error) => return Err(error),
            Err(error) => match missing(files, &path)? {
                Missing {
                    vacant: Some(entry),
                    ..
                } if F::is_missing(&error) => Resolved::Vacant(entry),
                Missing { real, .. } => Resolved::Unreachable { real, error },
            },
        },
    };
    Ok(Resolution { resolved, left })
}

/// Finds what an absolute path leads to, whose directories need not be judged.
pub(super) fn follow<F: FileSystem>(files: &F, path: &[u8]) -> Result<Resolved<F>, F::Error> {
    Ok(resolve(files, &Asked::absolute(path), true)?.resolved)
}

/// A name that an effect makes, moves or removes.
pub(super) enum Placed<F: FileSystem> {
    Entry(Entry<F::Handle>),
    /// The directory in which it would be does not exist.
    Nowhere {
        /// The real name that it would have.
        real: Vec<u8>,
        error: F::Error,
    },
}

impl<F: FileSystem> Placed<F> {
    pub(super) fn real(&self) -> &[u8] {
        match self {
            Placed::Entry(entry) => &entry.real,
            Placed::Nowhere { real, .. } => real,
        }
    }

    /// The entry, or why there is none.
    pub(super) fn into_entry(self) -> Result<Entry<F::Handle>, F::Error> {
        match self {
            Placed::Entry(entry) => Ok(entry),
            Placed::Nowhere { error, .. } => Err(error),
        }
    }
}

/// Finds the directory in which the last part of a path is, and the directories that the path leaves
/// by `..`.
///
/// # Errors
///
/// What keeps the file system from resolving any path.
pub(super) fn place<F: FileSystem>(
    files: &F,
    asked: &Asked<'_>,
) -> Result<(Placed<F>, Vec<Left>), F::Error> {
    let end = asked.rest.iter().rposition(|byte| *byte != b'/');
    let named = end.and_then(|end| asked.rest.get(..=end)).unwrap_or(b"");
    let slash = named.iter().rposition(|byte| *byte == b'/');
    let (parent, name) = named.split_at(slash.map_or(0, |slash| slash + 1));
    let last = match name {
        b"" => Last::Root,
        b"." => Last::Dot,
        b".." => Last::DotDot,
        _ if named.len() < asked.rest.len() => Last::Slashed,
        _ => Last::Name,
    };
    let Way {
        path,
        _held,
        mut left,
        broken,
    } = walk(files, asked, parent)?;
    let nowhere = |real: &[u8], error| Placed::Nowhere {
        real: clean(&join(real, name)),
        error,
    };
    if let Some((real, error)) = broken {
        return Ok((nowhere(&real, error), left));
    }
    let directory = match files.find(&slashed(&path), true) {
        Ok(directory) => directory,
        Err(error) if F::is_inconclusive(&error) => return Err(error),
        Err(error) => return Ok((nowhere(&missing(files, &path)?.real, error), left)),
    };
    let real = match last {
        Last::Name | Last::Slashed => join(&directory.real, name),
        Last::Dot | Last::Root => directory.real.clone(),
        Last::DotDot => {
            left.push(Left {
                at: parent.len(),
                real: directory.real.clone(),
            });
            match files.find(&join(&files.reach(&directory), b".."), true) {
                Ok(parent) => parent.real,
                Err(error) => return Ok((nowhere(&directory.real, error), left)),
            }
        }
    };
    let entry = Entry {
        directory,
        real,
        last,
    };
    Ok((Placed::Entry(entry), left))
}

/// The name at the end of a path, in the directory that the rest of the path leads to.
pub(super) fn entry<F: FileSystem>(files: &F, path: &[u8]) -> Result<Entry<F::Handle>, F::Error> {
    let Some((parent, name)) = split(path).filter(|(_, name)| *name != b"..") else {
        // The root is in no directory.
        return Err(FileError::NotPermitted.into());
    };
    let directory = files.find(parent, true)?;
    if !directory.is_directory() {
        return Err(FileError::NotADirectory.into());
    }
    Ok(Entry {
        real: join(&directory.real, name),
        directory,
        last: Last::Name,
    })
}

/// The way to the end of a path, in one step.
struct Way<F: FileSystem> {
    /// A path for `find` that is the same way. It leaves no directory but its first by `..`.
    path: Vec<u8>,
    /// What `path` begins in.
    _held: Option<Object<F::Handle>>,
    left: Vec<Left>,
    /// Why the way does not lead to the end, and the real name that the end would have.
    broken: Option<(Vec<u8>, F::Error)>,
}

/// Goes as far as the last `..` in `rest`, the beginning of the asked path's own rest, and takes note of
/// each directory that is left so: a plugin that may not know of it could learn whether it exists.
fn walk<F: FileSystem>(files: &F, asked: &Asked<'_>, rest: &[u8]) -> Result<Way<F>, F::Error> {
    let mut path = asked.start.to_vec();
    let mut held = None;
    let mut left = Vec::new();
    // Whether `path` leads down since the last `..`.
    let mut is_below = path != b"/";
    let mut at = 0;
    for name in rest.split(|byte| *byte == b'/') {
        if name == b".." && is_below {
            match files.find(&slashed(&path), true) {
                Ok(directory) => {
                    let real = directory.real.clone();
                    left.push(Left { at, real });
                    path = files.reach(&directory);
                    held = Some(directory);
                    is_below = false;
                }
                Err(error) if F::is_inconclusive(&error) => return Err(error),
                Err(error) => {
                    let real = missing(files, &path)?.real;
                    let end = clean(&join(&real, rest.get(at..).unwrap_or_default()));
                    left.push(Left { at, real });
                    let broken = Some((end, error));
                    return Ok(Way {
                        path,
                        _held: held,
                        left,
                        broken,
                    });
                }
            }
        }
        if !matches!(name, b"" | b".") {
            is_below |= name != b"..";
            append(&mut path, name);
        }
        at += name.len() + 1;
    }
    // Only a directory can be written so.
    match rest.rsplit(|byte| *byte == b'/').next() {
        Some(b"") if !path.ends_with(b"/") => path.push(b'/'),
        Some(b".") => append(&mut path, b"."),
        _ => {}
    }
    Ok(Way {
        path,
        _held: held,
        left,
        broken: None,
    })
}

/// Where a missing object would be.
struct Missing<F: FileSystem> {
    /// The real name that it would have.
    real: Vec<u8>,
    /// The name that it would have in a directory that exists.
    vacant: Option<Entry<F::Handle>>,
}

/// Finds the real name that a missing object would have: that of its deepest existing ancestor, followed
/// by the rest of the path. Dangling links are followed by their targets, as far as the limits on
/// links and on the length of paths allow: behind them is the last link, which leads nowhere.
fn missing<F: FileSystem>(files: &F, path: &[u8]) -> Result<Missing<F>, F::Error> {
    let mut path = path.to_vec();
    let (mut slash, mut dot) = (false, false);
    let mut real = clean(&path);
    for _ in 0..MAX_LINKS {
        if path.len() > MAX_PATH {
            break;
        }
        slash |= path.ends_with(b"/");
        // Whatever slashes are behind it, as in the target of a link.
        let end = path.iter().rposition(|byte| *byte != b'/').unwrap_or(0);
        dot |= path.get(..=end).is_some_and(|path| path.ends_with(b"/."));
        let names: Vec<&[u8]> = names(&path).collect();
        let find = |path: &[u8]| files.find(path, true);
        let (ancestor, depth) = deepest_ancestor(&names, find)?;
        let rest = names.get(depth..).unwrap_or_default();
        if let [first, rest @ ..] = rest
            && let Ok(target) = files.target(&ancestor.handle, first)
        {
            real = join(&ancestor.real, first);
            let target = join(&ancestor.real, &target);
            path = match rest {
                [] => target,
                rest => join(&target, &rest.join(&b'/')),
            };
            continue;
        }
        // Below a missing directory `..` can only be removed by name.
        let real = clean(&join(&ancestor.real, &rest.join(&b'/')));
        let vacant = match rest {
            [name] if *name != b".." && !dot && ancestor.is_directory() => Some(Entry {
                directory: ancestor,
                real: real.clone(),
                last: if slash { Last::Slashed } else { Last::Name },
            }),
            _ => None,
        };
        return Ok(Missing { real, vacant });
    }
    Ok(Missing { real, vacant: None })
}

/// The deepest existing ancestor of what has these names, and how many of them lead to it.
///
/// An object exists only if all its ancestors do, so a binary search finds it.
fn deepest_ancestor<T, E>(
    names: &[&[u8]],
    find: impl Fn(&[u8]) -> Result<T, E>,
) -> Result<(T, usize), E> {
    let (mut deepest, mut depth) = (find(b"/")?, 0);
    let mut missing = names.len();
    while missing.saturating_sub(depth) > 1 {
        let middle = depth.midpoint(missing);
        let path = join(b"/", &names.get(..middle).unwrap_or_default().join(&b'/'));
        match find(&path) {
            Ok(found) => (deepest, depth) = (found, middle),
            Err(_) => missing = middle,
        }
    }
    Ok((deepest, depth))
}

/// The names of a path, without those that stay where they are.
pub(super) fn names(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    let names = path.split(|byte| *byte == b'/');
    names.filter(|name| !matches!(*name, b"" | b"."))
}

/// A path's parent and its last name; `None` for the root.
pub(super) fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut path = path;
    loop {
        let end = path.iter().rposition(|byte| *byte != b'/')?;
        path = path.get(..=end)?;
        let slash = path.iter().rposition(|byte| *byte == b'/')?;
        let name = path.get(slash + 1..)?;
        path = path.get(..slash.max(1))?;
        if name != b"." {
            return Some((path, name));
        }
    }
}

/// A path as seen from a directory.
pub(super) fn join(directory: &[u8], path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") {
        return path.to_vec();
    }
    let slash: &[u8] = if directory.ends_with(b"/") { b"" } else { b"/" };
    [directory, slash, path].concat()
}

fn append(path: &mut Vec<u8>, name: &[u8]) {
    if !path.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}

/// A path that leads to a directory or to nothing.
fn slashed(path: &[u8]) -> Vec<u8> {
    join(path, b"")
}

/// Removes `.`, `..` and `//` by name.
pub(super) fn clean(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    for name in names(path) {
        if name == b".." {
            kept.pop();
        } else {
            kept.push(name);
        }
    }
    join(b"/", &kept.join(&b'/'))
}

/// A path as the gate judges it: U+FFFD replaces what is not UTF-8.
pub(super) fn text(path: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn the_deepest_existing_ancestor_is_found_and_few_are_looked_up() {
        let path = "/no-such-name".to_owned() + &"/a".repeat(2000);
        let all: Vec<&[u8]> = names(path.as_bytes()).collect();
        for exists in [0, 1, 2, 3, 999, 1999, 2000] {
            let asked = Cell::new(0);
            let found = deepest_ancestor(&all, |path| {
                asked.set(asked.get() + 1);
                let depth = names(path).count();
                (depth <= exists).then_some(depth).ok_or(())
            });
            assert_eq!(found, Ok((exists, exists)));
            assert!(asked.get() <= 13, "{exists}: {}", asked.get());
        }
        let failed: Result<((), usize), _> = deepest_ancestor(&all, |_| Err("no memory"));
        assert_eq!(failed, Err("no memory"));
    }

    #[test]
    fn paths_are_split_like_those_of_the_standard_library() {
        use std::path::Path;
        for path in [
            "/", "//", "/a", "/a/", "/a/b", "//a//b//", "/a/.", "/a/b/./.", "/./a", "/a/..",
            "/.a/b.", "/...",
        ] {
            let parts = split(path.as_bytes()).map(|(parent, name)| (text(parent), text(name)));
            let expected = Path::new(path).parent().map(|parent| {
                let last = Path::new(path).components().next_back().unwrap();
                (parent.components(), last.as_os_str())
            });
            let parts = parts.as_ref();
            assert_eq!(
                parts.map(|(parent, name)| {
                    (
                        Path::new(parent.as_ref()).components(),
                        name.as_ref().as_ref(),
                    )
                }),
                expected,
                "{path}"
            );
        }
    }
}
