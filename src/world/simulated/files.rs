//! Effects that name files, as `world/system` performs them: the path is resolved, the gate judges
//! the real name, and the effect happens, with the errors of Linux in their order.

use super::{
    Simulated,
    names::Entry,
    tree::{May, Node},
};
use crate::{
    effect::{Answer, Effect, FileKind, OpenOptions, Refusal, Times, WriteMode},
    gate::{Checkpoint, Permitted},
    world::{
        file_error::{FileError, check_open, not_a_file, not_a_link},
        handles,
        judged::{judged, judged_entry, judged_object},
        links::{judge_renaming, judge_symlink},
        resolve::{Resolved, entry},
    },
};

impl Simulated {
    /// Performs an effect that names files; `None` for other effects.
    pub(super) fn perform_on_names(
        &mut self,
        effect: &Effect,
        gate: &Checkpoint<'_>,
    ) -> Option<Result<Permitted, Refusal>> {
        let now = self.clock.present();
        Some(match effect {
            Effect::Open { path, options } => self.open(path, *options, gate),
            Effect::Stat { path, follow } => self.examine(path, *follow, gate),
            Effect::ReadLink { path } => self.read_link(path, gate),
            Effect::SetTimes {
                path,
                follow,
                times,
            } => self.set_times(path, *follow, *times, gate),
            Effect::WriteFile {
                path,
                content,
                mode,
            } => self.write_file(path, content, *mode, gate),
            Effect::MakeDirectory { path } => self.at_entry(path, gate, |world, entry| {
                world.create(entry, Node::directory(now)).map(drop)
            }),
            Effect::RemoveDirectory { path } => self.at_entry(path, gate, Simulated::rmdir),
            Effect::RemoveFile { path } => self.at_entry(path, gate, Simulated::unlink),
            Effect::Rename { from, to } => self.at_both(from, to, gate, Simulated::rename),
            Effect::HardLink { from, to } => self.at_both(from, to, gate, Simulated::add_name),
            Effect::Symlink {
                path,
                target,
                leads_to,
            } => self.symlink(path, target, leads_to, gate),
            _ => return None,
        })
    }

    fn open(
        &mut self,
        path: &str,
        options: OpenOptions,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let failed = |error: FileError| Refusal::from(error.failure(path));
        let handle = handles::free(&self.opened);
        let (resolved, permit) = judged(&self.tree, path, !options.no_follow, gate)?;
        let inode = match resolved {
            Resolved::Object(found) => {
                let node = self.tree.node(found.handle).map_err(failed)?;
                check_open(path, (found.kind, node.is_null()), options, gate)?;
                let access = options.access();
                for (wanted, may) in [(access.read, May::Read), (access.write, May::Write)] {
                    if wanted && !node.is_directory() {
                        node.may(may).map_err(failed)?;
                    }
                }
                found.handle
            }
            Resolved::Vacant(entry) if options.create && !options.directory => {
                let file = Node::file(&[], self.clock.present());
                self.create(&entry, file).map_err(failed)?
            }
            missing => {
                return Err(failed(
                    missing.into_object().err().unwrap_or(FileError::Missing),
                ));
            }
        };
        // As with the system's own flag, a device stays as it is.
        if options.truncate && !self.tree.node(inode).is_ok_and(Node::is_null) {
            let now = self.clock.present();
            let cut = self
                .tree
                .change(inode, 0, now, |content| content.set_size(0));
            cut.map_err(failed)?;
        }
        let stat = self.tree.stat(inode).map_err(failed)?;
        self.opened.insert(handle, inode);
        Ok(permit.answer(Answer::Opened { handle, stat }))
    }

    fn examine(
        &self,
        path: &str,
        follow: bool,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let (found, permit) = judged_object(&self.tree, path, follow, gate)?;
        let stat = self.tree.stat(found.handle);
        Ok(permit.answer(Answer::Stat(stat.map_err(|error| error.failure(path))?)))
    }

    fn read_link(&self, path: &str, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        let (found, permit) = judged_object(&self.tree, path, false, gate)?;
        let node = self.tree.node(found.handle);
        match node.map_err(|error| error.failure(path))?.target() {
            Some(target) => Ok(permit.answer(Answer::Target(target.to_owned()))),
            None => Err(not_a_link(path).into()),
        }
    }

    fn set_times(
        &mut self,
        path: &str,
        follow: bool,
        times: Times,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let failed = |error: FileError| Refusal::from(error.failure(path));
        let (found, permit) = judged_object(&self.tree, path, follow, gate)?;
        let node = self.tree.node(found.handle).map_err(failed)?;
        if !matches!(found.kind, FileKind::File | FileKind::Directory) {
            return Err(not_a_file(path, found.kind, gate));
        }
        // The operating system opens the file to do this.
        node.may(May::Read).map_err(failed)?;
        let answer = self.change_times(found.handle, times).map_err(failed)?;
        Ok(permit.answer(answer))
    }

    fn write_file(
        &mut self,
        path: &str,
        content: &[u8],
        mode: WriteMode,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let failed = |error: FileError| Refusal::from(error.failure(path));
        let new = Node::file(content, self.clock.present());
        let (resolved, permit) = judged(&self.tree, path, true, gate)?;
        match resolved {
            Resolved::Object(found) => {
                let node = self.tree.node(found.handle).map_err(failed)?;
                if found.kind != FileKind::File {
                    return Err(not_a_file(path, found.kind, gate));
                }
                let entry = entry(&self.tree, &found.real).map_err(failed)?;
                match mode {
                    WriteMode::CreateNew => return Err(failed(FileError::Exists)),
                    WriteMode::Append => {
                        node.may(May::Write).map_err(failed)?;
                        self.write(found.handle, None, content).map_err(failed)?;
                    }
                    WriteMode::Replace => {
                        let new = Node {
                            mode: node.mode,
                            uid: node.uid,
                            gid: node.gid,
                            ..new
                        };
                        self.replace(&entry, new).map_err(failed)?;
                    }
                }
            }
            Resolved::Vacant(entry) => {
                self.create(&entry, new).map_err(failed)?;
            }
            Resolved::Unreachable { error, .. } => return Err(failed(error)),
        }
        Ok(permit.answer(Answer::Written(content.len() as u64)))
    }

    /// Changes the name at the end of a path.
    fn at_entry(
        &mut self,
        path: &str,
        gate: &Checkpoint<'_>,
        act: impl FnOnce(&mut Simulated, &Entry) -> Result<(), FileError>,
    ) -> Result<Permitted, Refusal> {
        let (entry, permit) = judged_entry(&self.tree, path, gate)?;
        act(self, &entry).map_err(|error| error.failure(path))?;
        Ok(permit.answer(Answer::Done))
    }

    /// Gives what is at one path the name at another.
    fn at_both(
        &mut self,
        from: &str,
        to: &str,
        gate: &Checkpoint<'_>,
        act: impl FnOnce(&mut Simulated, &Entry, &Entry) -> Result<(), FileError>,
    ) -> Result<Permitted, Refusal> {
        let renaming = judge_renaming(&self.tree, [from, to], &mut self.moves_left, gate)?;
        act(self, &renaming.old, &renaming.new).map_err(|error| error.failure(from))?;
        Ok(renaming.permit.answer(Answer::Done))
    }

    fn symlink(
        &mut self,
        path: &str,
        target: &str,
        leads_to: &str,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let (entry, permit) = judge_symlink(&self.tree, path, target, leads_to, gate)?;
        let made = self.make_link(&entry, target);
        made.map_err(|error| error.failure(path))?;
        Ok(permit.answer(Answer::Done))
    }
}
