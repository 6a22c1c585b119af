//! Paths that lead to nothing: what they would be called.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Component, Path, PathBuf},
};

/// As many links as Linux follows.
const MAX_LINKS: u32 = 40;
/// No system takes longer paths, and no grant covers them.
const MAX_PATH: usize = 4096;

/// The real name that a path without an object would have: the real name (by `real`) of its
/// deepest existing ancestor and the rest, with dangling links followed by hand. What is too long
/// or leads in a circle is as far away as it could be followed.
///
/// # Errors
///
/// Why not even the root can be looked at: the process may have no descriptor left.
pub(super) fn place(
    path: &Path,
    real: &dyn Fn(&Path) -> io::Result<PathBuf>,
) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    'links: for _ in 0..MAX_LINKS {
        if path.as_os_str().len() > MAX_PATH {
            return Ok(clean(&path));
        }
        let mut rest = PathBuf::new();
        let mut ancestor = path.as_path();
        let mut unreachable = io::ErrorKind::NotFound.into();
        while let Some(parent) = ancestor.parent() {
            let name = ancestor.file_name().unwrap_or(OsStr::new(".."));
            rest = if rest.as_os_str().is_empty() {
                name.into()
            } else {
                Path::new(name).join(rest)
            };
            ancestor = parent;
            let real = match real(ancestor) {
                Ok(real) => real,
                Err(error) => {
                    unreachable = error;
                    continue;
                }
            };
            let mut names = rest.components();
            let first = names.next().map(|name| real.join(name)).unwrap_or_default();
            if let Ok(target) = fs::read_link(&first) {
                // A dangling link (or one into a loop): go on from where it points.
                path = real.join(target).join(names.as_path());
                continue 'links;
            }
            // A `..` behind a link means another directory to the kernel; here nothing is there.
            return Ok(clean(&real.join(rest)));
        }
        return Err(unreachable);
    }
    Ok(clean(&path))
}

/// Removes `.` and `..` by name.
pub(super) fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::ParentDir => {
                cleaned.pop();
            }
            Component::Normal(name) => cleaned.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    cleaned
}
