//! Which programs can run code or other programs. They need a grant that names them literally,
//! whatever their arguments are. The decision is by name, from the table in `programs`; whether a
//! grant names a command is decided in `exec`.

use alloc::string::String;
use core::fmt;

pub use super::environment::{env_allowed, env_allowed_freely, env_never_allowed};
use super::programs::{BUILDS, MACHINES, TABLE, TARGETS};

/// Why a program can run code or other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Family {
    /// `sh`, `bash`, `pwsh`.
    Shell,
    /// `python3`, `awk`, `sed`, `latex`: they execute their input.
    Interpreter,
    /// `env`, `xargs`, `find`, `sudo`: they start the program that their arguments name.
    Launcher,
    /// `vim`, `less`, `man`.
    Editor,
    /// `gdb`, `strace`, `perf`.
    Debugger,
    /// `gcc`, `make`, `git`, `pytest`.
    BuildTool,
    /// `apt`, `pip`, `npm`.
    PackageManager,
    /// `systemctl`, `docker`, `crontab`, `busybox`.
    System,
    /// `ssh`, `rsync`, `mail`, `wget`.
    Remote,
    /// `psql`, `sqlite3`.
    Database,
    /// `tar`, `zip`, `gzip`.
    Archiver,
    /// `cp`, `dd`, `curl`: they can put a program at a path that is granted.
    Writer,
}

impl Family {
    /// Every family.
    pub const ALL: [Family; 12] = [
        Family::Shell,
        Family::Interpreter,
        Family::Launcher,
        Family::Editor,
        Family::Debugger,
        Family::BuildTool,
        Family::PackageManager,
        Family::System,
        Family::Remote,
        Family::Database,
        Family::Archiver,
        Family::Writer,
    ];

    /// The family as one word for machine-readable output: `shell`, `build_tool`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Family::Shell => "shell",
            Family::Interpreter => "interpreter",
            Family::Launcher => "launcher",
            Family::Editor => "editor",
            Family::Debugger => "debugger",
            Family::BuildTool => "build_tool",
            Family::PackageManager => "package_manager",
            Family::System => "system",
            Family::Remote => "remote",
            Family::Database => "database",
            Family::Archiver => "archiver",
            Family::Writer => "writer",
        }
    }

    /// The family with its article, for use in a sentence: `a shell`, `an editor or pager`.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Family::Shell => "a shell",
            Family::Interpreter => "an interpreter",
            Family::Launcher => "a program that starts other programs",
            Family::Editor => "an editor or pager",
            Family::Debugger => "a debugger or tracer",
            Family::BuildTool => "a compiler, a build tool or version control",
            Family::PackageManager => "a package manager",
            Family::System => "a program that manages services, jobs or containers",
            Family::Remote => "a network program that starts other programs",
            Family::Database => "a database or its shell",
            Family::Archiver => "an archiver",
            Family::Writer => "a program that writes files, and so programs",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Returns the family of `command`, a path or a bare name; `None` for a program that is not in the
/// table.
///
/// A program in the table can run code or other programs. Only a grant that names it literally
/// allows it. The table cannot be complete: other programs may run code too. Links are not resolved:
/// check the real path as well.
///
/// The comparison ignores case, everything after a dot (`bash.exe`, `vim.basic`), versions
/// (`python3.11`, `gcc-12`), builds (`bash-static`), targets before and after the name
/// (`x86_64-linux-gnu-gcc`, `socat-x86_64`), and the prefixes `g` and `gnu` of GNU programs
/// (`gtar`).
///
/// ```
/// # use tollgate::capability::command::{Family, family};
/// assert_eq!(family("/usr/bin/Python3.11"), Some(Family::Interpreter));
/// assert_eq!(family("ls"), None);
/// ```
#[must_use]
pub fn family(command: &str) -> Option<Family> {
    let name = folded(base_name(command));
    let name = name.trim_start_matches(['-', '.', ' ']);
    let stem = name.split(['.', ' ', ':']).next().unwrap_or_default();
    [name, stem]
        .into_iter()
        .flat_map(|name| [name, without_build(name), without_machine(name)])
        .flat_map(|name| [name, without_version_part(name), without_version(name)])
        .find_map(|name| {
            let mut names = core::iter::once(name)
                .chain(["gnu", "g", "uu_"].map(|maker| name.strip_prefix(maker).unwrap_or(name)))
                .chain(without_target(name));
            names.find_map(in_table)
        })
}

fn without_build(name: &str) -> &str {
    match name.rsplit_once(['-', '_']) {
        Some((name, build)) if BUILDS.contains(&build) => name,
        _ => name,
    }
}

/// `name` without the machine after it: `toybox-aarch64`, `socat_linux_amd64`.
fn without_machine(name: &str) -> &str {
    let machine = name.match_indices(['-', '_']).find(|(at, _)| {
        let rest = name.get(at.saturating_add(1)..).unwrap_or_default();
        let mut known = TARGETS.iter().chain(MACHINES);
        known.any(|known| rest.starts_with(known))
    });
    machine.and_then(|(at, _)| name.get(..at)).unwrap_or(name)
}

fn in_table(name: &str) -> Option<Family> {
    let mut programs = TABLE.iter();
    let exact = programs.find(|own| own.names.binary_search(&name).is_ok());
    let by_prefix = || {
        let mut programs = TABLE.iter();
        programs.find(|own| own.prefixes.iter().any(|prefix| name.starts_with(prefix)))
    };
    exact.or_else(by_prefix).map(|programs| programs.family)
}

/// A form in which names are equal that a file system may treat as equal: without differences of
/// case and without invisible characters (HFS+ ignores them).
fn folded(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '\u{200C}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{206A}'..='\u{206F}' | '\u{FEFF}'))
        // In both directions: some letters share their upper case.
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

/// `name` without a last part that is a version: `d8-12`. The name itself may end in a digit.
fn without_version_part(name: &str) -> &str {
    match name.rsplit_once(['-', '_']) {
        Some((name, part)) if part.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    }
}

/// `name` without a version after it: `gcc-12`, `perl5`. Up to two letters may follow the version and
/// mark the build: `python3t`, `python3dm`.
fn without_version(name: &str) -> &str {
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    let build = name.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let letters = name.len().saturating_sub(build.len());
    let is_build = build.ends_with(|c: char| c.is_ascii_digit()) && letters <= 2;
    let name = if is_build { build } else { name };
    name.trim_end_matches(digits)
}

/// More parts than any target with the name of a program after it.
const MAX_TARGET_PARTS: usize = 8;

/// Candidates for the name of the program after a target: everything after each `-`.
fn without_target(name: &str) -> impl Iterator<Item = &str> {
    let has_target = TARGETS.iter().any(|target| name.starts_with(target));
    name.match_indices('-')
        .take(MAX_TARGET_PARTS)
        .filter(move |_| has_target)
        .filter_map(move |(at, _)| name.get(at.saturating_add(1)..))
}

/// Returns the part of a path after the last `/`.
#[must_use]
pub fn base_name(command: &str) -> &str {
    command.rsplit('/').next().unwrap_or_default()
}

/// Whether `command`, a path or a bare name, has the name of a shell.
#[must_use]
pub fn is_shell(command: &str) -> bool {
    family(command) == Some(Family::Shell)
}

/// Whether `command`, a path or a bare name, has the name of an interpreter that is not a shell.
#[must_use]
pub fn is_interpreter(command: &str) -> bool {
    family(command) == Some(Family::Interpreter)
}

#[cfg(test)]
mod tests {
    use super::super::programs::Programs;
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_each_program_once() {
        let mut all = std::collections::BTreeMap::new();
        for Programs {
            family,
            names,
            prefixes,
        } in TABLE
        {
            assert!(names.is_sorted() && prefixes.is_sorted(), "{family}");
            for name in *names {
                assert_eq!(all.insert(*name, family), None, "{name} is there twice");
                assert!(
                    !name.is_empty() && !name.contains(['.', '/', ' ']),
                    "{name}"
                );
                assert_eq!(folded(name), *name);
            }
        }
        assert_eq!(
            TABLE.iter().map(|own| own.family).collect::<Vec<_>>(),
            Family::ALL
        );
    }

    #[test]
    fn every_spelling_of_a_listed_name_is_found() {
        for Programs { family, names, .. } in TABLE {
            for name in *names {
                for spelling in [
                    name.to_string(),
                    format!("/usr/local/bin/{name}"),
                    name.to_uppercase(),
                    format!("{name}.exe"),
                    format!("{name}.real"),
                    format!("{name}-12"),
                    format!("{name}5.36.0"),
                    format!("{name}-1.2.3-x86_64-linux-gnu"),
                    format!("-{name}"),
                    format!("x86_64-linux-gnu-{name}"),
                    format!("{name}-static"),
                    format!("g{name}"),
                    format!("gnu{name}"),
                    format!("arm-none-eabi-{name}-12.2"),
                ] {
                    // Where the name ends in a digit, the beginning of the version is ambiguous.
                    if name.ends_with(|c: char| c.is_ascii_digit()) && spelling.contains("5.36.0") {
                        continue;
                    }
                    let found = super::family(&spelling);
                    assert!(found.is_some(), "{spelling}");
                    if spelling.eq_ignore_ascii_case(name) {
                        assert_eq!(found, Some(*family), "{spelling}");
                    }
                }
            }
        }
    }
}
