//! The operating system as a world, the only module besides the command line that uses it.

mod clocks;
mod errors;
#[cfg(all(unix, feature = "exec"))]
mod exec;
mod files;
mod limits;
mod links;
#[cfg(target_os = "linux")]
mod linux;
mod names;
mod net;
mod opened;
/// On Linux only for its tests, which compare it with `linux`.
#[cfg(any(test, not(target_os = "linux")))]
mod portable;
#[cfg(target_os = "linux")]
mod proc;
mod shares;
mod stat;
#[cfg(windows)]
mod windows;
mod write_file;

use super::{
    World, file_error::FileError, granted_variables, handles, links::MOST_MOVED, resolve::Asked,
};
use crate::{
    effect::{Answer, Effect, Failure, Handle, OpenOptions, Refusal},
    gate::{Checkpoint, Permitted},
};
use errors::failure;
use limits::Limits;
use opened::Opened;
use shares::{Most, Share, Shares};
use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::Path,
    sync::{Arc, OnceLock},
};
use tollgate_abi::host::kinds;

/// The operating system: its files, environment variables, clocks, network and commands.
pub struct System {
    surroundings: Arc<Surroundings>,
    /// The certificate authorities that TLS trusts.
    trust: net::Trust,
    opened: BTreeMap<Handle, Held>,
    /// How many more names may be searched for links in moved directories.
    moves_left: u32,
}

/// Something that is open, and its share of the descriptors of the process.
struct Held {
    opened: Opened,
    _share: Share,
}

/// Counts one descriptor. All plugins together may have half of those of the process, and one plugin
/// with all its instances half of that.
fn descriptor(gate: &Checkpoint<'_>) -> io::Result<Share> {
    static DESCRIPTORS: OnceLock<Shares> = OnceLock::new();
    let shares = match DESCRIPTORS.get() {
        Some(shares) => shares,
        None => {
            let all = Limits::of_this_process()?.descriptors / 2;
            let all = usize::try_from(all).unwrap_or(usize::MAX);
            let (own, least) = (all / 2, LEAST_DESCRIPTORS);
            DESCRIPTORS.get_or_init(|| Shares::new(Most { own, all, least }))
        }
    };
    let share = shares.take(gate.plugin());
    share.ok_or_else(|| FileError::TooManyOpen.into())
}

/// The descriptors that each plugin may have whatever the others use.
const LEAST_DESCRIPTORS: usize = 8;

/// What is read once, when the world is created.
struct Surroundings {
    working_directory: String,
    /// Variables whose name and value are UTF-8.
    variables: BTreeMap<String, String>,
}

impl System {
    /// A world with the present working directory and environment variables of the process.
    ///
    /// # Errors
    ///
    /// If the working directory does not exist or its name is not UTF-8.
    pub fn new() -> io::Result<System> {
        System::at(&std::env::current_dir()?)
    }

    /// The same with `directory` as the working directory of plugins.
    ///
    /// # Errors
    ///
    /// If `directory` does not exist or its name is not UTF-8.
    pub fn at(directory: &Path) -> io::Result<System> {
        let real = names::to_real(&directory.canonicalize()?)?;
        let working_directory = String::from_utf8(real).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "the name of the directory is not UTF-8",
            )
        })?;
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let surroundings = Arc::new(Surroundings {
            working_directory,
            variables,
        });
        Ok(System {
            surroundings,
            trust: net::Trust::default(),
            opened: BTreeMap::new(),
            moves_left: MOST_MOVED,
        })
    }

    /// The same world, in which TLS trusts only the root certificates in this PEM text instead of the
    /// roots of Mozilla.
    ///
    /// # Errors
    ///
    /// If the text has no certificate or an invalid one.
    #[cfg(feature = "net")]
    pub fn with_roots(self, pem: &[u8]) -> io::Result<System> {
        Ok(System {
            trust: net::Trust::in_pem(pem)?,
            ..self
        })
    }

    /// The same world for another instance, without open files.
    pub(crate) fn fresh(&self) -> System {
        System {
            surroundings: self.surroundings.clone(),
            trust: self.trust.clone(),
            opened: BTreeMap::new(),
            moves_left: MOST_MOVED,
        }
    }
}

/// Without its open files.
impl Clone for System {
    fn clone(&self) -> System {
        self.fresh()
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("System")
            .field("working_directory", &self.surroundings.working_directory)
            .finish_non_exhaustive()
    }
}

impl World for System {
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        match effect {
            Effect::Open { path, options } => self.open(path, *options, gate),
            Effect::Stat { path, follow } => {
                files::examine(&self.asked(path, 0, gate)?, *follow, gate)
            }
            Effect::ReadLink { path } => files::read_link(&self.asked(path, 0, gate)?, gate),
            Effect::SetTimes {
                path,
                follow,
                times,
            } => files::set_times(&self.asked(path, 0, gate)?, *follow, *times, gate),
            Effect::WriteFile {
                path,
                content,
                mode,
            } => write_file::write_file(path, content, *mode, gate),
            Effect::MakeDirectory { path } => {
                files::make_directory(&self.asked(path, 0, gate)?, gate)
            }
            Effect::RemoveDirectory { path } => {
                files::at_entry(&self.asked(path, 0, gate)?, gate, |path| {
                    fs::remove_dir(path)
                })
            }
            Effect::RemoveFile { path } => {
                files::at_entry(&self.asked(path, 0, gate)?, gate, |path| {
                    fs::remove_file(path)
                })
            }
            Effect::Rename { from, to } => {
                self.rename([from, to], |from, to| fs::rename(from, to), gate)
            }
            Effect::HardLink { from, to } => {
                self.rename([from, to], |from, to| fs::hard_link(from, to), gate)
            }
            Effect::Symlink {
                path,
                target,
                leads_to,
            } => links::symlink(&self.asked(path, 0, gate)?, target, leads_to, gate),
            Effect::Exchange { .. }
            | Effect::Tls { .. }
            | Effect::Http { .. }
            | Effect::Lookup { .. }
            | Effect::Greet { .. } => net::perform(effect, &self.trust, gate),
            #[cfg(all(unix, feature = "exec"))]
            Effect::Run { .. } => exec::run(effect, &self.surroundings, gate),
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
        names::real_name(&self.surroundings.working_directory, path)
    }

    fn working_directory(&self) -> String {
        self.surroundings.working_directory.clone()
    }
}

impl System {
    /// Performs an effect without names or addresses that the gate would have to judge here.
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
                let file = self.find(*handle)?.file().map_err(failed)?;
                Answer::Bytes(opened::read_at(file, *offset, *limit).map_err(failed)?)
            }
            Effect::WriteAt {
                handle,
                offset,
                bytes,
            } => {
                let file = self.find(*handle)?.file().map_err(failed)?;
                opened::write_at(file, *offset, bytes).map_err(failed)?;
                Answer::Written(bytes.len() as u64)
            }
            Effect::SetSize { handle, size } => {
                let file = self.find(*handle)?.file().map_err(failed)?;
                let limits = Limits::of_this_process();
                let allowed = limits.and_then(|limits| limits.allows_file(*size));
                allowed.and_then(|()| file.set_len(*size)).map_err(failed)?;
                Answer::Done
            }
            Effect::StatOpen { handle } => {
                Answer::Stat(self.find(*handle)?.stat().map_err(failed)?)
            }
            Effect::Sync { handle } => {
                self.find(*handle)?.sync().map_err(failed)?;
                Answer::Done
            }
            Effect::List { handle } => {
                let entries = self.find(*handle)?.list();
                let too_many = || FileError::TooManyListed.failure("the open file");
                Answer::Entries(entries.map_err(failed)?.ok_or_else(too_many)?)
            }
            Effect::SetTimesOpen { handle, times } => {
                self.find(*handle)?.set_times(*times).map_err(failed)?;
                Answer::Done
            }
            Effect::Variable { name } => {
                Answer::Variable(self.surroundings.variables.get(name).cloned())
            }
            Effect::Variables => granted_variables(&self.surroundings.variables, gate),
            Effect::Now { clock } => Answer::Time(clocks::now(*clock)),
            Effect::Sleep { duration } => {
                clocks::sleep(*duration, gate)?;
                Answer::Done
            }
            Effect::Random { length } => Answer::Bytes(clocks::random(*length).map_err(failed)?),
            _ => {
                let message = "internal error: the operating system does not perform this effect";
                return Err(Failure::new(kinds::INTERNAL, "", message));
            }
        })
    }

    fn find(&self, handle: Handle) -> Result<&Opened, Failure> {
        Ok(&handles::find(&self.opened, handle)?.opened)
    }

    /// A path of an effect, from the open directory in which it begins.
    fn asked<'a>(
        &self,
        path: &'a str,
        position: usize,
        gate: &'a Checkpoint<'_>,
    ) -> Result<Asked<'a>, Failure> {
        match gate.start(position) {
            Some((handle, rest)) => {
                let start = self.find(handle)?.start();
                let start = start.map_err(|error| failure(path, &error))?;
                Ok(Asked::below(path, start, rest))
            }
            None => Ok(Asked::absolute(path.as_bytes())),
        }
    }

    fn rename(
        &mut self,
        [from, to]: [&str; 2],
        act: fn(&Path, &Path) -> io::Result<()>,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let (from, to) = (self.asked(from, 0, gate)?, self.asked(to, 1, gate)?);
        links::rename([&from, &to], act, &mut self.moves_left, gate)
    }

    fn open(
        &mut self,
        path: &str,
        options: OpenOptions,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let handle = handles::free(&self.opened);
        let share = descriptor(gate).map_err(|error| failure(path, &error))?;
        let (opened, metadata, permit) = files::open(&self.asked(path, 0, gate)?, options, gate)?;
        self.opened.insert(
            handle,
            Held {
                opened,
                _share: share,
            },
        );
        let stat = stat::stat(&metadata, None);
        Ok(permit.answer(Answer::Opened { handle, stat }))
    }
}
