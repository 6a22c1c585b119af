//! What a path leads to in the simulated file system, by the rules of Linux, and what it would be
//! called where it leads to nothing.

use super::tree::{Inode, ROOT, Tree};
use crate::world::file_error::FileError;

/// As many links as Linux follows.
const MAX_LINKS: u32 = 40;
/// No system takes longer paths, the zero at the end included.
pub(super) const MAX_PATH: usize = 4096;

/// An object that exists.
pub(super) struct Found {
    pub(super) inode: Inode,
    /// Its real name: absolute, without links.
    pub(super) real: String,
}

/// A name in a directory that exists, whether or not something has the name.
pub(super) struct Entry {
    pub(super) directory: Inode,
    pub(super) name: String,
    /// The real name of the directory, and the name.
    pub(super) real: String,
}

/// What a path leads to.
pub(super) enum Look {
    Found(Found),
    /// Nothing is there, but the directory is where it would be.
    Vacant(Entry),
    /// Nothing is there and nothing could be: the real name it would have, and why not.
    Nowhere(String, FileError),
}

/// Finds what a path leads to; a link at its end is followed if `follow`.
pub(super) fn look(tree: &Tree, path: &str, follow: bool) -> Look {
    let error = match find(tree, path, follow) {
        Ok(found) => return Look::Found(found),
        Err(error) => error,
    };
    let place = place(tree, path);
    if error == FileError::Missing
        && let Ok(entry) = entry(tree, &place)
        && entry.real == place
    {
        return Look::Vacant(entry);
    }
    Look::Nowhere(place, error)
}

/// The name at the end of a path, in the directory that the rest of the path leads to.
pub(super) fn entry(tree: &Tree, path: &str) -> Result<Entry, FileError> {
    let Some((parent, name)) = split(path).filter(|(_, name)| *name != "..") else {
        // The root is in no directory.
        return Err(FileError::NotPermitted);
    };
    let parent = find(tree, parent, true)?;
    if !tree.node(parent.inode)?.is_directory() {
        return Err(FileError::NotADirectory);
    }
    Ok(Entry {
        directory: parent.inode,
        name: name.to_owned(),
        real: join(&parent.real, name),
    })
}

/// Follows a path as the kernel does.
pub(super) fn find<'a>(tree: &'a Tree, path: &'a str, follow: bool) -> Result<Found, FileError> {
    if path.contains('\0') {
        return Err(FileError::Invalid);
    }
    if path.len() >= MAX_PATH {
        return Err(FileError::NameTooLong);
    }
    let mut trail: Vec<(Inode, &str)> = Vec::new();
    let mut rest: Vec<&str> = names(path).rev().collect();
    let mut must_be_directory = path.ends_with('/');
    let mut links = 0;
    let here = |trail: &[(Inode, &str)]| trail.last().map_or(ROOT, |(inode, _)| *inode);
    while let Some(name) = rest.pop() {
        // Also to stay or to go up, the directory must be one that may be searched.
        let child = tree.child(here(&trail), name)?;
        match name {
            "." => continue,
            ".." => {
                trail.pop();
                continue;
            }
            _ => {}
        }
        let child = child.ok_or(FileError::Missing)?;
        let is_last = rest.is_empty();
        if let Some(target) = tree.node(child)?.target()
            && (!is_last || follow || must_be_directory)
        {
            links += 1;
            if links > MAX_LINKS {
                return Err(FileError::TooManyLinks);
            }
            if target.starts_with('/') {
                trail.clear();
            }
            must_be_directory |= is_last && target.ends_with('/');
            rest.extend(names(target).rev());
            continue;
        }
        trail.push((child, name));
    }
    let inode = here(&trail);
    if must_be_directory && !tree.node(inode)?.is_directory() {
        return Err(FileError::NotADirectory);
    }
    let mut real: String = trail.iter().flat_map(|(_, name)| ["/", *name]).collect();
    if real.is_empty() {
        real.push('/');
    }
    Ok(Found { inode, real })
}

/// The names of a path.
fn names(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty())
}

/// A path's parent and its last name; nothing for the root.
fn split(path: &str) -> Option<(&str, &str)> {
    let mut path = path;
    loop {
        path = path.trim_end_matches('/');
        let (parent, name) = path.rsplit_once('/')?;
        let parent = if parent.is_empty() { "/" } else { parent };
        if name != "." {
            return Some((parent, name));
        }
        path = parent;
    }
}

/// The real name that a path without an object would have: the real name of its deepest existing
/// ancestor and the rest, with dangling links followed by hand. What is too long or leads in a
/// circle is as far away as it could be followed.
fn place(tree: &Tree, path: &str) -> String {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        if path.len() > MAX_PATH {
            break;
        }
        let names: Vec<&str> = names(&path).filter(|name| *name != ".").collect();
        // Whatever exists, so do the directories that lead to it.
        let exists = |depth: &usize| find(tree, &path_of(names.get(..*depth)), true).is_ok();
        let depths: Vec<usize> = (1..names.len()).collect();
        let depth = depths.partition_point(exists);
        let Ok(ancestor) = find(tree, &path_of(names.get(..depth)), true) else {
            break;
        };
        let first = join(&ancestor.real, names.get(depth).copied().unwrap_or(""));
        let link = find(tree, &first, false).and_then(|link| tree.node(link.inode));
        if let Some(target) = link.ok().and_then(|link| link.target()) {
            // A dangling link (or one into a loop): go on from where it points.
            let rest = path_of(names.get(depth + 1..));
            path = format!("{}{rest}", join(&ancestor.real, target));
            continue;
        }
        // A `..` behind a link means another directory to the kernel; here nothing is there.
        return clean(&format!("{}{}", ancestor.real, path_of(names.get(depth..))));
    }
    clean(&path)
}

/// An absolute path of these names.
fn path_of(names: Option<&[&str]>) -> String {
    format!("/{}", names.unwrap_or_default().join("/"))
}

/// A path from a directory; absolute ones are what they are.
pub(super) fn join(directory: &str, path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else if directory.ends_with('/') {
        format!("{directory}{path}")
    } else {
        format!("{directory}/{path}")
    }
}

/// Removes `.`, `..` and `//` by name.
pub(super) fn clean(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}
