//! Open files and directories of the operating system. The gate judged them when they were opened;
//! nothing here resolves a name.

use super::{
    limits::Limits,
    names::{Handle, to_bytes},
    stat::{kind, stat},
};
use crate::effect::{DirectoryEntry, FileKind, MOST_LISTED, SetTime, Stat, Times};
use std::{
    ffi::OsString,
    fs::{self, File, FileTimes, Metadata},
    io::{self, Read, Seek as _, SeekFrom, Write as _},
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tollgate_abi::rfc3339::Moment;

/// How many bytes are reserved before the length of a file is known.
const FIRST_GUESS: u64 = 1 << 20;

/// The last offset of operating systems; reading must not go past it.
const LAST_OFFSET: u64 = i64::MAX as u64;

/// Something that is open.
pub(super) enum Opened {
    File(File),
    Directory(Box<Handle>),
}

impl Opened {
    pub(super) fn file(&self) -> io::Result<&File> {
        match self {
            Opened::File(file) => Ok(file),
            Opened::Directory(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    /// A path to a directory, in which other paths can begin. Nothing begins in one that was removed.
    pub(super) fn start(&self) -> io::Result<Vec<u8>> {
        match self {
            Opened::File(_) => Err(io::ErrorKind::NotADirectory.into()),
            Opened::Directory(found) if is_removed(&found.examine()?) => {
                Err(io::ErrorKind::NotFound.into())
            }
            Opened::Directory(found) => Ok(to_bytes(&found.path())),
        }
    }

    pub(super) fn stat(&self) -> io::Result<Stat> {
        let metadata = match self {
            Opened::File(file) => file.metadata()?,
            Opened::Directory(found) => found.examine()?,
        };
        Ok(stat(&metadata, None))
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        match self {
            Opened::File(file) => file.sync_all(),
            Opened::Directory(_) => Ok(()),
        }
    }

    pub(super) fn set_times(&self, times: Times) -> io::Result<()> {
        match self {
            Opened::File(file) => set_file_times(file, times),
            Opened::Directory(found) => set_file_times(&File::open(found.path())?, times),
        }
    }

    /// The names in a directory, in byte order; `None` if there are too many.
    pub(super) fn list(&self) -> io::Result<Option<Vec<DirectoryEntry>>> {
        let names = match self {
            Opened::File(_) => return Err(io::ErrorKind::NotADirectory.into()),
            Opened::Directory(found) => names_in(&found.path(), MOST_LISTED)?,
        };
        let mut entries: Vec<_> = match names {
            Some(names) => names.into_iter().map(Name::entry).collect(),
            None => return Ok(None),
        };
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Some(entries))
    }
}

#[cfg(unix)]
fn is_removed(directory: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(directory) == 0
}

#[cfg(not(unix))]
fn is_removed(_directory: &Metadata) -> bool {
    false
}

/// Reads at most `limit` bytes from `offset` on. Past the end there are none, also where the file
/// system supports no such offset.
pub(super) fn read_at(mut file: &File, offset: u64, limit: u64) -> io::Result<Vec<u8>> {
    match file.seek(SeekFrom::Start(offset)) {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(Vec::new()),
        sought => sought?,
    };
    let limit = limit.min(LAST_OFFSET.saturating_sub(offset));
    let guess = usize::try_from(limit.min(FIRST_GUESS)).unwrap_or(0);
    let mut bytes = Vec::new();
    bytes.try_reserve(guess)?;
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes all of `bytes` at `offset`, or at the end.
pub(super) fn write_at(mut file: &File, offset: Option<u64>, bytes: &[u8]) -> io::Result<()> {
    let at = file.seek(offset.map_or(SeekFrom::End(0), SeekFrom::Start))?;
    Limits::of_this_process()?.allows_file(at.saturating_add(bytes.len() as u64))?;
    file.write_all(bytes)
}

/// A name in a directory, and what it names.
pub(super) struct Name {
    pub(super) name: OsString,
    pub(super) kind: FileKind,
    inode: u64,
}

impl Name {
    fn entry(self) -> DirectoryEntry {
        DirectoryEntry {
            name: self.name.to_string_lossy().into_owned(),
            kind: self.kind,
            inode: self.inode,
        }
    }
}

/// The names in a directory, in no order; `None` if there are more than `most`.
pub(super) fn names_in(directory: &Path, most: usize) -> io::Result<Option<Vec<Name>>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = match entry.file_type() {
            // It was removed in the meantime.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            found => kind(found?),
        };
        if names.len() >= most {
            return Ok(None);
        }
        names
            .try_reserve(1)
            .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        names.push(Name {
            name: entry.file_name(),
            kind,
            inode: inode(&entry),
        });
    }
    Ok(Some(names))
}

#[cfg(unix)]
fn inode(entry: &fs::DirEntry) -> u64 {
    std::os::unix::fs::DirEntryExt::ino(entry)
}

#[cfg(not(unix))]
fn inode(_entry: &fs::DirEntry) -> u64 {
    0
}

pub(super) fn set_file_times(file: &File, times: Times) -> io::Result<()> {
    let mut new = FileTimes::new();
    if let Some(accessed) = times.accessed {
        new = new.set_accessed(system_time(accessed)?);
    }
    if let Some(modified) = times.modified {
        new = new.set_modified(system_time(modified)?);
    }
    file.set_times(new)
}

fn system_time(time: SetTime) -> io::Result<SystemTime> {
    let SetTime::To(Moment { seconds, nanos }) = time else {
        return Ok(SystemTime::now());
    };
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let second = if seconds < 0 {
        UNIX_EPOCH.checked_sub(whole)
    } else {
        UNIX_EPOCH.checked_add(whole)
    };
    second
        .and_then(|second| second.checked_add(Duration::from_nanos(nanos.into())))
        .ok_or_else(|| io::ErrorKind::InvalidInput.into())
}
