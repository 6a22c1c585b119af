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
        judged::{judged, judged_entry, judged_new_directory, judged_object},
        links::{judge_renaming, judge_symlink},
        resolve::{Asked, Last, Resolved, entry},
    },
};
use alloc::borrow::ToOwned;
use tollgate_abi::rfc3339::Moment;

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
            Effect::Stat { path, follow } => self
                .asked(path, 0, gate)
                .and_then(|asked| self.examine(&asked, *follow, gate)),
            Effect::ReadLink { path } => self
                .asked(path, 0, gate)
                .and_then(|asked| self.read_link(&asked, gate)),
            Effect::SetTimes {
                path,
                follow,
                times,
            } => self
                .asked(path, 0, gate)
                .and_then(|asked| self.set_times(&asked, *follow, *times, gate)),
            Effect::WriteFile {
                path,
                content,
                mode,
            } => self.write_file(path, content, *mode, gate),
            Effect::MakeDirectory { path } => self.make_directory_at(path, now, gate),
            Effect::RemoveDirectory { path } => self.at_entry(path, gate, Simulated::rmdir),
            Effect::RemoveFile { path } => self.at_entry(path, gate, Simulated::unlink),
            Effect::Rename { from, to } => self.at_both(from, to, gate, Simulated::rename),
            Effect::HardLink { from, to } => self.at_both(from, to, gate, Simulated::add_name),
            Effect::Symlink {
                path,
                target,
                leads_to,
            } => self
                .asked(path, 0, gate)
                .and_then(|asked| self.symlink(&asked, target, leads_to, gate)),
            _ => return None,
        })
    }

    /// A path of an effect, from the open directory in which it begins.
    fn asked<'a>(
        &self,
        path: &'a str,
        position: usize,
        gate: &'a Checkpoint<'_>,
    ) -> Result<Asked<'a>, Refusal> {
        let Some((handle, rest)) = gate.start(position) else {
            return Ok(Asked::absolute(path.as_bytes()));
        };
        let directory = *handles::find(&self.opened, handle)?;
        let start = self.tree.directory_name(directory);
        let start = start.map_err(|error| error.failure(path))?;
        Ok(Asked::below(path, start, rest))
    }

    fn open(
        &mut self,
        path: &str,
        options: OpenOptions,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let failed = |error: FileError| Refusal::from(error.failure(path));
        let handle = handles::free(&self.opened);
        let asked = self.asked(path, 0, gate)?;
        if options.create && asked.is_slashed() {
            // Whatever is there: only a directory has such a name.
            judged_entry(&self.tree, &asked, gate)?;
            return Err(failed(FileError::IsADirectory));
        }
        let (resolved, permit) = judged(&self.tree, &asked, options.follows(), gate)?;
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
            Resolved::Vacant(entry) if options.create && entry.last == Last::Slashed => {
                return Err(failed(FileError::IsADirectory));
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
        asked: &Asked<'_>,
        follow: bool,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let (found, permit) = judged_object(&self.tree, asked, follow, gate)?;
        let stat = self.tree.stat(found.handle);
        let stat = stat.map_err(|error| error.failure(&asked.shown()))?;
        Ok(permit.answer(Answer::Stat(stat)))
    }

    fn read_link(&self, asked: &Asked<'_>, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        let path = &*asked.shown();
        let (found, permit) = judged_object(&self.tree, asked, false, gate)?;
        let node = self.tree.node(found.handle);
        match node.map_err(|error| error.failure(path))?.target() {
            Some(target) => Ok(permit.answer(Answer::Target(target.to_owned()))),
            None => Err(not_a_link(path).into()),
        }
    }

    fn set_times(
        &mut self,
        asked: &Asked<'_>,
        follow: bool,
        times: Times,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let failed = |error: FileError| Refusal::from(error.failure(&asked.shown()));
        let (found, permit) = judged_object(&self.tree, asked, follow, gate)?;
        let node = self.tree.node(found.handle).map_err(failed)?;
        if !matches!(
            found.kind,
            FileKind::File | FileKind::Directory | FileKind::Symlink
        ) {
            return Err(not_a_file(&asked.shown(), found.kind, gate));
        }
        if node.target().is_none() {
            // The operating system opens the file to do this.
            node.may(May::Read).map_err(failed)?;
        }
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
        let asked = Asked::absolute(path.as_bytes());
        let (resolved, permit) = judged(&self.tree, &asked, true, gate)?;
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
            Resolved::Vacant(entry) if entry.last == Last::Slashed => {
                return Err(failed(FileError::IsADirectory));
            }
            Resolved::Vacant(entry) => {
                self.create(&entry, new).map_err(failed)?;
            }
            Resolved::Unreachable { error, .. } => return Err(failed(error)),
        }
        Ok(permit.answer(Answer::Written(content.len() as u64)))
    }

    fn make_directory_at(
        &mut self,
        path: &str,
        now: Moment,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let asked = self.asked(path, 0, gate)?;
        let (entry, permit) = judged_new_directory(&self.tree, &asked, gate)?;
        let made = self.create(&entry, Node::directory(now));
        made.map_err(|error| error.failure(path))?;
        Ok(permit.answer(Answer::Done))
    }

    /// Changes the name at the end of a path.
    fn at_entry(
        &mut self,
        path: &str,
        gate: &Checkpoint<'_>,
        act: impl FnOnce(&mut Simulated, &Entry) -> Result<(), FileError>,
    ) -> Result<Permitted, Refusal> {
        let asked = self.asked(path, 0, gate)?;
        let (entry, permit) = judged_entry(&self.tree, &asked, gate)?;
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
        let asked = [self.asked(from, 0, gate)?, self.asked(to, 1, gate)?];
        let asked = asked.each_ref();
        let renaming = judge_renaming(&self.tree, asked, &mut self.moves_left, gate)?;
        act(self, &renaming.old, &renaming.new).map_err(|error| error.failure(from))?;
        Ok(renaming.permit.answer(Answer::Done))
    }

    fn symlink(
        &mut self,
        asked: &Asked<'_>,
        target: &str,
        leads_to: &str,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let (entry, permit) = judge_symlink(&self.tree, asked, target, leads_to, gate)?;
        let made = self.make_link(&entry, target);
        made.map_err(|error| error.failure(&asked.shown()))?;
        Ok(permit.answer(Answer::Done))
    }
}
