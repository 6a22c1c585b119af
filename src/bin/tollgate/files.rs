//! Input files that are text, and output files: none is also an input, and none is replaced before it is
//! complete.

use crate::{Exit, Failure};
use std::{
    fs::{self, Metadata},
    io::{self, Read as _, Write as _},
    path::Path,
};
use tollgate::printable::Printable;

#[path = "../../byte_order_mark.rs"]
mod byte_order_mark;
#[path = "../../replay/whole_file.rs"]
mod whole_file;

/// The name that stands for standard input.
pub const STANDARD_INPUT: &str = "-";

/// Returns whether a path stands for standard input.
pub fn is_standard_input(path: &Path) -> bool {
    path == Path::new(STANDARD_INPUT)
}

/// Reads a file, or standard input for `-`.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !is_standard_input(path) {
        return fs::read(path);
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the text of a config from a file, or from standard input for `-`.
pub fn read_config(path: &Path) -> Result<String, Failure> {
    let text = read(path).and_then(|bytes| {
        String::from_utf8(bytes).map_err(|_| io::Error::other("the config is not UTF-8"))
    });
    text.map_err(|error| match is_standard_input(path) {
        true => Failure::new(
            Exit::BadInput,
            format!("cannot read the config from standard input: {error}"),
        ),
        false => Failure::file(path, error),
    })
}

/// Returns whether a text that should be JSON is the name of a file.
pub fn is_name(text: &str) -> bool {
    !text.trim_start().starts_with('{') && fs::metadata(text).is_ok_and(|found| found.is_file())
}

/// Reads a text file, without its byte order mark.
pub fn read_text(path: &Path) -> io::Result<String> {
    let mut text = fs::read_to_string(path)?;
    text.drain(..text.len() - byte_order_mark::skip(&text).len());
    Ok(text)
}

/// Returns the bytes of a file that may be text, without its byte order mark.
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    let mark = byte_order_mark::MARK.as_bytes();
    bytes.strip_prefix(mark).unwrap_or(bytes)
}

/// Writes a file, which is replaced only when the content is complete.
pub fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let (target, mut file) = whole_file::WholeFile::create(path)?;
    let written = file.write_all(content).and_then(|()| target.complete());
    written.map_err(|error| target.explain(&error))
}

/// Returns an error if `output` is also an input, under any name. Each input comes with its role,
/// for the message.
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
            let message =
                format!("{output}: this would overwrite {what} {input}; write to another file");
            return Err(Failure::new(Exit::BadInput, message));
        }
    }
    Ok(())
}

/// Returns whether two names refer to one regular file. Writing to a device or pipe loses nothing.
#[cfg(unix)]
fn are_one(_: &Path, one: &Metadata, _: &Path, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Returns whether two names refer to one regular file. Hard links are not detected.
#[cfg(not(unix))]
fn are_one(one: &Path, metadata: &Metadata, other: &Path, _: &Metadata) -> bool {
    let real = |path| fs::canonicalize(path).ok();
    metadata.is_file() && real(one).is_some() && real(one) == real(other)
}
