//! Recording into a file, which is replaced only when the transcript is complete: until then, the
//! transcript is written to another file in the same directory.

use super::Recording;
use crate::{
    error::Error,
    plugin::{Call, Observation, Plugin},
    printable::Printable,
};
use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, LineWriter},
    path::{Path, PathBuf},
};

/// The most recordings to one file that were interrupted or run at the same time.
const MOST_PARTIAL: u32 = 100;

impl Plugin {
    /// As [`observe_recorded`](Plugin::observe_recorded), into a file.
    ///
    /// While the plugin runs, lines go to a new file in the same directory, `run.jsonl.partial` for
    /// `run.jsonl` (or `run.jsonl.partial.2` and so on, if that is there). It gets the name
    /// `run.jsonl` when the transcript is complete, so that a recording that was interrupted
    /// replaces nothing, and what it had is kept under the other name. A link is followed. What is
    /// no regular file, or is open in this process already, as `/dev/stdout` is, is written to
    /// directly, at its end.
    ///
    /// # Errors
    ///
    /// The file cannot be written; the error names the file that has what was recorded. What became
    /// of the run itself is the inner result.
    pub fn record<'a>(
        &self,
        call: impl Into<Call<'a>>,
        path: impl AsRef<Path>,
    ) -> io::Result<Result<Observation, Error>> {
        let ready = match self.ready_to_record(call.into()) {
            Ok(ready) => ready,
            Err(error) => return Ok(Err(error)),
        };
        let (target, file) = Target::open(path.as_ref())?;
        let recorded = self.record_ready(ready, LineWriter::new(file));
        let finished = recorded.and_then(|Recording { outcome, sink }| {
            drop(sink);
            target.complete()?;
            Ok(outcome)
        });
        finished.map_err(|error| target.explain(&error))
    }
}

/// Where a recording goes.
enum Target {
    /// Into a file of its own, which gets the other name in the end.
    Beside { partial: PathBuf, whole: PathBuf },
    /// Into something that cannot be replaced, such as a pipe.
    There,
}

impl Target {
    fn open(path: &Path) -> io::Result<(Target, File)> {
        let (whole, replaced) = match fs::metadata(path) {
            // Behind these names is what the process has open already.
            Ok(found) if found.is_file() && !is_of_the_process(path) => {
                (fs::canonicalize(path)?, Some(found))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
                (path.to_owned(), None)
            }
            // Whatever was written to it before stays.
            _ => {
                let file = File::options().append(true).create(true).open(path)?;
                return Ok((Target::There, file));
            }
        };
        for number in 1..=MOST_PARTIAL {
            let partial = partial_name(&whole, number);
            // What is there is not ours: an earlier recording, or a link to something else.
            let file = match File::create_new(&partial) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                created => created?,
            };
            if let Some(replaced) = replaced {
                file.set_permissions(replaced.permissions())?;
            }
            return Ok((Target::Beside { partial, whole }, file));
        }
        let first = partial_name(&whole, 1);
        Err(io::Error::other(format!(
            "there are {MOST_PARTIAL} interrupted recordings to it; remove {} and those like it",
            Printable(first.display())
        )))
    }

    fn complete(&self) -> io::Result<()> {
        match self {
            Target::Beside { partial, whole } => fs::rename(partial, whole),
            Target::There => Ok(()),
        }
    }

    fn explain(&self, error: &io::Error) -> io::Error {
        match self {
            Target::Beside { partial, .. } => {
                let kept = Printable(partial.display());
                let text = format!("{error}; what was recorded until then is in {kept}");
                io::Error::new(error.kind(), text)
            }
            Target::There => io::Error::new(error.kind(), error.to_string()),
        }
    }
}

fn partial_name(whole: &Path, number: u32) -> PathBuf {
    let mut name = whole.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".partial");
    if number > 1 {
        name.push(format!(".{number}"));
    }
    whole.with_file_name(name)
}

/// As many links lead from one name to the next, at most.
const MOST_LINKS: usize = 40;

/// Whether a name leads to one of the directories that name what this process has open, as
/// `/dev/stdout` does.
fn is_of_the_process(path: &Path) -> bool {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let Ok(directory) = fs::canonicalize(directory) else {
            return false;
        };
        let of_procfs = directory.starts_with("/proc") && directory.ends_with("fd");
        if of_procfs || directory == Path::new("/dev/fd") {
            return true;
        }
        let Ok(next) = fs::read_link(&path) else {
            return false;
        };
        path = directory.join(next);
    }
    false
}
