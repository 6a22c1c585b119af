//! Checks the host version that a plugin requires.

use crate::error::ProtocolError;

/// The compatible upstream version: this host offers everything that hosts 0.3.x offer to plugins. The
/// text of the error names it, too.
const COMPATIBLE: (u64, u64) = (0, 3);

/// Returns an error if the required version is newer. Text that is not a version requires nothing.
pub(super) fn check(wanted: &str) -> Result<(), ProtocolError> {
    match line(wanted) {
        Some(line) if line > COMPATIBLE => Err(ProtocolError::HostTooOld {
            wanted: wanted.into(),
        }),
        _ => Ok(()),
    }
}

/// The first two numbers of a version such as `0.3.5-alpha` or `v1.2`.
fn line(version: &str) -> Option<(u64, u64)> {
    let version = version.trim().trim_start_matches(['v', 'V']);
    let (numbers, _) = version.split_once(['-', '+']).unwrap_or((version, ""));
    let mut numbers = numbers.split('.');
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next().map_or(Some(0), |minor| minor.parse().ok())?;
    Some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_decides_and_not_the_last_number() {
        for fine in ["", "0.2.0", "0.3.5-alpha", "v0.3", "0", "0.3.999", "latest"] {
            assert!(check(fine).is_ok(), "{fine}");
        }
        for newer in ["0.4.0", "v0.4.0-alpha", "1", "1.0.0"] {
            assert!(check(newer).is_err(), "{newer}");
        }
    }
}
