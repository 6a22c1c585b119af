//! Symbolic links, and what gives links new names, as `world/system` judges them: each as if it
//! were made where it then stands, also those inside a directory that is moved.

use super::{
    Simulated,
    files::judge,
    names::{self, Entry, Look},
    tree::{May, Node},
};
use crate::{
    effect::{Answer, Refusal},
    gate::{Checkpoint, NewLink, Permitted},
    world::file_error::{FileError, MOST_MOVED},
};

impl Simulated {
    /// Does something to two names at once.
    pub(super) fn at_both(
        &mut self,
        from: &str,
        to: &str,
        gate: &Checkpoint<'_>,
        act: impl FnOnce(&mut Simulated, &Entry, &Entry) -> Result<(), FileError>,
    ) -> Result<Permitted, Refusal> {
        let failed = |error: FileError| Refusal::from(error.failure(from));
        let find = |path: &str| names::entry(&self.tree, path);
        let (old, new) = match (find(from), find(to)) {
            (Ok(old), Ok(new)) => (old, new),
            (old, new) => {
                let place = |entry: &Result<Entry, FileError>, path: &str| match entry {
                    Ok(entry) => entry.real.clone(),
                    Err(_) => self.place(path),
                };
                judge(
                    gate,
                    &[(&place(&old, from), false), (&place(&new, to), false)],
                )?;
                let error = old.err().or(new.err());
                return Err(failed(error.unwrap_or(FileError::Missing)));
            }
        };
        let found = self.tree.child(old.directory, &old.name);
        let found = found.and_then(|inode| inode.map(|inode| self.tree.node(inode)).transpose());
        let is_directory = found.is_ok_and(|node| node.is_some_and(Node::is_directory));
        let permit = judge(gate, &[(&old.real, is_directory), (&new.real, false)])?;
        match found.map_err(failed)?.map(|node| node.target()) {
            Some(Some(target)) => self.leads(&new.real, target).judge(gate)?,
            Some(None) if is_directory => self.inside(&old, &new, from, gate)?,
            _ => {}
        }
        act(self, &old, &new).map_err(failed)?;
        Ok(permit.answer(Answer::Done))
    }

    /// Judges each link in a directory as it will be when the directory has its new name.
    fn inside(
        &mut self,
        old: &Entry,
        new: &Entry,
        path: &str,
        gate: &Checkpoint<'_>,
    ) -> Result<(), Refusal> {
        let failed = |error: FileError| Refusal::from(error.failure(path));
        let inode = self.tree.child(old.directory, &old.name).map_err(failed)?;
        let mut directories: Vec<_> = inode
            .map(|inode| (inode, old.real.clone()))
            .into_iter()
            .collect();
        while let Some((directory, real)) = directories.pop() {
            let names = self.tree.names(directory).map_err(failed)?;
            let count = u32::try_from(names.len()).unwrap_or(MOST_MOVED);
            let left = self.moves_left.checked_sub(count);
            self.moves_left = left.ok_or_else(|| failed(FileError::TooManyMoved))?;
            for (name, inode) in names {
                let node = self.tree.node(*inode).map_err(failed)?;
                let real = names::join(&real, name);
                if node.is_directory() {
                    self.tree
                        .node(directory)
                        .and_then(|node| node.may(May::Search))
                        .map_err(failed)?;
                    directories.push((*inode, real));
                } else if let Some(target) = node.target() {
                    self.tree
                        .node(directory)
                        .and_then(|node| node.may(May::Search))
                        .map_err(failed)?;
                    self.leads(&real, target)
                        .moved(&old.real, &new.real)
                        .judge(gate)?;
                }
            }
        }
        Ok(())
    }

    /// Where a link of this real name leads.
    fn leads(&self, place: &str, target: &str) -> Leading {
        // Relative to the real place of the link, which its path may reach through links.
        let parent = place.rsplit_once('/').map_or("", |(parent, _)| parent);
        let meant = names::join(&format!("{parent}/"), target);
        Leading {
            place: place.to_owned(),
            target: target.to_owned(),
            named: names::entry(&self.tree, &meant)
                .ok()
                .map(|entry| entry.real),
            end: match names::look(&self.tree, &meant, true) {
                Look::Found(found) => found.real,
                Look::Vacant(entry) => entry.real,
                Look::Nowhere(place, _) => place,
            },
        }
    }

    /// Makes a symbolic link whose target, too, must be granted.
    pub(super) fn symlink(
        &mut self,
        path: &str,
        target: &str,
        leads_to: &str,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let failed = |error: FileError| Refusal::from(error.failure(path));
        let entry = match names::entry(&self.tree, path) {
            Ok(entry) => entry,
            Err(error) => {
                judge(gate, &[(&self.place(path), false), (leads_to, false)])?;
                return Err(failed(error));
            }
        };
        let link = self.leads(&entry.real, target);
        let permit = judge(gate, &[(&entry.real, false), (&link.end, false)])?;
        link.judge(gate)?;
        self.make_link(&entry, target).map_err(failed)?;
        Ok(permit.answer(Answer::Done))
    }
}

/// A link, and where it leads.
struct Leading {
    place: String,
    target: String,
    named: Option<String>,
    end: String,
}

impl Leading {
    /// The same link when what was called `old` is called `new`.
    fn moved(self, old: &str, new: &str) -> Leading {
        let moved = |path: String| match path.strip_prefix(old) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{new}{rest}"),
            _ => path,
        };
        let absolute = self.target.starts_with('/');
        Leading {
            place: moved(self.place),
            named: if absolute {
                self.named
            } else {
                self.named.map(moved)
            },
            end: if absolute { self.end } else { moved(self.end) },
            target: self.target,
        }
    }

    fn judge(&self, gate: &Checkpoint<'_>) -> Result<(), Refusal> {
        Ok(gate.link(NewLink {
            place: &self.place,
            target: &self.target,
            named: self.named.as_deref(),
            end: &self.end,
        })?)
    }
}
