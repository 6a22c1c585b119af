//! The operating system as a world, and the only room (beside the command line) that touches it.
//! One file per kind of thing; finding out what a path really leads to is `names`.

mod clocks;
#[cfg(all(unix, feature = "exec"))]
mod exec;
mod file_size;
mod files;
#[cfg(target_os = "linux")]
#[path = "names_linux.rs"]
mod names;
#[cfg(not(target_os = "linux"))]
#[path = "names_portable.rs"]
mod names;
/// On Linux only compiled, so that the other systems' way does not rot.
#[cfg(all(test, target_os = "linux"))]
#[allow(dead_code)]
mod names_portable;
mod net;
mod opened;
mod paths;
mod stat;
mod write_file;

use super::{World, file_error::FileError, handles};
use crate::{
    effect::{Answer, Effect, Failure, Handle, OpenOptions, Refusal},
    gate::{Checkpoint, Permitted},
};
use file_size::LargestFile;
use opened::Opened;
use std::{collections::BTreeMap, fs, io, path::Path, sync::Arc};
use tollgate_abi::host::kinds;

/// The operating system of this machine: its files, variables, clocks, network and commands.
pub struct System {
    surroundings: Arc<Surroundings>,
    /// Whom TLS trusts.
    trust: net::Trust,
    opened: BTreeMap<Handle, Opened>,
}

/// What is looked at once, when the world is made, and never again.
struct Surroundings {
    working_directory: String,
    /// Variables whose name and value are UTF-8.
    variables: BTreeMap<String, String>,
    largest_file: LargestFile,
}

impl System {
    /// The operating system as seen from the process's working directory, with the process's
    /// variables, both as they are at this moment.
    ///
    /// # Errors
    ///
    /// If the working directory has no name that is UTF-8, or is gone.
    pub fn new() -> io::Result<System> {
        System::at(&std::env::current_dir()?)
    }

    /// The same, but with `directory` as the place where relative paths begin.
    ///
    /// # Errors
    ///
    /// If `directory` does not exist or has no name that is UTF-8.
    pub fn at(directory: &Path) -> io::Result<System> {
        let working_directory = directory.canonicalize()?.into_os_string().into_string();
        let working_directory = working_directory
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "its name is not UTF-8"))?;
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let surroundings = Arc::new(Surroundings {
            working_directory,
            variables,
            largest_file: LargestFile::of_this_process(),
        });
        Ok(System {
            surroundings,
            trust: net::Trust::default(),
            opened: BTreeMap::new(),
        })
    }

    /// The same, but TLS trusts the certificates in this PEM text and no others, instead of the
    /// roots that come with this crate.
    ///
    /// # Errors
    ///
    /// If the text has no certificate, or one that cannot be read.
    #[cfg(feature = "net")]
    pub fn with_roots(self, pem: &[u8]) -> io::Result<System> {
        Ok(System {
            trust: net::Trust::in_pem(pem)?,
            ..self
        })
    }

    /// The same world for another instance: the same surroundings, and none of the open files.
    pub(crate) fn fresh(&self) -> System {
        System {
            surroundings: self.surroundings.clone(),
            trust: self.trust.clone(),
            opened: BTreeMap::new(),
        }
    }
}

impl World for System {
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        match effect {
            Effect::Open { path, options } => self.open(path, *options, gate),
            Effect::Stat { path, follow } => files::examine(path, *follow, gate),
            Effect::ReadLink { path } => files::read_link(path, gate),
            Effect::SetTimes {
                path,
                follow,
                times,
            } => files::set_times(path, *follow, *times, gate),
            Effect::WriteFile {
                path,
                content,
                mode,
            } => {
                let largest = self.surroundings.largest_file;
                write_file::write_file(path, content, *mode, largest, gate)
            }
            Effect::MakeDirectory { path } => {
                files::at_name(path, gate, |path| fs::create_dir(path))
            }
            Effect::RemoveDirectory { path } => {
                files::at_name(path, gate, |path| fs::remove_dir(path))
            }
            Effect::RemoveFile { path } => files::at_name(path, gate, |path| fs::remove_file(path)),
            Effect::Rename { from, to } => {
                files::at_names(from, to, gate, |from, to| fs::rename(from, to))
            }
            Effect::HardLink { from, to } => {
                files::at_names(from, to, gate, |from, to| fs::hard_link(from, to))
            }
            Effect::Symlink {
                path,
                target,
                leads_to,
            } => files::symlink(path, target, leads_to, gate),
            Effect::Exchange { .. }
            | Effect::Tls { .. }
            | Effect::Http { .. }
            | Effect::Lookup { .. }
            | Effect::Greet { .. } => net::perform(effect, &self.trust, gate),
            #[cfg(all(unix, feature = "exec"))]
            Effect::Run {
                command,
                args,
                directory,
                environment,
                timeout,
                output_limit,
            } => {
                let order = exec::Order {
                    command,
                    args,
                    directory: directory.as_deref(),
                    environment,
                    timeout: *timeout,
                    output_limit: *output_limit,
                };
                exec::run(&order, &self.surroundings, gate)
            }
            #[cfg(not(all(unix, feature = "exec")))]
            Effect::Run { .. } => Err(Failure::new(
                kinds::INTERNAL,
                "UNSUPPORTED",
                if cfg!(unix) {
                    "this build cannot run commands: it lacks the feature `exec`"
                } else {
                    "this build cannot run commands: the feature `exec` needs a Unix"
                },
            )
            .into()),
            other => Ok(gate.granted()?.answer(self.granted(other, gate)?)),
        }
    }

    fn fork(&self) -> Option<Box<dyn World>> {
        Some(Box::new(self.fresh()))
    }

    fn real_name(&self, path: &str) -> Option<String> {
        let path = Path::new(&self.surroundings.working_directory).join(path);
        path.canonicalize()
            .ok()?
            .into_os_string()
            .into_string()
            .ok()
    }

    fn working_directory(&self) -> String {
        self.surroundings.working_directory.clone()
    }
}

impl System {
    /// Effects that name nothing which only this world can resolve.
    fn granted(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Answer, Failure> {
        let failed = |error: io::Error| failure("the open file", &error);
        Ok(match effect {
            Effect::Close { handle } => {
                self.opened.remove(handle);
                Answer::Done
            }
            Effect::ReadAt {
                handle,
                offset,
                limit,
            } => {
                let file = handles::find(&self.opened, *handle)?
                    .file()
                    .map_err(failed)?;
                Answer::Bytes(opened::read_at(file, *offset, *limit).map_err(failed)?)
            }
            Effect::WriteAt {
                handle,
                offset,
                bytes,
            } => {
                let file = handles::find(&self.opened, *handle)?
                    .file()
                    .map_err(failed)?;
                let largest = self.surroundings.largest_file;
                opened::write_at(file, *offset, bytes, largest).map_err(failed)?;
                Answer::Written(bytes.len() as u64)
            }
            Effect::SetSize { handle, size } => {
                let file = handles::find(&self.opened, *handle)?
                    .file()
                    .map_err(failed)?;
                let allowed = self.surroundings.largest_file.allows(*size);
                allowed.and_then(|()| file.set_len(*size)).map_err(failed)?;
                Answer::Done
            }
            Effect::StatOpen { handle } => Answer::Stat(
                handles::find(&self.opened, *handle)?
                    .stat()
                    .map_err(failed)?,
            ),
            Effect::Sync { handle } => {
                handles::find(&self.opened, *handle)?
                    .sync()
                    .map_err(failed)?;
                Answer::Done
            }
            Effect::List { handle } => Answer::Entries(
                handles::find(&self.opened, *handle)?
                    .list()
                    .map_err(failed)?,
            ),
            Effect::SetTimesOpen { handle, times } => {
                handles::find(&self.opened, *handle)?
                    .set_times(*times)
                    .map_err(failed)?;
                Answer::Done
            }
            Effect::Variable { name } => {
                Answer::Variable(self.surroundings.variables.get(name).cloned())
            }
            Effect::Variables => {
                let all = self.surroundings.variables.iter();
                let granted = all.filter(|(name, _)| gate.may_tell(name));
                Answer::Variables(granted.map(|(n, v)| (n.clone(), v.clone())).collect())
            }
            Effect::Now { clock } => Answer::Time(clocks::now(*clock)),
            Effect::Sleep { duration } => {
                clocks::sleep(*duration, gate)?;
                Answer::Done
            }
            Effect::Random { length } => Answer::Bytes(clocks::random(*length).map_err(failed)?),
            _ => {
                let message = "the operating system has nothing to do with this effect";
                return Err(Failure::new(kinds::INTERNAL, "", message));
            }
        })
    }

    fn open(
        &mut self,
        path: &str,
        options: OpenOptions,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let handle = handles::free(&self.opened)?;
        let (opened, metadata, permit) = files::open(path, options, gate)?;
        self.opened.insert(handle, opened);
        let stat = stat::stat(&metadata, None);
        Ok(permit.answer(Answer::Opened { handle, stat }))
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

/// The numbers of "too many open files", of the process and of the system, for which std has none.
#[cfg(unix)]
const NO_DESCRIPTORS: [i32; 2] = [24, 23];
#[cfg(not(unix))]
const NO_DESCRIPTORS: [i32; 1] = [4];

/// What the operating system says, in the words of the protocol.
fn failure(path: &str, error: &io::Error) -> Failure {
    let known = match error.kind() {
        io::ErrorKind::NotFound => FileError::Missing,
        io::ErrorKind::PermissionDenied => FileError::NotPermitted,
        io::ErrorKind::NotADirectory => FileError::NotADirectory,
        io::ErrorKind::IsADirectory => FileError::IsADirectory,
        io::ErrorKind::AlreadyExists => FileError::Exists,
        io::ErrorKind::DirectoryNotEmpty => FileError::NotEmpty,
        io::ErrorKind::CrossesDevices => FileError::OtherDevice,
        io::ErrorKind::StorageFull => FileError::NoSpace,
        io::ErrorKind::ReadOnlyFilesystem => FileError::ReadOnly,
        io::ErrorKind::FileTooLarge => FileError::TooLarge,
        io::ErrorKind::OutOfMemory => FileError::TooMany,
        io::ErrorKind::InvalidInput => FileError::Invalid,
        io::ErrorKind::Unsupported => FileError::Unsupported,
        io::ErrorKind::InvalidFilename => FileError::NameTooLong,
        _ if error.raw_os_error() == Some(ELOOP) => FileError::TooManyLinks,
        _ if error
            .raw_os_error()
            .is_some_and(|number| NO_DESCRIPTORS.contains(&number)) =>
        {
            FileError::NoDescriptors
        }
        _ => return Failure::new(kinds::FS, "EIO", format!("{path}: {error}")),
    };
    known.failure(path)
}
