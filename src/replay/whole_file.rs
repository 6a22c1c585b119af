//! Writes a file that is replaced only when it is complete: until then, the content goes to another
//! file in the same directory. The command line uses this source file, too.

use crate::printable::Printable;
use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// The most incomplete files beside one target.
const MOST_PARTIAL: u32 = 100;

/// The target of a write.
pub(crate) enum WholeFile {
    /// A new file, which is renamed in the end.
    Beside { partial: PathBuf, whole: PathBuf },
    /// Something that cannot be replaced, such as a pipe.
    Direct,
}

impl WholeFile {
    /// Creates the file to write to.
    pub(crate) fn create(path: &Path) -> io::Result<(WholeFile, File)> {
        let (whole, replaced) = match fs::metadata(path) {
            // Other names may refer to a file that this process has open.
            Ok(found) if found.is_file() && !is_of_the_process(path) => {
                (fs::canonicalize(path)?, Some(found))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
                (path.to_owned(), None)
            }
            // Earlier content stays.
            _ => {
                let file = File::options().append(true).create(true).open(path)?;
                return Ok((WholeFile::Direct, file));
            }
        };
        for number in 1..=MOST_PARTIAL {
            let partial = partial_name(&whole, number);
            // An existing file is not ours: an earlier attempt, or a link to something else.
            let file = match File::create_new(&partial) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                created => created?,
            };
            if let Some(replaced) = replaced {
                file.set_permissions(replaced.permissions())?;
            }
            return Ok((WholeFile::Beside { partial, whole }, file));
        }
        let first = partial_name(&whole, 1);
        Err(io::Error::other(format!(
            "there are {MOST_PARTIAL} incomplete files; remove {} and the like",
            Printable(first.display())
        )))
    }

    /// Gives the complete file its name.
    pub(crate) fn complete(&self) -> io::Result<()> {
        match self {
            WholeFile::Beside { partial, whole } => fs::rename(partial, whole),
            WholeFile::Direct => Ok(()),
        }
    }

    /// Adds to an error where the incomplete content is.
    pub(crate) fn explain(&self, error: &io::Error) -> io::Error {
        match self {
            WholeFile::Beside { partial, .. } => {
                let partial = Printable(partial.display());
                let text = format!("{error}; the incomplete content is in {partial}");
                io::Error::new(error.kind(), text)
            }
            WholeFile::Direct => io::Error::new(error.kind(), error.to_string()),
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

/// The most symbolic links that are followed.
const MOST_LINKS: usize = 40;

/// Returns whether a name refers to an open file of this process, as `/dev/stdout` does.
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
