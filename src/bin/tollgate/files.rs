//! Checks that an output file is not also an input.

use crate::{Exit, Failure};
use std::{
    fs::{self, Metadata},
    path::Path,
};
use tollgate::printable::Printable;

/// Returns an error if `output` is also an input, under whatever name. Each input comes with what
/// it is, for the message.
pub fn is_no_input<'a>(
    output: &Path,
    inputs: impl IntoIterator<Item = (&'static str, Option<&'a Path>)>,
) -> Result<(), Failure> {
    let Ok(written) = fs::metadata(output) else {
        return Ok(());
    };
    for (what, input) in inputs {
        let Some(input) = input else {
            continue;
        };
        let read = fs::metadata(input);
        if read.is_ok_and(|read| are_one(output, &written, input, &read)) {
            let (output, input) = (Printable(output.display()), Printable(input.display()));
            let message = format!(
                "{output}: this is {what} {input}, and would be overwritten; write to another file"
            );
            return Err(Failure::new(Exit::BadInput, message));
        }
    }
    Ok(())
}

/// Whether two names are of one regular file. Writing to a device or pipe loses nothing.
#[cfg(unix)]
fn are_one(_: &Path, one: &Metadata, _: &Path, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Whether two names are of one regular file. Hard links are not detected.
#[cfg(not(unix))]
fn are_one(one: &Path, metadata: &Metadata, other: &Path, _: &Metadata) -> bool {
    let real = |path| fs::canonicalize(path).ok();
    metadata.is_file() && real(one).is_some() && real(one) == real(other)
}
