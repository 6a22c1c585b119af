//! Effects that name files, as `world/system` does them: what a path really leads to is found, the
//! gate judges that, and then it is done, in the order in which Linux finds fault.

use super::{
    Simulated,
    names::{self, Entry, Found, Look},
    tree::{May, Node},
};
use crate::{
    effect::{Answer, Effect, Failure, OpenOptions, Refusal, Times, WriteMode},
    gate::{Checkpoint, Permit, Permitted, RealName},
    world::{
        file_error::{FileError, NEVER_OPENED},
        handles,
    },
};
use tollgate_abi::host::kinds;

pub(super) fn judge(gate: &Checkpoint<'_>, real: &[(&str, bool)]) -> Result<Permit, Refusal> {
    let names: Vec<_> = real
        .iter()
        .map(|(path, directory)| RealName {
            path,
            directory: *directory,
        })
        .collect();
    Ok(gate.real_names(&names)?)
}

/// A failure that no file system has a number for.
fn refuse<T>(path: &str, code: &'static str, what: &str) -> Result<T, Refusal> {
    Err(Failure::new(kinds::FS, code, format!("{path}: {what}")).into())
}

fn not_a_file<T>(path: &str, node: &Node) -> Result<T, Refusal> {
    match node.is_directory() {
        true => Err(FileError::IsADirectory.failure(path).into()),
        false => refuse(path, "EACCES", NEVER_OPENED),
    }
}

impl Simulated {
    /// Does what an effect asks of names of files; nothing for other effects.
    pub(super) fn at_names(
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
            Effect::MakeDirectory { path } => self.at_name(path, gate, |world, entry| {
                world.create(entry, Node::directory(now))
            }),
            Effect::RemoveDirectory { path } => self.at_name(path, gate, Simulated::rmdir),
            Effect::RemoveFile { path } => self.at_name(path, gate, Simulated::unlink),
            Effect::Rename { from, to } => self.at_both(from, to, gate, Simulated::rename),
            Effect::HardLink { from, to } => self.at_both(from, to, gate, Simulated::name_again),
            Effect::Symlink {
                path,
                target,
                leads_to,
            } => self.symlink(path, target, leads_to, gate),
            _ => return None,
        })
    }

    /// Finds what must exist. Whether the place where it would be is granted decides first, so
    /// that nobody learns what exists elsewhere.
    fn existing(
        &self,
        path: &str,
        follow: bool,
        gate: &Checkpoint<'_>,
    ) -> Result<(Found, &Node, Permit), Refusal> {
        let failed = |error: FileError| Refusal::from(error.failure(path));
        match names::look(&self.tree, path, follow) {
            Look::Found(found) => {
                let node = self.tree.node(found.inode).map_err(failed)?;
                let permit = judge(gate, &[(&found.real, node.is_directory())])?;
                Ok((found, node, permit))
            }
            Look::Vacant(entry) => {
                judge(gate, &[(&entry.real, false)])?;
                Err(failed(FileError::Missing))
            }
            Look::Nowhere(place, error) => {
                judge(gate, &[(&place, false)])?;
                Err(failed(error))
            }
        }
    }

    fn open(
        &mut self,
        path: &str,
        options: OpenOptions,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let failed = |error: FileError| Refusal::from(error.failure(path));
        let handle = handles::free(&self.opened)?;
        let (inode, permit) = match names::look(&self.tree, path, !options.no_follow) {
            Look::Found(found) => {
                let node = self.tree.node(found.inode).map_err(failed)?;
                let permit = judge(gate, &[(&found.real, node.is_directory())])?;
                may_open(path, node, options)?;
                (found.inode, permit)
            }
            Look::Vacant(entry) => {
                let permit = judge(gate, &[(&entry.real, false)])?;
                if !options.create || options.directory {
                    return Err(failed(FileError::Missing));
                }
                let file = Node::file(&[], self.clock.present());
                self.create(&entry, file).map_err(failed)?;
                let inode = self.tree.child(entry.directory, &entry.name);
                let inode = inode.map_err(failed)?.ok_or(FileError::Missing);
                (inode.map_err(failed)?, permit)
            }
            Look::Nowhere(place, error) => {
                judge(gate, &[(&place, false)])?;
                return Err(failed(error));
            }
        };
        if options.truncate {
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
        let (found, _, permit) = self.existing(path, follow, gate)?;
        let stat = self.tree.stat(found.inode);
        Ok(permit.answer(Answer::Stat(stat.map_err(|error| error.failure(path))?)))
    }

    fn read_link(&self, path: &str, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        let (_, node, permit) = self.existing(path, false, gate)?;
        let Some(target) = node.target() else {
            return refuse(path, "EINVAL", "not a symbolic link");
        };
        Ok(permit.answer(Answer::Target(target.to_owned())))
    }

    fn set_times(
        &mut self,
        path: &str,
        follow: bool,
        times: Times,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let failed = |error: FileError| Refusal::from(error.failure(path));
        let (found, node, permit) = self.existing(path, follow, gate)?;
        if node.target().is_some() {
            return not_a_file(path, node);
        }
        // The system opens it to do this.
        node.may(May::Read).map_err(failed)?;
        let done = self.change_times(found.inode, times).map_err(failed)?;
        Ok(permit.answer(done))
    }

    fn write_file(
        &mut self,
        path: &str,
        content: &[u8],
        mode: WriteMode,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let failed = |error: FileError| Refusal::from(error.failure(path));
        let now = self.clock.present();
        let written = content.len() as u64;
        let new = Node::file(content, now);
        let permit = match names::look(&self.tree, path, true) {
            Look::Found(found) => {
                let node = self.tree.node(found.inode).map_err(failed)?;
                let permit = judge(gate, &[(&found.real, false)])?;
                if node.is_directory() {
                    return not_a_file(path, node);
                }
                let entry = names::entry(&self.tree, &found.real).map_err(failed)?;
                match mode {
                    WriteMode::CreateNew => return Err(failed(FileError::Exists)),
                    WriteMode::Append => {
                        node.may(May::Write).map_err(failed)?;
                        self.write(found.inode, None, content).map_err(failed)?;
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
                permit
            }
            Look::Vacant(entry) => {
                let permit = judge(gate, &[(&entry.real, false)])?;
                self.create(&entry, new).map_err(failed)?;
                permit
            }
            Look::Nowhere(place, error) => {
                judge(gate, &[(&place, false)])?;
                return Err(failed(error));
            }
        };
        Ok(permit.answer(Answer::Written(written)))
    }

    /// Does something to the name at the end of a path.
    fn at_name(
        &mut self,
        path: &str,
        gate: &Checkpoint<'_>,
        act: impl FnOnce(&mut Simulated, &Entry) -> Result<(), FileError>,
    ) -> Result<Permitted, Refusal> {
        let failed = |error: FileError| Refusal::from(error.failure(path));
        let entry = match names::entry(&self.tree, path) {
            Ok(entry) => entry,
            // The place is judged before the failure is told.
            Err(error) => {
                judge(gate, &[(&self.place(path), false)])?;
                return Err(failed(error));
            }
        };
        let permit = judge(gate, &[(&entry.real, false)])?;
        act(self, &entry).map_err(failed)?;
        Ok(permit.answer(Answer::Done))
    }

    /// The real name that a path would have whose directory cannot be reached.
    pub(super) fn place(&self, path: &str) -> String {
        match names::look(&self.tree, path, false) {
            Look::Nowhere(place, _) => place,
            _ => path.to_owned(),
        }
    }
}

fn may_open(path: &str, node: &Node, options: OpenOptions) -> Result<(), Refusal> {
    let failed = |error: FileError| Refusal::from(error.failure(path));
    let access = options.access();
    if options.exclusive && options.create {
        return Err(failed(FileError::Exists));
    }
    if node.target().is_some() {
        return refuse(path, "ELOOP", "is a symbolic link");
    }
    if node.is_directory() {
        if access.write || !options.directory && !options.read {
            return Err(failed(FileError::IsADirectory));
        }
        return Ok(());
    }
    if options.directory {
        return Err(failed(FileError::NotADirectory));
    }
    for (wanted, may) in [(access.read, May::Read), (access.write, May::Write)] {
        if wanted {
            node.may(may).map_err(failed)?;
        }
    }
    Ok(())
}
