//! Open files and directories of the operating system. The gate has judged them when they were
//! opened; nothing here resolves a name.

use super::{file_size::LargestFile, names::Found, stat::stat};
use crate::effect::{DirectoryEntry, FileKind, SetTime, Stat, Times};
use std::{
    fs::{self, File, FileTimes},
    io::{self, Read, Seek as _, SeekFrom, Write as _},
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tollgate_abi::rfc3339::Moment;

/// What is read ahead of knowing how long a file is.
const FIRST_GUESS: u64 = 1 << 20;

/// The last offset that systems have a number for; reading must not lead past it.
const LAST_OFFSET: u64 = i64::MAX as u64;

/// As many entries of a directory are listed, which is done in memory and at once. Who has more
/// in one is told so, and not given a part for the whole.
const MAX_ENTRIES: usize = 100_000;

/// Something that is open.
pub(super) enum Opened {
    File(File),
    Directory(Box<Found>),
}

impl Opened {
    pub(super) fn file(&self) -> io::Result<&File> {
        match self {
            Opened::File(file) => Ok(file),
            Opened::Directory(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn stat(&self) -> io::Result<Stat> {
        let metadata = match self {
            Opened::File(file) => file.metadata()?,
            Opened::Directory(found) => fs::metadata(found.path())?,
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

    pub(super) fn list(&self) -> io::Result<Vec<DirectoryEntry>> {
        match self {
            Opened::File(_) => Err(io::ErrorKind::NotADirectory.into()),
            Opened::Directory(found) => list(&found.path()),
        }
    }
}

/// Reads at most `limit` bytes from `offset` on. Past the end there are none, even where the file
/// system knows no such offset.
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
pub(super) fn write_at(
    mut file: &File,
    offset: Option<u64>,
    bytes: &[u8],
    largest: LargestFile,
) -> io::Result<()> {
    let at = file.seek(offset.map_or(SeekFrom::End(0), SeekFrom::Start))?;
    largest.allows(at.saturating_add(bytes.len() as u64))?;
    file.write_all(bytes)
}

/// The names in a directory, in byte order.
fn list(directory: &Path) -> io::Result<Vec<DirectoryEntry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entries.len() >= MAX_ENTRIES {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        entries.try_reserve(1)?;
        let kind = entry.file_type()?;
        entries.push(DirectoryEntry {
            name: entry.file_name().to_string_lossy().into_owned(),
            kind: if kind.is_file() {
                FileKind::File
            } else if kind.is_dir() {
                FileKind::Directory
            } else if kind.is_symlink() {
                FileKind::Symlink
            } else {
                FileKind::Other
            },
            inode: inode(&entry),
        });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
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
