//! Open files and directories of the simulated file system. The gate judged them when they were
//! opened; nothing here resolves a name.

use super::{
    Simulated,
    blocks::Blocks,
    tree::{Content, Inode, May, Node},
};
use crate::{
    effect::{Answer, Effect, Failure, Handle, SetTime, Times},
    world::{file_error::FileError, handles},
};
use alloc::vec::Vec;
use tollgate_abi::rfc3339::Moment;

/// The largest offset of operating systems.
const MAX_OFFSET: u64 = i64::MAX.cast_unsigned();

impl Simulated {
    /// Performs an effect on an open file; `None` for other effects.
    pub(super) fn perform_on_open(&mut self, effect: &Effect) -> Option<Result<Answer, Failure>> {
        let result = match effect {
            Effect::ReadAt {
                handle,
                offset,
                limit,
            } => self.on(*handle, |world, inode| world.read(inode, *offset, *limit)),
            Effect::WriteAt {
                handle,
                offset,
                bytes,
            } => self.on(*handle, |world, inode| world.write(inode, *offset, bytes)),
            Effect::SetSize { handle, size } => {
                self.on(*handle, |world, inode| world.set_size(inode, *size))
            }
            Effect::StatOpen { handle } => self.on(*handle, |world, inode| {
                Ok(Answer::Stat(world.tree.stat(inode)?))
            }),
            Effect::List { handle } => self.on(*handle, |world, inode| {
                Ok(Answer::Entries(world.tree.list(inode)?))
            }),
            Effect::SetTimesOpen { handle, times } => self.on(*handle, |world, inode| {
                // The operating system opens a directory again for this, to read.
                let node = world.tree.node(inode)?;
                if node.is_directory() {
                    node.may(May::Read)?;
                }
                world.change_times(inode, *times)
            }),
            Effect::Sync { handle } => self.on(*handle, |_, _| Ok(Answer::Done)),
            Effect::Close { handle } => {
                if let Some(inode) = self.opened.remove(handle) {
                    self.release(inode);
                }
                Ok(Answer::Done)
            }
            _ => return None,
        };
        Some(result)
    }

    fn on(
        &mut self,
        handle: Handle,
        act: impl FnOnce(&mut Simulated, Inode) -> Result<Answer, FileError>,
    ) -> Result<Answer, Failure> {
        let inode = *handles::find(&self.opened, handle)?;
        act(self, inode).map_err(|error| error.failure("the open file"))
    }

    /// Removes a node that has no name left and is not open.
    pub(super) fn release(&mut self, inode: Inode) {
        if !self.opened.values().any(|opened| *opened == inode) {
            self.tree.forget(inode);
        }
    }

    fn content(&self, inode: Inode) -> Result<&Blocks, FileError> {
        match &self.tree.node(inode)?.content {
            Content::File(bytes) => Ok(bytes),
            Content::Special(_) => Err(FileError::Invalid),
            _ => Err(FileError::IsADirectory),
        }
    }

    fn is_null(&self, inode: Inode) -> bool {
        self.tree.node(inode).is_ok_and(Node::is_null)
    }

    fn read(&self, inode: Inode, offset: u64, limit: u64) -> Result<Answer, FileError> {
        if self.is_null(inode) {
            return Ok(Answer::Bytes(Vec::new()));
        }
        let read = self.content(inode)?.read(offset, limit);
        Ok(Answer::Bytes(read.map_err(|_| FileError::NoMemory)?))
    }

    pub(super) fn write(
        &mut self,
        inode: Inode,
        offset: Option<u64>,
        bytes: &[u8],
    ) -> Result<Answer, FileError> {
        if self.is_null(inode) {
            return Ok(Answer::Written(bytes.len() as u64));
        }
        let size = self.content(inode)?.size();
        let offset = offset.unwrap_or(size);
        if offset > MAX_OFFSET {
            return Err(FileError::Invalid);
        }
        let written = bytes.len() as u64;
        if written > 0 {
            let end = offset.checked_add(written).ok_or(FileError::NoSpace)?;
            let now = self.clock.present();
            self.tree.change(inode, end.max(size), now, |content| {
                content.write(offset, bytes)
            })?;
        }
        Ok(Answer::Written(written))
    }

    fn set_size(&mut self, inode: Inode, size: u64) -> Result<Answer, FileError> {
        self.content(inode)?;
        if size > MAX_OFFSET {
            return Err(FileError::Invalid);
        }
        self.tree
            .change(inode, size, self.clock.present(), |content| {
                content.set_size(size)
            })?;
        Ok(Answer::Done)
    }

    pub(super) fn change_times(&mut self, inode: Inode, times: Times) -> Result<Answer, FileError> {
        let now = self.clock.present();
        let moment = |time: SetTime| match time {
            SetTime::Now => Ok(now),
            SetTime::To(Moment { seconds, nanos }) => {
                let seconds = seconds.checked_add(i64::from(nanos / 1_000_000_000));
                Ok(Moment {
                    seconds: seconds.ok_or(FileError::Invalid)?,
                    nanos: nanos % 1_000_000_000,
                })
            }
        };
        let accessed = times.accessed.map(moment).transpose()?;
        let modified = times.modified.map(moment).transpose()?;
        let node: &mut Node = self.tree.node_mut(inode)?;
        node.accessed = accessed.unwrap_or(node.accessed);
        node.modified = modified.unwrap_or(node.modified);
        node.changed = now;
        Ok(Answer::Done)
    }
}
