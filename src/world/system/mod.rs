//! The operating system as a world, and the only room (beside the command line) that touches it.
//! One file per kind of thing; finding out what a path really leads to is `names`.

mod files;
#[cfg(target_os = "linux")]
#[path = "names_linux.rs"]
mod names;
#[cfg(not(target_os = "linux"))]
#[path = "names_portable.rs"]
mod names;
/// On Linux only tested, so that the other systems' way does not rot.
#[cfg(all(test, target_os = "linux"))]
mod names_portable;

use super::World;
use crate::{
    effect::{Answer, Effect, Failure, Handle, Refusal},
    gate::{Checkpoint, Permitted},
};
use std::{collections::BTreeMap, fs::File, io, path::Path, sync::Arc};
use tollgate_abi::host::kinds;

/// The real files of this machine.
#[derive(Debug)]
pub struct System {
    working_directory: Arc<str>,
    opened: BTreeMap<Handle, File>,
}

impl System {
    /// The operating system as seen from the process's working directory at this moment.
    ///
    /// # Errors
    ///
    /// If the working directory has no name that is UTF-8, or is gone.
    pub fn new() -> io::Result<System> {
        System::at(&std::env::current_dir()?)
    }

    /// The operating system as seen from `directory`, where relative paths will begin.
    ///
    /// # Errors
    ///
    /// If `directory` does not exist or has no name that is UTF-8.
    pub fn at(directory: &Path) -> io::Result<System> {
        let real = directory.canonicalize()?;
        let name = real
            .to_str()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "its name is not UTF-8"))?;
        Ok(System {
            working_directory: name.into(),
            opened: BTreeMap::new(),
        })
    }

    /// The same world for another instance: the same directory, and none of the open files.
    pub(crate) fn fresh(&self) -> System {
        System {
            working_directory: self.working_directory.clone(),
            opened: BTreeMap::new(),
        }
    }
}

impl World for System {
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        match effect {
            Effect::Open { path } => self.open(path, gate),
            Effect::ReadAt {
                handle,
                offset,
                limit,
            } => {
                let permit = gate.opened()?;
                let bytes = files::read_at(self.file(*handle)?, *offset, *limit)?;
                Ok(permit.answer(Answer::Bytes(bytes)))
            }
            Effect::Close { handle } => {
                let permit = gate.opened()?;
                self.opened.remove(handle);
                Ok(permit.answer(Answer::Done))
            }
            Effect::Stat { path, follow } => {
                let found = names::find(path, *follow, gate)?;
                let stat = files::stat(&found.metadata, found.target.clone());
                Ok(found.permit.answer(Answer::Stat(stat)))
            }
            Effect::Log(_) => Ok(gate.opened()?.answer(Answer::Done)),
        }
    }

    fn real_name(&self, path: &str) -> Option<String> {
        let real = Path::new(&*self.working_directory)
            .join(path)
            .canonicalize()
            .ok()?;
        real.into_os_string().into_string().ok()
    }

    fn working_directory(&self) -> String {
        self.working_directory.to_string()
    }
}

impl System {
    fn open(&mut self, path: &str, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        let found = names::find(path, true, gate)?;
        if !found.metadata.is_file() {
            return Err(files::not_a_file(path, &found.metadata).into());
        }
        let file = found.open().map_err(|error| failure(path, &error))?;
        let handle = self.free_handle()?;
        self.opened.insert(handle, file);
        let stat = files::stat(&found.metadata, None);
        Ok(found.permit.answer(Answer::Opened { handle, stat }))
    }

    /// The lowest number that is not in use, so that numbers do not depend on history.
    fn free_handle(&self) -> Result<Handle, Failure> {
        let free = (0..MAX_OPEN).find(|handle| !self.opened.contains_key(handle));
        free.ok_or_else(|| Failure {
            kind: kinds::FS,
            code: "EMFILE",
            message: format!("more than {MAX_OPEN} files open at once"),
        })
    }

    fn file(&self, handle: Handle) -> Result<&File, Failure> {
        self.opened.get(&handle).ok_or_else(|| Failure {
            kind: kinds::FS,
            code: "EBADF",
            message: "no such open file".into(),
        })
    }
}

/// The number of "too many symbolic links", for which std has no stable name.
const ELOOP: i32 = if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
    90
} else if cfg!(target_os = "linux") {
    40
} else {
    62
};

/// The most files one instance may have open.
const MAX_OPEN: Handle = 256;

/// What the operating system says, in the words of the protocol.
fn failure(path: &str, error: &io::Error) -> Failure {
    let (code, text) = match error.kind() {
        io::ErrorKind::NotFound => ("ENOENT", "no such file or directory"),
        io::ErrorKind::PermissionDenied => ("EACCES", "permission denied by the operating system"),
        io::ErrorKind::NotADirectory => ("ENOTDIR", "not a directory"),
        io::ErrorKind::IsADirectory => ("EISDIR", "is a directory"),
        io::ErrorKind::InvalidFilename => ("ENAMETOOLONG", "name too long"),
        _ if error.raw_os_error() == Some(ELOOP) => ("ELOOP", "too many symbolic links"),
        _ => ("EIO", "input/output error"),
    };
    let message = match code {
        "EIO" => format!("{path}: {error}"),
        _ => format!("{path}: {text}"),
    };
    Failure {
        kind: kinds::FS,
        code,
        message,
    }
}
