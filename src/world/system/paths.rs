//! Paths that lead to nothing: what they would be called.

use std::{
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
    for _ in 0..MAX_LINKS {
        if path.as_os_str().len() > MAX_PATH {
            break;
        }
        let (ancestor, rest) = deepest(&path, real)?;
        let mut names = rest.components();
        let first = names.next().map(|name| ancestor.join(name));
        if let Ok(target) = fs::read_link(first.unwrap_or_default()) {
            // A dangling link (or one into a loop): go on from where it points.
            path = ancestor.join(target).join(names.as_path());
            continue;
        }
        // A `..` behind a link means another directory to the kernel; here nothing is there.
        return Ok(clean(&ancestor.join(rest)));
    }
    Ok(clean(&path))
}

/// The real name of the deepest directory above a path that exists, and the rest of the path.
///
/// What lies below something missing is missing too, so few of many ancestors are asked for.
fn deepest(
    path: &Path,
    real: &dyn Fn(&Path) -> io::Result<PathBuf>,
) -> io::Result<(PathBuf, PathBuf)> {
    let names: Vec<Component<'_>> = path.components().collect();
    let path_of =
        |names: Option<&[Component<'_>]>| -> PathBuf { names.unwrap_or_default().iter().collect() };
    let (mut depth, mut missing) = (1, names.len());
    if missing <= depth {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut known = real(&path_of(names.get(..depth)))?;
    while missing - depth > 1 {
        let middle = depth.midpoint(missing);
        match real(&path_of(names.get(..middle))) {
            Ok(found) => (depth, known) = (middle, found),
            Err(_) => missing = middle,
        }
    }
    Ok((known, path_of(names.get(depth..))))
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn the_deepest_existing_ancestor_decides_and_few_are_asked_for() {
        let path = PathBuf::from("/no-such-name".to_owned() + &"/a".repeat(2000));
        for exists in [1, 2, 3, 4, 1000, 2000, 2001] {
            let asked = Cell::new(0);
            let real = |path: &Path| {
                asked.set(asked.get() + 1);
                match path.components().count() <= exists {
                    true => Ok(Path::new("/real").join(path.strip_prefix("/").unwrap())),
                    false => Err(io::ErrorKind::NotFound.into()),
                }
            };
            let expected = Path::new("/real").join(path.strip_prefix("/").unwrap());
            assert_eq!(place(&path, &real).unwrap(), expected, "{exists}");
            assert!(asked.get() <= 13, "{exists}: {}", asked.get());
        }
    }

    #[test]
    fn parents_are_followed_and_the_root_must_exist() {
        let real = |path: &Path| match path.to_str() {
            Some("/") => Ok("/".into()),
            Some("/link") => Ok("/target".into()),
            Some("/link/..") => Ok("/elsewhere".into()),
            _ => Err(io::ErrorKind::NotFound.into()),
        };
        for (path, expected) in [
            ("/link/no", "/target/no"),
            ("/link/../no/x", "/elsewhere/no/x"),
            ("/link/no/../../x", "/x"),
            ("/no/./x//y/", "/no/x/y"),
        ] {
            assert_eq!(place(Path::new(path), &real).unwrap(), Path::new(expected));
        }
        let full = |_: &Path| Err(io::ErrorKind::OutOfMemory.into());
        let error = place(Path::new("/a/b"), &full).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
    }
}
