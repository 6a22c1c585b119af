//! Resolving paths in the simulated file system, by the rules of Linux.

use super::tree::{Inode, Node, ROOT, Tree};
use crate::{
    effect::{Failure, FileKind},
    world::{
        file_error::FileError,
        resolve::{self, FileSystem, MAX_LINKS, MAX_PATH, Names, join},
    },
};
use alloc::{string::String, vec::Vec};

impl FileSystem for Tree {
    type Handle = Inode;
    type Error = FileError;

    fn find(&self, path: &[u8], follow: bool) -> Result<Object, FileError> {
        // All names here are UTF-8.
        let path = str::from_utf8(path).map_err(|_| FileError::Missing)?;
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
            // Staying and going up need permission to search the directory, too.
            let child = self.child(here(&trail), name)?;
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
            if let Some(target) = self.node(child)?.target()
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
        let found = here(&trail);
        if must_be_directory && !self.node(found)?.is_directory() {
            return Err(FileError::NotADirectory);
        }
        let real: String = trail.iter().flat_map(|(_, name)| ["/", *name]).collect();
        self.object(found, join(b"/", real.as_bytes()))
    }

    fn reach(&self, object: &Object) -> Vec<u8> {
        // No other process moves it meanwhile.
        object.real.clone()
    }

    fn find_below(&self, top: &Object, path: &[u8]) -> Result<Object, FileError> {
        let found = resolve::names(path).try_fold(top.handle, |directory, name| {
            self.existing_child(directory, name)
        })?;
        self.object(found, join(&top.real, path))
    }

    fn kind(&self, directory: &Inode, name: &[u8]) -> Result<Option<FileKind>, FileError> {
        match self.existing_child(*directory, name) {
            Ok(inode) => Ok(Some(self.node(inode)?.kind())),
            Err(FileError::Missing) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn target(&self, directory: &Inode, name: &[u8]) -> Result<Vec<u8>, FileError> {
        let node = self.node(self.existing_child(*directory, name)?)?;
        let target = node.target().ok_or(FileError::Invalid)?;
        Ok(target.as_bytes().to_vec())
    }

    fn list(&self, directory: &Inode, limit: usize) -> Result<Option<Names>, FileError> {
        let entries = self.names(*directory)?;
        if entries.len() > limit {
            return Ok(None);
        }
        let entries = entries.iter().map(|(name, inode)| {
            let kind = self.node(*inode)?.kind();
            Ok((name.as_bytes().to_vec(), kind))
        });
        entries.collect::<Result<_, _>>().map(Some)
    }

    fn is_missing(error: &FileError) -> bool {
        *error == FileError::Missing
    }

    fn failure(path: &str, error: &FileError) -> Failure {
        error.failure(path)
    }
}

pub(super) type Object = resolve::Object<Inode>;
pub(super) type Entry = resolve::Entry<Inode>;

impl Tree {
    fn object(&self, handle: Inode, real: Vec<u8>) -> Result<Object, FileError> {
        Ok(Object {
            handle,
            kind: self.node(handle).map(Node::kind)?,
            real,
        })
    }

    fn existing_child(&self, directory: Inode, name: &[u8]) -> Result<Inode, FileError> {
        let name = str::from_utf8(name).map_err(|_| FileError::Missing)?;
        self.child(directory, name)?.ok_or(FileError::Missing)
    }
}

/// The names of a path, including `.`.
fn names(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty())
}

/// An absolute path without `.`, `..` and `//`.
pub(super) fn absolute(directory: &str, path: &str) -> String {
    let path = resolve::clean(&join(directory.as_bytes(), path.as_bytes()));
    resolve::text(&path).into_owned()
}
