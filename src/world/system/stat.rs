//! Metadata of the operating system as answers to effects.

use crate::effect::{FileKind, Stat};
use std::{
    fs::{FileType, Metadata},
    time::SystemTime,
};
use tollgate_abi::rfc3339::Moment;

pub(super) fn kind(kind: FileType) -> FileKind {
    if kind.is_file() {
        FileKind::File
    } else if kind.is_dir() {
        FileKind::Directory
    } else if kind.is_symlink() {
        FileKind::Symlink
    } else {
        special(kind)
    }
}

#[cfg(unix)]
fn special(kind: FileType) -> FileKind {
    use std::os::unix::fs::FileTypeExt as _;
    if kind.is_block_device() {
        FileKind::BlockDevice
    } else if kind.is_char_device() {
        FileKind::CharacterDevice
    } else if kind.is_socket() {
        FileKind::Socket
    } else {
        FileKind::Other
    }
}

#[cfg(not(unix))]
fn special(_kind: FileType) -> FileKind {
    FileKind::Other
}

/// Whether this is `/dev/null`, whatever its name: the device with its number.
#[cfg(target_os = "linux")]
pub(super) fn is_null(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    /// Major number 1, minor number 3.
    const NULL: u64 = 1 << 8 | 3;
    kind(metadata.file_type()) == FileKind::CharacterDevice && metadata.rdev() == NULL
}

#[cfg(all(unix, not(target_os = "linux")))]
pub(super) fn is_null(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    kind(metadata.file_type()) == FileKind::CharacterDevice
        && std::fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == metadata.rdev())
}

#[cfg(not(unix))]
pub(super) fn is_null(_metadata: &Metadata) -> bool {
    false
}

pub(super) fn stat(metadata: &Metadata, target: Option<String>) -> Stat {
    let time = |time: std::io::Result<SystemTime>| time.map(moment).unwrap_or_default();
    let plain = Stat {
        kind: kind(metadata.file_type()),
        size: metadata.len(),
        mode: if metadata.permissions().readonly() {
            0o444
        } else {
            0o644
        },
        uid: 0,
        gid: 0,
        device: 0,
        inode: 0,
        links: 1,
        accessed: time(metadata.accessed()),
        modified: time(metadata.modified()),
        changed: time(metadata.modified()),
        target,
    };
    with_unix(plain, metadata)
}

#[cfg(unix)]
fn with_unix(plain: Stat, metadata: &Metadata) -> Stat {
    use std::os::unix::fs::MetadataExt as _;
    Stat {
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        device: metadata.dev(),
        inode: metadata.ino(),
        links: metadata.nlink(),
        changed: Moment {
            seconds: metadata.ctime(),
            nanos: u32::try_from(metadata.ctime_nsec()).unwrap_or(0),
        },
        ..plain
    }
}

/// Systems without permission bits and owners: the values that Go programs use there.
#[cfg(not(unix))]
fn with_unix(plain: Stat, _metadata: &Metadata) -> Stat {
    plain
}

fn moment(time: SystemTime) -> Moment {
    let seconds = |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(0);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => Moment {
            seconds: seconds(after),
            nanos: after.subsec_nanos(),
        },
        Err(error) => {
            let before = error.duration();
            match before.subsec_nanos() {
                0 => Moment {
                    seconds: -seconds(before),
                    nanos: 0,
                },
                nanos => Moment {
                    seconds: -seconds(before) - 1,
                    nanos: 1_000_000_000 - nanos,
                },
            }
        }
    }
}
