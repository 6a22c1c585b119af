//! Paths as effects carry them.

/// A path made absolute (from `base`, if it is relative) and free of `.`, `..` and `//`, as Go
/// programs clean it before they ask.
pub(super) fn clean(base: &str, path: &str) -> String {
    let base = if path.starts_with('/') { "" } else { base };
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::clean;

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
            assert_eq!(clean(base, path), expected, "{path}");
        }
    }
}
