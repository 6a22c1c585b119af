//! The grant that is suggested for a path: one that also allows what the program requests in its
//! place when it runs again. Programs put files beside a granted one (`app.db-journal`), and make up
//! names for temporary files (`etilqs_5f0e2d91`). Only the part that varies becomes a wildcard.

use super::glob::literal;
use super::{Capability, GrantPattern, Request};
use alloc::string::String;
use core::ops::Range;

/// The shortest part of a name that counts as made up.
const SHORTEST: usize = 6;

impl Request {
    /// The smallest grant that allows this and, if it is a path that varies, what is requested in
    /// its place next time; `None` if no grant can allow it.
    pub(crate) fn needed_next_time(
        &self,
        granted: &[Capability],
        cwd: Option<&str>,
    ) -> Option<Capability> {
        let (kind, path) = match self {
            Request::Read(path) => ("fs:read:", path),
            Request::Write(path) => ("fs:write:", path),
            _ => return self.needed(),
        };
        let pattern = beside(path, granted, cwd).or_else(|| with_made_up_name(path));
        let varying = pattern.and_then(|pattern| format!("{kind}{pattern}").parse().ok());
        let varying = varying.filter(|grant: &Capability| grant.covers(self, cwd));
        varying.or_else(|| self.needed())
    }
}

/// The files that belong to a granted one: those whose name continues its name after a character
/// such as `-` or `.`.
fn beside(path: &str, granted: &[Capability], cwd: Option<&str>) -> Option<String> {
    let begin = granted.iter().filter_map(|grant| {
        let (GrantPattern::Read(glob) | GrantPattern::Write(glob)) = &grant.pattern else {
            return None;
        };
        let (file, wild) = glob.literal_prefix(cwd)?;
        let rest = path.strip_prefix(file.as_str())?;
        let mark = rest.chars().next()?;
        let continues = wild.is_empty() && !mark.is_alphanumeric() && !rest.contains('/');
        // The root is a file's name of no length.
        (continues && !file.ends_with('/')).then(|| file.len().saturating_add(mark.len_utf8()))
    });
    let begin = path.get(..begin.max()?)?;
    Some(format!("{}*", literal(begin)))
}

/// The path with a wildcard for the made-up part of its last name.
fn with_made_up_name(path: &str) -> Option<String> {
    let (directory, name) = path.rsplit_once('/')?;
    let Range { start, end } = made_up(name)?;
    let (before, after) = (name.get(..start)?, name.get(end..)?);
    // A name that is made up as a whole would leave nothing but a wildcard.
    before
        .contains(|character: char| character.is_alphanumeric())
        .then(|| {
            format!(
                "{}*{}",
                literal(&format!("{directory}/{before}")),
                literal(after)
            )
        })
}

/// The part of a name that looks made up: from the first such word to the last.
fn made_up(name: &str) -> Option<Range<usize>> {
    let mut found: Option<Range<usize>> = None;
    let mut start = 0;
    for word in name.split_inclusive(|character: char| !character.is_ascii_alphanumeric()) {
        let end = start + word.len();
        let word = word.trim_end_matches(|character: char| !character.is_ascii_alphanumeric());
        if let Some(skipped) = made_up_from(word) {
            let first = found.as_ref().map_or(start + skipped, |found| found.start);
            found = Some(first..start + word.len());
        }
        start = end;
    }
    found
}

/// Where the made-up part of a word begins.
fn made_up_from(word: &str) -> Option<usize> {
    let lower = word.to_ascii_lowercase();
    for prefix in ["temp", "tmp"] {
        // `tmpAb3dE9`, but not `temperature`.
        if let Some(rest) = lower.strip_prefix(prefix)
            && rest.len() >= SHORTEST
            && word
                .get(prefix.len()..)?
                .contains(|c: char| !c.is_ascii_lowercase())
        {
            return Some(prefix.len());
        }
    }
    if is_made_up(word) {
        return Some(0);
    }
    let digits = word.bytes().rev().take_while(u8::is_ascii_digit).count();
    (digits >= SHORTEST).then(|| word.len().saturating_sub(digits))
}

/// Whether a word looks made up: a long number, hexadecimal digits, or letters and digits that
/// alternate more often than in names.
fn is_made_up(word: &str) -> bool {
    if word.len() < SHORTEST {
        return false;
    }
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let changes = word
        .as_bytes()
        .windows(2)
        .filter(|pair| matches!(pair, [one, other] if changes(*one, *other)))
        .count();
    digits == word.len() || (is_hex && digits > 0 && word.len() >= 8) || changes >= 3
}

/// Whether two characters that follow each other are of different sorts. A capital letter belongs to
/// the word that it begins.
fn changes(one: u8, other: u8) -> bool {
    one.is_ascii_digit() != other.is_ascii_digit()
        || (one.is_ascii_lowercase() && other.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn needed(request: &str, granted: &[&str]) -> String {
        let granted: Vec<Capability> = granted.iter().map(|it| it.parse().unwrap()).collect();
        let request: Request = request.parse().unwrap();
        let needed = request.needed_next_time(&granted, Some("/work"));
        needed.map(|grant| grant.to_string()).unwrap_or_default()
    }

    #[test]
    fn files_beside_a_granted_one_are_suggested_together() {
        let granted = ["fs:read:/data/app.db", "fs:write:data/own", "fs:read:/x/*"];
        for (request, grant) in [
            ("fs:write:/data/app.db-journal", "fs:write:/data/app.db-*"),
            ("fs:read:/data/app.db-wal", "fs:read:/data/app.db-*"),
            ("fs:read:/data/app.db.bak", "fs:read:/data/app.db.*"),
            ("fs:write:/work/data/own~", "fs:write:/work/data/own~*"),
            ("fs:write:/work/data/own*", "fs:write:/work/data/own[*]*"),
            // Another file, a file below, and one beside files that a wildcard grants.
            ("fs:read:/data/app.db2", "fs:read:/data/app.db2"),
            ("fs:read:/data/app.db-x/y", "fs:read:/data/app.db-x/y"),
            ("fs:read:/x/y/z-1", "fs:read:/x/y/z-1"),
            ("fs:read:/data/app", "fs:read:/data/app"),
            ("env:app.db-journal", "env:app.db-journal"),
        ] {
            assert_eq!(needed(request, &granted), grant, "{request}");
        }
        assert_eq!(
            needed("fs:read:/.profile", &["fs:read:/"]),
            "fs:read:/.profile"
        );
    }

    #[test]
    fn made_up_names_are_suggested_with_a_wildcard() {
        for (path, pattern) in [
            ("/tmp/etilqs_5f0e2d91c3b4a687", "/tmp/etilqs_*"),
            (
                "/tmp/etilqs_Kc7ZxQ1b2D3e4F5-journal",
                "/tmp/etilqs_*-journal",
            ),
            ("/tmp/.tmpAb3dE9", "/tmp/.tmp*"),
            ("/tmp/tmp.x1Y2z3W4v5", "/tmp/tmp.*"),
            ("/var/tmp/go-build1234567890", "/var/tmp/go-build*"),
            ("/data/log-20260101.txt", "/data/log-*.txt"),
            (
                "/data/job-550e8400-e29b-41d4-a716-446655440000.json",
                "/data/job-*.json",
            ),
            ("/data/a[b]_123456", "/data/a[[]b[]]_*"),
        ] {
            let (request, grant) = (format!("fs:write:{path}"), format!("fs:write:{pattern}"));
            assert_eq!(needed(&request, &[]), grant);
        }
        for path in [
            "/etc/hosts",
            "/tmp/.tmpAb3dE9/file",
            "/tmp/.x1Y2z3W4v5",
            "/etc/passwd-",
            "/usr/lib/x86_64-linux-gnu/libc.so.6",
            "/home/user123456/notes",
            "/data/report2026.csv",
            "/data/MyFileName.txt",
            "/data/temperature",
            "/data/sha256sum.txt",
            "/data/README",
            // Nothing would be left but a wildcard.
            "/tmp/5f0e2d91c3b4a687",
            "/tmp/123456.txt",
            "/",
        ] {
            let request = format!("fs:write:{path}");
            assert_eq!(needed(&request, &[]), request);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_suggested_allows_the_request_and_only_files_beside_it(
            path in "(/[.]?[a-zA-Z0-9_*?\\[\\]{}~é-][a-zA-Z0-9._*?\\[\\]{}~é-]{0,19}){1,4}",
            own in "(/[.]?[a-z0-9_-][a-z0-9._-]{0,8}){1,3}",
        ) {
            let own: Option<Capability> = format!("fs:read:{own}").parse().ok();
            let request = Request::Read(path.clone());
            let granted: Vec<Capability> = own.into_iter().collect();
            if let Some(grant) = request.needed_next_time(&granted, None) {
                prop_assert!(grant.covers(&request, None), "{grant} for {path}");
                for other in [format!("{path}/x"), "/other/file".to_owned(), "/".to_owned()] {
                    prop_assert!(!grant.covers(&Request::Read(other.clone()), None), "{grant}");
                }
            }
        }
    }
}
