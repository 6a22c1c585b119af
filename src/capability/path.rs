//! Paths as text: cleaning, joining, and resolving links through a function of the caller. This
//! module does not access a file system.

use alloc::{borrow::Cow, string::String, vec::Vec};

/// A function that returns the real path of a file that exists; `None` for one that does not. For the
/// bare name of a command it returns the path of the file that the host's `PATH` resolves it to.
pub type Resolve<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Returns the absolute, cleaned form of `path`. It begins with `/`, has no empty part, no `.` and no
/// `..` (which stops at the root), and no `/` at the end unless it is the root.
///
/// A relative path is joined to `cwd`. Returns `None` for an empty path, for a NUL byte and for a
/// relative path without an absolute `cwd`.
#[must_use]
pub fn absolute<'a>(path: &'a str, cwd: Option<&str>) -> Option<Cow<'a, str>> {
    if path.is_empty() || path.contains('\0') {
        return None;
    }
    if path.starts_with('/') {
        return Some(cleaned(path));
    }
    let cwd = cwd.filter(|cwd| cwd.starts_with('/') && !cwd.contains('\0'))?;
    Some(Cow::Owned(cleaned(&format!("{cwd}/{path}")).into_owned()))
}

/// [`absolute`] for a text that begins with `/`.
pub(crate) fn cleaned(path: &str) -> Cow<'_, str> {
    if is_clean(path) {
        return Cow::Borrowed(path);
    }
    Cow::Owned(format!("/{}", names(path, |_, _| {}).1.join("/")))
}

/// The names in `path` without empty ones, `.` and those that a `..` removes, and how many `..` have
/// no name to remove. `removed` is called for each removed name, with the position of its `..`.
pub(super) fn names(path: &str, mut removed: impl FnMut(&str, usize)) -> (usize, Vec<&str>) {
    let mut names: Vec<&str> = Vec::new();
    let (mut up, mut at): (usize, usize) = (0, 0);
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match names.pop() {
                Some(name) => removed(name, at),
                None => up = up.saturating_add(1),
            },
            name => names.push(name),
        }
        at = at.saturating_add(part.len()).saturating_add(1);
    }
    (up, names)
}

fn is_clean(path: &str) -> bool {
    match path.strip_prefix('/') {
        Some("") => true,
        Some(rest) => rest.split('/').all(|part| !matches!(part, "" | "." | "..")),
        None => false,
    }
}

/// The real path of a file that exists, cleaned.
pub(super) fn resolved(path: &str, resolve: Resolve<'_>) -> Option<String> {
    let real = resolve(path)?;
    Some(cleaned(&format!("/{real}")).into_owned())
}

/// The real path of `path`, which is absolute and cleaned. `resolve` returns the real path of a file
/// that exists, and `None` for one that does not.
///
/// For a path that does not exist, the result is the real path of its deepest existing ancestor with
/// the missing names after it. `None` if not even `/` resolves.
///
/// A binary search finds that ancestor: everything below a missing directory is missing.
pub(super) fn real(path: &str, resolve: Resolve<'_>) -> Option<String> {
    if let Some(real) = resolved(path, resolve) {
        return Some(real);
    }
    let mut known = (1, resolve("/")?);
    // The ends of the ancestors that may exist, the nearest to the root first.
    let slashes = path.match_indices('/').skip(1);
    let ends: Vec<usize> = slashes.map(|(at, _)| at).collect();
    let mut open = ends.as_slice();
    while let Some(end) = open.get(open.len() / 2).copied() {
        let (nearer, farther) = open.split_at_checked(open.len() / 2)?;
        match path.get(..end).and_then(resolve) {
            Some(real) => {
                known = (end, real);
                open = farther.get(1..).unwrap_or_default();
            }
            None => open = nearer,
        }
    }
    let (end, real) = known;
    let missing = path.get(end..).unwrap_or_default();
    Some(cleaned(&format!("/{real}/{missing}")).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_and_joined() {
        for (path, cwd, expected) in [
            ("/", None, Some("/")),
            ("//etc//hosts", None, Some("/etc/hosts")),
            ("/../..", None, Some("/")),
            ("/a/./b/../c/", None, Some("/a/c")),
            ("../x", Some("/w/cwd"), Some("/w/x")),
            ("x", Some("/"), Some("/x")),
            ("x", Some("w"), None),
            ("x", None, None),
            ("", Some("/w"), None),
            ("/a\0b", None, None),
            ("/a b ", None, Some("/a b ")),
        ] {
            assert_eq!(
                absolute(path, cwd).as_deref(),
                expected,
                "{path} in {cwd:?}"
            );
        }
    }

    #[test]
    fn the_deepest_existing_ancestor_decides() {
        let resolve = |path: &str| match path {
            "/" => Some("/".to_owned()),
            "/link" => Some("/target".to_owned()),
            _ => None,
        };
        assert_eq!(real("/link", &resolve).as_deref(), Some("/target"));
        assert_eq!(
            real("/link/new/file", &resolve).as_deref(),
            Some("/target/new/file")
        );
        assert_eq!(real("/linked", &resolve).as_deref(), Some("/linked"));
        assert_eq!(real("/", &resolve).as_deref(), Some("/"));
        assert_eq!(real("/x", &|_| None), None);
        // Wherever existence ends.
        let path = "/a/bc/d/e/f";
        for end in [1, 2, 5, 7, 9, 11] {
            let resolve = |asked: &str| (asked.len() <= end).then(|| format!("/real{asked}"));
            let found = real(path, &resolve);
            assert_eq!(found.as_deref(), Some("/real/a/bc/d/e/f"), "{end}");
        }
    }

    #[test]
    fn few_ancestors_are_asked_for() {
        let path = "/a".repeat(2048);
        let asked = std::cell::Cell::new(0);
        let resolve = |path: &str| {
            asked.set(asked.get() + 1);
            (path == "/").then(|| path.to_owned())
        };
        assert_eq!(real(&path, &resolve), Some(path));
        assert!(asked.get() <= 14, "{}", asked.get());
    }
}
