//! Paths as effects carry them.

use crate::capability::path::cleaned;
use alloc::{borrow::ToOwned, string::String, vec::Vec};

/// What a path means as text, absolute (from `base`, if it is relative): `.`, `..` and `//` are removed by
/// name.
pub(crate) fn clean_path(base: &str, path: &str) -> String {
    match path.starts_with('/') {
        true => cleaned(path).into_owned(),
        false => cleaned(&format!("{base}/{path}")).into_owned(),
    }
}

/// Makes a path absolute (from `base`, if it is relative) and leaves out what never changes what it
/// leads to: `//`, `.` but at its end, and `..` at the root.
///
/// Everything else decides how an operating system follows the path: `..` after a name, since the name
/// can be missing or a link, and `/` or `/.` at the end, since only a directory can be named so.
pub(crate) fn absolute_path(base: &str, path: &str) -> String {
    let base = if path.starts_with('/') { "" } else { base };
    let mut absolute = String::with_capacity(base.len() + path.len() + 1);
    let mut at_root = true;
    for name in base.split('/').chain(path.split('/')) {
        if matches!(name, "" | ".") || (name == ".." && at_root) {
            continue;
        }
        at_root = false;
        absolute.push('/');
        absolute.push_str(name);
    }
    if at_root {
        absolute.push('/');
    } else {
        absolute.push_str(end(path));
    }
    absolute
}

/// A relative path without what never changes what it leads to: `//`, and `.` but at its end.
pub(crate) fn relative_path(path: &str) -> String {
    let names: Vec<&str> = path
        .split('/')
        .filter(|name| !matches!(*name, "" | "."))
        .collect();
    match (names.is_empty(), end(path)) {
        (true, _) => ".".to_owned(),
        (false, end) => names.join("/") + end,
    }
}

/// The end that says that a path names a directory.
fn end(path: &str) -> &'static str {
    let named = path.trim_end_matches('/');
    match named.rsplit('/').next() {
        Some(".") => "/.",
        _ if named.len() < path.len() => "/",
        _ => "",
    }
}

/// The same from a directory without links: `..` at the beginning of a relative path leaves it by name.
pub(crate) fn absolute_from_real(directory: &str, path: &str) -> String {
    let (mut base, mut rest) = (directory.trim_end_matches('/'), path);
    loop {
        let (name, more) = rest.split_once('/').unwrap_or((rest, "."));
        match name {
            // An absolute path.
            "" if rest.len() == path.len() => break,
            "" | "." if rest.contains('/') => rest = more,
            ".." => {
                base = base.rsplit_once('/').map_or("", |(parent, _)| parent);
                rest = more;
            }
            _ => break,
        }
    }
    absolute_path(base, rest)
}

/// A path without the `/` or `/.` at its end that says that it names a directory.
pub(crate) fn without_end(path: &str) -> &str {
    let named = path.strip_suffix("/.").unwrap_or(path);
    match named.trim_end_matches('/') {
        "" => "/",
        named => named,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_nothing_is_left_out() {
        for (base, path, expected) in [
            ("/w", "a", "/w/a"),
            ("/w", "../x", "/w/../x"),
            ("/", "../../../x", "/x"),
            ("/w", "/a/./b//c/../d", "/a/b/c/../d"),
            ("/w", "/a/b/", "/a/b/"),
            ("/w", "a//", "/w/a/"),
            ("/w", "a/./", "/w/a/."),
            ("/w", "a/.", "/w/a/."),
            ("/w", "a/..", "/w/a/.."),
            ("/w/", ".", "/w/."),
            ("/w", "/", "/"),
            ("/", ".", "/"),
            ("/", "..", "/"),
            ("/", "./../.", "/"),
        ] {
            assert_eq!(absolute_path(base, path), expected, "{path}");
        }
    }

    #[test]
    fn a_relative_path_stays_relative() {
        for (path, expected) in [
            (".", "."),
            ("./", "."),
            ("./a//b/", "a/b/"),
            ("../a/.", "../a/."),
            ("..", ".."),
            ("a/../b", "a/../b"),
        ] {
            assert_eq!(relative_path(path), expected, "{path}");
        }
    }

    #[test]
    fn a_real_directory_is_left_by_name() {
        for (base, path, expected) in [
            ("/v/w", "../x", "/v/x"),
            ("/v/w", "./..//../../x/../y", "/x/../y"),
            ("/v/w", "..", "/v/."),
            ("/v/w", "a/../..", "/v/w/a/../.."),
            ("/v/w", "/../x", "/x"),
            ("/v/w", ".", "/v/w/."),
            ("/v/w", "./a/", "/v/w/a/"),
            ("/", "../..", "/"),
        ] {
            assert_eq!(absolute_from_real(base, path), expected, "{path}");
        }
    }

    #[test]
    fn the_end_that_names_a_directory_is_cut() {
        for (path, expected) in [
            ("/", "/"),
            ("/a", "/a"),
            ("/a/", "/a"),
            ("/a/.", "/a"),
            ("/a/..", "/a/.."),
            ("/a.", "/a."),
            ("/.", "/"),
        ] {
            assert_eq!(without_end(path), expected);
        }
    }
}
