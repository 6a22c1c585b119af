//! What a path leads to: one resolution for the files of the operating system and for simulated
//! ones.
//!
//! A file system follows an existing path itself and returns a handle to the object (on Linux the
//! kernel does this in one step, so there is no moment at which a link can be exchanged). This file
//! adds what the gate judges: the real name of the object, or the name that a missing object would
//! have.

use super::file_error::FileError;
use crate::effect::{Failure, FileKind};
use std::borrow::Cow;

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

/// A name in an existing directory, whether or not something has the name.
#[derive(Debug)]
pub(super) struct Entry<H> {
    pub(super) directory: Object<H>,
    /// The real name of the directory, followed by the name.
    pub(super) real: Vec<u8>,
}

impl<H> Entry<H> {
    pub(super) fn name(&self) -> &[u8] {
        self.real.rsplit(|byte| *byte == b'/').next().unwrap_or(&[])
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

/// Finds what an absolute path leads to. A link at its end is followed if `follow`.
///
/// # Errors
///
/// What keeps the file system from resolving any path.
pub(super) fn resolve<F: FileSystem>(
    files: &F,
    path: &[u8],
    follow: bool,
) -> Result<Resolved<F>, F::Error> {
    let error = match files.find(path, follow) {
        Ok(object) => return Ok(Resolved::Object(object)),
        Err(error) if F::is_inconclusive(&error) => return Err(error),
        Err(error) => error,
    };
    let real = missing_name(files, path)?;
    if F::is_missing(&error)
        && let Ok(entry) = entry(files, &real)
        && entry.real == real
    {
        return Ok(Resolved::Vacant(entry));
    }
    Ok(Resolved::Unreachable { real, error })
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
    })
}

/// The real name that a missing object would have: that of its deepest existing ancestor, followed
/// by the rest of the path. Dangling links are followed by their targets, as far as the limits on
/// links and on the length of paths allow.
fn missing_name<F: FileSystem>(files: &F, path: &[u8]) -> Result<Vec<u8>, F::Error> {
    let mut path = path.to_vec();
    for _ in 0..MAX_LINKS {
        if path.len() > MAX_PATH {
            break;
        }
        let names: Vec<&[u8]> = names(&path).collect();
        let find = |path: &[u8]| files.find(path, true);
        let (ancestor, depth) = deepest_ancestor(&names, find)?;
        let rest = names.get(depth..).unwrap_or_default();
        if let [first, rest @ ..] = rest
            && let Ok(target) = files.target(&ancestor.handle, first)
        {
            path = join(&join(&ancestor.real, &target), &rest.join(&b'/'));
            continue;
        }
        // Below a missing directory `..` can only be removed by name.
        return Ok(clean(&join(&ancestor.real, &rest.join(&b'/'))));
    }
    Ok(clean(&path))
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
