//! Whether a grant allows everything in a directory: its names, to list it, or all that is below it,
//! to move it.

use super::{Capability, GrantPattern, Request};

impl Capability {
    /// Whether this allows the request for everything below the requested path, at any depth:
    /// `fs:write:DIR/**` does.
    pub(crate) fn covers_all_below(&self, request: &Request, cwd: Option<&str>) -> bool {
        match (&self.pattern, request) {
            (GrantPattern::Read(glob), Request::Read(path))
            | (GrantPattern::Write(glob), Request::Write(path)) => glob.covers_all_below(path, cwd),
            _ => false,
        }
    }

    /// Whether this allows the request for something below the requested path, at any depth:
    /// `fs:read:DIR/*/*.log` does for `DIR`.
    pub(crate) fn covers_below(&self, request: &Request, cwd: Option<&str>) -> bool {
        match (&self.pattern, request) {
            (GrantPattern::Read(glob), Request::Read(path))
            | (GrantPattern::Write(glob), Request::Write(path)) => glob.matches_below(path, cwd),
            _ => false,
        }
    }

    /// Whether this allows reading every file directly in `directory`, and so reveals their names:
    /// `fs:read:DIR/*` does, `fs:read:DIR/*.log` does not. A grant of the directory itself, or of all
    /// below it, allows reading the directory anyway.
    pub(crate) fn covers_names_in(&self, directory: &str, cwd: Option<&str>) -> bool {
        match &self.pattern {
            GrantPattern::Read(glob) => glob.covers_names_in(directory, cwd),
            _ => false,
        }
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
            ("fs:read:glob:/var/{log,tmp}/*", "/var/tmp", true),
            ("fs:read:glob:/var/{log,tmp}/*", "/var/x", false),
            ("fs:read:glob:/var/log/{*,x}", "/var/log", true),
            ("fs:read:glob:{*,x}", "/work", true),
            ("fs:read:glob:/var/log/{*.log,x}", "/var/log", false),
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

    #[test]
    fn all_below_is_covered_by_double_stars_at_the_end() {
        for (grant, path, expected) in [
            ("fs:write:/a/**", "/a", true),
            ("fs:write:/a/**", "/a/b/c", true),
            ("fs:write:/a/**", "/", false),
            ("fs:write:/a/*", "/a", false),
            ("fs:write:/a/**/x", "/a/b", false),
            ("fs:write:**", "/", true),
            ("fs:write:./**", "/work", true),
            ("fs:write:./**", "/", false),
            ("fs:write:glob:/{a,b}/**", "/b/c", true),
            ("fs:write:glob:/a{,/**}", "/a", true),
            ("fs:write:glob:/{a/**,b}", "/b", false),
            ("fs:read:/a/**", "/a", false),
        ] {
            let grant: Capability = grant.parse().unwrap();
            let request = Request::Write(path.to_owned());
            let covers = grant.covers_all_below(&request, Some("/work"));
            assert_eq!(covers, expected, "{grant} {path}");
        }
    }
}
