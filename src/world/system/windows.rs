//! Paths of effects as names for Windows and back. What a path may name is decided in [`windows`]; nothing that it
//! refuses is passed to the system.

use crate::{
    capability::{path::cleaned, windows},
    world::file_error::FileError,
};
use std::{
    borrow::Cow,
    io,
    path::{Path, PathBuf},
};

/// The directory of all drives, which is no object of the system: it can be examined, and neither listed nor changed.
const ROOT: &str = r"\\?\";

/// Something that exists and says as much about the root as there is to say.
const LIKE_ROOT: &str = r"\";

/// What the standard library passes to no system.
const REFUSED: &str = "\0";

pub(super) fn to_path(path: &[u8]) -> io::Result<Cow<'_, Path>> {
    let text = str::from_utf8(path).map_err(|_| io::ErrorKind::InvalidInput)?;
    if cleaned(text) == "/" {
        return Ok(Path::new(ROOT).into());
    }
    let name = windows::name_of_path(text);
    let name = name.map_err(|refused| io::Error::new(io::ErrorKind::InvalidInput, refused))?;
    Ok(PathBuf::from(name).into())
}

/// A path that leads below a directory.
pub(super) fn below(directory: &Path, path: &[u8]) -> PathBuf {
    let Ok(text) = str::from_utf8(path) else {
        return REFUSED.into();
    };
    let names = text.split('/').filter(|name| !matches!(*name, "" | "."));
    let mut below = directory.to_owned();
    for name in names {
        let known = match name {
            ".." => below.pop(),
            _ if below == Path::new(ROOT) => return REFUSED.into(),
            name => windows::check_name(name).is_ok(),
        };
        if !known {
            return REFUSED.into();
        }
        if name != ".." {
            below.push(name);
        }
    }
    below
}

pub(super) fn to_bytes(path: &Path) -> Vec<u8> {
    let text = path.to_string_lossy();
    match windows::path_of_name(&text) {
        Some(path) => path.into(),
        None if text == ROOT => b"/".to_vec(),
        None => text.replace('\\', "/").into(),
    }
}

/// A real name as the gate judges it. Shares and volumes without a letter have none.
pub(super) fn to_real(path: &Path) -> io::Result<Vec<u8>> {
    match path.to_str() {
        Some(ROOT) => Ok(b"/".to_vec()),
        Some(name) => windows::path_of_name(name)
            .map(String::into_bytes)
            .ok_or_else(|| FileError::Nameless.into()),
        None => Err(FileError::Nameless.into()),
    }
}

/// What exists in place of the root.
pub(super) fn in_place_of_root(path: &Path) -> Option<&'static Path> {
    (path == Path::new(ROOT)).then_some(Path::new(LIKE_ROOT))
}
