//! Paths as effects carry them.

use crate::capability::path::cleaned;

/// Makes a path absolute (from `base`, if it is relative) and removes `.`, `..` and `//`, as Go
/// programs do before they open it.
pub(crate) fn clean_path(base: &str, path: &str) -> String {
    match path.starts_with('/') {
        true => cleaned(path).into_owned(),
        false => cleaned(&format!("{base}/{path}")).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::clean_path;

    #[test]
    fn paths_are_cleaned_like_go_does() {
        for (base, path, expected) in [
            ("/w", "a", "/w/a"),
            ("/w", "../x", "/x"),
            ("/w", "../../../x", "/x"),
            ("/w", "/a/./b//c/../d/", "/a/b/d"),
            ("/w", ".", "/w"),
            ("/w", "/", "/"),
            ("/", "..", "/"),
        ] {
            assert_eq!(clean_path(base, path), expected, "{path}");
        }
    }
}
