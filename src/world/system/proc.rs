//! Whether the kernel's own names of open files can be read, under `/proc`. Without them nothing is
//! known of what a path leads to, which is another thing than that it leads to nothing.

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

/// The path by which the kernel reaches the object behind a handle.
pub(super) fn through(handle: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd()))
}

/// The name that the kernel gives the object behind a handle.
pub(super) fn name_of(handle: &File) -> io::Result<PathBuf> {
    fs::read_link(through(handle)).map_err(|error| Unusable(error.to_string()).into())
}

/// Checks that procfs is mounted at `/proc`. Once it was there, it is not checked again.
///
/// # Errors
///
/// [`Unusable`], or that the process has no descriptor left for the check.
pub(super) fn check() -> io::Result<()> {
    static SEEN: AtomicBool = AtomicBool::new(false);
    if !SEEN.load(Ordering::Relaxed) {
        look()?;
        SEEN.store(true, Ordering::Relaxed);
    }
    Ok(())
}

/// Does that check, also if an earlier one succeeded.
pub(super) fn look() -> io::Result<()> {
    // A pipe is on no disk. Only the kernel's own file system leads to this one.
    let (pipe, _other_end) = io::pipe()?;
    let pipe = File::from(OwnedFd::from(pipe));
    let own = pipe.metadata()?;
    let seen = fs::metadata(through(&pipe)).map_err(|error| Unusable(error.to_string()))?;
    if (own.dev(), own.ino()) == (seen.dev(), seen.ino()) {
        Ok(())
    } else {
        Err(Unusable("it is not the kernel's".to_owned()).into())
    }
}

/// Whether an error is about `/proc`, and not about a file.
pub(super) fn is_to_blame(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<Unusable>())
}

/// Why `/proc` is of no use.
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
        look().unwrap();
        let file = File::open("/dev/null").unwrap();
        assert_eq!(name_of(&file).unwrap(), PathBuf::from("/dev/null"));
        let error = io::Error::from(Unusable("gone".to_owned()));
        assert!(is_to_blame(&error) && error.kind() != io::ErrorKind::NotFound);
        assert!(!is_to_blame(&io::Error::other("gone")));
    }
}
