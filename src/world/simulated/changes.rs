//! Changes to judged names of the simulated file system, with the checks of Linux in their order.

use super::{
    Simulated,
    names::Entry,
    tree::{Inode, May, Node},
};
use crate::world::{
    file_error::FileError,
    resolve::{FileSystem as _, Last, MAX_PATH, join, text},
};

impl Simulated {
    /// What has this name, if something has.
    fn named(&self, entry: &Entry) -> Result<Option<Inode>, FileError> {
        if !entry.last.is_name() {
            // Going nowhere or up needs permission to search the directory, too.
            self.tree.child(entry.directory.handle, ".")?;
            return Ok(Some(self.tree.find(&entry.real, false)?.handle));
        }
        self.tree.child(entry.directory.handle, &text(entry.name()))
    }

    /// Checks whether names may be added to and removed from the entry's directory.
    fn may_change(&self, entry: &Entry) -> Result<(), FileError> {
        self.tree.node(entry.directory.handle)?.may(May::Write)
    }

    /// Gives something new a name that is free and not that of a directory.
    pub(super) fn create_file(&mut self, entry: &Entry, node: Node) -> Result<Inode, FileError> {
        if entry.last == Last::Slashed && self.named(entry)?.is_none() {
            return Err(FileError::Missing);
        }
        self.create(entry, node)
    }

    /// Gives something new a name that is free.
    pub(super) fn create(&mut self, entry: &Entry, node: Node) -> Result<Inode, FileError> {
        if self.named(entry)?.is_some() {
            return Err(FileError::Exists);
        }
        self.may_change(entry)?;
        let (directory, name) = (entry.directory.handle, text(entry.name()));
        self.tree.add(directory, &name, node, self.clock.present())
    }

    fn add(&mut self, entry: &Entry, inode: Inode) -> Result<(), FileError> {
        let (directory, name) = (entry.directory.handle, text(entry.name()));
        self.tree
            .name(directory, &name, inode, self.clock.present())
    }

    fn take(&mut self, entry: &Entry) -> Result<Inode, FileError> {
        let (directory, name) = (entry.directory.handle, text(entry.name()));
        self.tree.unname(directory, &name, self.clock.present())
    }

    /// Replaces what has the name by something new.
    pub(super) fn replace(&mut self, entry: &Entry, node: Node) -> Result<(), FileError> {
        self.may_change(entry)?;
        // For a moment both exist, and both need room.
        let inode = self.tree.add_unnamed(node)?;
        self.remove(entry);
        self.add(entry, inode)
    }

    /// Removes a name, and what it named if that was its last name.
    fn remove(&mut self, entry: &Entry) {
        if let Ok(inode) = self.take(entry) {
            self.release(inode);
        }
    }

    pub(super) fn make_link(&mut self, entry: &Entry, target: &str) -> Result<(), FileError> {
        if target.contains('\0') {
            return Err(FileError::Invalid);
        }
        if target.is_empty() {
            return Err(FileError::Missing);
        }
        if target.len() >= MAX_PATH {
            return Err(FileError::NameTooLong);
        }
        self.create_file(entry, Node::link(target, self.clock.present()))
            .map(drop)
    }

    pub(super) fn rmdir(&mut self, entry: &Entry) -> Result<(), FileError> {
        match entry.last {
            Last::Name | Last::Slashed => {}
            Last::Dot => return Err(FileError::Invalid),
            Last::DotDot => return Err(FileError::NotEmpty),
            Last::Root => return Err(FileError::Busy),
        }
        let inode = self.named(entry)?.ok_or(FileError::Missing)?;
        self.may_change(entry)?;
        if !self.tree.node(inode)?.is_directory() {
            return Err(FileError::NotADirectory);
        }
        if !self.tree.is_empty(inode)? {
            return Err(FileError::NotEmpty);
        }
        self.remove(entry);
        Ok(())
    }

    pub(super) fn unlink(&mut self, entry: &Entry) -> Result<(), FileError> {
        if !entry.last.is_name() {
            return Err(FileError::IsADirectory);
        }
        let inode = self.named(entry)?.ok_or(FileError::Missing)?;
        if entry.last == Last::Slashed {
            return Err(match self.tree.node(inode)?.is_directory() {
                true => FileError::IsADirectory,
                false => FileError::NotADirectory,
            });
        }
        self.may_change(entry)?;
        if self.tree.node(inode)?.is_directory() {
            return Err(FileError::IsADirectory);
        }
        self.remove(entry);
        Ok(())
    }

    pub(super) fn add_name(&mut self, old: &Entry, new: &Entry) -> Result<(), FileError> {
        let inode = match old.last {
            // A slash leads behind a link, and to a directory.
            Last::Slashed => self.tree.find(&join(&old.real, b""), false)?.handle,
            _ => self.named(old)?.ok_or(FileError::Missing)?,
        };
        if self.named(new)?.is_some() {
            return Err(FileError::Exists);
        }
        if new.last == Last::Slashed {
            return Err(FileError::Missing);
        }
        self.may_change(new)?;
        if self.tree.node(inode)?.is_directory() {
            return Err(FileError::NotAllowed);
        }
        self.add(new, inode)
    }

    pub(super) fn rename(&mut self, old: &Entry, new: &Entry) -> Result<(), FileError> {
        // Both directories are searched before either name is looked up.
        for entry in [old, new] {
            self.tree.node(entry.directory.handle)?.may(May::Search)?;
        }
        if !old.last.is_name() || !new.last.is_name() {
            return Err(FileError::Busy);
        }
        let source = self.named(old)?.ok_or(FileError::Missing)?;
        let target = self.named(new)?;
        let has_slash = old.last == Last::Slashed || new.last == Last::Slashed;
        if has_slash && !self.tree.node(source)?.is_directory() {
            return Err(FileError::NotADirectory);
        }
        if is_in(new, old) {
            return Err(FileError::Invalid);
        }
        if is_in(old, new) {
            return Err(FileError::NotEmpty);
        }
        if target == Some(source) {
            return Ok(());
        }
        self.may_change(old)?;
        self.may_change(new)?;
        let moves_directory = self.tree.node(source)?.is_directory();
        if let Some(target) = target {
            match (moves_directory, self.tree.node(target)?.is_directory()) {
                (true, false) => return Err(FileError::NotADirectory),
                (false, true) => return Err(FileError::IsADirectory),
                _ => {}
            }
        }
        if moves_directory && old.directory.handle != new.directory.handle {
            // Its `..` changes.
            self.tree.node(source)?.may(May::Write)?;
        }
        if let Some(target) = target {
            if moves_directory && !self.tree.is_empty(target)? {
                return Err(FileError::NotEmpty);
            }
            self.remove(new);
        }
        self.take(old)?;
        self.add(new, source)
    }
}

/// Whether one entry is below the other.
fn is_in(entry: &Entry, directory: &Entry) -> bool {
    let rest = entry.real.strip_prefix(directory.real.as_slice());
    rest.is_some_and(|rest| rest.starts_with(b"/"))
}
