//! What the simulated file system does to names that the gate has judged, with the checks of Linux
//! in their order.

use super::{
    Simulated,
    names::Entry,
    tree::{Inode, May, Node},
};
use crate::world::file_error::FileError;

/// No system takes longer targets of links, the zero at the end included.
const MAX_TARGET: usize = 4096;

impl Simulated {
    /// What has a name, if something has.
    fn named(&self, entry: &Entry) -> Result<Option<Inode>, FileError> {
        self.tree.child(entry.directory, &entry.name)
    }

    /// Whether names in the entry's directory may come and go.
    fn may_change(&self, entry: &Entry) -> Result<(), FileError> {
        self.tree.node(entry.directory)?.may(May::Write)
    }

    /// Gives something new a name that nothing has.
    pub(super) fn create(&mut self, entry: &Entry, node: Node) -> Result<(), FileError> {
        if self.named(entry)?.is_some() {
            return Err(FileError::Exists);
        }
        self.may_change(entry)?;
        let now = self.clock.present();
        self.tree.add(entry.directory, &entry.name, node, now)?;
        Ok(())
    }

    /// Puts something new in the place of what has the name.
    pub(super) fn replace(&mut self, entry: &Entry, node: Node) -> Result<(), FileError> {
        self.may_change(entry)?;
        let now = self.clock.present();
        // Both are there for a moment, as both need room.
        let aside = self.tree.add_unnamed(node)?;
        self.remove(entry);
        self.tree.name(entry.directory, &entry.name, aside, now)
    }

    /// Takes a name away, and what it named if that was the last of it.
    fn remove(&mut self, entry: &Entry) {
        let now = self.clock.present();
        if let Ok(inode) = self.tree.unname(entry.directory, &entry.name, now) {
            self.let_go(inode);
        }
    }

    pub(super) fn make_link(&mut self, entry: &Entry, target: &str) -> Result<(), FileError> {
        if target.contains('\0') {
            return Err(FileError::Invalid);
        }
        if target.is_empty() {
            return Err(FileError::Missing);
        }
        if target.len() >= MAX_TARGET {
            return Err(FileError::NameTooLong);
        }
        self.create(entry, Node::link(target, self.clock.present()))
    }

    pub(super) fn rmdir(&mut self, entry: &Entry) -> Result<(), FileError> {
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
        let inode = self.named(entry)?.ok_or(FileError::Missing)?;
        self.may_change(entry)?;
        if self.tree.node(inode)?.is_directory() {
            return Err(FileError::IsADirectory);
        }
        self.remove(entry);
        Ok(())
    }

    pub(super) fn name_again(&mut self, old: &Entry, new: &Entry) -> Result<(), FileError> {
        let inode = self.named(old)?.ok_or(FileError::Missing)?;
        if self.named(new)?.is_some() {
            return Err(FileError::Exists);
        }
        self.may_change(new)?;
        if self.tree.node(inode)?.is_directory() {
            return Err(FileError::NotPermitted);
        }
        let now = self.clock.present();
        self.tree.name(new.directory, &new.name, inode, now)
    }

    pub(super) fn rename(&mut self, old: &Entry, new: &Entry) -> Result<(), FileError> {
        // Both directories are searched before either name is looked up.
        for entry in [old, new] {
            self.tree.node(entry.directory)?.may(May::Search)?;
        }
        let source = self.named(old)?.ok_or(FileError::Missing)?;
        let target = self.named(new)?;
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
        if moves_directory && old.directory != new.directory {
            // Its `..` changes.
            self.tree.node(source)?.may(May::Write)?;
        }
        if let Some(target) = target {
            if moves_directory && !self.tree.is_empty(target)? {
                return Err(FileError::NotEmpty);
            }
            self.remove(new);
        }
        let now = self.clock.present();
        self.tree.unname(old.directory, &old.name, now)?;
        self.tree.name(new.directory, &new.name, source, now)
    }
}

/// Whether the directory of one entry is what the other names, or is somewhere in that.
fn is_in(entry: &Entry, directory: &Entry) -> bool {
    let rest = entry.real.strip_prefix(&directory.real);
    // Two names that are the same name are in nothing of each other's.
    rest.is_some_and(|rest| rest.starts_with('/'))
}
