//! Resource limits of this process. A write past the largest size of a file does not only fail: the
//! kernel sends a signal that ends the process of the embedder. So such a write is refused here.

use std::{fs, io, sync::OnceLock};

/// The assumed limit on descriptors where it is unknown: the usual soft limit.
const FEW_DESCRIPTORS: u64 = 256;

/// Limits of this process, as they were at the first use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    largest_file: u64,
    /// The most descriptors at once.
    pub(super) descriptors: u64,
}

impl Limits {
    /// The limits of this process, as far as they are known.
    ///
    /// # Errors
    ///
    /// If the file with the limits exists and cannot be read.
    pub(super) fn of_this_process() -> io::Result<Limits> {
        static READ: OnceLock<Limits> = OnceLock::new();
        if let Some(read) = READ.get() {
            return Ok(*read);
        }
        let text = match fs::read_to_string("/proc/self/limits") {
            // Without `/proc` no file can be used on Linux. Elsewhere the limits are unknown.
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        Ok(*READ.get_or_init(|| Limits::parse(&text)))
    }

    fn parse(text: &str) -> Limits {
        Limits {
            largest_file: soft(text, "Max file size").unwrap_or(u64::MAX),
            descriptors: soft(text, "Max open files").unwrap_or(FEW_DESCRIPTORS),
        }
    }

    /// Whether a file may have `size` bytes.
    pub(super) fn allows_file(self, size: u64) -> io::Result<()> {
        if size <= self.largest_file {
            Ok(())
        } else {
            Err(io::ErrorKind::FileTooLarge.into())
        }
    }
}

/// The soft limit of this name, which is the first column.
fn soft(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    match value.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limits_are_read() {
        let told = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max cpu time              unlimited            unlimited            seconds   \n\
                    Max file size             1024                 4096                 bytes     \n\
                    Max open files            64                   4096                 files     \n";
        let limits = Limits::parse(told);
        assert_eq!((limits.largest_file, limits.descriptors), (1024, 64));
        let none = "Max file size             unlimited            unlimited            bytes     \n\
                    Max open files            unlimited            unlimited            files     \n";
        let limits = Limits::parse(none);
        assert_eq!(
            (limits.largest_file, limits.descriptors),
            (u64::MAX, u64::MAX)
        );
        let limits = Limits::parse("");
        assert_eq!((limits.largest_file, limits.descriptors), (u64::MAX, 256));
        let limits = Limits {
            largest_file: 10,
            descriptors: 1,
        };
        assert!(limits.allows_file(10).is_ok());
        let error = limits.allows_file(11).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
