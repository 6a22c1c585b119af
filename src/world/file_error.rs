//! Errors of files, with the codes of the protocol: the same in every world.

use crate::{
    effect::{Failure, FileKind, OpenOptions, Refusal},
    gate::Checkpoint,
};
use core::fmt;
use tollgate_abi::host::kinds;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileError {
    Missing,
    NotPermitted,
    NotAllowed,
    NotADirectory,
    IsADirectory,
    Exists,
    NotEmpty,
    OtherDevice,
    NoSpace,
    ReadOnly,
    Invalid,
    Unsupported,
    NameTooLong,
    TooManyLinks,
    TooLarge,
    TooManyListed,
    TooManyMoved,
    NoMemory,
    NoDescriptors,
    TooManyOpen,
    Busy,
    Changing,
    Nameless,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code_and_text().1)
    }
}

impl core::error::Error for FileError {}

impl FileError {
    fn code_and_text(self) -> (&'static str, &'static str) {
        match self {
            FileError::Missing => ("ENOENT", "no such file or directory"),
            FileError::NotPermitted => ("EACCES", "permission denied by the operating system"),
            FileError::NotAllowed => ("EPERM", "operation not permitted"),
            FileError::NotADirectory => ("ENOTDIR", "not a directory"),
            FileError::IsADirectory => ("EISDIR", "is a directory"),
            FileError::Exists => ("EEXIST", "already exists"),
            FileError::NotEmpty => ("ENOTEMPTY", "directory not empty"),
            FileError::OtherDevice => ("EXDEV", "is on another device"),
            FileError::NoSpace => ("ENOSPC", "no space left on the device"),
            FileError::ReadOnly => ("EROFS", "read-only file system"),
            FileError::Invalid => ("EINVAL", "invalid argument"),
            FileError::Unsupported => ("ENOTSUP", "not supported"),
            FileError::NameTooLong => ("ENAMETOOLONG", "name too long"),
            FileError::TooManyLinks => ("ELOOP", "too many symbolic links"),
            FileError::TooLarge => ("EFBIG", "file too large"),
            FileError::TooManyListed => ("ENOMEM", "too many entries for one listing"),
            FileError::TooManyMoved => (
                "ENOMEM",
                "contains more names than one call may move with directories",
            ),
            FileError::NoMemory => ("ENOMEM", "the host has no memory left"),
            FileError::NoDescriptors => ("EMFILE", "the host has no descriptor left"),
            FileError::TooManyOpen => (
                "EMFILE",
                "all instances of this plugin together have too many files open",
            ),
            FileError::Busy => ("EBUSY", "is in use"),
            FileError::Changing => (
                "EACCES",
                "was replaced by another process while it was checked, each time",
            ),
            FileError::Nameless => ("EACCES", "has no name that a grant could allow"),
        }
    }

    /// The error of an effect on this path, or on `the open file`.
    pub(super) fn failure(self, path: &str) -> Failure {
        let (code, text) = self.code_and_text();
        Failure::new(kinds::FS, code, format!("{path}: {text}"))
    }
}

/// Checks whether an existing object of this kind can be opened so, with the errors of Linux. Of
/// the special files only `/dev/null` can, which has no content and never waits.
pub(super) fn check_open(
    path: &str,
    (kind, is_null): (FileKind, bool),
    options: OpenOptions,
    gate: &Checkpoint<'_>,
) -> Result<(), Refusal> {
    let access = options.access();
    match kind {
        _ if options.exclusive && options.create => Err(FileError::Exists.failure(path).into()),
        FileKind::Symlink => {
            let message = format!("{path}: is a symbolic link");
            Err(Failure::new(kinds::FS, "ELOOP", message).into())
        }
        FileKind::Directory if access.write => Err(FileError::IsADirectory.failure(path).into()),
        FileKind::Directory => Ok(()),
        _ if options.directory => Err(FileError::NotADirectory.failure(path).into()),
        FileKind::File => Ok(()),
        FileKind::CharacterDevice if is_null => Ok(()),
        kind => Err(not_a_file(path, kind, gate)),
    }
}

/// The error of an effect that needs a regular file.
pub(super) fn not_a_file(path: &str, kind: FileKind, gate: &Checkpoint<'_>) -> Refusal {
    match kind {
        FileKind::Directory => FileError::IsADirectory.failure(path).into(),
        FileKind::Symlink => {
            let message = format!("{path}: only regular files and directories can be opened");
            Failure::new(kinds::FS, "EACCES", message).into()
        }
        kind => gate.special_file(kind).into(),
    }
}

/// The error of reading the target of something else than a link.
pub(super) fn not_a_link(path: &str) -> Failure {
    let message = format!("{path}: not a symbolic link");
    Failure::new(kinds::FS, "EINVAL", message)
}
