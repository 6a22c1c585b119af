//! Errors of the operating system as errors of the protocol.

use super::names;
use crate::{capability::windows::NoWindowsName, effect::Failure, world::file_error::FileError};
use std::io;
use tollgate_abi::host::kinds;

/// The number of "too many symbolic links", for which std has no stable name.
const ELOOP: i32 = if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
    90
} else if cfg!(target_os = "linux") {
    40
} else if cfg!(windows) {
    1921
} else {
    62
};

/// The numbers of "too many open files", of the process and of the system, for which std has none.
#[cfg(unix)]
const NO_DESCRIPTORS: [i32; 2] = [24, 23];
#[cfg(not(unix))]
const NO_DESCRIPTORS: [i32; 1] = [4];

/// The number of "operation not permitted", which std takes for "permission denied".
const EPERM: i32 = 1;

/// For code that returns errors of the operating system.
impl From<FileError> for io::Error {
    fn from(error: FileError) -> io::Error {
        io::Error::other(error)
    }
}

/// An error of the operating system as one of the protocol.
pub(super) fn failure(path: &str, error: &io::Error) -> Failure {
    if let Some(cause) = names::cause(error) {
        return failure(path, &cause);
    }
    let own = error
        .get_ref()
        .and_then(|error| error.downcast_ref::<FileError>());
    if let Some(own) = own {
        return own.failure(path);
    }
    let refused = error
        .get_ref()
        .and_then(|error| error.downcast_ref::<NoWindowsName>());
    if let Some(refused) = refused {
        return Failure::new(kinds::FS, "EACCES", format!("{path}: {refused}"));
    }
    let known = match error.kind() {
        io::ErrorKind::NotFound => FileError::Missing,
        io::ErrorKind::PermissionDenied if error.raw_os_error() == Some(EPERM) => {
            FileError::NotAllowed
        }
        io::ErrorKind::PermissionDenied => FileError::NotPermitted,
        io::ErrorKind::NotADirectory => FileError::NotADirectory,
        io::ErrorKind::IsADirectory => FileError::IsADirectory,
        io::ErrorKind::AlreadyExists => FileError::Exists,
        io::ErrorKind::DirectoryNotEmpty => FileError::NotEmpty,
        io::ErrorKind::CrossesDevices => FileError::OtherDevice,
        io::ErrorKind::StorageFull => FileError::NoSpace,
        io::ErrorKind::ReadOnlyFilesystem => FileError::ReadOnly,
        io::ErrorKind::FileTooLarge => FileError::TooLarge,
        io::ErrorKind::ResourceBusy => FileError::Busy,
        io::ErrorKind::OutOfMemory => FileError::NoMemory,
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
