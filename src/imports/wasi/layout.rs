//! The records of preview 1 as bytes in guest memory: little-endian fields at fixed offsets.

use super::errno::Errno;
use crate::effect::{FileKind, SetTime, Stat, Times};
use tollgate_abi::rfc3339::Moment;

/// Types of files, as guests see them.
pub(super) mod filetype {
    pub(in super::super) const UNKNOWN: u8 = 0;
    pub(in super::super) const BLOCK_DEVICE: u8 = 1;
    pub(in super::super) const CHARACTER_DEVICE: u8 = 2;
    pub(in super::super) const DIRECTORY: u8 = 3;
    pub(in super::super) const REGULAR_FILE: u8 = 4;
    pub(in super::super) const SOCKET_STREAM: u8 = 6;
    pub(in super::super) const SYMBOLIC_LINK: u8 = 7;
}

/// Rights: those that mean something when a path is opened, and those that are reported. They
/// decide nothing: each use is judged by the grants.
pub(super) mod rights {
    pub(in super::super) const FD_READ: u64 = 1 << 1;
    pub(in super::super) const FD_SEEK: u64 = 1 << 2;
    const FD_FDSTAT_SET_FLAGS: u64 = 1 << 3;
    const FD_SYNC: u64 = 1 << 4;
    pub(in super::super) const FD_TELL: u64 = 1 << 5;
    pub(in super::super) const FD_WRITE: u64 = 1 << 6;
    const FD_ADVISE: u64 = 1 << 7;
    const FD_DATASYNC: u64 = 1;
    pub(in super::super) const FD_ALLOCATE: u64 = 1 << 8;
    const PATH_CREATE_DIRECTORY: u64 = 1 << 9;
    const PATH_CREATE_FILE: u64 = 1 << 10;
    const PATH_LINK_SOURCE: u64 = 1 << 11;
    const PATH_LINK_TARGET: u64 = 1 << 12;
    const PATH_OPEN: u64 = 1 << 13;
    pub(in super::super) const FD_READDIR: u64 = 1 << 14;
    const PATH_READLINK: u64 = 1 << 15;
    const PATH_RENAME_SOURCE: u64 = 1 << 16;
    const PATH_RENAME_TARGET: u64 = 1 << 17;
    const PATH_FILESTAT_GET: u64 = 1 << 18;
    const PATH_FILESTAT_SET_TIMES: u64 = 1 << 20;
    const FD_FILESTAT_GET: u64 = 1 << 21;
    const FD_FILESTAT_SET_SIZE: u64 = 1 << 22;
    const FD_FILESTAT_SET_TIMES: u64 = 1 << 23;
    const PATH_SYMLINK: u64 = 1 << 24;
    const PATH_REMOVE_DIRECTORY: u64 = 1 << 25;
    const PATH_UNLINK_FILE: u64 = 1 << 26;
    const POLL_FD_READWRITE: u64 = 1 << 27;

    /// What needs no file to be open for reading or writing.
    const ANY: u64 = FD_FDSTAT_SET_FLAGS
        | FD_SYNC
        | FD_ADVISE
        | FD_FILESTAT_GET
        | FD_FILESTAT_SET_TIMES
        | POLL_FD_READWRITE;
    /// What needs a file to be open for writing, besides writing itself.
    const CHANGES: u64 = FD_DATASYNC | FD_ALLOCATE | FD_FILESTAT_SET_SIZE;
    /// What applies to a directory where nothing below it may be written.
    const READ_DIRECTORY: u64 = PATH_OPEN
        | FD_READDIR
        | PATH_READLINK
        | PATH_FILESTAT_GET
        | FD_FDSTAT_SET_FLAGS
        | FD_SYNC
        | FD_FILESTAT_GET;
    /// What applies to a directory where something below it may be written.
    const CHANGE_DIRECTORY: u64 = PATH_CREATE_DIRECTORY
        | PATH_CREATE_FILE
        | PATH_LINK_SOURCE
        | PATH_LINK_TARGET
        | PATH_RENAME_SOURCE
        | PATH_RENAME_TARGET
        | PATH_FILESTAT_SET_TIMES
        | FD_FILESTAT_SET_TIMES
        | PATH_SYMLINK
        | PATH_REMOVE_DIRECTORY
        | PATH_UNLINK_FILE;

    /// Of a file.
    pub(in super::super) fn file(read: bool, write: bool) -> u64 {
        let read = if read { FD_READ } else { 0 };
        let write = if write { FD_WRITE | CHANGES } else { 0 };
        ANY | FD_SEEK | FD_TELL | read | write
    }

    /// Of a stream that is no file, such as the standard output.
    pub(in super::super) fn stream() -> u64 {
        (ANY | FD_WRITE) & !FD_FILESTAT_SET_TIMES
    }

    /// Of a directory.
    pub(in super::super) fn directory(write: bool) -> u64 {
        match write {
            true => READ_DIRECTORY | CHANGE_DIRECTORY,
            false => READ_DIRECTORY,
        }
    }

    /// What a directory hands down to what is opened below it.
    ///
    /// C libraries ask for no more than that when they open a path. So the right to write follows the
    /// grants, and `CHANGES` still says that a file is to be written. The right to read has no such
    /// second word, and a file that may not be read is refused when it is opened.
    pub(in super::super) fn handed_down(list: bool, write: bool) -> u64 {
        let list = if list { FD_READDIR } else { 0 };
        let write = if write { FD_WRITE } else { 0 };
        let directory = directory(true) & !FD_READDIR;
        ANY | FD_READ | FD_SEEK | FD_TELL | CHANGES | directory | list | write
    }
}

/// A record to be written.
pub(super) struct Record<const SIZE: usize>(pub(super) [u8; SIZE]);

impl<const SIZE: usize> Record<SIZE> {
    pub(super) fn new() -> Record<SIZE> {
        Record([0; SIZE])
    }

    fn put(mut self, at: usize, bytes: &[u8]) -> Record<SIZE> {
        let field = self
            .0
            .get_mut(at..)
            .and_then(|rest| rest.get_mut(..bytes.len()));
        if let Some(field) = field {
            field.copy_from_slice(bytes);
        }
        self
    }

    pub(super) fn u8(self, at: usize, value: u8) -> Record<SIZE> {
        self.put(at, &[value])
    }

    pub(super) fn u16(self, at: usize, value: u16) -> Record<SIZE> {
        self.put(at, &value.to_le_bytes())
    }

    pub(super) fn u32(self, at: usize, value: u32) -> Record<SIZE> {
        self.put(at, &value.to_le_bytes())
    }

    pub(super) fn u64(self, at: usize, value: u64) -> Record<SIZE> {
        self.put(at, &value.to_le_bytes())
    }
}

/// A record to be read. A field that lies outside is 0, and callers see to it that none does.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    fn array<const SIZE: usize>(&self, at: usize) -> [u8; SIZE] {
        let field = self.0.get(at..).and_then(|rest| rest.first_chunk());
        field.copied().unwrap_or([0; SIZE])
    }

    pub(super) fn u8(&self, at: usize) -> u8 {
        u8::from_le_bytes(self.array(at))
    }

    pub(super) fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.array(at))
    }

    pub(super) fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    pub(super) fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.array(at))
    }
}

pub(super) const IOVEC: u32 = 8;
pub(super) const DIRENT: usize = 24;
pub(super) const SUBSCRIPTION: u32 = 48;
pub(super) const EVENT: u32 = 32;

pub(super) fn fdstat(filetype: u8, flags: u16, base: u64, inheriting: u64) -> [u8; 24] {
    let record = Record::new().u8(0, filetype).u16(2, flags);
    record.u64(8, base).u64(16, inheriting).0
}

pub(super) fn filestat(stat: &Stat) -> [u8; 64] {
    Record::new()
        .u64(0, stat.device)
        .u64(8, stat.inode)
        .u8(16, of_kind(stat.kind))
        .u64(24, stat.links)
        .u64(32, stat.size)
        .u64(40, nanoseconds(stat.accessed))
        .u64(48, nanoseconds(stat.modified))
        .u64(56, nanoseconds(stat.changed))
        .0
}

pub(super) fn dirent(next: u64, inode: u64, name: usize, filetype: u8) -> [u8; DIRENT] {
    let name = u32::try_from(name).unwrap_or(u32::MAX);
    let record = Record::new().u64(0, next).u64(8, inode);
    record.u32(16, name).u8(20, filetype).0
}

pub(super) fn of_kind(kind: FileKind) -> u8 {
    match kind {
        FileKind::File => filetype::REGULAR_FILE,
        FileKind::Directory => filetype::DIRECTORY,
        FileKind::Symlink => filetype::SYMBOLIC_LINK,
        FileKind::BlockDevice => filetype::BLOCK_DEVICE,
        FileKind::CharacterDevice => filetype::CHARACTER_DEVICE,
        FileKind::Socket => filetype::SOCKET_STREAM,
        FileKind::Other => filetype::UNKNOWN,
    }
}

/// Nanoseconds since 1970. What lies before is a negative number in two's complement, as guests of Go
/// read and write it; what lies more than 292 years before or after is the end.
fn nanoseconds(moment: Moment) -> u64 {
    let seconds = i128::from(moment.seconds).saturating_mul(1_000_000_000);
    let all = seconds.saturating_add(moment.nanos.into());
    let end = if all < 0 { i64::MIN } else { i64::MAX };
    i64::try_from(all).unwrap_or(end).cast_unsigned()
}

/// The moment so many nanoseconds after 1970, or before it.
fn moment(nanoseconds: u64) -> Moment {
    let nanoseconds = nanoseconds.cast_signed();
    Moment {
        seconds: nanoseconds.div_euclid(1_000_000_000),
        nanos: u32::try_from(nanoseconds.rem_euclid(1_000_000_000)).unwrap_or(0),
    }
}

/// New times of a file, by the flags that say which: as given, or the present.
pub(super) fn times(accessed: u64, modified: u64, which: u32) -> Result<Times, Errno> {
    let one = |time: u64, given: u32, present: u32| match (which & given != 0, which & present != 0)
    {
        (true, true) => Err(Errno::INVAL),
        (true, false) => Ok(Some(SetTime::To(moment(time)))),
        (false, true) => Ok(Some(SetTime::Now)),
        (false, false) => Ok(None),
    };
    if which > 15 {
        return Err(Errno::INVAL);
    }
    Ok(Times {
        accessed: one(accessed, 1, 2)?,
        modified: one(modified, 4, 8)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_little_endian_at_their_offsets() {
        let record = fdstat(4, 0x0102, 7, u64::MAX);
        assert_eq!(record[..8], [4, 0, 2, 1, 0, 0, 0, 0]);
        assert_eq!(Fields(&record).u64(8), 7);
        assert_eq!(Fields(&record).u64(16), u64::MAX);
        assert_eq!(Fields(&record).u64(20), 0, "half outside");
    }

    #[test]
    fn times_before_1970_are_negative_and_those_too_far_away_the_end() {
        for (seconds, nanos, expected) in [
            (-1, 5, -999_999_995),
            (-2, 0, -2_000_000_000),
            (2, 5, 2_000_000_005),
            (0, 0, 0),
        ] {
            let at = Moment { seconds, nanos };
            assert_eq!(nanoseconds(at).cast_signed(), expected);
            assert_eq!(moment(nanoseconds(at)), at);
        }
        let at = |seconds| nanoseconds(Moment { seconds, nanos: 0 }).cast_signed();
        assert_eq!(at(i64::MAX), i64::MAX);
        assert_eq!(at(i64::MIN), i64::MIN);
    }
}
