//! The names that the kernel has for open files, under `/proc`. Without `/proc` the real name of an
//! object is unknown, which must not be confused with a missing object.

use std::{
    error::Error,
    fmt,
    fs::{self, File},
    io,
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

/// A path that leads to the object of a descriptor.
pub(super) fn through(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// The name that the kernel has for the object of a descriptor.
pub(super) fn name_of(file: &File) -> io::Result<PathBuf> {
    fs::read_link(through(file)).map_err(|error| Unusable(error.to_string()).into())
}

/// Checks that procfs is mounted at `/proc`. After a success it does not check again.
///
/// # Errors
///
/// [`Unusable`], or that the process has no descriptor left for the check.
pub(super) fn check() -> io::Result<()> {
    static SEEN: AtomicBool = AtomicBool::new(false);
    if !SEEN.load(Ordering::Relaxed) {
        check_anew()?;
        SEEN.store(true, Ordering::Relaxed);
    }
    Ok(())
}

/// Does this check, also after a success.
pub(super) fn check_anew() -> io::Result<()> {
    // Only the procfs of the kernel leads to a pipe.
    let (pipe, _other_end) = io::pipe()?;
    let pipe = File::from(OwnedFd::from(pipe));
    let own = pipe.metadata()?;
    let seen = fs::metadata(through(&pipe)).map_err(|error| Unusable(error.to_string()))?;
    if (own.dev(), own.ino()) == (seen.dev(), seen.ino()) {
        Ok(())
    } else {
        Err(Unusable("another file system is mounted there".to_owned()).into())
    }
}

/// Whether an error is about `/proc` and not about a file.
pub(super) fn is_to_blame(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<Unusable>())
}

/// Why `/proc` cannot be used.
#[derive(Debug)]
struct Unusable(String);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "files cannot be used without /proc/self/fd: {}; mount procfs at /proc",
            self.0
        )
    }
}

impl Error for Unusable {}

impl From<Unusable> for io::Error {
    fn from(unusable: Unusable) -> io::Error {
        io::Error::other(unusable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_named_is_not_taken_for_missing() {
        check().unwrap();
        check_anew().unwrap();
        let file = File::open("/dev/null").unwrap();
        assert_eq!(name_of(&file).unwrap(), PathBuf::from("/dev/null"));
        let error = io::Error::from(Unusable("gone".to_owned()));
        assert!(is_to_blame(&error) && error.kind() != io::ErrorKind::NotFound);
        assert!(!is_to_blame(&io::Error::other("gone")));
    }
}
