//! How large a file of this process may become. Past it the kernel does not only refuse: it sends
//! a signal that ends the process, of which the embedder would be the victim. So nothing is
//! written there.

use std::{io, sync::OnceLock};

/// The largest file, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LargestFile(u64);

impl LargestFile {
    /// What the operator of this process has set, if the system tells. It is read once, before the first
    /// byte is written.
    ///
    /// # Errors
    ///
    /// If there is such a limit to be read, and it cannot be.
    pub(super) fn of_this_process() -> io::Result<LargestFile> {
        static READ: OnceLock<LargestFile> = OnceLock::new();
        if let Some(read) = READ.get() {
            return Ok(*read);
        }
        let limits = match std::fs::read_to_string("/proc/self/limits") {
            // Without `/proc` no file is written on Linux, and elsewhere nothing tells.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(LargestFile(u64::MAX));
            }
            limits => limits?,
        };
        Ok(*READ.get_or_init(|| LargestFile::told_in(&limits)))
    }

    /// The soft limit is the one that counts, and stands first.
    fn told_in(limits: &str) -> LargestFile {
        let mut lines = limits.lines();
        let told = lines.find_map(|line| line.strip_prefix("Max file size"));
        let soft = told.and_then(|told| told.split_whitespace().next()?.parse().ok());
        LargestFile(soft.unwrap_or(u64::MAX))
    }

    /// Whether a file may have `size` bytes.
    pub(super) fn allows(self, size: u64) -> io::Result<()> {
        if size <= self.0 {
            Ok(())
        } else {
            Err(io::ErrorKind::FileTooLarge.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_read() {
        let told = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max cpu time              unlimited            unlimited            seconds   \n\
                    Max file size             1024                 4096                 bytes     \n";
        assert_eq!(LargestFile::told_in(told), LargestFile(1024));
        let none =
            "Max file size             unlimited            unlimited            bytes     \n";
        assert_eq!(LargestFile::told_in(none), LargestFile(u64::MAX));
        assert_eq!(LargestFile::told_in(""), LargestFile(u64::MAX));
        assert!(LargestFile(10).allows(10).is_ok());
        let error = LargestFile(10).allows(11).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
