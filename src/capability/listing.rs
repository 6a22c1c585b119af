//! Whether a grant covers what is in a directory: its names, for listing it, or all below it, for
//! moving it.

use super::{Capability, Matcher, Wish, fs::PathGlob};

impl Capability {
    /// Whether this grants the wish for everything below the path wished for, however deep:
    /// `fs:write:DIR/**` does.
    pub(crate) fn covers_all_below(&self, wish: &Wish, cwd: Option<&str>) -> bool {
        let (glob, path) = match (&self.matcher, wish) {
            (Matcher::Read(glob), Wish::Read(path)) | (Matcher::Write(glob), Wish::Write(path)) => {
                (glob, path)
            }
            _ => return false,
        };
        // A last part that is `**` stands for no parts, too, and then for any that follow.
        let text = glob.text();
        (text == "**" || text.ends_with("/**")) && glob.matches(path, cwd)
    }

    /// Whether this allows reading whatever is directly in `directory`, so that the names there
    /// are no secret to whoever holds it: `fs:read:DIR/*` does, `fs:read:DIR/*.log` does not
    /// (reglet-abi 2.11, 5). A grant of the directory itself, or of all below it, covers reading
    /// the directory as it is.
    pub(crate) fn covers_names_in(&self, directory: &str, cwd: Option<&str>) -> bool {
        let Matcher::Read(glob) = &self.matcher else {
            return false;
        };
        let text = glob.text();
        let parent = match text.strip_suffix('*') {
            Some("") => ".",
            Some("/") => "/",
            Some(parent) if !parent.ends_with("/*") => match parent.strip_suffix('/') {
                Some(parent) => parent,
                None => return false,
            },
            _ => return false,
        };
        PathGlob::parse(parent).is_ok_and(|parent| parent.matches(directory, cwd))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_alone_covers_the_names() {
        for (grant, directory, expected) in [
            ("fs:read:/var/log/*", "/var/log", true),
            ("fs:read:/var/log/*", "/var", false),
            ("fs:read:/var/log/*.log", "/var/log", false),
            ("fs:read:/var/*/*", "/var/log", true),
            ("fs:read:/*", "/", true),
            ("fs:read:*", "/work", true),
            ("fs:read:*", "/work/sub", false),
            ("fs:write:/var/log/*", "/var/log", false),
            ("env:*", "/", false),
        ] {
            let grant: Capability = grant.parse().unwrap();
            assert_eq!(
                grant.covers_names_in(directory, Some("/work")),
                expected,
                "{grant}"
            );
        }
    }
}
