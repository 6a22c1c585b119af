//! Reading open files and describing what was found.

use crate::effect::{Failure, FileKind, Stat};
use std::{
    fs::{File, Metadata},
    io::{Read, Seek, SeekFrom},
    time::{SystemTime, UNIX_EPOCH},
};
use tollgate_abi::{host::kinds, rfc3339::Moment};

/// What is read ahead of knowing how long a file is.
const FIRST_GUESS: u64 = 1 << 20;

/// Reads at most `limit` bytes from `offset` on. Past the end there are none.
pub(super) fn read_at(file: &File, offset: u64, limit: u64) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure {
        kind: kinds::FS,
        code: "EIO",
        message: format!("reading failed: {error}"),
    };
    let mut file = file;
    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    let guess = usize::try_from(limit.min(FIRST_GUESS)).unwrap_or(0);
    let mut bytes = Vec::with_capacity(guess);
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

pub(super) fn not_a_file(path: &str, metadata: &Metadata) -> Failure {
    let (code, what) = if metadata.is_dir() {
        ("EISDIR", "is a directory")
    } else {
        (
            "EACCES",
            "is neither a regular file nor a directory, and nothing else is ever opened",
        )
    };
    Failure {
        kind: kinds::FS,
        code,
        message: format!("{path}: {what}"),
    }
}

pub(super) fn stat(metadata: &Metadata, target: Option<String>) -> Stat {
    let kind = if metadata.is_file() {
        FileKind::File
    } else if metadata.is_dir() {
        FileKind::Directory
    } else if metadata.is_symlink() {
        FileKind::Symlink
    } else {
        FileKind::Other
    };
    let (mode, uid, gid) = owner(metadata);
    let modified = metadata.modified().map(moment).unwrap_or_default();
    Stat {
        kind,
        size: metadata.len(),
        mode,
        uid,
        gid,
        modified,
        target,
    }
}

#[cfg(unix)]
fn owner(metadata: &Metadata) -> (u32, u32, u32) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.mode() & 0o7777, metadata.uid(), metadata.gid())
}

/// Systems without permission bits: what a Go program would invent.
#[cfg(not(unix))]
fn owner(metadata: &Metadata) -> (u32, u32, u32) {
    (
        if metadata.permissions().readonly() {
            0o444
        } else {
            0o644
        },
        0,
        0,
    )
}

fn moment(time: SystemTime) -> Moment {
    let seconds = |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(0);
    match time.duration_since(UNIX_EPOCH) {
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
